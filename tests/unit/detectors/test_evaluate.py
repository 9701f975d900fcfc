"""The plain function for outside benchmarks: shapes, splits, gaps, constants, causality, alarms where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import analog
from detectors.evaluate import THRESHOLD, Floats, Stamps, make
from detectors.univariate import Univariate

ROWS = 3000


def daily(seed: int = 1, rows: int = ROWS) -> tuple[Stamps, Floats]:
    """A daily wave with noise, every 5 minutes."""
    t = np.arange(rows)
    stamps = np.datetime64("2024-01-01", "ns") + t * np.timedelta64(300, "s")
    return stamps, 50 + 20 * np.sin(2 * np.pi * t / 288) + np.random.default_rng(seed).normal(0, 1.5, rows)


def alarms(scores: Floats) -> list[int]:
    return [int(i) for i in np.flatnonzero(scores >= THRESHOLD)]


def test_scores_are_numbers_in_0_1_for_each_row() -> None:
    stamps, values = daily()
    scores = make(1)(stamps, values)
    assert scores.shape == (ROWS,)
    assert scores.dtype == np.float64
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_any_split_gives_the_same(channels: int, size: int) -> None:
    stamps, one = daily(rows=1200)
    values = np.stack([np.roll(one, 50 * k) for k in range(channels)], axis=1)
    values[700:720] += 60
    values[400] = np.nan
    whole = make(channels)(stamps, values)
    f = make(channels)
    parts = [f(stamps[i : i + size], values[i : i + size]) for i in range(0, 1200, size)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_one_channel_may_come_as_a_vector_and_inputs_stay() -> None:
    stamps, values = daily(rows=500)
    kept = values.copy()
    np.testing.assert_array_equal(make(1)(stamps, values), make(1)(stamps, values[:, None]))
    np.testing.assert_array_equal(values, kept)


def test_the_future_does_not_matter() -> None:
    stamps, values = daily()
    other = values.copy()
    other[2000:] = 1e6
    np.testing.assert_array_equal(make(1)(stamps, values)[:2000], make(1)(stamps, other)[:2000])


def test_a_strange_hour_of_a_daily_signal_is_found_soon_and_told_once() -> None:
    stamps, values = daily()
    before = alarms(make(1)(stamps, values))
    values[2070:2106] = 50.0  # within the usual range, at the top of the wave
    found = [i for i in alarms(make(1)(stamps, values)) if i >= 2070]
    assert found
    assert found[0] <= 2080
    assert len([i for i in found if i < 2130]) <= 2
    assert len([i for i in before if i > 600]) <= 3


def test_a_record_value_is_an_alarm_at_once() -> None:
    stamps, values = daily()
    values[2500] = 150.0
    assert 2500 in alarms(make(1)(stamps, values))


def test_a_row_without_a_value_scores_0_and_teaches_nothing() -> None:
    stamps, values = daily()
    holes = np.arange(100, ROWS, 97)
    put = np.insert(values, holes, np.nan)
    scores = make(1)(np.insert(stamps, holes, stamps[holes]), put)
    assert (scores[np.isnan(put)] == 0).all()
    np.testing.assert_array_equal(scores[~np.isnan(put)], make(1)(stamps, values))


def test_an_exact_repetition_teaches_nothing() -> None:
    stamps, values = daily(rows=1000)
    twice = np.repeat(np.arange(1000), 2)
    np.testing.assert_array_equal(make(1)(stamps[twice], values[twice])[::2], make(1)(stamps, values))


@pytest.mark.parametrize("value", [0.0, 45.0, -1e12, 1e100])
def test_a_constant_never_alarms_and_a_first_change_does_once(value: float) -> None:
    stamps, values = daily()
    values[:] = value
    assert alarms(make(1)(stamps, values)) == []
    values[2000:] = value + max(abs(value), 1.0)
    found = alarms(make(1)(stamps, values))
    assert found
    assert found[0] == 2000
    assert len(found) <= 2


def test_last_digits_of_a_near_constant_do_not_blow_up() -> None:
    stamps, values = daily()
    rng = np.random.default_rng(2)
    values[:] = 0.132 + 0.002 * (rng.random(ROWS) < 0.1)
    assert len(alarms(make(1)(stamps, values))) <= 12


def test_extreme_values_are_numbers_still() -> None:
    stamps, values = daily(rows=400)
    values[[150, 200, 250]] = [1e308, -1e308, np.inf]
    assert np.isfinite(make(1)(stamps, values)).all()


def test_unknown_meta_and_strange_stamps_are_taken() -> None:
    stamps, values = daily(rows=300)
    stamps = stamps.copy()
    stamps[5], stamps[9] = np.datetime64("NaT"), stamps[2]
    assert np.isfinite(make(1, domain="water", colour="blue")(stamps.astype("datetime64[s]"), values)).all()
    assert make(1)(stamps[:0], values[:0]).shape == (0,)


def test_wrong_shapes_are_refused() -> None:
    stamps, values = daily(rows=10)
    with pytest.raises(ValueError, match="n_channels is 0"):
        make(0)
    with pytest.raises(ValueError, match="shape"):
        make(2)(stamps, values)
    with pytest.raises(ValueError, match="shape"):
        make(1)(stamps[:5], values)


def test_dump_and_load_go_on_exactly() -> None:
    stamps, values = daily()
    ns = stamps.astype(np.int64)
    one, other = Univariate(), Univariate()
    one.score(ns[:1500], values[:1500])
    other.load(one.dump())
    np.testing.assert_array_equal(one.score(ns[1500:], values[1500:]), other.score(ns[1500:], values[1500:]))
    with pytest.raises(ValueError, match="no state"):
        other.load({"state": b"", "ring": b"", "dist": b""})


def test_novelty_is_the_distance_to_the_nearest_pasts_by_the_book() -> None:
    rng = np.random.default_rng(4)
    x, keep, skip = rng.normal(size=120), 0.8, 6
    ring, dist = np.zeros(64), np.zeros(64)  # wraps
    for n in range(len(x)):
        got = analog.novelty(ring, dist, n, x[n], keep, skip)
        lags = range(skip + 1, min(n, 64, n - 5) + 1)
        far = sorted(sum(keep**k * (x[n - k] - x[n - k - s]) ** 2 for k in range(n - s + 1)) for s in lags)
        want = np.sqrt(np.mean(far[:3]) * (1 - keep)) if len(far) >= 3 else 0.0
        assert got == pytest.approx(want, abs=1e-9), n
