"""`cityops sensors unknown`: who sends without being registered, and the one command that registers it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import msgspec

from streams.cli.common import connection_options, json_option, require_topics, settings_from

if TYPE_CHECKING:
    from streams.intake.unknown import Unknown
    from streams.registry import Registry
    from streams.settings import Settings

LAST = 20_000


@click.command("unknown")
@click.option("--last", type=click.IntRange(1), default=LAST, show_default=True, help="Refused messages to look at.")
@click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")
@json_option
@connection_options
def unknown(last: int, as_json: bool, **connection: Any) -> None:
    """Sensors whose readings were refused because nobody registered them; with --json one a line."""
    from geo.moments import rfc3339
    from streams.intake.unknown import command as registering

    settings = settings_from(**connection)
    require_topics(settings)
    found, short, _ = _read(settings, last)
    for one in found:
        how = registering(one, settings.prefix)
        if as_json:
            click.echo(json.dumps({**msgspec.to_builtins(one), "command": how}, ensure_ascii=False))
            continue
        place = f" at {one.lon:.5f} {one.lat:.5f}" if one.lon is not None and one.lat is not None else ""
        value = "" if one.value is None else f", {one.value:g}"
        span = f"{rfc3339(one.first_ms)} … {rfc3339(one.last_ms)}"
        click.echo(f"{one.sensor[:64]}  {one.domain or '?'}  {one.count} readings, {span}{value}{place}\n    {how}")
    if not as_json:
        cut = f"; {short} messages were kept too short to be read" if short else ""
        click.echo(f"{len(found)} sensors are unknown{cut}", err=True)


def _read(settings: Settings, last: int) -> tuple[list[Unknown], int, Registry]:
    from streams.intake.rejects import read
    from streams.intake.unknown import unknown as gathered
    from streams.registry import read_all

    registry = read_all(settings)
    return *gathered(read(settings, last=last), registry, settings.prefix), registry


def columns_of(settings: Settings, sensor: str) -> dict[str, str]:
    """What the refused readings say of a sensor, as columns of the registration. Raises UsageError where nothing."""
    from geo.assets import AssetError
    from streams.errors import UsageError
    from streams.intake.unknown import suggested

    require_topics(settings)
    found, _, registry = _read(settings, LAST)
    one = next((u for u in found if u.sensor == sensor), None)
    if one is None:
        raise UsageError(f"--from-unknown: no refused reading is of {sensor}: see `cityops sensors unknown`")
    try:
        return dict(suggested(one, registry))
    except AssetError as error:
        raise UsageError(str(error)) from None
