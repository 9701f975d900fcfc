"""The grid index against two truths: the plain ray cast (equal bit for bit) and shapely (away from borders)."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import raycast
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


@settings(max_examples=300, deadline=None)
@given(polygons, probes, st.sampled_from([1, 3, 8, 64]))
def test_index_equals_the_plain_ray_cast(
    shapes: list[list[Floats]], points: list[tuple[float, float]], cells: int
) -> None:
    lon, lat = np.array(points).T
    assert FenceIndex(shapes, cells).contains(lon, lat).tolist() == truth(shapes, lon, lat)


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
