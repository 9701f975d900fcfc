"""`cityops assets import`: a file of assets into the registry, all of it or nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option, require_topics, settings_from

if TYPE_CHECKING:
    from streams.assets.plan import Maker, Plan

_SHOWN = 50  # problems printed one by one


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check and report only.")
@click.option("--crs", default="", metavar="NAME", help="EPSG:n, gcj02 or bd09; else coordinates are WGS-84 lon, lat.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of a text file; gb18030 reads GBK.")
@click.option("--county", default="", metavar="CODE", help="County of new objects that have no place.")
@click.option("--domain", default="", help="Domain of new objects that do not say theirs.")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Leave a column out (may be repeated).")
@click.option("--layer", metavar="NAME", help="Layer of a GeoPackage.")
@click.option("--system", default="", metavar="NAME", help="EPANET: name of the model in codes (default: the file's).")
@click.option("--place", metavar="LON,LAT[,M]", help="EPANET: where the drawing's middle lies, metres for one unit.")
@click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")
@json_option
@connection_options
def import_(
    file: Path, dry_run: bool, crs: str, encoding: str, county: str, domain: str, ignore: tuple[str, ...],
    layer: str | None, system: str, place: str | None, as_json: bool, **connection: Any,
) -> None:  # fmt: skip
    """Register the assets of FILE: GeoJSON, CSV, GeoPackage or an EPANET .inp. All rows are taken, or none.

    A row names its object by `id`, or by `type` (VLV, PIP, SCH, …) and a code of another system in `codes`. Cells that
    are empty leave what is registered. docs/geo.md has the columns.

    \b
      cityops assets import valves.csv --encoding gb18030 --dry-run
      cityops assets import pipes.gpkg --crs EPSG:4545 --domain water
      cityops assets import ctown.inp --place 107.98,26.58,1
    """
    from streams.assets.crs import converter
    from streams.assets.files import Reading, read
    from streams.assets.plan import Maker
    from streams.assets.who import operator
    from streams.errors import UsageError

    convert = converter(crs)
    reading = Reading(encoding=encoding, crs=crs, ignore=ignore, system=system, layer=layer, place=_place(place))
    if crs and reading.place:
        raise UsageError("--crs and --place both say where the drawing lies: give one")
    rows = read(file, reading)
    maker = Maker(operator(), int(time.time() * 1000), county, domain, convert)
    _check(maker)
    settings = settings_from(**connection)
    require_topics(settings)
    from geo.boundaries import BoundaryError
    from streams.assets.plan import plan
    from streams.errors import CityopsError
    from streams.registry import publish, read_all

    known = read_all(settings)
    try:
        result = plan(rows, known, maker)
    except BoundaryError as error:
        raise CityopsError(str(error)) from None
    if not result.problems and not dry_run and result.records:
        publish(settings, result.records, known=known)
    _report(result, str(file), dry_run, as_json)
    if result.problems:
        raise UsageError(f"{file}: {len(result.problems)} problems, nothing was registered; mend them and repeat")


def _check(maker: Maker) -> None:
    from geo.divisions import Divisions, level_of
    from geo.ids import ASSET_LETTER
    from streams.errors import UsageError

    if maker.county and (maker.county not in Divisions.load() or level_of(maker.county) != "county"):
        raise UsageError(f"--county {maker.county}: want one of 522601 … 522636")
    if maker.domain and maker.domain not in ASSET_LETTER:
        raise UsageError(f"--domain {maker.domain!r}: want one of {', '.join(ASSET_LETTER)}")


def _place(text: str | None) -> tuple[float, ...]:
    from geo.assets import location_problem
    from streams.errors import UsageError

    if text is None:
        return ()
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (2, 3) or (numbers[2:] and not 0 < numbers[2] < 10_000):
        raise UsageError(f"--place {text!r}: want LON,LAT or LON,LAT,METRES, e.g. 107.98,26.58,1")
    fault = location_problem(*numbers[:2])
    if fault:
        raise UsageError(f"--place: {fault}")
    return numbers


def _report(result: Plan, source: str, dry_run: bool, as_json: bool) -> None:
    if as_json:
        answer = {
            "dry_run": dry_run,
            "added": [a.id for a in result.added],
            "changed": [a.id for a in result.changed],
            "unchanged": result.unchanged,
            "problems": [p._asdict() for p in result.problems],
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for place, field, reason in result.problems[:_SHOWN]:
        click.echo(f"{source}, {place}: {field}: {reason}", err=True)
    if len(result.problems) > _SHOWN:
        click.echo(f"… and {len(result.problems) - _SHOWN} more (all with --json)", err=True)
    if not result.problems:
        would = "would be " if dry_run else ""
        click.echo(
            f"{len(result.added)} assets {would}added, {len(result.changed)} changed, {result.unchanged} unchanged"
        )
