"""The leak filter: a step that fits a leak stands out, thirst of the whole zone and one gauge's fault do not."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.leak_filter import LeakFilter, Peak, judge
from detectors.leak_signature import signatures

DISTANCE = np.array([0.6, 1.4, 2.0, 2.6])
SIGNS = signatures(DISTANCE, 1.0)
LEARN = 3000


def rows(n: int, seed: int) -> np.ndarray:
    """Residuals float64[n, 5] of calm frames: thirst of the whole zone, and each instrument's noise."""
    rng = np.random.default_rng(seed)
    thirst = np.repeat(rng.normal(0.0, 0.01, n // 10 + 1), 10)[:n]
    out: np.ndarray = thirst[:, None] * SIGNS[0] + rng.normal(0.0, 1.0, (n, 5)) * [0.01, 0.15, 0.15, 0.15, 0.15]
    return out


def push(f: LeakFilter, residuals: np.ndarray, learn: bool = False) -> Peak:
    for row in residuals:
        peak = f.push(row, 1.05, SIGNS, 0.02)
        if learn:
            f.learn(True)
    return peak


@pytest.fixture(scope="module")
def learned() -> object:
    f = LeakFilter(4, 60_000)
    push(f, rows(LEARN, 1), learn=True)
    return f.dump()


def fresh(learned: object) -> LeakFilter:
    f = LeakFilter(4, 60_000)
    f.load_state(learned)
    return f


@pytest.mark.parametrize("gauge", [1, 2, 3, 4])
def test_a_leak_stands_out_at_its_gauge(learned: object, gauge: int) -> None:
    peak = push(fresh(learned), rows(15, 2) + 0.10 * SIGNS[gauge])
    assert peak.z > 4.6
    assert abs(int(np.argmax(peak.places[1:])) + 1 - gauge) <= 1
    assert 0.03 < peak.mean < 0.13


def test_calm_frames_do_not(learned: object) -> None:
    assert push(fresh(learned), rows(15, 3)).z < 4.0


def test_one_gauge_alone_is_bounded_and_without_the_meter_it_is_no_leak(learned: object) -> None:
    fault = np.zeros(5)
    fault[4] = 30.0
    assert push(fresh(learned), rows(15, 4) - np.array([0.03, 0, 0, 0, 0]) + fault).z == 0.0


def test_a_silent_gauge_is_left_out(learned: object) -> None:
    residuals = rows(15, 5) + 0.10 * SIGNS[3]
    residuals[:, 1] = np.nan
    assert push(fresh(learned), residuals).z > 5.0


def test_state_is_whole(learned: object) -> None:
    a, b = fresh(learned), fresh(learned)
    assert a.dump() == learned
    push(a, rows(40, 6), learn=True)
    push(b, rows(20, 6), learn=True)
    c = fresh(b.dump())
    push(c, rows(40, 6)[20:], learn=True)
    push(b, rows(40, 6)[20:], learn=True)
    assert b.dump() == c.dump()
    with pytest.raises(ValueError, match=r"reshape|size|broadcast"):
        LeakFilter(5, 60_000).load_state(learned)


def test_the_compiled_loop_is_its_readable_twin(learned: object) -> None:
    answers = []
    for loop in (judge, judge.py_func):  # type: ignore[attr-defined]
        f = fresh(learned)
        ring, base, means, t = f.ring.copy(), f.base.copy(), f.means.copy(), f.t.copy()
        got = loop(
            ring, base, 30, f.cov[3], 500.0, f.scale[3], SIGNS, f.windows, f.bar, np.ones(5, bool), 1 / 15, 0.0,
            means, t, 0.1 * SIGNS[2], f.slow, f.fast,
        )  # fmt: skip
        answers.append((got, means, t, ring))
    (one, *arrays), (two, *others) = answers
    assert one == pytest.approx(two)
    for a, b in zip(arrays, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
