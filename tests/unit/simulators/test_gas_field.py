"""Simulated wells keep their mass balance, heads lag, fronts arrive in order; the network's flows add up."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.gas_instrument import FULL_SCALE, T90_S, Heads
from simulators.gas_network import Network, Trouble
from simulators.gas_wells import Leak, WellField

T0 = 1_782_662_400_000
HOUR = 3_600_000


def times(hours: float, step_s: float = 60.0) -> np.ndarray:
    return T0 + np.arange(1, round(hours * 3600 / step_s) + 1) * round(step_s * 1000)


def test_a_run_is_the_same_in_any_pieces_and_for_its_seed_alone() -> None:
    ts = times(6)
    whole, parts = WellField(3), WellField(3)
    got = whole.go(ts)
    a, b = parts.go(ts[:100]), parts.go(ts[100:])
    for k in (0, 1):
        np.testing.assert_allclose(got[k], np.concatenate([a[k], b[k]]))
    assert not np.allclose(got[0], WellField(4).go(ts)[0])


def test_a_leak_holds_its_level_when_the_air_is_as_usual_and_falls_after_it_ends() -> None:
    field = WellField(5, drained=0)
    before = WellField(5, drained=0).go(times(6))[0]
    gas = field.go(times(6), (field.leak(2, 40.0, T0 + HOUR, 180.0),))[0] - before
    assert (gas[:59] == 0.0).all()
    air = field.air(times(6))[200:239, 2].mean()
    assert gas[200:239, 2].mean() == pytest.approx(40.0 * field.air0[2] / air, rel=0.25)
    assert gas[-1, 2] < 0.3 * gas[238, 2]
    other = int(np.argsort(np.hypot(*(field.xy - field.xy[2]).T))[1])
    assert 0.0 < gas[200, other] < gas[200, 2]


def test_a_step_reaches_ninety_percent_of_the_head_after_t90() -> None:
    field = WellField(1, drained=0)
    field.air0[:] = 1e6  # the well itself follows at once
    ts = times(0.1, 1.0)
    start = int(ts[9])
    field.go(ts, (Leak(np.full(12, 50.0), np.zeros(12), start, start + HOUR),))
    calm, risen = WellField(1, drained=0), WellField(1, drained=0)
    calm.felt[:] = calm.gas[:] = risen.felt[:] = risen.gas[:] = 0.0
    risen.gas[:] = 50.0
    risen.air = lambda ts_ms: np.full((len(ts_ms), 12), 1e-9)  # type: ignore[method-assign]
    risen.go(times(T90_S / 3600.0, 1.0))
    assert risen.felt == pytest.approx(45.0, rel=0.02)


def test_heads_stop_at_full_scale_and_wander_little() -> None:
    heads = Heads(2, ["a", "b"])
    ts = times(24 * 14, 600.0)
    clean = heads.read(ts, np.zeros((len(ts), 2)))
    assert clean.min() == 0.0
    assert clean.max() < 6.0
    assert (heads.read(ts, np.full((len(ts), 2), 150.0)) == FULL_SCALE).all()


def test_a_front_passes_the_wells_in_the_order_of_its_way() -> None:
    field = WellField(7)
    front = field.front(90.0, 5.0, 60.0, T0, 60.0)
    order = np.argsort(field.xy[:, 0])
    assert (np.diff(front.delay_s[order]) >= 0.0).all()
    assert (np.diff(front.lel[order]) <= 0.0).all()
    assert front.delay_s.max() == pytest.approx(np.ptp(field.xy[:, 0]) / 5.0 * 60.0)


def test_the_network_balances_but_for_what_is_unmetered() -> None:
    net = Network(4)
    ts = times(24 * 7, 300.0)
    outlet, inlet, flow, metered = net.go(ts)
    lost = 1.0 - metered.sum() / flow.sum()
    assert -0.01 < lost - net.unmetered < 0.02
    assert (outlet > 0.85 * net.set_kpa).all()
    assert (inlet > outlet).all()


def test_troubles_of_the_network() -> None:
    net, ts = Network(4), times(2, 60.0)
    plain = net.go(ts)
    start, end = T0 + HOUR // 2, T0 + 3 * HOUR
    one = net.go(ts, (Trouble("regulator", 0.3, 1, start, end),))
    assert (one[0][-1] / plain[0][-1]) == pytest.approx([0.964, 0.7, 0.964], abs=0.01)
    short = net.go(ts, (Trouble("supply", 0.2, 0, start, end),))
    assert (short[0][-1] / plain[0][-1]) == pytest.approx([0.8] * 3, abs=0.01)
    assert (short[1][-1] / plain[1][-1]) == pytest.approx([0.6] * 3)
    leak = net.go(ts, (Trouble("loss", 0.2, 0, start, end),))
    assert (leak[2] - plain[2])[60:].sum(axis=1).mean() == pytest.approx(0.2 * net.mean, rel=0.1)
    np.testing.assert_array_equal(leak[3], plain[3])
