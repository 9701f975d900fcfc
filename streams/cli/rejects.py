"""`cityops rejects`: what was refused, why, and sending it again when the cause is mended."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click

from streams.cli.common import connection_options, json_option, require_topics, settings_from
from streams.errors import UsageError
from streams.intake.rejects import Mend, Rejected, read, resend
from streams.topics import DOMAINS, raw
from streams.wire import rfc3339

prefix_option = click.option("--prefix", metavar="RUN", help="Topic prefix of a run, run.<id>. ; empty for live.")


@click.group()
def command() -> None:
    """Messages and rows that were refused, with reasons; nothing refused is thrown away."""


@command.command("list")
@click.option("--last", type=int, default=50, show_default=True, help="How many of the newest.")
@click.option("--reason", default="", help="Only those whose reason contains this.")
@prefix_option
@json_option
@connection_options
def list_command(last: int, reason: str, as_json: bool, **options: Any) -> None:
    """The newest refused messages and a count by reason."""
    settings = settings_from(**options)
    require_topics(settings)
    items = [r for r in read(settings, last=None if reason else last) if reason in r.reason][-last:]
    if as_json:
        for r in items:
            click.echo(json.dumps(_row(r), ensure_ascii=False))
        return
    for r in items:
        rows = f"rows {','.join(map(str, r.rows))}" if r.rows else "whole message"
        click.echo(f"{r.offset:>8}  {rfc3339(r.at_ms)}  {r.source:24} {rows}: {r.reason}")
    for text, n in Counter(r.reason for r in items).most_common():
        click.echo(f"{n:>8} × {text}", err=True)
    if not items:
        click.echo("nothing was refused", err=True)


def _row(r: Rejected) -> dict[str, Any]:
    return {"offset": r.offset, "at": rfc3339(r.at_ms), "source": r.source, "rows": list(r.rows), "reason": r.reason}


@command.command()
@click.argument("offset", type=int)
@prefix_option
@connection_options
def show(offset: int, **options: Any) -> None:
    """One refused message, byte for byte, on stdout; why it was refused on stderr."""
    settings = settings_from(**options)
    require_topics(settings)
    item = next((r for r in read(settings, start=offset) if r.offset >= offset), None)
    if item is None or item.offset != offset:
        raise UsageError(f"no refused message has offset {offset}: see `cityops rejects list`")
    click.echo(json.dumps(_row(item), ensure_ascii=False), err=True)
    click.get_binary_stream("stdout").write(item.value)


@command.command()
@click.option("--offset", "offsets", type=int, multiple=True, help="Send this one again (may be repeated).")
@click.option("--reason", default="", help="Send all whose reason contains this.")
@click.option("--sensor", "sensors", multiple=True, metavar="OLD=NEW", help="Put a sensor id right (may be repeated).")
@click.option("--ts-factor", type=float, default=1.0, help="Multiply times: 1000 for seconds.")
@click.option("--ts-shift-ms", type=int, default=0, help="Add to times, after the factor.")
@click.option("--domain", type=click.Choice(DOMAINS), help="Send to this domain instead of where it came from.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@prefix_option
@connection_options
def replay(
    offsets: tuple[int, ...], reason: str, sensors: tuple[str, ...], ts_factor: float, ts_shift_ms: int,
    domain: str | None, dry_run: bool, **options: Any,
) -> None:  # fmt: skip
    """Send refused rows again, mended: only the rows that were refused. What is refused anew is listed anew."""
    if not offsets and not reason:
        raise UsageError("say which: --offset N or --reason TEXT (see `cityops rejects list`)")
    pairs = [s.partition("=") for s in sensors]
    for old, sign, new in pairs:
        if not (old and sign and new):
            raise UsageError(f"--sensor {old}{sign}{new}: want OLD=NEW")
    settings = settings_from(**options)
    require_topics(settings)
    found = [r for r in read(settings) if r.offset in offsets or (reason and reason in r.reason)]
    missing = set(offsets) - {r.offset for r in found}
    if missing:
        raise UsageError(f"no refused message has offset {min(missing)}: see `cityops rejects list`")
    topic = settings.prefix + raw(domain) if domain else ""
    mend = Mend({old: new for old, _, new in pairs}, ts_factor, ts_shift_ms, topic)
    if dry_run:
        click.echo(f"{len(found)} messages would be sent again", err=True)
        return
    sent, unreadable = resend(settings, found, mend)
    click.echo(f"{sent} rows of {len(found) - len(unreadable)} messages sent again", err=True)
    if unreadable:
        click.echo(f"{len(unreadable)} messages cannot be read at all, the first at offset {unreadable[0]}", err=True)
