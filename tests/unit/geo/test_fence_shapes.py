"""Shapes against pyproj's geodesics: radii and widths within 0.1 %, areas, boxes, centres."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyproj
import pytest
import shapely

from geo.boundaries import Boundaries
from geo.fence_shapes import Polygons, area_m2, box, centre, flat, rings
from geo.fences import Area, Circle, Corridor, FenceError, UnitArea
from geo.local_metric import LocalMetric
from geo.metric import Floats

GEOD = pyproj.Geod(ellps="WGS84")


def no_units(code: str) -> Polygons:
    raise KeyError(code)


def along(ring: Floats, n: int = 9) -> Floats:
    """Points along the ring's straight edges, corners included."""
    ends = np.roll(ring, -1, axis=0)
    return np.concatenate([ring + t * (ends - ring) for t in np.linspace(0, 1, n, endpoint=False)])


@pytest.mark.parametrize("lat", [18.3, 26.58, 53.0])
def test_local_metric_is_transverse_mercator(lat: float) -> None:
    rng = np.random.default_rng(3)
    points = np.column_stack([108.0 + rng.uniform(-2, 2, 200), lat + rng.uniform(-1, 1, 200)])
    here = LocalMetric(108.0)
    proj = pyproj.Proj(proj="tmerc", lon_0=108.0, k=1, ellps="WGS84")
    want = np.column_stack(proj(points[:, 0], points[:, 1]))
    got = here.metres(points)
    assert np.abs(got - want).max() < 0.001
    assert np.abs(here.degrees(got) - points).max() < 1e-8


@pytest.mark.parametrize("radius_m", [3.0, 500.0, 20_000.0, 200_000.0])
@pytest.mark.parametrize("lat", [18.3, 26.58, 53.0])
def test_a_circle_has_its_radius_everywhere(radius_m: float, lat: float) -> None:
    polygons = rings(Circle(107.98, lat, radius_m), no_units)
    points = along(polygons[0][0])
    away = GEOD.inv(np.full(len(points), 107.98), np.full(len(points), lat), *points.T)[2]
    assert np.abs(away / radius_m - 1).max() < 0.001
    assert area_m2(polygons) == pytest.approx(np.pi * radius_m**2, rel=0.001)
    assert centre(polygons) == pytest.approx((107.98, lat), abs=0.001 * radius_m / 100_000)


def off_the_line(points: Floats, line: Floats) -> Floats:
    """Geodesic metres from each point to a line that is straight in lon/lat, by 20,000 points along it."""
    dense = np.concatenate([a + t * (b - a) for a, b in pairwise(line)
                            for t in [np.linspace(0, 1, 20_000)[:, None]]])  # fmt: skip
    tree = shapely.STRtree(shapely.points(dense * np.cos(np.radians(line[:, 1].mean())) ** np.array([1, 0])))
    scaled = points * np.cos(np.radians(line[:, 1].mean())) ** np.array([1, 0])
    near = tree.query_nearest(shapely.points(scaled), all_matches=False)[1]
    away: Floats = GEOD.inv(*points.T, *dense[near].T)[2]
    return away


@pytest.mark.parametrize(
    ("line", "width_m"),
    [
        ([(107.9, 26.5), (107.95, 26.52)], 4_000.0),
        ([(107.98, 26.5), (107.98, 26.56)], 60.0),
        ([(107.5, 26.5), (108.5, 26.5)], 2_000.0),  # a long level line: its geodesic would lie 290 m off
        ([(107.9, 26.5), (107.95, 26.52), (107.96, 26.48)], 1_000.0),
    ],
)
def test_a_corridor_has_half_its_width_everywhere(line: list[tuple[float, float]], width_m: float) -> None:
    polygons = rings(Corridor(tuple(line), width_m), no_units)
    assert len(polygons) == 1
    away = off_the_line(along(polygons[0][0], 5), np.array(line)) / (width_m / 2)
    if len(line) == 2:
        assert np.abs(away - 1).max() < 0.0012  # 0.0002 is the dense line's own grain
    assert away.min() > 0.9988
    assert away.max() < 1.0012  # round joins: nowhere farther
    straight = sum(GEOD.inv(*a, *b)[2] for a, b in pairwise(line))
    assert area_m2(polygons) == pytest.approx(
        straight * width_m + np.pi * width_m**2 / 4, rel=0.001 if len(line) == 2 else 0.05
    )


def test_a_corridor_around_a_loop_has_a_hole() -> None:
    loop = Corridor(((107.9, 26.5), (107.95, 26.5), (107.95, 26.55), (107.9, 26.55), (107.9, 26.5)), 200.0)
    polygons = rings(loop, no_units)
    assert [len(polygon) for polygon in polygons] == [2]
    assert len(flat(polygons)) == 2
    assert area_m2(polygons) < 0.2 * area_m2([polygons[0][:1]])


def test_areas_of_counties_are_the_geodesic_ones() -> None:
    for county in Boundaries.load().counties():
        polygons = [[np.array(ring) for ring in polygon] for polygon in county.coordinates]
        want = 0.0
        for polygon in polygons:
            for n, ring in enumerate(polygon):
                dense = shapely.segmentize(shapely.Polygon(ring), 0.005).exterior  # straight in lon/lat, not geodesic
                want += abs(GEOD.geometry_area_perimeter(shapely.Polygon(dense))[0]) * (-1 if n else 1)
        assert area_m2(polygons) == pytest.approx(want, rel=0.0005)
        middle = shapely.MultiPolygon([shapely.Polygon(p[0], p[1:]) for p in polygons]).centroid
        assert centre(polygons) == pytest.approx((middle.x, middle.y), abs=0.002)


def test_units_come_from_the_callable() -> None:
    square = [[np.array([[107.0, 26], [108, 26], [108, 27], [107, 27]])]]
    assert rings(UnitArea("522601"), lambda code: square if code == "522601" else []) is square
    assert box(square) == (107.0, 26.0, 108.0, 27.0)
    with pytest.raises(FenceError, match="unit 522601 has no polygon"):
        rings(UnitArea("522601"), no_units)
    with pytest.raises(FenceError, match="the shape is empty"):
        rings(UnitArea("522601"), lambda code: [])
    with pytest.raises(FenceError, match="the shape is empty"):
        rings(Area(()), no_units)


def test_an_area_without_a_size_has_a_centre() -> None:
    line = [[np.array([[107.0, 26], [108, 26], [107, 26]])]]
    assert area_m2(line) == pytest.approx(0.0, abs=1e-6)
    assert centre(line) == (107.5, 26.0)
