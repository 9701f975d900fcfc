"""The joint detector: causal, the same for any chunks, defined for bad input; it finds what single channels hide."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from detectors.multivariate import Multivariate
from detectors.peak_hold import MOST, hold, kth_largest
from detectors.precision import inverse
from detectors.station_names import explains_only

F64 = NDArray[np.float64]
MINUTE, HOUR = 60_000_000_000, 3_600_000_000_000


def station(n: int, seed: int = 1) -> F64:
    """Five channels of water quality: chlorine and redox follow each other, conductivity is coarse, one is constant."""
    rng = np.random.default_rng(seed)
    slow = np.cumsum(rng.normal(0, 0.01, n))
    slow -= np.linspace(0, slow[-1], n)
    common = rng.normal(0, 1, n)
    chlorine = 0.17 + 0.003 * common + 0.001 * rng.normal(0, 1, n)
    redox = 750 + 4 * common + rng.normal(0, 1, n)
    ph = 8.3 + 0.02 * slow + rng.normal(0, 0.02, n)
    conductivity = np.round(210 + rng.normal(0, 0.4, n))
    return np.column_stack([chlorine, redox, ph, conductivity, np.full(n, 7.0)])


def stamps(n: int, step: int = MINUTE) -> NDArray[np.int64]:
    return 1_700_000_000_000_000_000 + np.arange(n, dtype=np.int64) * step


def test_calm_is_quiet_and_scores_are_bounded() -> None:
    got = Multivariate(5).score(stamps(6000), station(6000))
    assert got.min() >= 0.0
    assert got.max() < 0.5
    assert (got[:300] == 0.0).all()


def test_disagreement_within_the_usual_range_is_found() -> None:
    """Chlorine high while redox is low: neither leaves its own usual range of three sigmas."""
    values = station(5000)
    values[4000:4030, 0] = 0.17 + 0.0075
    values[4000:4030, 1] = 750 - 8.0
    f = Multivariate(5)
    got = f.score(stamps(5000), values)
    assert got[:4000].max() < 0.5
    assert got[4000:4030].max() >= 0.5
    assert got[4000:4004].max() < 0.5  # 6 of 8 minutes
    assert got[4100:].max() < 0.5
    g = Multivariate(5)
    g.score(stamps(4010), values[:4010])
    assert set(np.argsort(-np.abs(g.contributions()))[:2]) == {0, 1}
    expected, half = g.expected(values[4009])
    assert expected[0] < values[4009, 0] - half[0]


def test_one_spike_is_not_an_alarm_at_a_minute_but_is_at_an_hour() -> None:
    values = station(5000)
    values[4000] = values[4000] + np.array([0.1, 60, 0.6, 12, 0])
    assert Multivariate(5).score(stamps(5000), values).max() < 0.5
    assert Multivariate(5).score(stamps(5000, HOUR), values)[4000] >= 0.5


def test_a_channel_that_never_moved_is_evidence_when_it_does() -> None:
    values = station(3000)
    values[2500:2520, 4] = 8.0
    got = Multivariate(5).score(stamps(3000), values)
    assert got[:2500].max() < 0.5
    assert got[2500:2520].max() >= 0.5


def test_rounding_is_no_evidence() -> None:
    """The same station told with fewer decimals from some day on."""
    rng = np.random.default_rng(3)
    values = np.column_stack([station(6000)[:, :3], 2.98 + 0.0002 * rng.normal(0, 1, 6000)])
    values[3000:, 3] = values[3000:, 3].round(2)
    assert Multivariate(4).score(stamps(6000), values)[3000:].max() < 0.5


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 1500), max_size=8), bad=st.integers(0, 2**32 - 1))
def test_any_chunks_give_the_same_and_inputs_stay(cuts: list[int], bad: int) -> None:
    rng = np.random.default_rng(bad)
    values, ts = station(1500), stamps(1500)
    values[rng.integers(0, 1500, 60), rng.integers(0, 5, 60)] = np.nan
    values[rng.integers(0, 1500, 5), rng.integers(0, 5, 5)] = np.inf
    values[700:720] = np.nan
    ts[1000:] += 3 * HOUR
    ts[1200] = ts[1199]
    values[1300:1330, 0] += 0.05
    before, when = values.copy(), ts.copy()
    whole = Multivariate(5).score(ts, values)
    f = Multivariate(5)
    edges = [0, *sorted(cuts), 1500]
    parts = []
    for a, b in pairwise(edges):
        g = Multivariate(5)
        g.restore(f.snapshot())
        parts.append(g.score(ts[a:b], values[a:b]))
        f = g
    assert np.array_equal(whole, np.concatenate(parts))
    assert np.array_equal(values, before, equal_nan=True)
    assert np.array_equal(ts, when)
    assert np.isfinite(whole).all()
    assert (whole[700:720] == 0.0).all()


def test_causal() -> None:
    values = station(2000)
    other = values.copy()
    other[1500:] += 5.0
    a, b = Multivariate(5).score(stamps(2000), values), Multivariate(5).score(stamps(2000), other)
    assert np.array_equal(a[:1500], b[:1500])


def test_missing_channel_is_expected_from_the_others() -> None:
    values = station(4000)
    values[3000:, 0] = np.nan
    assert Multivariate(5).score(stamps(4000), values)[3000:].max() < 0.5


def test_duplicates_and_going_back_repeat_the_score() -> None:
    values, ts = station(2000), stamps(2000)
    wild, again = np.insert(values, 1500, 1e6, axis=0), np.insert(ts, 1500, ts[1400])
    got, plain = Multivariate(5).score(again, wild), Multivariate(5).score(ts, values)
    assert got[1500] == got[1499]
    assert np.array_equal(np.delete(got, 1500), plain)


def test_a_lasting_change_is_the_new_normal() -> None:
    values = station(4000)
    values[2000:, 2] += 0.4
    got = Multivariate(5).score(stamps(4000), values)
    assert got[2000:2010].max() >= 0.5
    assert got[3200:].max() < 0.5


def test_operation_explains_and_does_not_raise() -> None:
    names = ["Cl", "Redox", "pH", "Leit", "Fm"]
    values = station(4000)
    values[:, 4] = 1500 + np.random.default_rng(5).normal(0, 20, 4000)
    values[3000:3030, 4] += 900
    assert Multivariate(5).score(stamps(4000), values)[3000:3030].max() >= 0.5
    assert Multivariate(5, names=names).score(stamps(4000), values).max() < 0.5
    assert explains_only(["L_T1", "F_PU1", "S_PU1", "P_J280"]) == []


def pumps(n: int, on: list[tuple[int, int]]) -> F64:
    """Hourly: flow and pressure of a pump that is always at work, state and flow of a standby pump, its pressure."""
    rng = np.random.default_rng(4)
    standby = np.zeros(n)
    for a, b in on:
        standby[a:b] = 1.0
    main, more = 50 + rng.normal(0, 2, n), standby * (37 + rng.normal(0, 0.5, n))
    beside = 30 + 0.1 * more + rng.normal(0, 1, n)
    return np.column_stack([main, 80 - 0.5 * main + rng.normal(0, 0.3, n), standby, more, beside])


def test_a_standby_pump_s_starts_are_learned() -> None:
    starts = [(1000 + 150 * k, 1003 + 150 * k) for k in range(12)]
    got = Multivariate(5).score(stamps(3000, HOUR), pumps(3000, starts))
    assert got[1000:1003].max() >= 0.5
    assert got[1900:].max() < 0.5


def test_what_lasts_scores_beyond_what_was_only_strong() -> None:
    """The first start of a standby pump is wild for three hours; a smaller disagreement goes on for a day."""
    values = pumps(3000, [(1000, 1003)])
    values[2000:2024, 1] += 2.4
    got = Multivariate(5).score(stamps(3000, HOUR), values)
    assert 0.5 <= got[1000:1100].max() < got[2014:2024].min()


def test_a_channel_that_was_out_alone_for_long_counts_less() -> None:
    """A flow that is changed for hours is the plant at work; the first time is told, later ones are not."""
    values = np.column_stack([station(6000)[:, :4], 900 + np.random.default_rng(6).normal(0, 10, 6000)])
    for a in (3000, 4500):
        values[a : a + 200, 4] += 400
    got = Multivariate(5).score(stamps(6000), values)
    assert got[3000:3200].max() >= 0.5
    assert got[4400:4700].max() < 0.5


def test_constant_and_empty() -> None:
    assert Multivariate(2).score(stamps(1000), np.zeros((1000, 2))).max() == 0.0
    assert len(Multivariate(2).score(stamps(0), np.zeros((0, 2)))) == 0
    assert (Multivariate(2).score(stamps(500), np.full((500, 2), np.nan)) == 0.0).all()


def test_bad_arguments_are_told() -> None:
    with pytest.raises(ValueError, match="n_channels"):
        Multivariate(0)
    with pytest.raises(ValueError, match="want"):
        Multivariate(3).score(stamps(2), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="channels"):
        Multivariate(3).restore(Multivariate(2).snapshot())


def test_inverse_and_holding() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(40, 30))
    a = root.T @ root + 0.01 * np.eye(30)
    out = np.zeros((30, 30))
    assert inverse(a, 30, out)
    assert np.allclose(out @ a, np.eye(30))
    kept = out.copy()
    assert not inverse(-a, 30, out)
    assert np.array_equal(out, kept)
    ring = np.zeros(MOST)
    ring[:8] = [9, 9, 9, 9, 9, 9, 0, 0]
    assert kth_largest(ring, 8, 8, 6) == 9.0
    assert kth_largest(ring, 5, 8, 6) == 0.0
    assert hold(kth_largest(ring, 8, 1, 1), 4.0, 0.9) == pytest.approx(3.6)
