"""Which fences hold each point: cityops beside shapely and geopandas on the same points, in one process.

16 counties with edges cut to about 250 m (some 1,300 vertices each, as a full-resolution boundary has) and 2,000
fences: areas, circles and corridors, overlapping. Every contender's answers are compared before a speed is told. Rounds
go by turns; of each batch its best round counts, since what disturbs a round only makes it slower.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from geo.boundaries import Boundaries
from geo.fence_book import FenceBook
from geo.fence_index import FenceIndex
from geo.fence_shapes import flat, rings
from geo.fences import Area, Circle, Corridor, Fence, Shape
from geo.metric import Floats
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError

FENCES = 2_000
SWAPPED = 100
Pairs = tuple[Any, Any]  # point numbers, polygon numbers


class Field(NamedTuple):
    """Fences (the counties first), their polygons for both worlds, and points over the counties' box."""

    fences: list[Fence]
    rings: list[list[Floats]]
    shapes: list[Any]
    lon: Floats
    lat: Floats


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `geo.*` figures. Raises CityopsError where answers differ."""
    points, rounds = (20_000, 3) if quick else (200_000, 8)
    say("geo: 16 counties and 2,000 fences…")
    field = make(points)
    FenceIndex(field.rings[:4])  # compiles, or reads what was compiled
    begin = time.perf_counter()
    index = FenceIndex(field.rings)
    build_s = time.perf_counter() - begin
    say("geo: the same points through shapely and geopandas…")
    agree(field, index, points if quick else 50_000)
    size = {"vertices": sum(len(ring) for polygon in field.rings for ring in polygon), "points": points}
    yield from _speeds(field, index, rounds, size)
    yield Figure("geo.build_s", build_s, "s", "<= 5", len(field.fences), size)
    say(f"geo: {SWAPPED} fences change while points are looked up…")
    yield _swap(field, 2 if quick else 6)


def make(points: int, seed: int = 26) -> Field:
    """The field, the same for the same seed."""
    rng = np.random.default_rng(seed)
    counties = Boundaries.load().counties()
    shapes: list[Shape] = [
        Area(
            tuple(tuple(_dense(np.array(ring, dtype=np.float64)) for ring in polygon) for polygon in county.coordinates)
        )
        for county in counties
    ]
    boxes = np.array([Boundaries.load().box(county.code) for county in counties])
    (west, south), (east, north) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    lon, lat = rng.uniform(west, east, FENCES), rng.uniform(south, north, FENCES)
    shapes += [_fence_shape(rng, n, float(x), float(y)) for n, (x, y) in enumerate(zip(lon, lat, strict=True))]
    fences = [Fence(id=f"{n:05d}", name_zh="围栏", kind="custom", shape=shape) for n, shape in enumerate(shapes)]
    polygons = [rings(shape, _no_units) for shape in shapes]
    return Field(
        fences, [flat(p) for p in polygons], [_shapely(p) for p in polygons],
        rng.uniform(west, east, points), rng.uniform(south, north, points),
    )  # fmt: skip


def agree(field: Field, index: FenceIndex, n: int) -> None:
    """All contenders on the first n points. Raises CityopsError where one finds other pairs than the index."""
    lon, lat = field.lon[:n], field.lat[:n]
    starts, numbers = index.holding(lon, lat)
    ours = (np.repeat(np.arange(n), np.diff(starts)), numbers)
    for name, peer in peers(field).items():
        theirs = peer(lon, lat)
        if not _same(ours, theirs, len(field.fences)) or not len(numbers):
            raise CityopsError(
                f"{name} finds {len(theirs[0])} pairs of points and fences, the index {len(numbers)}: "
                "speeds of different answers are not compared"
            )


def peers(field: Field) -> dict[str, Callable[[Floats, Floats], Pairs]]:
    """Each gives (point numbers, polygon numbers) of all pairs, prepared as its documentation advises."""
    import geopandas
    import shapely

    shapes = np.array(field.shapes)
    shapely.prepare(shapes)
    tree = shapely.STRtree(shapes)
    frame = geopandas.GeoDataFrame(geometry=shapes)

    def prepared(lon: Floats, lat: Floats) -> Pairs:
        """Boxes by the tree, then contains_xy of prepared polygons, one polygon's points after the other's.

        The fastest way found: a loop over the polygons with numpy's box test has less than half its speed.
        """
        points, owners = tree.query(shapely.points(lon, lat))
        order = np.argsort(owners, kind="stable")
        points, owners = points[order], owners[order]
        held = shapely.contains_xy(shapes[owners], lon[points], lat[points])
        return points[held], owners[held]

    def strtree(lon: Floats, lat: Floats) -> Pairs:
        found = tree.query(shapely.points(lon, lat), predicate="within")
        return found[0], found[1]

    def sjoin(lon: Floats, lat: Floats) -> Pairs:
        joined = geopandas.GeoDataFrame(geometry=shapely.points(lon, lat)).sjoin(frame, predicate="within")
        return joined.index.to_numpy(), joined["index_right"].to_numpy()

    return {"prepared": prepared, "strtree": strtree, "sjoin": sjoin}


def _speeds(field: Field, index: FenceIndex, rounds: int, size: dict[str, int]) -> Iterator[Figure]:
    def ours(lon: Floats, lat: Floats) -> Any:
        return index.holding(lon, lat)

    big = best_of(field, {"ours": ours, **peers(field)}, 10_000, rounds)
    small = best_of(field, {"ours": ours}, 1_000, rounds)
    n = len(field.lon)
    yield Figure("geo.points_per_s_10k", big["ours"], "points/s", ">= 8000000", n, size)
    yield Figure("geo.points_per_s_1k", small["ours"], "points/s", ">= 5000000", n, size)
    goals = {"prepared": ">= 4"}
    for name in ("prepared", "strtree", "sjoin"):
        detail = {"ours_per_s": round(big["ours"]), "peer_per_s": round(big[name])}
        yield Figure(f"geo.vs_{name}", big["ours"] / big[name], "x", goals.get(name, ""), rounds, detail)


def best_of(
    field: Field, contenders: dict[str, Callable[[Floats, Floats], Any]], batch: int, rounds: int
) -> dict[str, float]:
    """Points a second of each: the best round of every batch. A round goes through all points; ours is in each turn."""
    starts = range(0, len(field.lon), batch)
    best = {name: np.full(len(starts), np.inf) for name in contenders}
    turns = [turn for name in contenders for turn in ("ours", name)]
    for name in turns * rounds:
        for k, start in enumerate(starts):
            lon, lat = field.lon[start : start + batch], field.lat[start : start + batch]
            begin = time.perf_counter()
            contenders[name](lon, lat)
            best[name][k] = min(best[name][k], time.perf_counter() - begin)
    return {name: len(field.lon) / float(seconds.sum()) for name, seconds in best.items()}


def _swap(field: Field, rounds: int) -> Figure:
    """The longest look-up of 1,000 points while fences change and the index is made anew, in the quietest round."""
    book = FenceBook(unit_rings=_no_units)
    book.put_all(field.fences)
    book.rebuild()
    lon, lat = field.lon[:1_000], field.lat[:1_000]
    calm, worst = [], []
    for version in range(2, 2 + rounds):
        calm.append(max(_timed(book, lon, lat) for _ in range(200)))
        moved = [_moved(fence, version) for fence in field.fences[-SWAPPED:]]
        longest: list[float] = []
        stop = threading.Event()

        def look(longest: list[float] = longest, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                longest.append(_timed(book, lon, lat))

        reader = threading.Thread(target=look)
        reader.start()
        book.put_all(moved)
        book.rebuild()
        stop.set()
        reader.join()
        worst.append(max(longest))
        if book.pending:
            raise CityopsError(f"{book.pending} fences are still beside the index after the rebuild")
    detail = {"calm_ms": round(min(calm) * 1000, 3), "fences": SWAPPED, "rounds": rounds}
    return Figure("geo.swap_ms", min(worst) * 1000, "ms", "", SWAPPED, detail)


def _timed(book: FenceBook, lon: Floats, lat: Floats) -> float:
    begin = time.perf_counter()
    book.holding(lon, lat)
    return time.perf_counter() - begin


def _moved(fence: Fence, version: int) -> Fence:
    import msgspec

    return msgspec.structs.replace(fence, version=version, shape=Circle(108.0 + version / 50, 26.5, 700.0))


def _fence_shape(rng: np.random.Generator, n: int, lon: float, lat: float) -> Shape:
    """Half of them areas of 5 to 40 corners and 200 m to 2 km, a quarter circles, a quarter corridors of up to 5 km."""
    if n % 4 == 2:
        return Circle(lon, lat, float(rng.uniform(100.0, 1_500.0)))
    if n % 4 == 3:
        end = lon + float(rng.uniform(-0.05, 0.05)), lat + float(rng.uniform(-0.05, 0.05))
        return Corridor(((lon, lat), end), float(rng.uniform(20.0, 200.0)))
    corners = int(rng.integers(5, 40))
    turn = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = rng.uniform(0.002, 0.02) * rng.uniform(0.6, 1.0, corners)
    ring = np.column_stack([lon + reach * np.cos(turn), lat + reach * np.sin(turn)])
    return Area(((tuple((float(x), float(y)) for x, y in ring),),))


def _dense(ring: Floats, step: float = 0.0022) -> tuple[tuple[float, float], ...]:
    import shapely

    return tuple((x, y) for x, y in shapely.segmentize(shapely.LinearRing(ring), step).coords)


def _shapely(polygons: list[list[Floats]]) -> Any:
    import shapely

    return shapely.make_valid(shapely.MultiPolygon([shapely.Polygon(p[0], p[1:]) for p in polygons]))


def _same(ours: Pairs, theirs: Pairs, width: int) -> bool:
    a, b = (np.sort(np.asarray(p[0], dtype=np.int64) * width + p[1]) for p in (ours, theirs))
    return bool(np.array_equal(a, b))


def _no_units(code: str) -> list[list[Floats]]:
    raise KeyError(code)
