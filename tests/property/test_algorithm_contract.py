"""The contract of every algorithm of the catalog by itself, and proofs that this suite catches one that breaks it.

Inputs unmutated; runs repeat; any split gives the same answer; NaN, duplicates and late readings score 0 and teach
nothing; after a gap, and on a constant or wild signal, scores are finite and in [0, 1]; snapshot, restore, same
answer; a new device begins anew. Kernel and profiles: test_detector_contract.py.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from detectors.catalog import ALGORITHMS
from detectors.library import ENTRIES, Alone, Scored

T0 = 1_700_000_000_000
NOT_SCORERS = {"debounce"}  # says when a condition is an episode: tests/unit/detectors/test_algorithms.py
NAMES = sorted(ENTRIES)
FAST: dict[str, float] = {  # short memories, so that 600 readings meet every branch
    "adaptive.warm_n": 30, "adaptive.window_s": 1800, "seasonal.period_s": 7200, "seasonal.trend_s": 3600,
    "cusum.window_s": 7200, "page_hinkley.window_s": 14400, "page_hinkley.lambda": 20, "quantile.window_s": 3600,
    "drift.now_s": 1200, "drift.ref_s": 14400, "variance.window_s": 900, "variance.ref_s": 14400, "stuck.n": 12,
    "flatline.n": 8, "flatline.s": 60, "limits.high_1": 44, "limits.high_2": 46, "limits.low_1": 36,
    "rate.rise_per_min": 2, "rate.fall_per_min": 2, "rate.window_s": 60, "range.max": 1e6,
}  # fmt: skip
Series = tuple[np.ndarray, np.ndarray, np.ndarray]
Make = Callable[[], Alone]


def maker(name: str) -> Make:
    return lambda: Alone(name, FAST, 60.0, sensors=2)


def series(seed: int = 0, n: int = 600, dirty: bool = False) -> Series:
    """Two sensors by turns: calm, a step, a ramp, stuck, noisy; dirty: NaN, duplicates, late readings, a gap."""
    rng = np.random.default_rng(seed)
    k = np.arange(n) // 2
    x = 40 + 0.5 * np.sin(k / 20) + rng.normal(0, 0.2, n)
    x[200:240] += 6
    x[300:340] += np.linspace(0, 8, 40)
    x[400:440] = 41.0
    x[500:540] += rng.normal(0, 3, 40)
    ts = T0 + k * 60_000
    if dirty:
        x[rng.integers(0, n, 20)] = rng.choice([np.nan, np.inf, -np.inf], 20)
        ts[rng.integers(40, n, 12)] -= 120_000
        ts[rng.integers(40, n, 12)] -= 60_000
        ts[350:] += 86_400_000
    return (np.arange(n) % 2).astype(np.int32), ts, x


def stacked(parts: list[Scored]) -> np.ndarray:
    return np.concatenate([np.stack(part) for part in parts], axis=1)


def fed(one: Alone, s: Series, cuts: list[int]) -> np.ndarray:
    edges = [0, *sorted(cuts), len(s[0])]
    return stacked([one.step(s[0][a:b], s[1][a:b], s[2][a:b]) for a, b in pairwise(edges)])


def check_inputs_unmutated(make: Make) -> None:
    s = series(1, dirty=True)
    before = [a.copy() for a in s]
    make().step(*s)
    for was, now in zip(before, s, strict=True):
        np.testing.assert_array_equal(was, now)


def check_repeats(make: Make) -> None:
    s = series(2, dirty=True)
    np.testing.assert_array_equal(stacked([make().step(*s)]), stacked([make().step(*s)]))


def check_any_split(make: Make, cuts: list[int], seed: int = 3) -> None:
    s, whole, split = series(seed, dirty=True), make(), make()
    np.testing.assert_array_equal(fed(split, s, cuts), fed(whole, s, []))
    assert split.dump() == whole.dump()


def check_snapshot(make: Make, at: int) -> None:
    s, whole, first, second = series(4, dirty=True), make(), make(), make()
    expected = fed(whole, s, [at])
    got = [first.step(*(a[:at] for a in s))]
    second.load(first.dump())
    got.append(second.step(*(a[at:] for a in s)))
    np.testing.assert_array_equal(stacked(got), expected)
    assert second.dump() == whole.dump()


def check_bad_readings_teach_nothing(make: Make) -> None:
    """A NaN, a duplicate and a late reading between others: score 0, and the others' answers stay."""
    rows, ts, x = series(5)
    clean = make().step(rows, ts, x)
    at = 301  # behind reading 300 of sensor 0
    for bad_ts, bad_x in ((ts[300], 99.0), (ts[200], -99.0), (ts[300] + 1, np.nan), (ts[300] + 1, np.inf)):
        one = make()
        if one.name == "dropout" and not np.isfinite(bad_x):
            continue  # a tick is its input
        got = one.step(np.insert(rows, at, 0), np.insert(ts, at, bad_ts), np.insert(x, at, bad_x))
        assert got.scores[at] == 0.0
        assert np.isnan(got.expected[at])
        np.testing.assert_array_equal(np.delete(np.stack(got), at, axis=1), np.stack(clean))


def check_scores_and_bands(make: Make) -> None:
    """In [0, 1] and finite on any signal; the expected value lies within the band."""
    rows, ts, x = series(6)
    wild = np.random.default_rng(7).standard_cauchy(600) * 1e3
    for values in (x, np.full(600, 40.0), np.zeros(600), wild, np.tile([0.0, 1e9], 300)):
        got = make().step(rows, ts, values)
        assert np.isfinite(got.scores).all()
        assert ((got.scores >= 0) & (got.scores <= 1)).all()
        inside = np.isfinite(got.low) & np.isfinite(got.high) & np.isfinite(got.expected)
        if make().name != "clock":  # its band is of what is allowed
            assert (got.low <= got.expected + 1e-9)[inside].all()
            assert (got.expected <= got.high + 1e-9)[inside].all()


def check_a_new_device_begins_anew(make: Make) -> None:
    s = series(8)
    one, new = make(), make()
    expected = new.step(*s)
    one.step(*s)
    for row in range(2):
        fresh = np.zeros((), one.bank.state.dtype)
        fresh["block"], fresh["shape"] = one.bank.state[row]["block"], one.bank.state[row]["shape"]
        one.bank.state[row] = fresh
        one.bank.unlearn(row)
        one.bank.slots[row] = np.zeros((), one.bank.slots.dtype)
    one.last_ms[:] = 0
    np.testing.assert_array_equal(stacked([one.step(*s)]), stacked([expected]))


CHECKS: dict[str, Callable[[Make], None]] = {
    "inputs": check_inputs_unmutated,
    "repeats": check_repeats,
    "split": lambda make: check_any_split(make, [1, 2, 199, 201, 350, 351, 599]),
    "snapshot": lambda make: check_snapshot(make, 321),
    "bad": check_bad_readings_teach_nothing,
    "scores": check_scores_and_bands,
    "device": check_a_new_device_begins_anew,
}


def test_every_algorithm_is_in_this_suite() -> None:
    assert set(ENTRIES) | NOT_SCORERS == set(ALGORITHMS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", sorted(CHECKS))
def test_contract(name: str, what: str) -> None:
    CHECKS[what](maker(name))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cuts=st.lists(st.integers(0, 600), max_size=12), at=st.integers(0, 600), seed=st.integers(0, 5))
def test_any_split_and_any_snapshot(name: str, cuts: list[int], at: int, seed: int) -> None:
    check_any_split(maker(name), cuts, seed)
    check_snapshot(maker(name), at)


class Spoils(Alone):
    def step(self, rows: Any, ts_ms: Any, values: Any, compiled: bool = True) -> Scored:
        got = super().step(rows, ts_ms, values)
        values[len(values) // 2] = 0.0
        return got


class Rolls(Alone):
    def step(self, rows: Any, ts_ms: Any, values: Any, compiled: bool = True) -> Scored:
        got = super().step(rows, ts_ms, values)
        return got._replace(scores=got.scores * np.random.default_rng().random())


class LooksAhead(Alone):
    def step(self, rows: Any, ts_ms: Any, values: Any, compiled: bool = True) -> Scored:
        got = super().step(rows, ts_ms, values)
        return got._replace(scores=got.scores / max(got.scores.max(initial=0.0), 1e-9))


class Forgets(Alone):
    def load(self, dumped: dict[str, Any]) -> None:
        super().load(dumped)
        self.bank.state["scale"] = 0.0


class TakesAll(Alone):
    def _fresh(self, rows: Any, ts_ms: Any, values: Any) -> Any:
        return np.isfinite(values)


class Overshoots(Alone):
    def step(self, rows: Any, ts_ms: Any, values: Any, compiled: bool = True) -> Scored:
        got = super().step(rows, ts_ms, values)
        return got._replace(scores=got.scores * 1.5)


class Remembers(Alone):
    def step(self, rows: Any, ts_ms: Any, values: Any, compiled: bool = True) -> Scored:
        seen = getattr(self, "seen", 0)
        self.seen = seen + len(rows)
        got = super().step(rows, ts_ms, values)
        return got._replace(scores=np.where(seen > 0, got.scores * 0.5, got.scores))


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (Spoils, "inputs"),
        (Rolls, "repeats"),
        (LooksAhead, "split"),
        (Forgets, "snapshot"),
        (TakesAll, "bad"),
        (Overshoots, "scores"),
        (Remembers, "device"),
    ],
)
def test_a_broken_detector_is_caught(broken: type[Alone], what: str) -> None:
    CHECKS[what](maker("adaptive"))
    with pytest.raises(AssertionError):
        CHECKS[what](lambda: broken("adaptive", FAST, 60.0, sensors=2))
