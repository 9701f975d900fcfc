"""Alerts that others stand for, groups, parents, incidents, are not lost when those are closed, set aside or over."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from geo.fences import Mark
from streams.alerts.group import is_group
from streams.events import Alert
from tests.unit.streams.test_escalation import ALL, Play
from tests.unit.streams.test_lifecycle import T0, command

SOFT = {"domain": "water", "kind": "pressure_low", "hard": False, "level": 0, "zone": "522601-W-DMA01"}
BURST = {**SOFT, "kind": "burst_suspected", "asset": "B1", "magnitude": 2.0}


def loud(a: Alert) -> bool:
    return bool(a.escalation.deadline_ms) and not (a.suppressions or a.merged)


def settle(play: Play) -> None:
    """What one alert asked of another is done."""
    while play.engine.asks:
        c = play.engine.asks.pop(0)
        play._keep(play.engine.on_command(c, play.now)[1])


def done(play: Play, a: Alert, name: str, unit: str = "522601", **params: object) -> str:
    packed = {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in params.items()}
    c = command(play.engine.alerts[a.id], command=name, unit=unit, role="commander", params=packed, comment="理由")
    result, records = play.engine.on_command(c, play.now)
    play._keep(records)
    settle(play)
    return result.row


def closed(play: Play, a: Alert, verdict: str = "false_alarm") -> None:
    if not play.engine.alerts[a.id].acks:
        done(play, a, "ack")
    done(play, a, "assess", verdict=verdict)
    assert done(play, a, "close", "522600").startswith("CLOSE-")


def now(play: Play, a: Alert) -> Alert:
    return play.engine.alerts[a.id]


# -- groups ------------------------------------------------------------------------------------------------------------


def stormy(n: int = 14) -> tuple[Play, Alert]:
    play = Play(*ALL)
    for k in range(n):
        play.detect(**{**SOFT, "asset": f"A{k}", "sensor": f"S{k}", "zone": ""})
    (group,) = (a for a in play.engine.alerts.values() if is_group(a))
    return play, group


def test_a_storm_goes_on_after_its_group_was_closed() -> None:
    play, group = stormy()
    for k in range(14):
        play.detect("clear", **{**SOFT, "asset": f"A{k}", "sensor": f"S{k}", "zone": ""})
    closed(play, group)
    for k in range(3):
        play.now += 1000
        play.detect(**{**SOFT, "asset": f"C{k}", "sensor": f"C{k}", "zone": ""})
    (second,) = {a.parent for a in play.engine.alerts.values() if a.asset.startswith("C")}
    assert second not in (None, group.id)
    assert loud(play.engine.alerts[second or ""])
    assert play.engine.alerts[second or ""].count == 3


def test_the_first_of_a_group_is_told_by_the_group_alone() -> None:
    play, group = stormy()
    members = [a for a in play.engine.alerts.values() if a.parent == group.id]
    assert {a.id for a in members} == set(group.members)
    assert len(members) == group.count
    assert all(a.label == "DSUPR" for a in members)
    told = {r.alert.id for _, r in play.log if r.transition.tell}
    assert not told & {a.id for a in members}


def test_sensors_of_a_zone_that_fell_silent_together_are_told_once() -> None:
    play = Play(*ALL)
    silent = {
        "domain": "water",
        "kind": "dropout",
        "cls": "equipment",
        "hard": False,
        "level": 0,
        "zone": "522601-W-DMA01",
    }
    for k in range(7):
        play.detect(**silent, asset=f"D{k}", sensor=f"D{k}", interval_s=900.0)
    (group,) = (a for a in play.engine.alerts.values() if is_group(a))
    assert sum(a.parent == group.id for a in play.engine.alerts.values()) == 7 == group.count
    assert [r.alert.id for _, r in play.log if r.transition.trigger == "release"] == []


def test_a_group_that_is_shelved_keeps_its_members_quiet() -> None:
    play, group = stormy()
    told = len(play.log)
    assert done(play, group, "shelve") == "SHELVE-1"
    assert len(play.log) == told + 1, "no flood of its members"
    members = [a for a in play.engine.alerts.values() if a.parent == group.id]
    assert all(a.suppressions for a in members)
    play.until(121)
    assert now(play, group).suppressions == ()
    assert loud(now(play, group))


# -- parents -----------------------------------------------------------------------------------------------------------


def test_a_child_that_comes_back_after_its_parent_was_over_is_told() -> None:
    play = Play(*ALL)
    play.detect(**BURST)
    child = play.detect(**SOFT, asset="A2", sensor="S2")
    assert child.parent
    play.detect("clear", **SOFT, asset="A2", sensor="S2")
    play.detect("clear", **BURST)
    play.until(5)
    play.detect("raise", **SOFT, asset="A2", sensor="S2")
    assert now(play, child).condition == "ACTIVE"
    assert loud(now(play, child))


# -- incidents ---------------------------------------------------------------------------------------------------------


def incident(**member: object) -> tuple[Play, Alert, Alert]:
    play = Play(*ALL)
    top = play.detect(**{**SOFT, "asset": "P1", "sensor": "P1", "zone": ""})
    child = play.detect(**{**SOFT, "kind": "flow_low", "asset": "M1", "sensor": "M1", "zone": "", **member})
    assert done(play, child, "merge", into=top.id, county="522601") == "MERGE-1"
    assert now(play, child).merged
    return play, top, child


def test_an_incident_with_members_that_last_does_not_close_itself() -> None:
    play, top, child = incident()
    play.detect("clear", **{**SOFT, "asset": "P1", "sensor": "P1", "zone": ""})
    play.until(25 * 60)
    assert now(play, top).handling != "CLOSED"
    assert now(play, child).merged


def test_a_member_that_was_closed_keeps_no_incident_open() -> None:
    play, top, child = incident()
    closed(play, child)
    assert now(play, top).open_members == ()
    assert done(play, child, "reopen") == "REOPEN-1"
    assert not now(play, child).merged
    assert now(play, child).parent is None


@pytest.mark.parametrize(("verdict", "handling"), [("false_alarm", "CLOSED"), ("real", "ASSESSED")])
def test_a_cleared_one_that_was_not_real_closes_itself(verdict: str, handling: str) -> None:
    play = Play("522600", "522601", "522601001", "522601001001")
    play.detect(**SOFT)
    for name, more in (("ack", {}), ("assess", {"verdict": verdict})):
        assert done(play, play.alert, name, **more) == f"{name.upper()}-1"
    play.detect("clear", **SOFT)
    play.until(24 * 60 + 1)
    assert play.alert.handling == handling


def test_a_member_that_comes_back_to_a_closed_incident_is_told() -> None:
    play, top, child = incident()
    for name, kind in (("P1", "pressure_low"), ("M1", "flow_low")):
        play.detect("clear", **{**SOFT, "kind": kind, "asset": name, "sensor": name, "zone": ""})
    settle(play)
    play.until(24 * 60 - 1)
    done(play, child, "comment")
    play.until(24 * 60 + 1)
    assert now(play, top).handling == "CLOSED"
    play.engine.book.put(replace(now(play, child), cleared_ms=play.now))  # it cleared just now
    play.detect(**{**SOFT, "kind": "flow_low", "asset": "M1", "sensor": "M1", "zone": ""})
    settle(play)
    assert now(play, child).condition == "ACTIVE"
    assert loud(now(play, child))


def test_a_member_that_comes_back_sets_the_clock_of_its_cleared_incident() -> None:
    play, top, child = incident()
    for name, kind in (("P1", "pressure_low"), ("M1", "flow_low")):
        play.detect("clear", **{**SOFT, "kind": kind, "asset": name, "sensor": name, "zone": ""})
        settle(play)
    assert now(play, top).open_members == ()
    play.until(3)
    play.detect(**{**SOFT, "kind": "flow_low", "asset": "M1", "sensor": "M1", "zone": ""})
    settle(play)
    assert now(play, top).open_members == (child.id,)
    assert loud(now(play, top))


def test_a_hard_limit_in_an_incident_is_not_shelved() -> None:
    gas = {"domain": "gas", "kind": "gas_concentration", "hard": True, "level": 3}
    play, top, _ = incident(**gas)
    assert now(play, top).severity == "I"
    assert done(play, top, "shelve") == "SHELVE-4"
    play.detect("clear", **{**SOFT, "asset": "P1", "sensor": "P1", "zone": ""})
    assert done(play, top, "shelve") == "SHELVE-4"


def test_nothing_is_merged_into_what_is_not_told() -> None:
    play = Play(*ALL)
    top = play.detect(**{**SOFT, "asset": "P1", "sensor": "P1", "zone": ""})
    child = play.detect(**{**SOFT, "kind": "flow_low", "asset": "M1", "sensor": "M1", "zone": ""})
    done(play, top, "shelve")
    done(play, child, "merge", into=top.id, county="522601")
    assert not now(play, child).merged
    assert "ADOPT-9" in {play.log[-1][1].transition.row} or "未并入" in play.log[-1][1].transition.reason.zh


def test_the_end_of_shelving_does_not_tell_a_member_by_itself() -> None:
    play = Play(*ALL)
    top = play.detect(**{**SOFT, "asset": "P1", "sensor": "P1", "zone": ""})
    child = play.detect(**{**SOFT, "kind": "flow_low", "asset": "M1", "sensor": "M1", "zone": ""})
    done(play, child, "shelve")
    done(play, child, "merge", into=top.id, county="522601")
    play.until(121)
    assert now(play, child).suppressions == ()
    assert now(play, child).escalation.deadline_ms == 0


def test_an_acked_alert_that_is_taken_out_again_rests() -> None:
    play, _, child = incident()
    done(play, child, "ack")
    assert done(play, child, "split") == "SPLIT-1"
    assert now(play, child).escalation.deadline_ms == now(play, child).acks[0].expires_ms


def test_suppressed_by_fence_of_an_incident_is_not_its_members() -> None:
    works = Mark(fence="W-1", kind="works", name_zh="开挖", suppress=True, until_ms=T0 + 86_400_000)
    play, top, _ = incident()
    play.detect("update", **{**SOFT, "asset": "P1", "sensor": "P1", "zone": ""}, fences=(works,))
    assert loud(now(play, top))
