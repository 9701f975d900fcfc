"""`cityops geo`: where a point lies, and the tables and boundaries of units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from streams.cli import geo_boundaries, geo_divisions, geo_seats
from streams.cli.common import checked

if TYPE_CHECKING:
    from geo.divisions import Divisions

_FREE = {"ignore_unknown_options": True}  # so that a negative number is an argument, told as a bad place


@click.group("geo")
def command() -> None:
    """Places and administrative units."""


command.add_command(geo_divisions.group)
command.add_command(geo_boundaries.group)
command.add_command(geo_seats.group)


@command.command(context_settings=_FREE)
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--json", "as_json", is_flag=True, help="Answer as one line of JSON.")
@click.option("--cache", metavar="FOLDER", help="Cache folder (CITYOPS_CACHE).")
def where(lon: float, lat: float, as_json: bool, cache: str | None) -> None:
    """Name the units that hold the point LON LAT (WGS-84 degrees, longitude first).

    The county comes from its polygon. Township and village are approximate where they have no own boundaries: the
    nearest seat, and seats are made-up points where none are given.
    """
    from geo.assets import location_problem
    from geo.boundaries import BoundaryError
    from geo.divisions import LEVELS, PREFECTURE, Divisions, UnitError
    from geo.places import Places
    from streams.errors import CityopsError, UsageError
    from streams.folders import cache_folder
    from streams.settings import Settings

    fault = location_problem(lon, lat)
    if fault:
        raise UsageError(fault)
    try:
        found = Places.load(cache_folder(checked(Settings({"cache": cache})))).where(lon, lat)
    except (BoundaryError, UnitError) as error:
        raise CityopsError(str(error)) from None
    divisions = Divisions.load()
    if found.unit is None:
        raise CityopsError(f"lon {lon:g}, lat {lat:g} lie outside {PREFECTURE} {divisions.get(PREFECTURE).name}")
    path = divisions.path(found.unit)
    if as_json:
        units = {level: _unit(divisions, path[level], found.is_approximate(level)) for level in LEVELS}
        answer = {"lon": lon, "lat": lat, "unit": found.unit, "approximate": found.approximate, **units}
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for level in LEVELS:
        code = path[level]
        mark = "  （位置概略 approximate）" if found.is_approximate(level) else ""
        if code:
            unit = divisions.get(code)
            click.echo(f"{level:<11} {code:<13} {unit.short} {unit.name_en}".rstrip() + mark)


def _unit(divisions: Divisions, code: str | None, approximate: bool) -> dict[str, Any] | None:
    if code is None:
        return None
    unit = divisions.get(code)
    return {
        "code": unit.code, "name": unit.name, "name_en": unit.name_en, "level": unit.level, "approximate": approximate,
    }  # fmt: skip
