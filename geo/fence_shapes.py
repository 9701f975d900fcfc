"""The polygons of a fence's shape, their area, box and centre.

Lines between points are straight in lon/lat, as GeoJSON has them (RFC 7946, 3.1.1). Circles and corridors are made in
true metres (`geo.local_metric`): every point of their outline is within 0.1 % of the radius or of half the width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from geo.fences import Area, Circle, Corridor, FenceError, Shape
from geo.local_metric import LocalMetric
from geo.metric import Floats

Polygons = list[list[Floats]]  # each a list of rings float64[n, 2] lon, lat: the outer one, then its holes
UnitRings = Callable[[str], Polygons]  # the polygons of an administrative unit's code; KeyError: there are none

CORNERS = 80  # of a circle: its edges come 0.08 % of the radius nearer than its corners
_EARTH_M = 6.371e6
_BEND = 3e-4  # of half the width: how far a long straight edge may bend in the projection


def rings(shape: Shape, unit_rings: UnitRings) -> Polygons:
    """The polygons of a shape; rings are closed or open, as they were given.

    Raises:
        FenceError: the unit has no polygon, or the shape is empty.
    """
    if isinstance(shape, Circle):
        return [[_circle(shape)]]
    if isinstance(shape, Corridor):
        return _corridor(shape)
    if isinstance(shape, Area):
        out = [[np.array(ring, dtype=np.float64) for ring in polygon] for polygon in shape.coordinates if polygon]
    else:
        try:
            out = unit_rings(shape.unit)
        except (KeyError, ValueError) as error:
            raise FenceError(f"unit {shape.unit} has no polygon ({error}); draw the area instead") from None
    if not any(len(ring) for polygon in out for ring in polygon):
        raise FenceError("the shape is empty: give it at least one polygon with three or more points")
    return out


def flat(polygons: Polygons) -> list[Floats]:
    """Outer rings and holes alike, as `geo.raycast` takes them."""
    return [ring for polygon in polygons for ring in polygon]


def box(polygons: Polygons) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees."""
    points = np.concatenate(flat(polygons))
    (west, south), (east, north) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return west, south, east, north


def area_m2(polygons: Polygons) -> float:
    """Square metres inside, holes left out; true within 0.1 % up to the size of the prefecture."""
    return float(sum(size for size, _ in _moments(polygons)))


def centre(polygons: Polygons) -> tuple[float, float]:
    """lon, lat of the centre of area; the box's middle where there is no area."""
    west, south, east, north = box(polygons)
    here = LocalMetric((west + east) / 2)
    parts = _moments(polygons)
    total = sum(size for size, _ in parts)
    if total < 1e-6:
        return (west + east) / 2, (south + north) / 2
    middle = sum((size * point for size, point in parts), start=np.zeros(2)) / total
    lon, lat = here.degrees(middle[None, :])[0].tolist()
    return lon, lat


def _circle(shape: Circle) -> Floats:
    """A polygon of the circle's area, so that its corners lie a little outside and its edges a little inside."""
    turn = np.arange(CORNERS) * (2 * math.pi / CORNERS)
    radius = shape.radius_m * math.sqrt(2 * math.pi / (CORNERS * math.sin(2 * math.pi / CORNERS)))
    here = LocalMetric(shape.lon)
    middle = here.metres(np.array([[shape.lon, shape.lat]]))
    return _closed(here.degrees(middle + radius * np.column_stack([np.cos(turn), np.sin(turn)])))


def _corridor(shape: Corridor) -> Polygons:
    import shapely  # here, so that workers without corridors do not pay for it

    half = shape.width_m / 2
    line = np.array(shape.line, dtype=np.float64)
    here = LocalMetric(float(line[:, 0].min() + line[:, 0].max()) / 2)
    slope = math.tan(math.radians(float(np.abs(line[:, 1]).max())))
    step = math.sqrt(8 * _EARTH_M * _BEND * half / max(slope, 0.1))  # an arc this long bends by _BEND * half
    fine = shapely.segmentize(shapely.LineString(line), step / 111_700.0)  # at most so many metres a degree
    path = shapely.LineString(here.metres(shapely.get_coordinates(fine)))
    outline = shapely.segmentize(path.buffer(half, quad_segs=CORNERS // 4), step)
    parts = getattr(outline, "geoms", [outline])
    return [[_degrees(here, ring) for ring in (part.exterior, *part.interiors)] for part in parts]


def _degrees(here: LocalMetric, ring: Any) -> Floats:
    return here.degrees(np.array(ring.coords)[:, :2])


def _closed(ring: Floats) -> Floats:
    return np.concatenate([ring, ring[:1]])


def _moments(polygons: Polygons) -> list[tuple[float, Floats]]:
    """(signed square metres, centre in metres) of each ring: above 0 for outer rings, below for holes."""
    west, _, east, _ = box(polygons)
    here = LocalMetric((west + east) / 2)
    out = []
    for polygon in polygons:
        for n, ring in enumerate(polygon):
            size, middle = _ring_moment(here.metres(_fine(ring)))
            out.append((-size if n else size, middle))
    return out


def _fine(ring: Floats, most: float = 0.02) -> Floats:
    """The closed ring with points at least each `most` degrees along its straight edges."""
    ends = np.roll(ring, -1, axis=0)
    count = np.maximum(np.ceil(np.abs(ends - ring).max(axis=1) / most), 1).astype(int)
    which = np.repeat(np.arange(len(ring)), count)
    part = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)) / count[which]
    fine: Floats = ring[which] + part[:, None] * (ends - ring)[which]
    return fine


def _ring_moment(xy: Floats) -> tuple[float, Floats]:
    """(area, centroid) of one ring in metres, by the shoelace formula about its first point."""
    start = xy - xy[0]
    end = np.roll(start, -1, axis=0)
    cross = start[:, 0] * end[:, 1] - end[:, 0] * start[:, 1]
    doubled = float(cross.sum())
    if doubled == 0.0:
        return 0.0, xy[0]
    middle: Floats = ((start + end) * cross[:, None]).sum(axis=0) / (3 * doubled) + xy[0]
    return abs(doubled) / 2, middle
