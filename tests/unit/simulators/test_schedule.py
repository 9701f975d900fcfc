"""The demo's schedule: strong openings in all domains, a calm and repeatable day, truth intervals that hold."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest

from geo.assets import Sensor
from geo.demo import demo_registry
from simulators import schedule
from simulators.city import City

GO = 1_763_884_800_000


@pytest.fixture(scope="module")
def city() -> City:
    return City([r for r in demo_registry() if isinstance(r, Sensor)], seed=1)


def test_opening_has_one_strong_incident_in_each_domain_within_ten_seconds(city: City) -> None:
    got = schedule.opening(city, GO)
    assert sorted(i.domain for i in got) == ["gas", "pipeline", "traffic", "water"]
    assert len({i.zone[:6] for i in got}) == 4  # four counties
    assert all(GO < i.start_ms <= GO + 10_000 for i in got)
    assert sum(i.end_ms - i.start_ms <= 25_000 for i in got) >= 2
    assert got == schedule.opening(city, GO)
    assert got != schedule.opening(city, GO + 1000)


def test_opening_keeps_away_from_where_something_just_was(city: City) -> None:
    first = schedule.opening(city, GO)
    assert not {i.zone for i in first} & {i.zone for i in schedule.opening(city, GO, first)}


def test_the_opening_burst_is_the_demo_officers_to_act_on(city: City) -> None:
    (burst,) = [i for i in schedule.opening(city, GO) if i.domain == "water"]
    assert burst.zone.startswith(schedule.HOME)


@pytest.mark.parametrize("hour", [3, 8, 13, 18, 23])
def test_opening_is_hard_evidence_at_any_hour(city: City, hour: int) -> None:
    go = GO - GO % 86_400_000 + (hour - 8) * 3_600_000
    for incident in schedule.opening(city, go):
        sim = city.sims[incident.domain]
        k = [s.id for s in sim.sensors].index(incident.sensors[0])
        ts = np.arange(go - 60_000, incident.end_ms, 1000, dtype=np.int64)
        x = sim.values(ts, [incident])[:, k]
        before, after = np.nanmedian(x[:60]), x[-3]
        if incident.domain == "gas":
            assert after >= 50.0  # %LEL: high alarm
        elif incident.domain == "water":
            assert after <= 8.0  # m of head
        elif incident.domain == "pipeline":
            assert after < 0.8 * before
        else:
            assert after > 50.0 > before


def test_day_is_lively_calm_and_repeats(city: City) -> None:
    got = list(islice(schedule.day(city, GO), 80))
    assert got == list(islice(schedule.day(city, GO), 80))
    starts = np.array([i.start_ms for i in got])
    assert (np.diff(starts) >= 20_000).all()
    assert np.median(np.diff(starts)) <= 60_000
    assert all(30_000 <= i.end_ms - i.start_ms <= 180_000 for i in got)
    assert {i.domain for i in got} == {"water", "gas", "pipeline", "traffic"}
    assert {"dropout", "flatline", "burst", "leak", "blocked_lane"} <= {i.kind for i in got}
    assert sum(a.zone[:6] == b.zone[:6] for a, b in pairwise(got)) == 0
    for zone in {i.zone for i in got}:
        mine = [i for i in got if i.zone == zone]
        assert all(b.start_ms - a.end_ms >= schedule.QUIET_S * 1000 for a, b in pairwise(mine))
    strong = [i for i in got if (i.domain, i.kind) == ("gas", "leak")]
    assert any(_peak(city, i) >= 50 for i in strong)
    assert any(_peak(city, i) < 90 for i in strong)


def _peak(city: City, incident: object) -> float:
    sim = city.sims["gas"]
    k = [s.id for s in sim.sensors].index(incident.sensors[0])  # type: ignore[attr-defined]
    return float(sim.physics(np.array([incident.end_ms], np.int64), [incident])[0, k])  # type: ignore[attr-defined,list-item]


def test_truth_interval_holds_what_the_readings_show(city: City) -> None:
    """Outside the interval (and a short tail) an incident changes nothing; inside it does, at the sensors it names."""
    for incident in [*schedule.opening(city, GO), *islice(schedule.day(city, GO), 12)]:
        if incident.fault:
            continue
        sim = city.sims[incident.domain]
        ts = np.arange(incident.start_ms - 30_000, incident.end_ms + 900_000, 5000, dtype=np.int64)
        moved = np.abs(sim.physics(ts, [incident]) - sim.physics(ts, [])) > 4 * sim.noise_sd(ts)
        during = (ts > incident.start_ms) & (ts <= incident.end_ms)
        assert not moved[ts <= incident.start_ms].any(), incident
        assert not moved[ts > incident.end_ms + 600_000].any(), incident
        shown = {s.id for s, m in zip(sim.sensors, moved[during].any(axis=0), strict=True) if m}
        assert incident.sensors[0] in shown, incident
        assert set(incident.sensors) <= shown | {incident.sensors[0]}, incident
        assert len(shown - set(incident.sensors)) <= 3, incident
