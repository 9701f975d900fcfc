"""The book of fences under any order of puts and removals is what brute force says, bit for bit."""

from __future__ import annotations

import threading

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from geo import raycast
from geo.fence_book import OVERLAY, FenceBook
from geo.fence_shapes import Polygons, flat, rings
from geo.fences import Area, Circle, Corridor, Fence, FenceError, Shape, UnitArea
from geo.raycast import Floats

UNITS: dict[str, Polygons] = {
    "U1": [[np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]]), np.array([[1.0, 1], [1, 1.5], [1.5, 1.5]])]]
}
step = st.integers(0, 8).map(lambda n: n / 4)
point = st.tuples(step, step)
ring = st.lists(point, min_size=3, max_size=7, unique=True).map(tuple)
shapes = st.one_of(
    st.lists(st.lists(ring, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(lambda p: Area(tuple(p))),
    st.builds(Circle, step, step, st.sampled_from([2_000.0, 27_000.0])),
    st.builds(lambda line: Corridor(tuple(line), 9_000.0), st.lists(point, min_size=2, max_size=3, unique=True)),
    st.just(UnitArea("U1")),
)
names = st.sampled_from([f"F-{n}" for n in range(6)])
puts = st.tuples(names, shapes, st.booleans())  # id, shape, is it removed
builds = st.sampled_from(["rebuild", "compile", "adopt"])  # adopt: what was compiled some steps ago
probes = st.lists(st.tuples(step | st.floats(-1, 3), step | st.floats(-1, 3)), min_size=1, max_size=20)


def made(name: str, shape: Shape, version: int, removed: bool = False) -> Fence:
    return Fence(id=name, name_zh=name, kind="custom", shape=shape, version=version, removed=removed)


def truth(fences: dict[str, Fence], lon: Floats, lat: Floats) -> list[list[str]]:
    segments = {name: raycast.edges(flat(rings(fences[name].shape, UNITS.__getitem__))) for name in sorted(fences)}
    return [
        [name for name, seg in segments.items() if raycast.inside(seg, x, y)]
        for x, y in zip(lon.tolist(), lat.tolist(), strict=True)
    ]


def answer(book: FenceBook, lon: Floats, lat: Floats) -> list[list[str]]:
    starts, numbers, fences = book.holding(lon, lat)
    assert (starts.dtype, numbers.dtype) == (np.int32, np.int32)
    assert len(starts) == len(lon) + 1
    return [[fences[n].id for n in numbers[starts[i] : starts[i + 1]]] for i in range(len(lon))]


@settings(max_examples=60, deadline=None)
@given(st.lists(puts | builds, min_size=1, max_size=14), probes)
def test_any_puts_removals_and_rebuilds_are_what_brute_force_says(
    steps: list[tuple[str, Shape, bool] | str], points: list[tuple[float, float]]
) -> None:
    book = FenceBook(unit_rings=UNITS.__getitem__)
    want: dict[str, Fence] = {}
    lon, lat = np.array(points).T
    compiled = book.compile()
    for version, what in enumerate(steps, 1):
        if what == "rebuild":
            book.rebuild()
            assert book.pending == 0
        elif what == "compile":
            compiled = book.compile()
        elif isinstance(what, str):
            book.adopt(compiled)
        else:
            name, shape, removed = what
            fence = made(name, shape, version, removed)
            assert book.put(fence) == (not removed or name in want)
            want.pop(name, None)
            if not removed:
                want[name] = fence
        assert answer(book, lon, lat) == truth(want, lon, lat)
    assert [fence.id for fence in book] == sorted(want)
    assert len(book) == len(want)
    held = truth(want, lon, lat)
    for name, fence in want.items():
        assert book.get(name) == fence
        assert book.inside(name, lon, lat).tolist() == [name in names for names in held]
    assert [[f.id for f in book.at(*p)] for p in points] == held


def test_many_fences_over_each_other_are_all_told() -> None:
    """More hits than the first guess of how many has room for, with and without an index."""
    book = FenceBook(unit_rings=UNITS.__getitem__)
    names = [f"F-{n:02d}" for n in range(40)]
    assert book.put_all(made(name, Circle(1.0, 1.0, 1_000.0 + n), 1) for n, name in enumerate(names)) == 40
    here = np.array([1.0, 1.0])
    assert answer(book, here, here) == [names, names]
    book.rebuild()
    assert answer(book, here, here) == [names, names]
    book.put(made("F-39", Circle(1.0, 1.0, 9.0), 2, removed=True))
    book.put(made("F-00", Circle(1.5, 1.0, 9.0), 2))  # it went elsewhere: the index still knows its old place
    assert answer(book, here, here) == [names[1:-1]] * 2


def test_a_reader_sees_all_of_a_change_or_nothing_while_the_index_is_rebuilt() -> None:
    """A reader in a thread of its own meets versions 1, 2, 3 … of three fences: never two versions at once."""
    book = FenceBook(unit_rings=UNITS.__getitem__)
    around = [made(f"A-{n:03d}", Circle(1.5, 0.5 + n / 1000, 3_000.0), 1) for n in range(OVERLAY + 6)]
    book.put_all([*around, *(made(name, Circle(1.0, 1.0, 5_000.0), 1) for name in "XYZ")])
    mixed: list[list[tuple[str, int]]] = []
    seen: set[int] = set()
    stop = threading.Event()
    here = np.full(50, 1.0)

    def read() -> None:
        while not stop.is_set():
            starts, numbers, fences = book.holding(here, here)
            held = [(fences[n].id, fences[n].version) for n in numbers[starts[7] : starts[8]]]
            seen.update(version for _, version in held)
            if [name for name, _ in held] != ["X", "Y", "Z"] or len({version for _, version in held}) != 1:
                mixed.append(held)

    reader = threading.Thread(target=read)
    reader.start()
    for version in range(2, 150):
        radius = 5_000.0 + version
        assert book.put_all([made(name, Circle(1.0, 1.0, radius), version) for name in "XYZ"]) == 3
        book.put(made(f"A-{version % 70:03d}", Circle(1.5, 0.5, 3_000.0), version))
        book.rebuild_soon()
    while len(seen) < 3:
        assert reader.is_alive()
    stop.set()
    reader.join()
    assert mixed == []
    book.rebuild()
    assert book.pending == 0


def test_holding_asks_for_an_index_once_much_has_changed() -> None:
    book = FenceBook(unit_rings=UNITS.__getitem__)
    book.put_all(made(f"F-{n:03d}", Circle(1.0, 1.0, 900.0), 1) for n in range(OVERLAY))
    assert len(book.at(1.0, 1.0)) == book.pending == OVERLAY
    assert book._builder is None
    book.put(made("F", Circle(1.0, 1.0, 900.0), 1))
    assert len(book.at(1.0, 1.0)) == OVERLAY + 1
    assert book._builder is not None
    book._builder.join()
    assert book.pending == 0
    assert len(book.at(1.0, 1.0)) == OVERLAY + 1


def test_only_newer_versions_count_and_removed_ones_stay_away() -> None:
    book = FenceBook(unit_rings=UNITS.__getitem__)
    small, big = Circle(1.0, 1.0, 1_000.0), Circle(1.0, 1.0, 50_000.0)
    assert book.put(made("F", small, 3))
    assert not book.put(made("F", big, 3))
    assert not book.put(made("F", big, 2))
    assert book.get("F") == made("F", small, 3)
    assert book.put(made("F", big, 4, removed=True))
    assert not book.put(made("F", big, 3))
    assert not book.put(made("F", big, 5, removed=True))
    assert (book.get("F"), len(book), book.at(1.0, 1.0)) == (None, 0, [])
    assert book.put(made("F", big, 6))
    assert [f.version for f in book.at(1.0, 1.1)] == [6]


def test_a_fence_that_cannot_be_used_changes_nothing() -> None:
    book = FenceBook(unit_rings=UNITS.__getitem__)
    first = made("F", UnitArea("U1"), 1)
    assert book.put(first)
    with pytest.raises(FenceError, match="unit U9 has no polygon"):
        book.put(made("F", UnitArea("U9"), 2))
    assert book.get("F") == first
    with pytest.raises(FenceError):
        book.put_all([made("G", UnitArea("U1"), 1), made("F", UnitArea("U9"), 2)])
    assert len(book) == 1
    assert book.put(msgspec.structs.replace(first, version=2))


def test_bad_points_have_an_answer() -> None:
    book = FenceBook(unit_rings=UNITS.__getitem__)
    assert answer(book, np.array([1.0]), np.array([1.0])) == [[]]
    book.put(made("F", Circle(1.0, 1.0, 9_000.0), 1))
    bad = np.array([np.nan, np.inf, 1.0, 1.0])
    assert answer(book, bad, np.array([1.0, 1.0, np.nan, 1.0])) == [[], [], [], ["F"]]
    assert answer(book, np.empty(0), np.empty(0)) == []
    assert book.inside("none", bad, bad).tolist() == [False] * 4
    with pytest.raises(ValueError, match="2 longitudes and 1 latitudes"):
        book.holding(np.zeros(2), np.zeros(1))
