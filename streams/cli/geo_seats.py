"""`cityops geo seats import|list|remove`: known seats of townships and villages, in place of made-up points."""

from __future__ import annotations

import json
from pathlib import Path

import click

from streams.cli.common import checked, json_option
from streams.cli.geo_report import refuse
from streams.settings import Settings

_data = click.option("--data", metavar="FOLDER", help="Data folder (default: the user's data folder).")


@click.group("seats")
def group() -> None:
    """Known seats of townships and villages; the others keep made-up points."""


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--crs", default="EPSG:4326", help="gcj02, bd09, EPSG:4326 (default) or another that boundaries take.")
@click.option("--encoding", default="", help="utf-8 (default) or gb18030.")
@click.option("--dry-run", is_flag=True, help="Only check and report.")
@_data
@json_option
def import_(file: Path, crs: str, encoding: str, dry_run: bool, data: str | None, as_json: bool) -> int:
    """Take seats from FILE (CSV with code, lon, lat), all or none. Seats of other units that were imported stay."""
    from geo import files, projections, seat_table
    from geo.divisions import Divisions, UnitError
    from geo.faults import FileRefused
    from streams.errors import UsageError
    from streams.folders import writable
    from streams.geo_files import RESTART, read_limited

    settings = checked(Settings({"data": data}))
    divisions = Divisions.load()
    try:
        system = projections.named(crs)
        seats = seat_table.read(read_limited(file, settings), str(file), divisions, encoding, system)
        kept = seat_table.load() | seats
        notes = _elsewhere(seats, settings)
    except FileRefused as error:
        return refuse(file, error, as_json)
    except projections.CrsError as error:
        raise UsageError(f"--crs: {error}") from None
    except UnitError as error:
        raise UsageError(str(error)) from None
    target = files.current().seats
    if not dry_run:
        writable(Path(target).parent, "--data")
        files.write_whole(target, seat_table.write(kept, divisions))
        seat_table.reread()
    if as_json:
        report = {"file": str(file), "imported": not dry_run, "seats": len(seats), "known": len(kept), "notes": notes}
        click.echo(json.dumps(report, ensure_ascii=False))
        return 0
    for note in notes:
        click.echo(note)
    done = "nothing was written (--dry-run)" if dry_run else f"kept in {target}; {RESTART}"
    click.echo(f"{len(seats)} seats, {len(kept)} known in all; {done}")
    return 0


@group.command("list")
@_data
@json_option
def list_(data: str | None, as_json: bool) -> None:
    """List the known seats."""
    from geo import seat_table
    from geo.divisions import Divisions

    checked(Settings({"data": data}))
    divisions = Divisions.load()
    rows = [
        {"code": code, "name": divisions.full_name(code), "lon": lon, "lat": lat}
        for code, (lon, lat) in seat_table.load().items()
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['code']:<13} {row['lon']:.6f} {row['lat']:.6f}  {row['name']}")


@group.command("remove")
@_data
def remove(data: str | None) -> None:
    """Forget all known seats."""
    from geo import files, seat_table

    checked(Settings({"data": data}))
    known = len(seat_table.load())
    Path(files.current().seats).unlink(missing_ok=True)
    seat_table.reread()
    click.echo(f"{known} removed")


def _elsewhere(seats: dict[str, tuple[float, float]], settings: Settings) -> list[str]:
    """Seats that do not lie in their county: wrong by more than what polygons are drawn to, or a wrong code."""
    from geo.boundaries import Boundaries, BoundaryError
    from geo.faults import Fault, FileRefused
    from streams.errors import CityopsError
    from streams.folders import cache_folder
    from streams.registration import NEAR_M

    try:
        boundaries = Boundaries.load(cache_folder(settings))
    except BoundaryError as error:
        raise CityopsError(str(error)) from None
    notes, faults = [], []
    for code, (lon, lat) in seats.items():
        county = code[:6]
        if boundaries.county_of(lon, lat) == county:
            continue
        away = boundaries.distance_m(county, lon, lat)
        if away > NEAR_M:
            text = f"{away / 1000:.1f} km outside county {county}; check code, lon, lat and --crs"
            faults.append(Fault(f"seat of {code}", "lon", text))
        else:
            notes.append(f"seat of {code}: {away:.0f} m outside the county's polygon, which is drawn coarsely")
    if faults:
        raise FileRefused(faults)
    return notes
