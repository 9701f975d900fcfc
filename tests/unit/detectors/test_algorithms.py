"""Each algorithm by itself: what it says, and that the compiled loop equals its readable twin bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import adaptive, clock, debounce, dropout, flatline, limits
from detectors.bank import Bank
from detectors.catalog import ALGORITHMS
from detectors.layout import (
    ABNORMAL,
    ACTIVE,
    BETWEEN,
    CLEAR,
    HIGH,
    INIT,
    NONE,
    NORMAL,
    RAISE,
    UPDATE,
)
from detectors.library import ENTRIES, Alone
from detectors.params import DEFAULTS, compile_params
from detectors.series import copy, push

T0 = 1_700_000_000_000


def params(interval_s: float = 60.0, **over: float) -> Any:
    return compile_params({**DEFAULTS, **{k.replace("__", "."): v for k, v in over.items()}}, interval_s)


def signal(seed: int, n: int = 400, spread: float = 0.2) -> np.ndarray:
    x = np.random.default_rng(seed).normal(40.0, spread, n)
    x[250:270] += 5.0
    x[100] = np.nan
    return x


def _call(function: Any, plain: bool) -> Any:
    return function.py_func if plain else function


def alone(name: str, p: Any, x: np.ndarray, ts: np.ndarray, plain: bool) -> np.ndarray:
    """Scores, band and the bytes of the state after it, as one row of numbers."""
    one = Alone(name)
    one.p = p
    one.bank.ask(0, p)
    got = one.step(np.zeros(len(x), np.int32), ts, x, not plain)
    state = b"".join(v for k, v in one.bank.dump().items() if isinstance(v, bytes) and k != "state")
    return np.concatenate([*got, np.frombuffer(state, np.uint8), np.frombuffer(one.bank.state.tobytes(), np.uint8)])


def run_adaptive(p: Any, x: np.ndarray, ts: np.ndarray, plain: bool) -> np.ndarray:
    return alone("adaptive", p, x, ts, plain)


def run_rate(p: Any, x: np.ndarray, ts: np.ndarray, plain: bool) -> np.ndarray:
    return alone("rate", p, x, ts, plain)[: len(x)]


def run_debounce(p: Any, x: np.ndarray, ts: np.ndarray, plain: bool) -> np.ndarray:
    bank = Bank()
    bank.add("a")
    how = np.select([x > 42, x > 40.3], [ABNORMAL, BETWEEN], NORMAL).astype(np.uint8)
    actions = np.zeros(len(x), np.uint8)
    slots = bank.slots.view(np.recarray) if plain else bank.slots
    _call(debounce.run, plain)(slots, HIGH, np.zeros(len(x), np.int32), ts, how, p, actions)
    return actions


def test_every_algorithm_of_the_catalog_is_in_this_suite() -> None:
    assert {*ENTRIES, "debounce"} == set(ALGORITHMS)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
@pytest.mark.parametrize("seed", [1, 2])
def test_compiled_equals_readable_twin(name: str, seed: int) -> None:
    p = params(
        limits__high_1=41, limits__high_2=44, limits__low_1=39, rate__rise_per_min=1, rate__fall_per_min=1,
        flatline__n=5, flatline__s=60, range__max=60, adaptive__relearn_n=10, adaptive__relearn_s=60,
        **{f"{part}__on": 1 for part in ("seasonal", "cusum", "page_hinkley", "quantile", "drift", "variance")},
        seasonal__period_s=3600, drift__now_s=1800, drift__ref_s=36000, stuck__n=10, variance__ref_s=36000,
    )  # fmt: skip
    x, ts = signal(seed), T0 + np.arange(400) * 60_000
    before = x.copy(), ts.copy(), p.tobytes()
    readable = np.array(p).view(np.recarray)[()]
    if name == "debounce":
        fast, slow = run_debounce(p, x, ts, False), run_debounce(readable, x, ts, True)
    else:
        fast, slow = alone(name, p, x, ts, False), alone(name, p, x, ts, True)
        assert ((fast[:400] >= 0) & (fast[:400] <= 1)).all()
    np.testing.assert_array_equal(fast, slow)
    np.testing.assert_array_equal(before[0], x)
    np.testing.assert_array_equal(before[1], ts)
    assert before[2] == p.tobytes()


def test_adaptive_scores_the_shift_and_not_the_noise() -> None:
    scores = run_adaptive(params(), signal(3), T0 + np.arange(400) * 60_000, False)[:400]
    assert scores[250] > 0.995
    assert scores[100] == 0.0  # NaN
    assert np.median(scores[120:250]) < 0.9


def test_adaptive_needs_a_deviation_that_matters_on_a_constant_signal() -> None:
    x = np.full(400, 40.0)
    x[300:320] = 40.05  # one last digit
    scores = run_adaptive(params(adaptive__min_dev=1.0), x, T0 + np.arange(400) * 60_000, False)[:400]
    assert scores.max() < adaptive.score(6.0)


def test_one_wild_value_hardly_moves_the_level() -> None:
    bank = Bank()
    bank.add("a")
    x = np.random.default_rng(0).normal(40, 0.2, 201)
    x[-1] = 1e6
    p, rows = params(), np.zeros(201, np.int32)
    band = np.zeros((201, 3))
    adaptive.run(bank.state, bank.ring_t, bank.ring_v, rows, T0 + np.arange(201), x, p, np.zeros(201), band)
    assert abs(bank.state["level"][0] - 40) < 0.2


def test_first_level_is_a_median() -> None:
    bank = Bank()
    bank.add("a")
    x = np.full(INIT, 10.0)
    x[3] = 9e9
    adaptive.run(
        bank.state,
        bank.ring_t,
        bank.ring_v,
        np.zeros(INIT, np.int32),
        T0 + np.arange(INIT),
        x,
        params(),
        np.zeros(INIT),
        np.zeros((INIT, 3)),
    )
    assert bank.state["level"][0] == 10.0


@pytest.mark.parametrize(
    ("x", "now", "level"),
    [(9.9, 0, 0), (10, 0, 1), (25, 0, 2), (50, 1, 3), (24, 2, 2), (23, 2, 1), (9.6, 1, 1), (9.4, 1, 0)],
)
def test_high_limits_with_hysteresis(x: float, now: int, level: int) -> None:
    p = params(limits__high_1=10, limits__high_2=25, limits__high_3=50)
    assert limits.high_level(x, now, p) == level


@pytest.mark.parametrize(("x", "now", "level"), [(8.1, 0, 0), (8, 0, 1), (4, 0, 2), (8.3, 1, 1), (8.5, 1, 0)])
def test_low_limits_with_hysteresis(x: float, now: int, level: int) -> None:
    assert limits.low_level(x, now, params(limits__low_1=8, limits__low_2=5)) == level


def test_rate_needs_the_limit_and_no_gap() -> None:
    p = params(1.0, rate__rise_per_min=60, rate__window_s=5)
    ts = T0 + np.arange(40) * 1000
    steep = run_rate(p, np.arange(40) * 2.0, ts, False)
    assert steep[:5].max() == 0.0
    assert steep[10] == pytest.approx(2 / 3)
    assert run_rate(p, np.arange(40) * 0.5, ts, False).max() < 0.5
    assert run_rate(p, np.arange(40) * 2.0, T0 + np.arange(40) * 60_000, False).max() == 0.0


def test_flatline_waits_longer_for_a_sensor_that_is_often_flat() -> None:
    p = params(flatline__n=10, flatline__s=0)
    ts = T0 + np.arange(200) * 60_000
    calm = np.repeat(np.arange(23.0), 9)[:200]  # runs of nine are normal for it
    moving = np.arange(200.0)
    moving[100:] = 7.0
    calm[150:] = 99.0

    def first(x: np.ndarray) -> int:
        bank = Bank()
        bank.add("a")
        scores = np.zeros(200)
        flatline.run(bank.state, np.zeros(200, np.int32), ts, x, p, scores, np.zeros((200, 3)))
        return int(np.argmax(scores >= 0.5)) if (scores >= 0.5).any() else -1

    assert first(moving) == 109
    assert first(calm) > 170


def test_the_clock_is_told_by_the_quickest_readings() -> None:
    p = params(60.0)
    bank = Bank()
    bank.add("a")
    r = bank.state[0:1].view(np.recarray)[0]
    lags = [90_000.0, 400.0, 300.0, 86_400_000.0, 350.0]  # one came a day late: the network, not the clock
    told = [clock.step(r, lag, k == 0, p) for k, lag in enumerate(lags)]
    assert told[1:3] == [NORMAL, NORMAL]
    assert told[4] == NORMAL
    assert clock.step(r, -45_000.0, False, p) == ABNORMAL  # measured after it arrived
    for _ in range(2000):
        how = clock.step(r, 600_000.0, False, p)
    assert how == ABNORMAL
    assert abs(r.lag - 600_000.0) < 6_000.0


def test_dropout_after_three_intervals_and_never_before_the_first_reading() -> None:
    p = params(60.0)
    bank = Bank()
    bank.add("a")
    assert dropout.silence(bank.state[0], T0, p) == 0.0
    bank.state["last_ts"] = T0
    assert dropout.silence(bank.state[0], T0 + 179_000, p) < 1.0 < dropout.silence(bank.state[0], T0 + 181_000, p)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("AA", []),  # two are no episode
        ("A", []),  # one spike neither
        ("AANAA", []),
        ("AAA", [(2, RAISE)]),
        ("AABA", [(3, RAISE)]),  # between does not confirm and does not forget
        ("AAANNA", [(2, RAISE), (5, UPDATE)]),
        ("AAANNN", [(2, RAISE), (5, CLEAR)]),
        ("AAANNBNNN", [(2, RAISE), (8, CLEAR)]),
        ("AAANNNAAA", [(2, RAISE), (5, CLEAR), (8, RAISE)]),
    ],
)
def test_debounce_table(given: str, expected: list[tuple[int, int]]) -> None:
    bank = Bank()
    bank.add("a")
    how = np.array([{"A": ABNORMAL, "B": BETWEEN, "N": NORMAL}[c] for c in given], np.uint8)
    actions, n = np.zeros(len(given), np.uint8), len(given)
    debounce.run(bank.slots, HIGH, np.zeros(n, np.int32), T0 + np.arange(n) * 60_000, how, params(), actions)
    assert [(i, int(a)) for i, a in enumerate(actions) if a != NONE] == expected


def test_debounce_needs_seconds_as_well_as_readings() -> None:
    bank = Bank()
    bank.add("a")
    actions = np.zeros(8, np.uint8)
    p = params(1.0, delay__on_n=3, delay__on_s=5)
    debounce.run(
        bank.slots, HIGH, np.zeros(8, np.int32), T0 + np.arange(8) * 1000, np.full(8, ABNORMAL, np.uint8), p, actions
    )
    assert actions.tolist() == [0, 0, 0, 0, 0, RAISE, 0, 0]


def test_a_gap_forgets_what_is_pending_but_not_what_is_open() -> None:
    bank = Bank()
    bank.add("a")
    s = bank.slots[0, HIGH]

    def step(ts: int, gap: bool) -> int:
        return debounce.step(s, ABNORMAL, ts, ts, gap, 0.0, 0, 1, 3, 0, 3, 0, 30_000)

    assert [step(1, False), step(2, False), step(9_000, True)] == [NONE, NONE, NONE]
    assert [step(9_001, False), step(9_002, False)] == [NONE, RAISE]
    assert step(99_000, True) == UPDATE
    assert s["phase"] == ACTIVE


def test_ring_gives_times_back_across_the_32_bit_wrap() -> None:
    bank = Bank()
    bank.add("a")
    ts = (1 << 32) * 400 - 5_000 + np.arange(40) * 1000
    for t in ts.tolist():
        push(bank.state[0], bank.ring_t, bank.ring_v, 0, t, float(t % 977))
    out_t, out_v = np.zeros(24, np.int64), np.zeros(24, np.float32)
    assert copy(bank.state[0], bank.ring_t, bank.ring_v, 0, int(ts[-1]), out_t, out_v) == 24
    np.testing.assert_array_equal(out_t, ts[-24:])
    np.testing.assert_array_equal(out_v, (ts[-24:] % 977).astype(np.float32))
