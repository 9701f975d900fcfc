"""What is grave or lasts is told, by whatever way it was set aside, changed, explained, closed or brought back."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from geo.fences import Mark
from streams.alerts.escalation import chain_of
from streams.alerts.transitions import label
from streams.duty.records import Contact, Person, Roster, Rotation
from streams.events import Alert
from tests.unit.streams.test_escalation import ALL, MIN, NOON, RED, Play
from tests.unit.streams.test_lifecycle import command

SOFT = {"level": 1, "hard": False}
WORKS = Mark(fence="W-1", kind="works", name_zh="北京西路开挖", suppress=True, until_ms=NOON + 60 * MIN)


def mild(**more: object) -> Play:
    play = Play(*ALL)
    play.detect(**{**SOFT, **more})
    assert play.alert.severity == "III"
    return play


def climbs(a: Alert) -> bool:
    return bool(a.escalation.deadline_ms) and not a.suppressions


# -- a hard limit is told, whatever was set aside before ---------------------------------------------------------------


def test_a_hard_limit_ends_out_of_service() -> None:
    play = mild()
    play.send("out_of_service", comment="检修", until=NOON + 7 * 24 * 60 * MIN)
    play.detect("update", **RED)
    assert play.alert.severity == "I"
    assert climbs(play.alert)
    assert any(n.why == "severity" for n in play.log[-1][1].transition.tell)


def test_a_hard_limit_ends_shelving_though_the_severity_stays() -> None:
    play = Play(*ALL)
    play.detect(**SOFT)
    play.send("set_severity", severity="I", comment="闻到气味")
    play.send("shelve", comment="等复核")
    assert play.alert.label == "SHLVD"
    play.detect("update", **RED)
    assert climbs(play.alert)
    assert play.log[-1][1].transition.tell


def test_one_that_was_shelved_when_it_was_cleared_is_told_when_the_hard_limit_is_back() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.detect("clear")
    assert play.send("shelve", comment="已恢复") == "SHELVE-1"
    play.until(2)
    play.detect(**RED)
    assert climbs(play.alert)


def test_a_red_alert_is_taken_out_of_service_by_a_county_at_least() -> None:
    play = mild()
    play.send("set_severity", severity="I", comment="闻到气味")
    until = NOON + 60 * MIN
    assert play.send("out_of_service", "522601001", comment="x", until=until) == "OOS-6"
    assert play.send("out_of_service", "522601", comment="x", until=until) == "OOS-1"


def test_a_person_who_makes_it_red_ends_out_of_service() -> None:
    play = mild()
    play.send("out_of_service", comment="检修", until=NOON + 60 * MIN)
    play.send("set_severity", severity="I", comment="闻到气味")
    assert climbs(play.alert)


# -- the chain is that of the severity ---------------------------------------------------------------------------------


def test_one_that_became_red_while_a_fence_kept_it_quiet_climbs_the_red_chain_afterwards() -> None:
    play = mild()
    play.detect("update", **SOFT, fences=(WORKS,))
    assert play.alert.label == "DSUPR"
    play.send("set_severity", severity="I", comment="闻到气味")
    assert play.alert.suppressions, "the fence still holds"
    play.until(61)
    assert play.alert.suppressions == ()
    assert chain_of(play.alert, play.engine.desk).severity == "I"


def test_clocks_after_the_ack_are_those_of_the_new_severity() -> None:
    play = mild()
    play.send("ack", "522601001")
    slow = next(d.allowed_s for d in play.alert.deadlines if d.step == "dispatch")
    play.send("assess", verdict="real")
    play.detect("update", **RED)
    play.send("ack")
    fast = {d.step: d.allowed_s for d in play.alert.deadlines}
    assert fast["dispatch"] < slow
    assert "report_verbal" in fast, "it was found real before it was red"


# -- verdicts, reopening -----------------------------------------------------------------------------------------------


def test_a_red_false_alarm_waits_for_the_level_above_and_is_not_forgotten() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.send("ack")
    play.send("assess", verdict="false_alarm")
    assert any(n.place == "522600" for n in play.log[-1][1].transition.tell), "who has to review it is told"
    play.until(48 * 60)
    assert play.engine.next_due_ms(), "a clock runs until it is closed"
    assert play.triggers()[-1][1] == "escalate"


def test_found_real_after_all_has_its_clocks() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.send("ack")
    play.send("assess", verdict="false_alarm")
    play.send("assess", verdict="real")
    assert "dispatch" in {d.step for d in play.alert.deadlines}


@pytest.mark.parametrize("by", ["522601001", "522601", "522600"])
def test_a_reopened_red_alert_climbs_or_has_its_clocks(by: str) -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.send("ack")
    play.send("assess", verdict="false_alarm")
    assert play.send("close", "522600") == "CLOSE-9"
    play.until(120)
    assert play.send("reopen", by, comment="复燃") == "REOPEN-1"
    assert play.alert.verdict is None, "it was no false alarm"
    play.until(180)
    assert play.triggers()[-1][0] > 120
    assert play.engine.next_due_ms()


# -- cleared, and back -------------------------------------------------------------------------------------------------


def test_an_ack_after_a_yellow_alert_was_cleared_starts_nothing() -> None:
    play = mild()
    play.until(5)
    play.detect("clear")
    play.send("ack", "522601001")
    play.until(20 * 60)
    assert play.triggers()[-1][1] == "ack"


def test_a_yellow_alert_that_came_back_while_acked_has_its_clocks() -> None:
    play = mild()
    play.send("ack", "522601001")
    play.detect("clear")
    play.until(5)
    play.detect(**SOFT)
    assert play.triggers()[-1][1] == "reraise"
    assert play.alert.escalation.deadline_ms, "the ack holds for its time, not for ever"
    assert play.alert.deadlines


def test_reported_upward_after_it_was_cleared_it_does_not_climb_further() -> None:
    play = mild()
    play.detect("clear")
    play.send("escalate", "522601001", comment="请知悉")
    assert play.log[-1][1].transition.tell
    play.until(20 * 60)
    assert play.triggers()[-1][1] == "escalate"
    assert len(play.log) == 3


def test_a_red_alert_that_cleared_when_its_fence_was_over_is_told() -> None:
    play = Play(*ALL)
    play.detect(**SOFT, witnesses=2, magnitude=9.0, fences=(WORKS,))
    play.send("set_severity", severity="I", comment="闻到气味")
    assert play.alert.suppressions
    play.now = NOON + 61 * MIN
    play.detect("clear")
    assert play.alert.suppressions == ()
    assert climbs(play.alert)
    assert play.log[-1][1].transition.tell


# -- who is told -------------------------------------------------------------------------------------------------------


def test_those_who_were_given_it_are_told_of_the_clear() -> None:
    play = mild()
    play.send("delegate", unit="522601002")
    play.send("assign", "522601001", assignee="wang-wu")
    play.detect("clear")
    told = {(n.place, p) for n in play.log[-1][1].transition.tell for p in (n.people or ("",))}
    assert ("522601002", "") in told
    assert ("522601001", "wang-wu") in told


def test_a_task_does_not_hide_who_was_asked_to_ack() -> None:
    play = Play(*ALL)
    play.detect(level=2)
    assert play.alert.severity == "II"
    asked = {(t.place, t.person): t.step for t in play.alert.told}
    play.send("assess", "522600", verdict="real")
    play.send("urge", "522600")
    after = {(t.place, t.person): t.step for t in play.alert.told}
    assert {k: after[k] for k in asked} == asked


def test_the_exhausted_call_those_who_are_on_duty_now() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.until(6)
    new = Person(id="night", name="night", place="522601", contacts=(Contact("voice"),))
    play.engine.desk.duty.put(new)  # type: ignore[attr-defined]
    turns = (Rotation(role="main", teams=(("night",),), starts_ms=0),)
    play.engine.desk.duty.put(Roster(id="522601", version=2, rotations=turns))  # type: ignore[attr-defined]
    play.until(8)
    (notice,) = (n for n in play.log[-1][1].transition.tell if (n.place, n.role) == ("522601", "duty"))
    assert notice.people == ("night",)


def test_an_exhausted_red_alert_always_tells_somebody() -> None:
    play = Play("522601")  # nobody in the prefecture
    play.detect(**RED)
    play.until(6)
    assert play.alert.escalation.exhausted
    play.send("ack", "522601")
    play.until(8)
    assert play.triggers()[-1][1] == "remind"
    assert play.log[-1][1].transition.tell


# -- labels and ids ----------------------------------------------------------------------------------------------------


def test_an_explained_alert_says_so_from_the_first() -> None:
    play = Play(*ALL)
    play.detect(domain="water", kind="burst_suspected", zone="522601-W-1", hard=False, level=0, magnitude=2.0)
    play.detect(domain="water", kind="pressure_low", asset="A2", zone="522601-W-1", hard=False, level=0)
    child = play.alert
    assert child.suppressions
    assert child.label == label(child) == "DSUPR"


def test_episodes_of_one_condition_have_ids_of_their_own() -> None:
    play = mild()
    for n in range(4):
        play.send("ack")
        play.send("assess", verdict="false_alarm")
        assert play.send("close") == "CLOSE-9"
        play.until(n + 1)
        play.detect("raise", **SOFT, onset_ms=NOON)
    assert len(play.engine.alerts) == 5


def team() -> dict[str, msgspec.Raw]:
    return {"team": msgspec.Raw(b'"one"')}


def test_a_key_used_for_another_command_is_refused() -> None:
    play = mild()
    first = replace(command(play.alert, unit="522601", command="dispatch", params=team()), key="k1")
    assert play.engine.on_command(first, NOON)[0].accepted
    again, records = play.engine.on_command(replace(first, id="c2", params=team()), NOON)
    assert (again.accepted, again.row, records) == (True, "REPLAY", [])
    other = replace(first, id="c3", command="comment", comment="x", version=play.alert.version)
    result, records = play.engine.on_command(other, NOON)
    assert (result.accepted, result.row, result.status, records) == (False, "ANY-8", 422, [])
