"""The user's own seats of townships and villages: CSV with code, lon, lat (WGS-84 degrees); other columns are free."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from geo import files, projections
from geo.assets import location_problem
from geo.division_table import text_of
from geo.divisions import Divisions
from geo.faults import Fault, FileRefused
from geo.units import UnitError, level_of, normalise

COLUMNS = ("code", "lon", "lat")
Seats = dict[str, tuple[float, float]]


def read(data: bytes, name: str, divisions: Divisions, encoding: str = "", crs: str = "EPSG:4326") -> Seats:
    """lon, lat by code; `crs` as `projections.named` gives it.

    Raises:
        UnitError: not text in that encoding, a column is missing.
        FileRefused: rows that cannot be used, all of them.
    """
    reader = csv.DictReader(io.StringIO(text_of(data, name, encoding), newline=""))
    lacking = set(COLUMNS) - set(reader.fieldnames or ())
    if lacking:
        raise UnitError(f"{name}: no column {', '.join(sorted(lacking))}; want {','.join(COLUMNS)} in the first line")
    out: Seats = {}
    faults: list[Fault] = []
    for row in reader:
        try:
            code, seat = _seat(row, divisions, crs)
            if code in out:
                raise _Bad("code", f"{code} is twice in the file")
        except _Bad as bad:
            faults.append(Fault(f"{name}, line {reader.line_num}", *bad.args))
            continue
        out[code] = seat
    if not out and not faults:
        faults.append(Fault(name, "code", "the file has no rows"))
    if faults:
        raise FileRefused(faults)
    return out


def write(seats: Mapping[str, tuple[float, float]], divisions: Divisions) -> bytes:
    """The stored form, with full names for people."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*COLUMNS, "name"])
    for code, (lon, lat) in sorted(seats.items()):
        writer.writerow([code, f"{lon:.6f}", f"{lat:.6f}", divisions.full_name(code) if code in divisions else ""])
    return file.getvalue().encode()


def load() -> Seats:
    """The imported seats (`geo.files`), {} where none were; those of codes that are retired since are left out.

    Raises:
        UnitError: the stored file was damaged.
    """
    return _load(files.current().seats)


def reread() -> None:
    """The next `load` reads the file again: for the program that has just written it."""
    _load.cache_clear()


class _Bad(ValueError):
    """Field and reason."""


def _seat(row: Mapping[str, str], divisions: Divisions, crs: str) -> tuple[str, tuple[float, float]]:
    import numpy as np

    try:
        unit = divisions.get(normalise(row["code"] or ""))
    except UnitError as error:
        raise _Bad("code", str(error)) from None
    if level_of(unit.code) not in ("township", "village"):
        raise _Bad("code", f"{unit.code} is a {unit.level}; seats are of townships and villages")
    if unit.retired:
        raise _Bad("code", f"{unit.code} {unit.name} is retired{f', now {unit.successor}' if unit.successor else ''}")
    values = []
    for field in ("lon", "lat"):
        try:
            values.append(float(row[field] or ""))
        except (TypeError, ValueError):
            raise _Bad(field, f"{row[field]!r} is not a number") from None
    lon, lat = projections.to_wgs84(np.array([values]), crs).round(6)[0].tolist()
    fault = location_problem(lon, lat)
    if fault:
        raise _Bad("lon", fault)
    return unit.code, (lon, lat)


@cache
def _load(path: str) -> Seats:
    if not os.path.isfile(path):
        return {}
    divisions = Divisions.load()
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = {row["code"]: (float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)}
    except (ValueError, KeyError, TypeError) as error:
        raise UnitError(f"{path}: the stored seats are damaged ({error}); import them again") from None
    return {code: seat for code, seat in rows.items() if code in divisions and not divisions.get(code).retired}
