"""What an event or the weather says of an incident, by place and time, and which facts go to the severity matrix."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.group import Finding, Member
from detectors.texts import Both
from detectors.traffic_events import EVENT_S, NEAR_M, Events
from detectors.traffic_groups import TrafficGroup
from detectors.traffic_road import TAGS, WEATHER_M, WEATHER_S, Road, Said
from detectors.traffic_stations import KINDS, Frame, stations
from simulators.cell_transmission import LEFT, CellTransmission, LaneBlock, Road as Lanes

T0 = 1_763_913_600_000  # a Monday, 00:00 local
AT = T0 + 12 * 3_600_000
STATIONS = (400.0, 900.0, 1400.0, 1900.0, 2400.0, 2900.0)
CAM, FAR, WEATHER = 18, 19, 20


def members(far_m: float | None = 2_901.0, weather_m: float | None = None, **params: float) -> list[Member]:
    """18 loops of 6 stations, a camera of unknown place, one at `far_m`, a weather station."""
    own = tuple(sorted(params.items()))
    loops = [
        Member(f"L{s}{kind}", kind, 30.0, chainage_m=x, params=own) for s, x in enumerate(STATIONS) for kind in KINDS
    ]
    return [
        *loops,
        Member("CAM", "event", 60.0),
        Member("FAR", "event", 60.0, chainage_m=far_m),
        Member("WEA", "weather", 60.0, chainage_m=weather_m),
    ]


def road(**more: Any) -> Road:
    return Road("Z", members(**more), stations(members(**more)))


@pytest.mark.parametrize(
    ("at_m", "first", "confirms"),
    [
        (1_650.0, 2, True),
        (1_400.0 - NEAR_M, 2, True),
        (1_399.0 - NEAR_M, 2, False),
        (1_900.0 + NEAR_M, 2, True),
        (1_901.0 + NEAR_M, 2, False),
        (1_901.0 + NEAR_M, 3, True),
        (None, 2, True),  # of unknown place
    ],
)
def test_an_event_confirms_near_its_place(at_m: float | None, first: int, confirms: bool) -> None:
    events = Events(road(far_m=at_m))
    events.note(AT, FAR, 1)
    assert bool(events.confirming(first, first + 1, AT)) is confirms


@pytest.mark.parametrize(("before_s", "confirms"), [(-3600.0, True), (EVENT_S, True), (EVENT_S + 1.0, False)])
def test_an_event_confirms_what_begins_soon_after_it_or_has_begun(before_s: float, confirms: bool) -> None:
    events = Events(road())
    events.note(AT - round(1000 * before_s), CAM, 4)
    assert events.confirming(2, 3, AT) == ([(4, CAM)] if confirms else [])
    events.note(AT, CAM, 0)
    assert events.confirming(2, 3, AT) == []


def test_all_events_near_are_named_and_state_goes_on() -> None:
    events = Events(road())
    events.note(AT, FAR, 4)
    events.note(AT, CAM, 3)
    events.note(AT, CAM, 9)  # no code of an event ends it
    events.note(AT, CAM, 1)
    other = Events(road())
    other.load(events.dump())
    assert other.confirming(3, 4, AT) == events.confirming(3, 4, AT) == [(1, CAM), (4, FAR)]


@pytest.mark.parametrize(
    ("code", "at_m", "age_s", "tags"),
    [
        (2, None, 0.0, ("tunnel", "hazmat_route", "fog")),
        (3, 1_900.0 + WEATHER_M, WEATHER_S, ("tunnel", "hazmat_route", "freezing_rain")),
        (3, 1_901.0 + WEATHER_M, 0.0, ("tunnel", "hazmat_route")),
        (3, None, WEATHER_S + 1.0, ("tunnel", "hazmat_route")),
        (0, None, 0.0, ("tunnel", "hazmat_route")),
    ],
)
def test_place_and_weather_are_tags_and_words(code: int, at_m: float | None, age_s: float, tags: tuple[str]) -> None:
    of = road(weather_m=at_m, tunnel=1.0, hazmat=1.0, bridge=0.0, lanes=2.0)
    of.weather[WEATHER] = (code, AT - round(1000 * age_s))
    said = Said(1.0, 1.0, 1.0, 1.0, "veh/h", 0.5, 0.5, 0.0)
    found = of.finding(
        "3-4", "traffic_incident", "raise", AT, AT, said, Both("事", "it"), (2, 3), "x/1", tags=("fire",)
    )
    assert found.tags == ("fire", *tags)
    assert found.reason.zh.startswith("事（单向 2 车道、隧道、危化品通道")
    assert ("凝冻" in found.reason.zh) is ("freezing_rain" in tags)
    assert set(found.tags) <= TAGS


def play(left: float, lanes: float, notes: dict[int, tuple[int, float]], cut: bool = False) -> list[Finding]:
    """Findings of an incident between the third and the fourth station; `notes`: seconds after it -> (member, code)."""
    lanes_of = Lanes("T", STATIONS, lanes=2, length_m=3400.0, peak=0.8, disturbances_per_day=0, rain_days=0)
    block = LaneBlock(1700.0, AT, AT + 2_400_000, left)
    got = CellTransmission(lanes_of, 3).loops(AT - 5_400_000, AT + 1_500_000, 30.0, [block])
    group = TrafficGroup("Z", members(lanes=lanes))
    found: list[Finding] = []
    for k, ts in enumerate(got.ts_ms.tolist()):
        if cut and ts > AT:
            state, group = group.dump(), TrafficGroup("Z", members(lanes=lanes))
            group.load(state)
        now = tuple((ts, *notes[s]) for s in notes if AT + 1000 * s == ts)
        found += group.step(Frame(ts, 30.0, got.occupancy[k], got.speed[k], got.flow[k], now))
    return [f for f in found if f.kind == "traffic_incident"]


def test_a_road_that_is_closed_by_its_incident_says_so_until_the_end() -> None:
    notes = {600: (CAM, 1.0), 720: (CAM, 4.0)}
    found = play(0.0, 2.0, notes)
    said = [(f.ts_ms - AT) // 1000 for f in found if "all_lanes" in f.tags]
    assert 120 < said[0] <= 420
    assert [f for f in found if f.ts_ms > AT + 1000 * said[0] and "all_lanes" not in f.tags] == []
    closed = next(f for f in found if "all_lanes" in f.tags)
    assert closed.witnesses == 1
    assert "全部车道受阻" in closed.reason.zh
    told = {(f.ts_ms - AT) // 1000: f for f in found}
    assert told[600].witnesses == 2
    assert set(told[720].tags) == {"all_lanes", "fire"}  # told at once, not at the next repeat
    assert repr(play(0.0, 2.0, notes, cut=True)) == repr(found)


def test_one_open_lane_is_not_a_closed_road_and_an_event_far_away_confirms_nothing() -> None:
    found = play(LEFT[1, 2], 2.0, {300: (FAR, 3.0)})
    assert found
    assert {f.tags for f in found} == {()}
    assert {f.witnesses for f in found} == {1}


def test_the_only_lane_is_all_lanes() -> None:
    assert {f.tags for f in play(LEFT[1, 2], 1.0, {})} == {("all_lanes",)}
