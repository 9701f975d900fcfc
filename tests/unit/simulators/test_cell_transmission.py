"""The cell transmission road: repeatable, keeps its vehicles, and behaves as traffic theory says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from simulators.cell_transmission import CAPACITY, LEFT, CellTransmission, LaneBlock, Road

T0 = 1_763_913_600_000  # a Monday, 00:00 local
HOUR = 3_600_000
PLACES = (400.0, 900.0, 1400.0, 1900.0, 2400.0)
ROAD = Road("T", PLACES, lanes=3, length_m=3000.0, peak=0.8, disturbances_per_day=0, rain_days=0)


def test_readings_are_a_function_of_seed_and_time_however_they_are_asked() -> None:
    block = LaneBlock(1600.0, T0 + 12 * HOUR, T0 + 13 * HOUR, 0.49)
    whole = CellTransmission(ROAD, 3).loops(T0 + 11 * HOUR, T0 + 15 * HOUR, 30.0, [block])
    cuts = [T0 + round(h * HOUR) for h in (11, 11.5, 12.25, 14, 15)]
    parts = [CellTransmission(ROAD, 3).loops(a, b, 30.0, [block]) for a, b in pairwise(cuts)]
    for column in ("ts_ms", "occupancy", "speed", "flow"):
        assert np.array_equal(
            np.concatenate([getattr(p, column) for p in parts]), getattr(whole, column), equal_nan=True
        )
    other = CellTransmission(ROAD, 4).loops(T0 + 11 * HOUR, T0 + 15 * HOUR, 30.0, [block])
    assert not np.array_equal(other.flow, whole.flow)


def test_what_enters_passes_every_station() -> None:
    got = CellTransmission(ROAD, 1).loops(T0, T0 + 24 * HOUR, 60.0)
    vehicles = got.flow.sum(axis=0) / 60.0
    assert vehicles == pytest.approx(np.full(5, vehicles.mean()), rel=0.01)
    asked = CellTransmission(ROAD, 1).demand(got.ts_ms).sum() / 60.0
    assert vehicles.mean() == pytest.approx(asked, rel=0.05)  # at night arrivals are cut at none: a few more come


def test_blocked_lane_holds_back_all_but_its_share_and_queues_upstream() -> None:
    at = T0 + 14 * HOUR
    block = LaneBlock(1600.0, at, at + HOUR, LEFT[2, 3])
    got = CellTransmission(ROAD, 1).loops(at - HOUR, at + HOUR, 60.0, [block])
    late = got.flow[-20:].mean(axis=0)
    assert late[3] == pytest.approx(LEFT[2, 3] * (1 - 0.07) * 3 * CAPACITY, rel=0.06)  # capacity drop included
    assert got.occupancy[-20:, :3].min() > 40.0 > 10.0 > got.occupancy[-20:, 3:].max()
    begins = (got.occupancy > 40.0).argmax(axis=0)[:3]
    assert begins[0] > begins[1] > begins[2] > 60  # the queue grows upstream
    downstream = (got.flow[60:, 3:] < 0.6 * got.flow[:60, 3:].mean(axis=0)).argmax(axis=0)
    assert (downstream <= 3).all()  # the lack of flow travels with the traffic


def test_rush_hour_bottleneck_recurs_on_workdays_and_discharges_its_capacity() -> None:
    road = Road(
        "B", PLACES, lanes=2, length_m=3000.0, peak=0.9, bottleneck_m=1600.0, disturbances_per_day=0, rain_days=0
    )
    sim = CellTransmission(road, 2)
    for day in range(5):
        rush = sim.loops(T0 + (24 * day + 7) * HOUR, T0 + (24 * day + 9) * HOUR, 60.0)
        jammed = rush.speed[:, 2] < 45.0
        assert jammed.sum() > 20, day
        assert rush.flow[jammed, 3].mean() > 0.7 * 2 * CAPACITY
    night = sim.loops(T0 + 26 * HOUR, T0 + 28 * HOUR, 60.0)
    assert np.nanmin(night.speed) > 60.0
    assert np.nanmax(night.occupancy) < 10.0
