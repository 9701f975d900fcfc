"""Detectors of a road direction: a blocked lane on a simulated road, each algorithm's own logic by hand-made frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from detectors.california import California
from detectors.congestion import JAM, Congestion
from detectors.group import Finding, Member
from detectors.loop_check import LoopCheck
from detectors.mcmaster import McMaster
from detectors.traffic_groups import TrafficGroup, groups
from detectors.traffic_road import Road
from detectors.traffic_stations import KINDS, Frame, Grid, stations
from simulators.cell_transmission import LEFT, CellTransmission, LaneBlock, Loops, Road as Lanes

T0 = 1_763_913_600_000  # a Monday, 00:00 local
HOUR = 3_600_000
STATIONS = (400.0, 900.0, 1400.0, 1900.0, 2400.0, 2900.0)
LANES = Lanes("T", STATIONS, lanes=2, length_m=3400.0, peak=0.8, disturbances_per_day=0, rain_days=0)
AT = T0 + 12 * HOUR


def members(step_s: float = 30.0, **params: float) -> list[Member]:
    own = tuple(sorted(params.items()))
    return [
        Member(
            f"522601-T-{kind[:3].upper()}-{s + 1:06d}",
            kind,
            step_s,
            chainage_m=x,
            lon=107.9 + s / 100,
            lat=26.5,
            params=own,
        )
        for s, x in enumerate(STATIONS)
        for kind in KINDS
    ]


@pytest.fixture(scope="module")
def blocked() -> Loops:
    """Four hours; one of two lanes blocked from 12:00 to 12:40 between the third and the fourth station."""
    block = LaneBlock(1700.0, AT, AT + 2_400_000, LEFT[1, 2])
    return CellTransmission(LANES, 3).loops(AT - 2 * HOUR, AT + 2 * HOUR, 30.0, [block])


def frames(got: Loops) -> Iterator[Frame]:
    for k, ts in enumerate(got.ts_ms.tolist()):
        yield Frame(ts, 30.0, got.occupancy[k], got.speed[k], got.flow[k])


def rows(got: Loops) -> tuple[Any, Any, Any]:
    """The same as readings: member, ts_ms, value, without NaN."""
    table = np.stack([got.occupancy, got.speed, got.flow], axis=2).reshape(len(got.ts_ms), -1)
    member = np.tile(np.arange(table.shape[1], dtype=np.int32), len(table))
    ts, x = np.repeat(got.ts_ms, table.shape[1]), table.ravel()
    keep = np.isfinite(x)
    return member[keep], ts[keep], x[keep]


def incidents(found: list[Finding], state: str = "raise") -> list[Finding]:
    return [f for f in found if f.kind == "traffic_incident" and f.state == state]


def test_blocked_lane_is_one_episode_at_its_segment_within_three_minutes(blocked: Loops) -> None:
    group = TrafficGroup("522601-T-COR01", members(tunnel=1.0, lanes=2.0))
    found = [f for frame in frames(blocked) for f in group.step(frame)]
    raised = incidents(found)
    assert [f.key for f in raised] == ["3-4"]
    first = raised[0]
    assert 0 < first.ts_ms - AT <= 180_000
    assert first.witnesses == 1
    assert "隧道" in first.reason.zh
    assert "to be confirmed" in first.reason.en
    assert first.place == (pytest.approx(107.925), 26.5)
    assert first.sensors[0] == "522601-T-OCC-000003"
    ended = incidents(found, "clear")
    assert [f.key for f in ended] == ["3-4"]
    assert AT + 2_400_000 < ended[0].ts_ms < AT + 2_400_000 + 900_000
    assert {f.kind for f in found} == {"traffic_incident"}  # the queue is the incident's, not an alert of its own


def test_a_camera_confirms(blocked: Loops) -> None:
    road = [*members(), Member("522601-T-EVT-000001", "event", 60.0), Member("522601-T-WEA-000001", "weather", 60.0)]
    group = TrafficGroup("522601-T-COR01", road)
    found: list[Finding] = []
    for frame in frames(blocked):
        notes = [(frame.ts_ms, 19, 2.0)] if frame.ts_ms == AT else []
        notes += [(frame.ts_ms, 18, 3.0)] if frame.ts_ms == AT + 300_000 else []
        found += group.step(frame._replace(notes=tuple(notes)))
    told = incidents(found, "update")
    assert told[0].ts_ms == AT + 300_000
    assert told[0].witnesses == 2
    assert "522601-T-EVT-000001" in told[0].sensors
    assert "危化品" in told[0].reason.zh
    assert "团雾" in incidents(found)[0].reason.zh


def test_any_cut_into_batches_repeats_and_late_rows_give_the_same(blocked: Loops) -> None:
    member, ts, x = rows(blocked)
    outs = []
    for seed in (0, 1, 2):
        group = groups("522601-T-COR01", members())[0]
        out: list[Finding] = []
        rng = np.random.default_rng(seed)
        for end in blocked.ts_ms.tolist():
            now = ts == end
            parts = np.flatnonzero(now)
            cuts = np.sort(rng.integers(0, len(parts), 3)) if seed else []
            for part in np.split(parts, cuts):
                group.add(member[part], ts[part], x[part])
            group.add(member[parts], ts[parts], x[parts] + 1.0)  # the same again
            group.add(member[parts], ts[parts] - 60_000, x[parts] + 9.0)  # and late
            out += group.advance(end + 500)
        outs.append((repr(out), repr(group.dump())))
    assert outs[0] == outs[1] == outs[2]
    assert "raise" in outs[0][0]


def test_state_goes_on_after_dump_and_load(blocked: Loops) -> None:
    whole = TrafficGroup("Z", members())
    all_frames = list(frames(blocked))
    half = len(all_frames) // 2 + 20  # inside the episode
    for frame in all_frames[:half]:
        whole.step(frame)
    other = TrafficGroup("Z", members())
    other.load(whole.dump())
    for frame in all_frames[half:]:
        assert repr(whole.step(frame)) == repr(other.step(frame))
    with pytest.raises(ValueError, match="version"):
        other.load({"version": 0})


@pytest.mark.parametrize("algorithm", [7, 8, 1])
def test_the_other_algorithms_find_the_queue(blocked: Loops, algorithm: int) -> None:
    group = groups("Z", members(algorithm=float(algorithm)))[0]
    assert isinstance(group, TrafficGroup)
    if isinstance(group.incident, McMaster):
        group.incident.learned[:] = 1e9
    found = [f for frame in frames(blocked) for f in group.step(frame)]
    assert any(f.key == "3-4" and AT < f.ts_ms < AT + 600_000 for f in incidents(found))


def test_recurring_bottleneck_at_capacity_is_no_incident() -> None:
    jam = Lanes(
        "J", STATIONS, lanes=2, length_m=3400.0, peak=0.95, bottleneck_m=1700.0, disturbances_per_day=0, rain_days=0
    )
    got = CellTransmission(jam, 3).loops(T0 + 5 * HOUR, T0 + 11 * HOUR, 30.0)
    assert np.nanmin(got.speed[:, 2]) < 45.0 < 70.0 < np.nanmin(got.speed[200:, 4])
    group = TrafficGroup("Z", members())
    assert incidents([f for frame in frames(got) for f in group.step(frame)]) == []
    peer = California(group.road, 30.0)
    assert incidents([f for frame in frames(got) for f in peer.step(frame, np.zeros(6, bool))]) != []


def test_no_place_no_group() -> None:
    assert groups("Z", [m._replace(chainage_m=None, lon=None, lat=None) for m in members()]) == []
    assert groups("Z", members()[:3]) == []


def test_stations_by_place_where_no_chainage_is_given() -> None:
    got = stations([m._replace(chainage_m=None) for m in members()])
    assert [s.member for s in got] == [(3 * k, 3 * k + 1, 3 * k + 2) for k in range(6)]


def test_grid_jumps_over_a_long_gap_and_waits_for_the_living_only() -> None:
    road = stations(members())
    grid = Grid(members(), road)
    all_of_them = np.arange(18, dtype=np.int32)
    grid.add(all_of_them, np.full(18, T0), np.ones(18))
    assert [f.ts_ms for f in grid.frames(T0)] == [T0]
    late = T0 + 10 * HOUR
    grid.add(all_of_them[:6], np.full(6, late), np.ones(6))
    got = grid.frames(late)
    assert got[-1].ts_ms == late
    assert len(got) <= 22
    assert np.isfinite(got[-1].occupancy).sum() == 2


def steady(n: int, seed: int = 1) -> Iterator[Frame]:
    rng = np.random.default_rng(seed)
    for k in range(n):
        flow = np.maximum(rng.poisson(25, 6), 1) * 120.0
        speed = rng.normal(90, 3, 6)
        yield Frame(T0 + (k + 1) * 30_000, 30.0, flow / speed * 0.325 * rng.normal(1, 0.05, 6), speed, flow)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("stuck", "stuck"), ("blind", "flow_without_occupancy"), ("double", "g_factor"), ("lane", "conservation")],
)
def test_wrong_loops(fault: str, cause: str) -> None:
    check = LoopCheck(Road("Z", members(), stations(members())), 30.0)
    found: list[Finding] = []
    for k, frame in enumerate(steady(800)):
        if k >= 500:
            if fault == "stuck":
                frame.occupancy[2] = 7.7
            elif fault == "blind":
                frame.occupancy[2] = 0.0
            elif fault == "double":
                frame.occupancy[2] *= 2.0
            else:
                frame.flow[2] *= 0.5
                frame.occupancy[2] *= 0.5
        told, bad = check.step(frame)
        found += told
    assert [(f.key, f.detector) for f in found] == [("3", f"loop_check.{cause}/1")]
    assert bad.tolist() == [False, False, True, False, False, False]


def test_states_have_hysteresis() -> None:
    state = Congestion(Road("Z", members(), stations(members())), 30.0)
    good, seen = np.zeros(6, bool), []
    for k in range(60):
        speed = np.full(6, 80.0 if k < 10 else 40.0 if k < 20 else 15.0 if k < 30 else 53.0 if k < 45 else 90.0)
        state.step(Frame(T0 + k * 30_000, 30.0, speed * 0, speed, speed * 10), good, False)
        seen.append(int(state.phase[0]))
    assert seen[9] == 0
    assert seen[19] == 1
    assert seen[29] == JAM
    assert seen[44] == 1  # 53 of 80 is inside the hysteresis
    assert seen[59] == 0


def test_an_unknown_queue_below_capacity_is_told_after_a_week() -> None:
    state = Congestion(Road("Z", members(), stations(members())), 30.0)
    good = np.zeros(6, bool)
    found: list[Finding] = []
    for k in range(20_160 + 300):
        if k % 10 and k < 20_000:
            continue  # a tenth of the week is enough to learn from
        slow = k >= 20_200
        speed, flow = np.full(6, 90.0), np.full(6, 4000.0)
        if slow:
            speed[:3], flow[:] = 20.0, 1500.0
        if k < 20_000:
            state.learned += 9 * 30.0
        found += state.step(Frame(T0 + k * 30_000, 30.0, flow * 0 + 10, speed, flow), good, False)
    assert [(f.kind, f.state) for f in found if f.state == "raise"] == [("queue_unusual", "raise")]
    assert found[0].reason.en.startswith("K0+400 to K1+400 standing")
