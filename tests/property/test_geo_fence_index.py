"""The grid index against two truths: the plain ray cast (equal bit for bit) and shapely (away from borders)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings, strategies as st

from geo import fence_grid, raycast
from geo.boundaries import Boundaries
from geo.fence_index import FenceIndex
from geo.raycast import Floats

# few distinct coordinates, so that edges, level lines, vertices and points often coincide
step = st.integers(0, 8).map(lambda n: n / 4)
grid_point = st.tuples(step, step)
rings = st.lists(grid_point, min_size=3, max_size=8, unique=True).map(lambda points: np.array(points, dtype=np.float64))
polygons = st.lists(st.lists(rings, min_size=1, max_size=2), min_size=1, max_size=4)
probes = st.lists(st.tuples(step | st.floats(-1, 3), step | st.floats(-1, 3)), min_size=1, max_size=40)


def truth(shapes: list[list[Floats]], lon: Floats, lat: Floats) -> list[int]:
    segments = [raycast.edges(rings) for rings in shapes]
    return [
        next((n for n, seg in enumerate(segments) if raycast.inside(seg, x, y)), -1)
        for x, y in zip(lon.tolist(), lat.tolist(), strict=True)
    ]


@settings(max_examples=120, deadline=None)
@given(polygons, probes, st.sampled_from([1, 3, 8, 64]))
def test_index_equals_the_plain_ray_cast(
    shapes: list[list[Floats]], points: list[tuple[float, float]], cells: int
) -> None:
    lon, lat = np.array(points).T
    index = FenceIndex(shapes, cells)
    assert index.contains(lon, lat).tolist() == truth(shapes, lon, lat)
    assert held(index, lon, lat) == all_truth(shapes, lon, lat)


def held(index: FenceIndex, lon: Floats, lat: Floats) -> list[list[int]]:
    starts, numbers = index.holding(lon, lat)
    assert (starts.dtype, numbers.dtype) == (np.int32, np.int32)
    assert len(starts) == len(lon) + 1
    return [numbers[a:b].tolist() for a, b in pairwise(starts)]


def all_truth(shapes: list[list[Floats]], lon: Floats, lat: Floats) -> list[list[int]]:
    inside = [raycast.inside_many(raycast.edges(rings), lon, lat) for rings in shapes]
    return [[n for n, each in enumerate(inside) if each[i]] for i in range(len(lon))]


@settings(max_examples=200, deadline=None)
@given(rings, probes)
def test_ray_cast_equals_shapely_away_from_the_border(ring: Floats, points: list[tuple[float, float]]) -> None:
    polygon = shapely.Polygon(ring)
    if not polygon.is_valid:
        return
    lon, lat = np.array(points).T
    clear = shapely.distance(shapely.points(lon, lat), polygon.exterior) > 1e-9
    got = raycast.inside_many(raycast.edges([ring]), lon, lat)
    assert (got == shapely.contains_xy(polygon, lon, lat))[clear].all()
    assert got.tolist() == [raycast.inside(raycast.edges([ring]), x, y) for x, y in points]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=6, unique=True), probes)
def test_a_point_of_a_divided_square_has_exactly_one_owner(
    cuts: list[tuple[int, int]], points: list[tuple[float, float]]
) -> None:
    """Triangles of a Delaunay division share every edge: no gap, no double, also on edges and vertices."""
    corners = [(0, 0), (8, 0), (0, 8), (8, 8)]
    division = shapely.delaunay_triangles(shapely.MultiPoint([*corners, *cuts]))
    shapes = [[np.array(t.exterior.coords) / 4] for t in division.geoms]
    lon, lat = np.array([*points, *(np.array(cuts) / 4)]).T
    owners = sum(raycast.inside_many(raycast.edges(rings), lon, lat).astype(int) for rings in shapes)
    inside = (lon >= 0) & (lon < 2) & (lat >= 0) & (lat < 2)
    assert (owners == inside).all()


@pytest.fixture(scope="module")
def counties() -> list[list[Floats]]:
    return [county.rings for county in Boundaries.load().counties()]


def test_counties_agree_with_shapely(counties: list[list[Floats]]) -> None:
    shapes = [
        shapely.geometry.shape({"type": "MultiPolygon", "coordinates": c.coordinates})
        for c in Boundaries.load().counties()
    ]
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(107.2, 109.7, 40_000), rng.uniform(25.2, 27.6, 40_000)
    got = FenceIndex(counties).contains(lon, lat)
    want = np.full(len(lon), -1)
    for n, shape in enumerate(shapes):
        want[shapely.contains_xy(shape, lon, lat)] = n
    assert (got == want).all()
    assert len(np.unique(got)) == 17


def test_every_vertex_and_edge_middle_inside_the_prefecture_has_one_owner(counties: list[list[Floats]]) -> None:
    segments = np.concatenate([raycast.all_edges(rings) for rings in counties])
    points = np.concatenate([segments[:, :2], (segments[:, :2] + segments[:, 2:]) / 2])
    owners = sum(raycast.inside_many(raycast.edges(rings), *points.T).astype(int) for rings in counties)
    union = shapely.union_all(
        [
            shapely.make_valid(shapely.geometry.shape({"type": "MultiPolygon", "coordinates": c.coordinates}))
            for c in Boundaries.load().counties()
        ]
    )
    inner = shapely.contains_xy(union, *points.T) & (shapely.distance(shapely.points(points), union.boundary) > 1e-6)
    assert inner.sum() > 1_000
    assert (owners[inner] == 1).all()
    assert (owners <= 1).all()
    index = FenceIndex(counties)
    assert index.contains(*points.T).tolist() == truth(counties, *points.T)


def test_bad_input_has_an_answer() -> None:
    square = [np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])]
    index = FenceIndex([square])
    bad = np.array([np.nan, np.inf, -np.inf, 0.5])
    assert index.contains(bad, np.array([0.5, 0.5, 0.5, np.nan])).tolist() == [-1] * 4
    assert index.contains(np.empty(0), np.empty(0)).tolist() == []
    with pytest.raises(ValueError, match="2 longitudes and 1 latitudes"):
        index.contains(np.zeros(2), np.zeros(1))
    with pytest.raises(ValueError, match="at least one polygon"):
        FenceIndex([])
    with pytest.raises(ValueError, match="not a finite number"):
        FenceIndex([[np.array([[0.0, 0], [1, np.nan], [1, 1]])]])


@pytest.mark.parametrize("cells", [1, 2, 3, 5, 7, 64])
def test_level_borders_inside_a_cell_are_exact(cells: int) -> None:
    """Two bands of one square: their common border is level and long, and no other edge touches its middle cells."""
    bands = [[np.array([[0.0, y], [2, y], [2, y + 1], [0, y + 1]])] for y in (0.0, 1.0)]
    lon, lat = (grid.ravel() for grid in np.meshgrid(np.linspace(-0.1, 2.1, 45), np.linspace(-0.1, 2.1, 45)))
    assert FenceIndex(bands, cells).contains(lon, lat).tolist() == truth(bands, lon, lat)


def slivers(rng: np.random.Generator, n: int) -> list[shapely.Polygon]:
    """Needles a few millionths of a degree wide, stars with a hole, and two islands each."""
    out = []
    for k in range(n):
        lon, lat = rng.uniform(107.5, 109.0), rng.uniform(25.5, 27.0)
        if k % 3 == 0:
            away, thin = rng.uniform(-0.3, 0.3, 2), rng.uniform(-3e-6, 3e-6, 2)
            ring = [(lon, lat), (lon + away[0], lat + away[1]), (lon + away[0] + thin[0], lat + away[1] + thin[1])]
            out.append(shapely.Polygon(ring))
            continue
        turn, r = np.linspace(0, 2 * np.pi, 60, endpoint=False), rng.uniform(0.01, 0.1, 60)
        star = np.column_stack([lon + r * np.cos(turn), lat + r * np.sin(turn)])
        if k % 3 == 1:
            hole = np.column_stack([lon + 0.4 * r * np.cos(turn), lat + 0.4 * r * np.sin(turn)])
            out.append(shapely.Polygon(star, [hole]))
        else:
            out.append(shapely.MultiPolygon([shapely.Polygon(star), shapely.Polygon(star + np.array([0.25, 0.0]))]))
    return [shape for shape in out if shape.is_valid and shape.area > 0]


def rings_of(shape: shapely.Geometry) -> list[Floats]:
    parts = getattr(shape, "geoms", [shape])
    return [np.array(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]


def test_overlapping_holes_islands_and_slivers_agree_with_shapely() -> None:
    rng = np.random.default_rng(2)
    shapes = slivers(rng, 150)
    index = FenceIndex([rings_of(shape) for shape in shapes])
    lon, lat = rng.uniform(107.3, 109.4, 30_000), rng.uniform(25.3, 27.2, 30_000)
    near = np.concatenate([np.concatenate(rings_of(shape)) for shape in shapes])
    near = near + rng.uniform(-2e-6, 2e-6, near.shape)  # beside the borders, in and out
    lon, lat = np.concatenate([lon, near[:, 0]]), np.concatenate([lat, near[:, 1]])
    want = np.array([shapely.contains_xy(shape, lon, lat) for shape in shapes])
    starts, numbers = index.holding(lon, lat)
    got = np.zeros_like(want)
    got[numbers, np.repeat(np.arange(len(lon)), np.diff(starts))] = True
    other = np.argwhere(got != want)
    assert len(other) < 20  # all of them on a border, up to rounding
    assert all(shapely.distance(shapely.Point(lon[i], lat[i]), shapes[n].boundary) < 1e-12 for n, i in other)
    assert want.sum() > 10_000
    assert (want.sum(axis=0) > 1).any()


def test_points_on_edges_and_vertices_have_the_owner_of_the_rule() -> None:
    """Two areas share a zig-zag border: each of its vertices and middles lies in one of them, also under a third."""
    border = np.array([[108.0 + (k % 2) * 0.01, 26.0 + k * 0.01] for k in range(40)])
    west = np.concatenate([border, [[107.5, 26.39], [107.5, 26.0]]])
    east = np.concatenate([border, [[108.5, 26.39], [108.5, 26.0]]])
    over = np.array([[107.9, 26.1], [108.1, 26.1], [108.1, 26.2], [107.9, 26.2]])
    points = np.concatenate([border[:-1], (border[1:] + border[:-1]) / 2])
    index = FenceIndex([[west], [over], [east]])
    for (_, y), numbers in zip(points.tolist(), held(index, *points.T), strict=True):
        assert sum(n in (0, 2) for n in numbers) == 1
        assert (1 in numbers) == (26.1 <= y < 26.2)


def test_a_grid_of_many_wide_polygons_is_made_coarser() -> None:
    square = [np.array([[107.0, 25.0], [109.0, 25], [109, 27], [107, 27]])]
    index = FenceIndex([square] * 400)
    assert len(index._grid.codes) <= fence_grid.MOST_ENTRIES
    assert held(index, np.array([108.0, 110.0]), np.array([26.0, 26.0])) == [list(range(400)), []]
