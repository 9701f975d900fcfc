"""Moving assets: one event for what happened once, whatever the jitter, the order and the cut of the fixes."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from geo import metric
from geo.fence_book import FenceBook
from geo.fences import Area, Circle, Corridor, Fence, Once
from geo.moving import Move, MovingConfig, Tracker

LON, LAT = 107.98, 26.58
Fixes = list[tuple[int, float, float, float]]  # ts_ms, lon, lat, accuracy_m


def at(east_m: float, north_m: float) -> tuple[float, float]:
    return metric.shift(LON, LAT, east_m, north_m)


def square(half_m: float) -> Area:
    corners = [at(x * half_m, y * half_m) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return Area(((tuple(corners),),))


def fence(fence_id: str = "F", **fields: Any) -> Fence:
    plain = Fence(id=fence_id, name_zh="围栏", kind="custom", shape=square(500.0), moving=True)
    return msgspec.structs.replace(plain, **fields)


def book(*fences: Fence) -> FenceBook:
    out = FenceBook(unit_rings=lambda code: [])
    out.put_all(fences)
    return out


def fixes(places: list[tuple[float, float]], step_s: float = 10.0, accuracy_m: float = 10.0) -> Fixes:
    """Metres east and north of the middle, a fix each."""
    return [(round(n * step_s * 1000), *at(*place), accuracy_m) for n, place in enumerate(places)]


def run(fences: FenceBook, track: Fixes, tracker: Tracker | None = None) -> list[Move]:
    tracker = tracker or Tracker()
    return [move for fix in track for move in tracker.fix("T", *fix, fences)]


def told(moves: list[Move]) -> list[tuple[str, str, int]]:
    return [(move.fence, move.what, move.ts_ms // 1000) for move in moves]


def jitter(rng: np.random.Generator, n: int, reach_m: float) -> Any:
    turn, away = rng.uniform(0, 2 * math.pi, n), reach_m * np.sqrt(rng.uniform(0, 1, n))
    return np.column_stack([away * np.cos(turn), away * np.sin(turn)])


@pytest.mark.parametrize("seed", range(12))
def test_a_point_that_jitters_on_the_edge_is_one_event(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for middle in ((500.0, 0.0), (500.0, 500.0), (0.0, -500.0)):  # on an edge, on a corner
        places = np.array(middle) + jitter(rng, 300, 14.0)
        moves = run(book(fence()), fixes([(900.0, 900.0), *places.tolist()], step_s=30.0))
        assert [move.what for move in moves] in ([], ["enter"])
        if middle == (500.0, 0.0):
            assert moves


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("accuracy_m", [5.0, 12.0, 30.0])
def test_a_parked_receiver_with_gaussian_errors_on_the_edge_is_one_event(seed: int, accuracy_m: float) -> None:
    """`accuracy_m` holds 68 % of the fixes: 1.51 standard deviations of each axis."""
    rng = np.random.default_rng(seed)
    places = np.array((500.0, 0.0)) + rng.normal(0.0, accuracy_m / 1.51, (400, 2))
    moves = run(book(fence()), fixes([(900.0, 0.0), *places.tolist()], step_s=30.0, accuracy_m=accuracy_m))
    assert len(moves) <= 1


@pytest.mark.parametrize("seed", range(12))
def test_a_drive_through_is_one_entry_and_one_exit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0, 2 * math.pi)
    along = np.arange(-1_500.0, 1_500.0, rng.uniform(5.0, 120.0))
    way = np.column_stack([along * math.cos(turn), along * math.sin(turn)]) + jitter(rng, len(along), 12.0)
    moves = run(book(fence(), fence("far", shape=Circle(*at(9_000.0, 0.0), 50.0))), fixes(way.tolist()))
    assert [move.what for move in moves] == ["enter", "exit"]
    assert moves[1].since_ms == moves[0].since_ms <= moves[0].ts_ms < moves[1].ts_ms
    assert math.hypot(*metric.to_metres(np.array([[moves[0].lon, moves[0].lat]]), LON, LAT)[0]) < 900.0


@pytest.mark.parametrize("seed", range(8))
def test_a_thin_line_passed_between_fixes_is_one_crossing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    line = fence(shape=Corridor((at(0.0, -2_000.0), at(0.0, 2_000.0)), 6.0))
    east = np.array([-800, -400, -200, -100, -40, 40, 100, 200, 400]) + rng.uniform(-8, 8, 9)
    back = [*east.tolist(), 400.0, *east[::-1].tolist()]
    moves = run(book(line), fixes([(x, 10.0 * n) for n, x in enumerate(back)], step_s=20.0))
    assert [move.what for move in moves] == ["cross", "cross"]
    assert all(move.since_ms < move.ts_ms for move in moves)


def test_a_line_passed_with_unclear_fixes_beside_it_is_a_crossing_and_turning_back_is_none() -> None:
    line = fence(shape=Corridor((at(0.0, -2_000.0), at(0.0, 2_000.0)), 6.0))
    assert told(run(book(line), fixes([(-60, 0), (-8, 5), (8, 10), (60, 15)]))) == [("F", "cross", 30)]
    assert told(run(book(line), fixes([(-60, 0), (-8, 5), (8, 10), (-8, 15), (-60, 20)]))) == []
    around = fence(shape=Circle(*at(0.0, 0.0), 30.0))
    assert told(run(book(around), fixes([(-60, 0), (-32, 20), (0, 35), (32, 20), (60, 0)]))) == []


def test_a_fence_too_narrow_for_a_clear_fix_is_entered_by_three_in_a_row() -> None:
    narrow = book(fence(shape=Corridor((at(-2_000.0, 0.0), at(2_000.0, 0.0)), 12.0)))
    moves = run(narrow, fixes([(0, 90), (0, 0), (20, 2), (40, -2), (60, 1), (80, 80)]))
    assert told(moves) == [("F", "enter", 30), ("F", "exit", 50)]
    assert [move.since_ms for move in moves] == [10_000, 10_000]


def test_a_side_is_settled_by_many_unclear_fixes_and_then_needs_as_many_to_change_again() -> None:
    beside, inside = [(510.0, 0.0)] * 19, [(495.0, 0.0)]
    track = fixes([(0.0, 0.0), *beside, *inside, *beside, (510.0, 0.0), *inside * 19, (480.0, 0.0)])
    moves = run(book(fence()), track)
    assert told(moves) == [("F", "enter", 0), ("F", "exit", 400), ("F", "enter", 600)]
    assert moves[2].since_ms == 410_000
    assert told(run(book(fence()), fixes([(0.0, 0.0), *[(505.0, 0.0)] * 50]))) == [("F", "enter", 0)]  # on the edge


@pytest.mark.parametrize("seed", range(8))
def test_late_and_double_fixes_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    way = np.cumsum(rng.normal(0, 120.0, (80, 2)), axis=0) % 1_600.0 - 800.0
    track = fixes(way.tolist())
    plain = run(book(fence()), track)
    mixed: Fixes = []
    for n, fix in enumerate(track):
        mixed += [fix, fix] if rng.random() < 0.3 else [fix]
        if n and rng.random() < 0.3:
            ts_ms, _, _, accuracy_m = track[int(rng.integers(0, n))]
            mixed.append((ts_ms, *at(*rng.uniform(-800, 800, 2)), accuracy_m))
    assert run(book(fence()), mixed) == plain
    assert plain


def test_bad_fixes_are_left_out() -> None:
    fences, tracker = book(fence()), Tracker()
    for lon, lat, accuracy_m in (
        (math.nan, LAT, 5.0), (LON, math.inf, 5.0), (LON, 91.0, 5.0), (181.0, LAT, 5.0), (LON, LAT, 101.0),
        (LON, LAT, math.inf),
    ):  # fmt: skip
        assert tracker.fix("T", 1_000, lon, lat, accuracy_m, fences) == []
    assert [m.what for m in tracker.fix("T", 1_000, LON, LAT, math.nan, fences)] == ["enter"]


def test_an_inaccurate_fix_is_not_clear() -> None:
    track = fixes([(900, 0), (450, 0), (450, 0)], accuracy_m=24.0)
    assert told(run(book(fence()), track)) == []
    assert told(run(book(fence()), fixes([(900, 0), (450, 0)], accuracy_m=16.0))) == [("F", "enter", 10)]


def test_a_jump_is_left_out_until_it_holds() -> None:
    away = (20_000.0, 0.0)
    assert told(run(book(fence()), fixes([away, away, (0, 0), away, away, (0, 0), (0, 0), away]))) == []
    assert told(run(book(fence()), fixes([away, (0, 0), (5, 0), (9, 0), (9, 0)]))) == [("F", "enter", 30)]
    wild = [(x, 0.0) for x in (0, 40_000, 0, 40_000, 0, 40_000)]
    assert told(run(book(fence()), fixes([away, *wild]))) == []  # they do not agree with each other
    line = fence(shape=Corridor((at(0.0, -2_000.0), at(0.0, 2_000.0)), 6.0))
    assert told(run(book(line), fixes([away, *[(-20_000.0, 0.0)] * 4]))) == []  # which way is not known


def test_after_a_gap_no_crossing_is_told_and_the_side_is_taken_anew() -> None:
    line = fence(shape=Corridor((at(0.0, -2_000.0), at(0.0, 2_000.0)), 6.0))
    assert told(run(book(line), fixes([(-200, 0), (200, 0)], step_s=600.0))) == [("F", "cross", 600)]
    assert told(run(book(line), fixes([(-200, 0), (200, 0)], step_s=601.0))) == []
    assert told(run(book(fence()), fixes([(0, 0), (900, 0)], step_s=5_000.0))) == [
        ("F", "enter", 0),
        ("F", "exit", 5_000),
    ]


def test_only_moving_and_active_fences_are_watched_and_every_entry_has_an_exit() -> None:
    inside = fixes([(0.0, 0.0)] * 6)
    assert run(book(fence(moving=False)), inside) == []
    timed = fence(active=(Once(15_000, 35_000),))
    assert told(run(book(timed), inside)) == [("F", "enter", 20), ("F", "exit", 40)]
    fences, tracker = book(fence()), Tracker()
    assert told(run(fences, inside[:2], tracker)) == [("F", "enter", 0)]
    fences.put(fence(version=2, removed=True))
    assert told(run(fences, inside[2:], tracker)) == [("F", "exit", 20)]


def test_a_fence_drawn_around_an_asset_is_not_crossed_when_it_leaves() -> None:
    fences, tracker = book(), Tracker()
    track = fixes([(400.0, 0.0), (900.0, 0.0)])
    assert run(fences, track[:1], tracker) == []
    fences.put(fence())
    assert run(fences, track[1:], tracker) == []


def test_dwelling_is_told_once_at_its_moment_by_tick_or_by_the_next_fix() -> None:
    fences = book(fence(dwell_s=60.0))
    track = fixes([(0.0, 0.0)] * 12)
    late, soon = Tracker(), Tracker()
    by_fix = run(fences, track, late)
    assert told(by_fix) == [("F", "enter", 0), ("F", "dwell", 60)]
    by_tick = [move for fix in track for move in [*soon.tick(fix[0] - 1), *soon.fix("T", *fix, fences)]]
    assert by_tick == by_fix
    assert late.tick(10**9) == []


def test_dwelling_waits_for_a_fix_after_a_gap() -> None:
    fences, tracker = book(fence(dwell_s=3_600.0)), Tracker()
    assert told(tracker.fix("T", 0, LON, LAT, 5.0, fences)) == [("F", "enter", 0)]
    assert tracker.tick(9_000_000) == []
    assert told(tracker.fix("T", 9_000_000, LON, LAT, 5.0, fences)) == [("F", "dwell", 9_000)]
    left = Tracker()
    left.fix("T", 0, LON, LAT, 5.0, fences)
    assert told(left.fix("T", 9_000_000, *at(900, 0), 5.0, fences)) == [("F", "exit", 9_000)]


def test_silent_assets_outside_are_forgotten_and_those_inside_kept() -> None:
    fences, tracker = book(fence()), Tracker()
    tracker.fix("in", 0, LON, LAT, 5.0, fences)
    tracker.fix("out", 0, *at(900, 0), 5.0, fences)
    tracker.tick(86_400_001)
    assert list(tracker._assets) == ["in"]


walk = st.lists(
    st.tuples(
        st.integers(-700, 700), st.integers(-700, 700), st.sampled_from([1, 20, 700]), st.sampled_from([5.0, 40.0])
    ),
    min_size=2,
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(walk, st.sets(st.integers(0, 30)))
def test_any_cut_gives_the_same_moves(steps: list[tuple[int, int, int, float]], cuts: set[int]) -> None:
    fences = book(
        fence(dwell_s=30.0), fence("G", shape=Circle(*at(300.0, 300.0), 200.0)),
        fence("H", shape=Corridor((at(-700.0, 90.0), at(700.0, -90.0)), 10.0), dwell_s=1_000.0),
    )  # fmt: skip
    whole, parts = Tracker(), Tracker()
    config = MovingConfig(speed_m_s=100.0)
    whole.config = parts.config = config
    moves: list[Move] = []
    again: list[Move] = []
    ts = 0
    for n, (x, y, wait_s, accuracy_m) in enumerate(steps):
        ts += wait_s * 1_000
        fix = ("A" if n % 3 else "B", ts, *at(x, y), accuracy_m)
        moves += [*whole.fix(*fix, fences), *whole.tick(ts)]
        if n in cuts:
            other = Tracker(config)
            other.load(parts.dump())
            assert other.dump() == parts.dump()
            parts = other
        again += [*parts.fix(*fix, fences), *parts.tick(ts)]
    assert again == moves
    assert parts.dump() == whole.dump()
    for asset in ("A", "B"):
        for fence_id in ("F", "G", "H"):
            sides = [m.what for m in moves if (m.asset, m.fence) == (asset, fence_id) and m.what in ("enter", "exit")]
            assert sides == ["enter", "exit"] * (len(sides) // 2) + ["enter"] * (len(sides) % 2)


def test_what_is_remembered_of_an_asset_is_small() -> None:
    fences = book(*(fence(f"F-{n}", shape=Circle(*at(0.0, 0.0), 500.0 + n)) for n in range(4)))
    tracker = Tracker()
    tracker.fix("T", 0, LON, LAT, 5.0, fences)
    assert len(tracker.dump()) <= 1_024
    with pytest.raises(ValueError, match=r"."):
        tracker.load(b"\xc1")
