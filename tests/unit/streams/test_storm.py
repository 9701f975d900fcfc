"""When a storm begins and ends, what it collapses, and the group's alert."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from streams.alerts.group import LISTED, GroupKey, group_alert, group_cleared, grouped, is_group, key_of, may_join
from streams.alerts.storm import Storm
from streams.alerts.zone_silence import Formed, ZoneSilence
from streams.events import Alert, Text, stable_id
from tests.unit.streams.alert_values import MINUTE, T0, alert

KEY = GroupKey("", "actual", "522601", "522601001", "water", "pressure_low", T0)


def stormy(raises: int = 11, gap_ms: int = 1_000) -> tuple[Storm, int]:
    """A storm of Kaili, and the time of its last raise."""
    storm = Storm()
    for n in range(raises):
        storm.on_raise(alert(f"x{n}"), T0 + n * gap_ms)
    return storm, T0 + (raises - 1) * gap_ms


@pytest.mark.parametrize(
    ("raises", "gap_ms", "lasts"),
    [(10, 1_000, False), (11, 1_000, True), (11, 59_999, True), (11, 60_000, False), (40, 61_000, False)],
)
def test_a_storm_begins_with_more_than_ten_in_ten_minutes(raises: int, gap_ms: int, lasts: bool) -> None:
    storm, now = stormy(raises, gap_ms)
    assert storm.lasts(alert("x")) == (now if lasts else 0)


def test_it_is_over_below_five_and_not_before() -> None:
    storm, now = stormy()
    fifth = now - 4_000  # the fifth newest of eleven raises a second apart
    storm.tick(fifth + 10 * MINUTE - 1)
    assert storm.lasts(alert("x")) == now
    storm.tick(fifth + 10 * MINUTE)
    assert storm.lasts(alert("x")) == 0
    assert storm.on_raise(alert("new"), fifth + 10 * MINUTE) is None


def test_an_event_clock_that_steps_back_ends_no_storm() -> None:
    storm, now = stormy()
    for n in range(5):
        storm.on_raise(alert(f"late{n}"), now - 30 * MINUTE)
    key = storm.on_raise(alert("new"), now + 1)
    assert key is not None
    assert key.started_ms == now


def test_without_ticks_a_raise_sees_that_it_is_over() -> None:
    storm, now = stormy()
    assert storm.on_raise(alert("new"), now + 30 * MINUTE) is None


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({}, "522601001"),
        ({"unit": "522601001005"}, "522601001"),  # a village's goes to its township
        ({"unit": "522601"}, "522601"),  # county where no township is known
        ({"severity": "IV"}, "522601001"),
        ({"severity": "II"}, None),
        ({"severity": "I"}, None),
        ({"hard": True}, None),  # a hard limit is told by itself
        ({"parent": "b"}, None),  # another alert explains it
        ({"county": "522622", "unit": "522622100"}, None),  # calm there
        ({"kind": "dropout"}, None),  # equipment has a storm of its own
        ({"run": "r1"}, None),
        ({"mode": "exercise"}, None),
    ],
)
def test_what_a_storm_collapses(more: dict[str, Any], place: str | None) -> None:
    storm, now = stormy()
    key = storm.on_raise(alert("new", **more), now + 1)
    assert (key.place if key else None) == place
    if key:
        assert (key.started_ms, key.kind, key.domain) == (now, "pressure_low", "water")


def test_what_explains_others_stays_single() -> None:
    storm, now = stormy()
    assert storm.on_raise(alert("new"), now, explains=True) is None
    assert storm.on_raise(alert("new"), now) is not None


def test_state_that_alerts_do_not_say_is_dumped() -> None:
    storm, now = stormy()
    restored = Storm()
    restored.load(storm.dump())
    assert restored.dump() == storm.dump()
    assert restored.on_raise(alert("new"), now + 1) == storm.on_raise(alert("new"), now + 1)
    assert len(storm.dump()) < 200
    Storm().load(b"")


def test_a_calm_scope_is_forgotten() -> None:
    storm, now = stormy()
    storm.tick(now + 10 * MINUTE)
    assert storm.dump() == Storm().dump()


def test_the_group_tells_of_all_as_one() -> None:
    members = [alert(f"m{n}", severity="IV", owner_org="w") for n in range(3)]
    made = group_alert(KEY, None, members[:1], T0)
    made = group_alert(KEY, made, [replace(members[1], severity="III", last_seen_ms=T0 + 9)], T0 + 5)
    made = group_alert(KEY, made, [replace(members[2], owner_org="v", interval_s=300.0)], T0 + 9)
    assert made.id == stable_id("group", "", "actual", "522601001", "water", "pressure_low", T0)
    assert made.title == Text("压力偏低 等 3 处", "Low pressure: 3 places")
    assert (made.severity, made.count, made.members, made.owner_org) == ("III", 3, ("m0", "m1", "m2"), "")
    assert (made.asset, made.unit, made.first_seen_ms) == ("group:522601001:water:pressure_low", "522601001", T0)
    assert (made.last_seen_ms, made.interval_s, made.evidence.detector) == (T0 + 9, 300.0, "group")
    assert (is_group(made), key_of(made)) == (True, KEY)
    child = grouped(members[0], KEY)
    assert (child.parent, [s.kind for s in child.suppressions]) == (made.id, ["BY_RULE"])
    with pytest.raises(ValueError, match="name the alerts that join it"):
        group_alert(KEY, None, [], T0)


def test_a_group_lists_five_hundred_and_counts_all() -> None:
    made = group_alert(KEY, None, [alert(f"m{n:04d}") for n in range(LISTED - 1)], T0)
    made = group_alert(KEY, made, [alert(f"n{n}") for n in range(3)], T0)
    assert (len(made.members), made.count, made.title.zh) == (LISTED, LISTED + 2, "压力偏低 等 502 处")
    assert group_alert(KEY, made, [alert("o", severity="IV")], T0).members == made.members


def test_a_group_ends_after_its_storm_and_its_members() -> None:
    storm, now = stormy()
    key = storm.on_raise(alert("m"), now)
    assert key is not None
    member, group = grouped(alert("m"), key), group_alert(key, None, [alert("m")], now)
    storm.keep(member)
    storm.keep(group)
    assert storm.on_raise(group, now) is None  # it is not counted itself
    later = now + 20 * MINUTE
    cleared = replace(member, condition="CLEARED")
    storm.keep(cleared)
    assert storm.tick(now) == ()  # the storm lasts: another may join
    storm.keep(member)
    assert storm.tick(later) == ()  # the member lasts
    storm.keep(replace(member, condition="UNKNOWN"))
    assert storm.tick(later) == ()
    storm.keep(cleared)
    assert storm.tick(later) == (group.id,) == storm.tick(later)
    over = group_cleared(group, later)
    assert (over.condition, over.cleared_ms, over.reason.zh) == ("CLEARED", later, "组内 1 处均已恢复")
    storm.keep(over)
    assert storm.tick(later) == ()


def silent(id_: str, minute: float = 0.0, **more: Any) -> Alert:
    return alert(id_, "dropout", minute, **{"interval_s": 60.0, "title": Text("数据中断", "No data"), **more})


@pytest.mark.parametrize(
    ("before", "sensors", "members"),
    [
        ([0, 0, 0, 0], 0, 5),  # five where the zone's number is not known
        ([0, 0, 0], 0, 0),
        ([0, 0], 5, 3),  # three of five are 60 %
        ([0], 3, 0),  # two of three are too few to tell
        ([0, 0, 0, 0], 9, 0),
        ([0, 0, 0, 0, 0], 9, 6),
        ([-2, -2], 5, 3),  # within two intervals
        ([-2.1, 0], 5, 0),
    ],
)
def test_a_zone_that_falls_silent_has_one_cause(before: list[float], sensors: int, members: int) -> None:
    zone = ZoneSilence()
    for n, minute in enumerate(before):
        zone.keep(silent(f"x{n}", minute))
    formed = zone.on_raise(silent("y"), T0 + 99, sensors)
    assert (len(formed.members) if formed else 0) == members
    if formed:
        assert (formed.key.of_zone, formed.key.place, formed.key.started_ms) == (True, "522601-W-DMA01", T0 + 99)


def test_an_alert_that_was_kept_before_is_counted_once() -> None:
    zone = ZoneSilence()
    for n in range(5):
        zone.keep(silent(f"x{n}"))
    formed = zone.on_raise(silent("x4"), T0)
    assert formed is not None
    assert formed.members == ("x0", "x1", "x2", "x3", "x4")


def test_one_alert_of_a_station_counts_all_its_silent_sensors() -> None:
    zone = ZoneSilence()
    assert zone.on_raise(silent("s", active=tuple("abcde")), T0, 6) == Formed(
        GroupKey("", "actual", "522601", "522601-W-DMA01", "water", "dropout", T0), ("s",)
    )


@pytest.mark.parametrize(
    "other",
    [{"zone": "522601-W-DMA02"}, {"kind": "flatline"}, {"condition": "CLEARED"}, {"handling": "CLOSED"},
     {"run": "r"}, {"mode": "test"}, {"parent": "p"}],
)  # fmt: skip
def test_others_are_no_part_of_it(other: dict[str, Any]) -> None:
    zone = ZoneSilence()
    for n in range(6):
        zone.keep(replace(silent(f"x{n}"), **other))
    assert zone.on_raise(silent("y"), T0) is None


def test_an_open_group_takes_the_next_ones_until_all_report_again() -> None:
    zone, storm = ZoneSilence(), Storm()
    alerts = [silent(f"x{n}") for n in range(5)]
    for a in alerts[:4]:
        zone.keep(a)
    formed = zone.on_raise(alerts[4], T0)
    assert formed is not None
    group = group_alert(formed.key, None, alerts, T0)
    assert (group.title.zh, group.unit, group.zone) == ("数据中断 等 5 处", "522601001", "522601-W-DMA01")
    assert group.reason.zh == "同一分区 5 处同时中断，疑似网关、通信或供电故障"
    members = [grouped(a, formed.key) for a in alerts]
    for a in (*members, group):
        zone.keep(a)
        storm.keep(a)
    assert zone.on_raise(silent("z", 60), T0 + 60 * MINUTE) == Formed(formed.key, ("z",))
    assert storm.tick(T0) == ()
    for a in members:
        storm.keep(replace(a, condition="CLEARED"))
    assert storm.tick(T0) == (group.id,)
    over = group_cleared(group, T0)
    zone.keep(over)
    assert zone.on_raise(silent("z", 60), T0 + 60 * MINUTE) is None


def test_grave_members_leave() -> None:
    assert may_join(alert("a"))
    assert not may_join(alert("a", severity="II"))
    assert not may_join(alert("a", hard=True))
