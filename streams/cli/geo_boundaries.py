"""`cityops geo boundaries import|list|remove|export`: the user's own polygons of units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import checked, json_option
from streams.cli.geo_report import refuse
from streams.settings import Settings

if TYPE_CHECKING:
    from geo.own import OwnAreas

_LEVELS = click.Choice(["prefecture", "county", "township", "village"])
_data = click.option("--data", metavar="FOLDER", help="Data folder (default: the user's data folder).")


@click.group("boundaries")
def group() -> None:
    """Own boundaries of units; they win over those that ship and over approximate ones."""


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--level", type=_LEVELS, required=True, help="The level of the units in the file.")
@click.option("--code-field", default="", metavar="NAME", help="Field with the unit's code (default: code, adcode, …).")
@click.option("--name-field", default="", metavar="NAME", help="Field with the full name, where there is no code.")
@click.option("--crs", default="", help="gcj02, bd09 or EPSG:…, where the file does not say it (truly).")
@click.option("--layer", default="", help="Layer of a GeoPackage that has several.")
@click.option("--encoding", default="", help="Of a Shapefile's texts where it has no .cpg, e.g. gb18030.")
@click.option("--source", default="", help="Where the boundaries come from.")
@click.option("--as-of", default="", help="The date they speak of.")
@click.option("--as-is", is_flag=True, help="Take them although they look shifted by half a kilometre.")
@click.option("--dry-run", is_flag=True, help="Only check and report.")
@_data
@json_option
def import_(file: Path, level: str, as_is: bool, dry_run: bool, data: str | None, as_json: bool, **said: str) -> int:
    """Take polygons of units from FILE (GeoJSON, GeoPackage or Shapefile), all or none.

    Units that were imported before and are not in the file stay. Everything is kept as WGS-84.
    """
    from geo import files, own
    from geo.boundary_import import take
    from geo.divisions import Divisions
    from geo.faults import FileRefused
    from streams import boundary_files
    from streams.errors import UsageError
    from streams.folders import writable
    from streams.geo_files import RESTART

    settings = checked(Settings({"data": data}))
    source, as_of = said.pop("source") or file.name, said.pop("as_of")
    read = boundary_files.read(file, boundary_files.Options(**said), settings)
    try:
        taken = take(read.features, level, read.crs, Divisions.load(), _counties(settings), source, as_of)
    except FileRefused as error:
        return refuse(file, error, as_json)
    if taken.doubt and not as_is:
        raise UsageError(f"{file}: {taken.doubt}; nothing was imported")
    before = _own()
    kept = {o.code: o for o in before.level(level)} | {o.code: o for o in taken.outlines}
    if not dry_run:
        folder = writable(Path(files.current().boundaries), "--data")
        files.write_whole(own.path_of(folder, level), own.encode(kept.values()))
        own.OwnAreas.reread()
    replaced = sum(o.code in before for o in taken.outlines)
    report: dict[str, Any] = {
        "file": str(file), "level": level, "crs": read.crs, "imported": not dry_run, "units": len(taken.outlines),
        "replaced": replaced, "notes": [note._asdict() for note in taken.notes],
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
        return 0
    for note in taken.notes:
        click.echo(str(note))
    done = "nothing was written (--dry-run)" if dry_run else f"kept in {files.current().boundaries}; {RESTART}"
    click.echo(f"{len(taken.outlines)} units of level {level} from {read.crs}, {replaced} of them anew; {done}")
    return 0


@group.command("list")
@_data
@json_option
def list_(data: str | None, as_json: bool) -> None:
    """List the units that have own boundaries."""
    from geo.divisions import Divisions

    checked(Settings({"data": data}))
    divisions = Divisions.load()
    rows = [
        {"code": o.code, "name": divisions.full_name(o.code) if o.code in divisions else o.name, "source": o.source,
         "as_of": o.as_of, "points": sum(map(len, o.rings))}
        for o in _own().by_code.values()
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['code']:<13} {row['name']}  {row['points']} points, {row['source']} {row['as_of']}".rstrip())


@group.command("remove")
@click.option("--level", type=_LEVELS, required=True, help="The level to remove from.")
@click.argument("codes", nargs=-1)
@_data
def remove(level: str, codes: tuple[str, ...], data: str | None) -> None:
    """Forget own boundaries: those of CODES, or all of a level."""
    from geo import files, own
    from streams.errors import UsageError

    checked(Settings({"data": data}))
    kept = {o.code: o for o in _own().level(level)}
    absent = [code for code in codes if code not in kept]
    if absent:
        raise UsageError(f"{absent[0]} has no own boundary of level {level}; see `cityops geo boundaries list`")
    gone = codes or tuple(kept)
    files.write_whole(
        own.path_of(files.current().boundaries, level), own.encode(o for c, o in kept.items() if c not in gone)
    )
    own.OwnAreas.reread()
    click.echo(f"{len(gone)} removed")


@group.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--unit", default="522600", help="The units right below this one (default: the counties).")
@_data
def export(file: Path, unit: str, data: str | None) -> None:
    """Write the polygons in force to FILE (.geojson, .gpkg or .shp); made-up ones have `approx` 1."""
    from geo.boundaries import BoundaryError
    from geo.cells import Cells
    from geo.divisions import Divisions, UnitError
    from streams import boundary_files
    from streams.errors import CityopsError, UsageError
    from streams.folders import cache_folder

    settings = checked(Settings({"data": data}))
    try:
        code = Divisions.load().get(unit).code
        drawn = Cells.load(cache_folder(settings)).geojson(code, simplify_m=0.0)
    except UnitError as error:
        raise UsageError(str(error)) from None
    except BoundaryError as error:
        raise CityopsError(str(error)) from None
    if not drawn["features"]:
        raise UsageError(f"--unit {unit}: there is no unit below it")
    boundary_files.write(file, drawn["features"], Divisions.load())
    click.echo(f"{len(drawn['features'])} units written to {file}; {drawn['note']['zh']} ({drawn['note']['en']})")


def _own() -> OwnAreas:
    from geo.own import OwnAreas
    from geo.units import UnitError
    from streams.errors import UsageError

    try:
        return OwnAreas.load()
    except UnitError as error:
        raise UsageError(str(error)) from None


def _counties(settings: Settings) -> dict[str, Any]:
    """The counties' polygons that ship, to judge a file by."""
    import shapely

    from geo.boundaries import Boundaries, BoundaryError
    from streams.errors import CityopsError
    from streams.folders import cache_folder

    try:
        shipped = Boundaries.shipped(cache_folder(settings)).counties()
    except BoundaryError as error:
        raise CityopsError(str(error)) from None
    return {c.code: shapely.geometry.shape({"type": "MultiPolygon", "coordinates": c.coordinates}) for c in shipped}
