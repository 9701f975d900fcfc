"""`cityops geo`: where a point lies and what is there, and the tables and boundaries of units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from streams.cli import geo_boundaries, geo_divisions, geo_seats
from streams.cli.common import connection_options, json_option, say, settings_from

if TYPE_CHECKING:
    from streams.registry import Registry
    from streams.settings import Settings

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
@click.option("--kind", default="", help="Kind of alert, e.g. gas_concentration: what would the fences do to it?")
@click.option("--radius-m", type=click.FloatRange(1, 10_000), default=500.0, help="Assets this near are told (500).")
@click.option("--cache", metavar="FOLDER", help="Cache folder (CITYOPS_CACHE).")
@json_option
@connection_options
def where(lon: float, lat: float, kind: str, radius_m: float, as_json: bool, **options: Any) -> None:
    """Name the units that hold the point LON LAT (WGS-84 degrees, longitude first), the fences there and what is near.

    The county comes from its polygon. Township and village are approximate where they have no own boundaries: the
    nearest seat, and seats are made-up points where none are given. Fences and assets are those of the system that
    runs (--broker, or a running `cityops up`).
    """
    from geo.assets import location_problem
    from geo.boundaries import BoundaryError
    from geo.divisions import PREFECTURE, Divisions, UnitError
    from geo.places import Places
    from streams.errors import CityopsError, UsageError
    from streams.folders import cache_folder
    from streams.where import Whereabouts

    fault = location_problem(lon, lat)
    if fault:
        raise UsageError(fault)
    settings = settings_from(**options)
    try:
        places = Places.load(cache_folder(settings))
        known = _registry(settings, bool(options.get("broker")))
        found = Whereabouts(places, known.fences.values(), known.assets.values()) if known else Whereabouts(places)
        answer = found.answer(lon, lat, kind, radius_m=radius_m)
    except (BoundaryError, UnitError) as error:
        raise CityopsError(str(error)) from None
    if answer["unit"] is None:
        name = Divisions.load().get(PREFECTURE).name
        raise CityopsError(f"lon {lon:g}, lat {lat:g} lie outside {PREFECTURE} {name}")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(answer)


def _registry(settings: Settings, asked: bool) -> Registry | None:
    """Fences and assets of the system that runs, None where none does; `asked`: then it is an error."""
    from streams.cli.common import require_broker
    from streams.errors import CityopsError
    from streams.registry import read_all

    try:
        require_broker(settings, wait_s=1.0)
        return read_all(settings)
    except CityopsError as error:
        if asked:
            raise
        say(f"no running system, so fences and assets are not told ({error})")
        return None


def _print(answer: dict[str, Any]) -> None:
    from geo.divisions import LEVELS

    for level in LEVELS:
        if unit := answer[level]:
            mark = "  （位置概略 approximate）" if unit["approximate"] else ""
            click.echo(f"{level:<11} {unit['code']:<13} {unit['short']} {unit['name_en']}".rstrip() + mark)
    for fence in answer["fences"]:
        state = "active" if fence["active"] else "not active"
        click.echo(
            f"fence       {fence['id']:<13} {fence['kind']}, {state}: {fence['name']['zh']} {fence['name']['en']}"
        )
    if "suppressed" in answer:
        what = "not told" if answer["suppressed"] else f"severity III becomes {answer['severity']}"
        click.echo(f"{answer['kind']}: {what} {answer['why']['zh']} {answer['why']['en']}".rstrip())
    for asset in answer["assets"]:
        name = f"{asset['name']['zh']} {asset['name']['en']}".strip()
        click.echo(f"asset       {asset['id']:<21} {asset['distance_m']:>6g} m  {asset['kind']:<10} {name}")
    if answer["assets_total"] > len(answer["assets"]):
        click.echo(f"… and {answer['assets_total'] - len(answer['assets'])} more within {answer['radius_m']:g} m")
