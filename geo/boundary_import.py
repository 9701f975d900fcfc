"""Features of a user's file to outlines of units: each checked, all or none taken. Pure: shapes in, outlines out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from geo import projections, shift_check
from geo.assets import location_problem
from geo.boundary_codes import Names, checked_code
from geo.divisions import PREFECTURE, Divisions
from geo.faults import Fault, FileRefused
from geo.own import Coordinates, Outline
from geo.units import UnitError

GRID = 1e-7  # degrees: coordinates are kept to a centimetre
REPAIR = 0.01  # of the area that a repair may change
MARGIN = 0.01  # degrees, about 1 km: how far out of its county a unit may reach, as counties are drawn coarsely
OUTSIDE = 0.5  # of the area that may lie further out
OVERLAP = 0.01  # of the smaller of two that is reported


class Feature(NamedTuple):
    """One feature as the file has it: where it is, its code and name ("" where absent), a shapely shape or None."""

    where: str
    code: str
    name: str
    shape: Any


class Taken(NamedTuple):
    """What an import gives: outlines, what was repaired or looks odd, and why the place is in doubt (None: is not)."""

    outlines: list[Outline]
    notes: list[Fault]
    doubt: shift_check.Doubt | None


def take(
    features: Sequence[Feature],
    level: str,
    crs: str,
    divisions: Divisions,
    counties: Mapping[str, Any],
    source: str = "",
    as_of: str = "",
) -> Taken:
    """Outlines of the features; `crs` as `projections.named` gives it, `counties` shapely polygons by code.

    Raises:
        FileRefused: a feature cannot be used; with all that is wrong.
    """
    faults: list[Fault] = []
    notes: list[Fault] = []
    names = Names(divisions, level)
    taken: dict[str, tuple[str, Any, Any]] = {}  # code: where, shape in the file's degrees, shape in WGS-84
    for feature in features:
        try:
            code = _code(feature, level, divisions, names)
            if code in taken:
                raise _Bad("code", f"{code} is twice in the file: also {taken[code][0]}; join the two into one feature")
            plain, repaired = _sound(feature.shape)
            given, true = _placed(plain, crs)
            _in_county(true, code, divisions, counties)
        except _Bad as bad:
            faults.append(Fault(feature.where, *bad.args))
            continue
        taken[code] = feature.where, given, true
        if repaired:
            notes.append(Fault(feature.where, "geometry", repaired))
    if not features:
        faults.append(Fault("the file", "geometry", "has no features"))
    if faults:
        raise FileRefused(faults)
    notes += _overlaps(taken)
    declared = crs if crs in projections.SHIFTED else ""
    doubt = shift_check.doubt(_by_county(taken, counties), counties, declared)
    outlines = [
        Outline(code, divisions.get(code).name, coordinates(true), source, as_of)
        for code, (_, _, true) in taken.items()
    ]
    return Taken(outlines, notes, doubt)


def coordinates(shape: Any) -> Coordinates:
    """Polygons, rings and points of a shapely polygon or multipolygon, lon, lat to 7 decimals."""
    out = []
    for part in getattr(shape, "geoms", [shape]):
        rings = [np.round(np.asarray(ring.coords)[:, :2], 7).tolist() for ring in (part.exterior, *part.interiors)]
        out.append([[(x, y) for x, y in ring] for ring in rings])
    return out


class _Bad(ValueError):
    """Field and reason."""


def _code(feature: Feature, level: str, divisions: Divisions, names: Names) -> str:
    field = "code" if feature.code else "name"
    if not feature.code and not feature.name:
        raise _Bad("code", "is empty, and there is no name to find it by; give --code-field or --name-field")
    try:
        return checked_code(feature.code, level, divisions) if feature.code else names.code(feature.name)
    except UnitError as error:
        raise _Bad(field, str(error)) from None


def _sound(shape: Any) -> tuple[Any, str]:
    """A valid polygon, and what was repaired ("" for nothing)."""
    import shapely

    if shape is None or shape.is_empty:
        raise _Bad("geometry", "is empty; draw it or leave the feature out")
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise _Bad("geometry", f"is a {shape.geom_type}; want Polygon or MultiPolygon")
    shape = shapely.force_2d(shape)
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise _Bad("geometry", "has a coordinate that is not a finite number")
    if shape.is_valid:
        return shape, ""
    why = shapely.is_valid_reason(shape)
    fixed = polygons(shapely.make_valid(shape))
    change = abs(fixed.area - shape.area) / max(fixed.area, 1e-300)
    if fixed.is_empty or change > REPAIR:
        raise _Bad("geometry", f"{why}: mending it would change its area by {change:.0%}, more than 1 %; redraw it")
    return fixed, f"{why}: mended, its area changed by {change:.2%}"


def polygons(shape: Any) -> Any:
    """The polygons of what a repair or an intersection gave, without points and lines."""
    import shapely

    parts = [p for p in shapely.get_parts(shape) for p in shapely.get_parts(p) if p.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _placed(shape: Any, crs: str) -> tuple[Any, Any]:
    """The shape in the file's longitude and latitude (of GCJ-02 and BD-09 as they are), and in WGS-84."""
    import shapely

    points = shapely.get_coordinates(shape)
    shifted = crs in projections.SHIFTED
    degrees = shifted or crs in projections.GEOGRAPHIC
    hint = projections.likely(points) if degrees else ""
    if hint:
        raise _Bad("geometry", f"its coordinates are no degrees: {hint}")
    given = shape if degrees else shapely.transform(shape, lambda xy: projections.to_wgs84(xy, crs))
    west, south, east, north = given.bounds
    fault = location_problem(west, south) or location_problem(east, north)
    if fault:
        wrong = f": {projections.likely(points)}" if not degrees and projections.likely(points) else ""
        raise _Bad("geometry", f"{fault}; it was read as {crs}{wrong}" if not degrees else fault)
    true = shapely.transform(given, lambda xy: projections.to_wgs84(xy, crs)) if shifted else given
    kept = polygons(shapely.set_precision(true, GRID))
    if kept.is_empty:
        raise _Bad("geometry", "is smaller than a centimetre")
    return given, kept


def _in_county(shape: Any, code: str, divisions: Divisions, counties: Mapping[str, Any]) -> None:
    """A polygon that lies elsewhere has a wrong code or a wrong coordinate system."""
    import shapely

    unit = divisions.get(code[:6])
    near = [c for key, c in counties.items() if code == PREFECTURE or key == unit.code]
    outside = shape.area - sum(shape.intersection(county).area for county in near)
    if near and outside > OUTSIDE * shape.area:
        outside = shape.difference(shapely.union_all(near).buffer(MARGIN)).area
    if near and outside > OUTSIDE * shape.area:
        middle = shape.representative_point()
        raise _Bad(
            "geometry",
            f"lies near {middle.x:.2f} {middle.y:.2f}, {outside / shape.area:.0%} of it outside {unit.code} "
            f"{unit.name}: check the code and the coordinate system (--crs)",
        )


def _by_county(taken: dict[str, tuple[str, Any, Any]], counties: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(code[:6], given) for code, (_, given, _) in taken.items() if code[:6] in counties]


def _overlaps(taken: dict[str, tuple[str, Any, Any]]) -> list[Fault]:
    """Pairs that share more than a sliver: a point there has one owner, the lower code."""
    import shapely

    codes = sorted(taken)
    shapes = [taken[code][2] for code in codes]
    out = []
    for i, j in zip(*shapely.STRtree(shapes).query(shapes, predicate="intersects"), strict=True):
        shared = shapes[i].intersection(shapes[j]).area / min(shapes[i].area, shapes[j].area) if i < j else 0.0
        if shared > OVERLAP:
            text = f"{codes[j]} lies on {codes[i]} with {shared:.0%}; {codes[i]} has the places that both hold"
            out.append(Fault(taken[codes[j]][0], "geometry", text))
    return out
