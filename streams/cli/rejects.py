"""`cityops rejects`: what was refused, why, and sending it again when the cause is mended."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from geo.moments import rfc3339
from streams.cli.common import connection_options, json_option, require_topics, settings_from
from streams.errors import UsageError
from streams.intake.mending import Mend, checked, read_mend, read_sensors
from streams.intake.rejects import Rejected, Sent, read, read_sent
from streams.intake.resending import Outcome, look, resend
from streams.topics import DOMAINS

prefix_option = click.option("--prefix", metavar="RUN", help="Topic prefix of a run, run.<id>. ; empty for live.")


@click.group()
def command() -> None:
    """Messages and rows that were refused, with reasons; nothing refused is thrown away."""


@command.command("list")
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, help="How many of the newest.")
@click.option("--reason", default="", help="Only those whose reason contains this.")
@click.option("--open", "only_open", is_flag=True, help="Only those of which nothing was sent again.")
@prefix_option
@json_option
@connection_options
def list_command(last: int, reason: str, only_open: bool, as_json: bool, **options: Any) -> None:
    """The newest refused messages and a count by reason."""
    settings = settings_from(**options)
    require_topics(settings)
    sent = read_sent(settings)
    narrow = reason or only_open
    items = [
        r
        for r in read(settings, last=None if narrow else last)
        if reason in r.reason and not (only_open and r.offset in sent)
    ][-last:]
    if as_json:
        for r in items:
            click.echo(json.dumps(_row(r, sent), ensure_ascii=False))
        return
    for r in items:
        rows = f"rows {_few(r.rows)}" if r.rows else "whole message"
        again = f" (sent again {rfc3339(sent[r.offset].at_ms)})" if r.offset in sent else ""
        click.echo(f"{r.offset:>8}  {rfc3339(r.at_ms)}  {r.source:24} {rows}: {r.reason}{again}")
    for text, n in Counter(r.reason for r in items).most_common():
        click.echo(f"{n:>8} × {text}", err=True)
    if not items:
        click.echo("nothing was refused", err=True)


def _few(rows: tuple[int, ...]) -> str:
    shown = ",".join(map(str, rows[:10]))
    return f"{shown},… ({len(rows)})" if len(rows) > 10 else shown


def _row(r: Rejected, sent: dict[int, Sent]) -> dict[str, Any]:
    again = rfc3339(sent[r.offset].at_ms) if r.offset in sent else None
    return {
        "offset": r.offset, "at": rfc3339(r.at_ms), "source": r.source, "rows": list(r.rows), "reason": r.reason,
        "sent_again": again,
    }  # fmt: skip


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
    click.echo(json.dumps(_row(item, read_sent(settings)), ensure_ascii=False), err=True)
    click.get_binary_stream("stdout").write(item.value)


@command.command()
@click.option("--offset", "offsets", type=int, multiple=True, help="Send this one again (may be repeated).")
@click.option("--reason", default="", help="Send all whose reason contains this.")
@click.option("--mapping", "mapping", type=click.Path(path_type=Path), help="TOML file that says how to mend rows.")
@click.option("--sensors", "sensors_file", type=click.Path(path_type=Path), help="CSV of sensor ids: columns old, new.")
@click.option("--sensor", "sensors", multiple=True, metavar="OLD=NEW", help="Put a sensor id right (may be repeated).")
@click.option("--ts-factor", type=float, help="Multiply times: 1000 for seconds.")
@click.option("--ts-shift-ms", type=int, help="Add to times, after the factor.")
@click.option("--value-factor", type=float, help="Multiply values: 0.001 for kPa to MPa.")
@click.option("--value-offset", type=float, help="Add to values, after the factor.")
@click.option("--domain", type=click.Choice(DOMAINS), help="Send to this domain instead of where it came from.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent, and what would be refused again.")
@prefix_option
@json_option
@connection_options
def replay(
    offsets: tuple[int, ...], reason: str, mapping: Path | None, sensors_file: Path | None, sensors: tuple[str, ...],
    ts_factor: float | None, ts_shift_ms: int | None, value_factor: float | None, value_offset: float | None,
    domain: str | None, dry_run: bool, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Send refused rows again, mended: only the rows that were refused, and each row once.

    What is refused anew is listed anew. The mapping file is described in docs/intake.md; options win over it.

    \b
      cityops rejects replay --reason "not registered" --sensors ids.csv --dry-run
      cityops rejects replay --reason "looks like seconds" --ts-factor 1000
    """
    if not offsets and not reason:
        raise UsageError("say which: --offset N or --reason TEXT (see `cityops rejects list`)")
    mend = read_mend(mapping) if mapping else Mend()
    mend.sensors |= (read_sensors(sensors_file) if sensors_file else {}) | _pairs(sensors)
    for part, name, value in (
        (mend.ts, "factor", ts_factor), (mend.ts, "shift_ms", ts_shift_ms), (mend.value, "factor", value_factor),
        (mend.value, "offset", value_offset), (mend, "domain", domain),
    ):  # fmt: skip
        if value is not None:
            setattr(part, name, value)
    checked(mend, "the options")
    settings = settings_from(**options)
    require_topics(settings)
    found = [r for r in read(settings) if r.offset in offsets or (reason and reason in r.reason)]
    missing = set(offsets) - {r.offset for r in found}
    if missing:
        raise UsageError(f"no refused message has offset {min(missing)}: see `cityops rejects list`")
    if not found and not as_json:
        click.echo(f"no refused message has a reason that contains {reason!r}: see `cityops rejects list`", err=True)
    if dry_run:
        outcome, again = look(settings, found, mend)
    else:
        outcome, again = resend(settings, found, mend), {}
    _tell(outcome, again, dry_run, as_json)


def _pairs(sensors: tuple[str, ...]) -> dict[str, str]:
    pairs = [s.partition("=") for s in sensors]
    for old, sign, new in pairs:
        if not (old and sign and new):
            raise UsageError(f"--sensor {old}{sign}{new}: want OLD=NEW")
    return {old: new for old, _, new in pairs}


def _tell(outcome: Outcome, again: dict[str, int], dry_run: bool, as_json: bool) -> None:
    if as_json:
        left = [{"offset": offset, "reason": reason, "rows": n} for offset, reason, n in outcome.left]
        click.echo(
            json.dumps(
                {
                    "dry_run": dry_run, "rows": outcome.rows, "messages": outcome.messages, "already": outcome.already,
                    "unreadable": left, "refused_again": again,
                },
                ensure_ascii=False,
            )
        )  # fmt: skip
        return
    would = "would be " if dry_run else ""
    click.echo(f"{outcome.rows} rows of {outcome.messages} messages {would}sent again", err=True)
    for text, n in again.items():
        click.echo(f"{n:>8} rows of them would be refused again: {text}", err=True)
    if outcome.already:
        click.echo(f"{outcome.already} messages were sent again before; nothing is sent twice", err=True)
    for offset, text, n in outcome.left[:20]:
        click.echo(f"offset {offset}: {f'{n} rows' if n else 'the message'} cannot be read yet: {text}", err=True)
    if len(outcome.left) > 20:
        click.echo(f"… and {len(outcome.left) - 20} more (all with --json)", err=True)
