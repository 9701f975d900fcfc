"""What is wrong with a fence's shape, before it is made into polygons."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from geo.assets import Problem, location_problem
from geo.divisions import Divisions, UnitError
from geo.fences import Area, Circle, Corridor, Shape, UnitArea

MAX_VERTICES = 20_000  # of one fence: a county has 200 to 2,000
MAX_RADIUS_M = 200_000.0  # as far as the local projection is true within 0.1 %
MAX_WIDTH_M = 50_000.0

Point = tuple[float, float]


def shape_problems(shape: Shape, divisions: Divisions) -> list[Problem]:
    """Everything wrong with a shape; [] when it can be made into polygons. Self-crossing: `fence_checks.repaired`."""
    if isinstance(shape, UnitArea):
        return list(_unit(shape, divisions))
    if isinstance(shape, Circle):
        return list(_circle(shape))
    return list(_corridor(shape) if isinstance(shape, Corridor) else _area(shape))


def _unit(shape: UnitArea, divisions: Divisions) -> Iterator[Problem]:
    try:
        divisions.get(shape.unit)
    except UnitError as error:
        yield Problem("shape.unit", str(error))


def _circle(shape: Circle) -> Iterator[Problem]:
    place = location_problem(shape.lon, shape.lat)
    if place:
        yield Problem("shape", place)
    yield from _size("shape.radius_m", shape.radius_m, MAX_RADIUS_M)


def _corridor(shape: Corridor) -> Iterator[Problem]:
    yield from _size("shape.width_m", shape.width_m, MAX_WIDTH_M)
    if len(set(shape.line)) < 2:
        yield Problem("shape.line", f"has {len(set(shape.line))} different points; a line needs two or more")
    yield from _count(len(shape.line))
    yield from _places("shape.line", shape.line)


def _area(shape: Area) -> Iterator[Problem]:
    if not any(ring for polygon in shape.coordinates for ring in polygon):
        yield Problem("shape.coordinates", "is empty; give at least one polygon with three or more points")
        return
    yield from _count(sum(len(ring) for polygon in shape.coordinates for ring in polygon))
    for p, polygon in enumerate(shape.coordinates, 1):
        if not polygon:
            yield Problem("shape.coordinates", f"polygon {p} has no rings; remove it, or give its points")
        for r, ring in enumerate(polygon, 1):
            yield from _ring(f"shape.coordinates, polygon {p}, ring {r}", ring)


def _ring(where: str, ring: Sequence[Point]) -> Iterator[Problem]:
    if len(set(ring)) < 3:
        yield Problem(where, f"has {len(set(ring))} different points; a ring needs three or more")
        return
    bad = list(_places(where, ring))
    yield from bad
    if not bad and abs(_doubled(ring)) < 1e-13:  # degrees², about a square millimetre
        yield Problem(where, "has no area: its points lie on one line, or it goes back the way it came")


def _places(where: str, points: Sequence[Point]) -> Iterator[Problem]:
    """The first point that cannot be used: one slip of a tool makes all of them wrong."""
    for n, (lon, lat) in enumerate(points, 1):
        place = location_problem(lon, lat)
        if place:
            yield Problem(where, f"point {n}: {place}")
            return


def _size(field: str, value: float, most: float) -> Iterator[Problem]:
    if not (math.isfinite(value) and 0 < value <= most):
        yield Problem(field, f"is {value:g}; want metres above 0, at most {most:,.0f}")


def _count(vertices: int) -> Iterator[Problem]:
    if vertices > MAX_VERTICES:
        reason = f"has {vertices:,} points, at most {MAX_VERTICES:,} are taken: simplify it (1 m is enough)"
        yield Problem("shape", reason)


def _doubled(ring: Sequence[Point]) -> float:
    """Twice the signed area in square degrees, from the first point so that no digits are lost."""
    x0, y0 = ring[0]
    ends = zip(ring, (*ring[1:], ring[0]), strict=True)
    return sum((ax - x0) * (by - y0) - (bx - x0) * (ay - y0) for (ax, ay), (bx, by) in ends)
