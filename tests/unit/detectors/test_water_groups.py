"""A burst in a zone that has been learned: found, placed, told once; feasts, cuts and snapshots change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import water_calendar as calendar
from detectors.group import Finding, GroupDetector, Member
from detectors.water_groups import groups
from simulators.incidents import Incident
from streams.cli.benches.water_town import DAY_MS, MINUTE_MS, MONDAY_MS, ZONE, Town, sensors, told

LEARNED = MONDAY_MS + 10 * DAY_MS
NIGHT = LEARNED + 2 * 3_600_000 + 30 * MINUTE_MS
STEP = 300_000  # ms between readings: quick to learn


def members() -> list[Member]:
    return [Member(s.id, s.kind, s.interval_s, s.flow_sign, None, s.lon, s.lat) for s in told(sensors(STEP / 1000))]


def build() -> GroupDetector:
    (made,) = groups(ZONE, members())
    return made


@pytest.fixture(scope="module")
def town() -> Town:
    return Town(3, STEP / 1000)


@pytest.fixture(scope="module")
def learned(town: Town) -> object:
    group = build()
    feed(group, town, MONDAY_MS, NIGHT)
    return group.dump()


def feed(
    group: GroupDetector,
    town: Town,
    lo: int,
    hi: int,
    incidents: tuple[Incident, ...] = (),
    cut: int = 12,
    twice: bool = False,
) -> list[Finding]:
    """Readings in (lo, hi] in pieces of `cut` times, a tick after each hour."""
    ts = np.arange(lo + STEP, hi + 1, STEP, dtype=np.int64)
    values = town.sim.values(ts, incidents)[:, town.columns]
    out: list[Finding] = []
    for hour in range(0, len(ts), 12):
        for first in range(hour, min(hour + 12, len(ts)), cut):
            part = slice(first, min(first + cut, hour + 12, len(ts)))
            rows, cols = np.nonzero(np.isfinite(values[part]))
            for _ in range(2 if twice else 1):
                group.add(cols.astype(np.int32), ts[part][rows], values[part][rows, cols])
        out += group.advance(int(ts[min(hour + 11, len(ts) - 1)]))
    return out


def burst(town: Town, share: float) -> Incident:
    return town.burst(share, NIGHT, 60.0, "test2")


def after(town: Town, learned: object, *incidents: Incident, cut: int = 12, twice: bool = False) -> list[Finding]:
    group = build()
    group.load(learned)
    return feed(group, town, NIGHT, NIGHT + 3 * 3_600_000, incidents, cut, twice)


def test_a_burst_by_night_is_found_placed_and_ends(town: Town, learned: object) -> None:
    incident = burst(town, 0.10)
    found = [f for f in after(town, learned, incident) if f.kind == "burst_suspected"]
    assert [f.state for f in found if f.state != "update"] == ["raise", "clear"]
    first = found[0]
    assert NIGHT < first.ts_ms <= NIGHT + 15 * MINUTE_MS + STEP
    assert first.value > first.high > first.expected
    assert 0.5 <= first.threshold <= first.score <= 1.0
    assert incident.sensors[0] in first.sensors[:4]
    assert first.place is not None
    assert first.approximate
    assert "m³/h" in first.reason.zh
    assert "m³/h" in first.reason.en


def test_a_calm_night_raises_nothing(town: Town, learned: object) -> None:
    assert after(town, learned) == []


@pytest.mark.parametrize("cut", [1, 5])
def test_any_cut_and_repeated_readings_give_the_same_findings(town: Town, learned: object, cut: int) -> None:
    incident = burst(town, 0.10)
    whole = after(town, learned, incident)
    assert whole
    assert after(town, learned, incident, cut=cut) == whole
    assert after(town, learned, incident, twice=True) == whole


def test_a_dump_is_whole(town: Town, learned: object) -> None:
    group = build()
    group.load(learned)
    assert group.dump() == learned
    with pytest.raises((ValueError, IndexError)):
        build().load([-1, None, None, []])


def test_without_an_inlet_meter_there_is_no_balance() -> None:
    assert [g.name for g in groups(ZONE, [m for m in members() if m.kind == "pressure"])] == []


def test_feasts_of_the_prefecture_are_known() -> None:
    named = {f.name.zh for f in calendar.FEASTS}
    assert any("春节" in name for name in named)
    assert any("苗年" in name for name in named)


def test_feasts_that_places_announce_themselves_are_marked() -> None:
    assert {f.name.en for f in calendar.FEASTS if f.approximate} == {"Miao New Year"}
