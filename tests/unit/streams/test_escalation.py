"""Escalation by the default policy, second by second: who is told, what stops the clock, what never stops."""

from __future__ import annotations

import msgspec
import pytest

from streams.alerts.desk import Desk
from streams.alerts.engine import Engine
from streams.alerts.policy_book import PolicyBook
from streams.duty.book import DutyBook
from streams.duty.records import Contact, Person, Roster, Rotation
from streams.events import Alert, AlertRecord, Command
from tests.unit.streams.test_lifecycle import T0, command, detection

NOON = T0 - T0 % 86_400_000 + 4 * 3_600_000  # 12:00 in Guizhou
MIN = 60_000


class Play:
    """An engine under a clock: every due moment is a tick."""

    def __init__(self, *places: str) -> None:
        book = DutyBook()
        for place in places:
            for role in ("main", "lead"):
                who = f"{role}-{place}"
                book.put(Person(id=who, name=who, place=place, contacts=(Contact("voice"),)))
            rotations = tuple(
                Rotation(role=role, teams=((f"{role}-{place}",),), starts_ms=0) for role in ("main", "lead")
            )
            book.put(Roster(id=place, rotations=rotations))
        self.engine = Engine(Desk(PolicyBook(), book))
        self.now = NOON
        self.log: list[tuple[float, AlertRecord]] = []

    def detect(self, state: str = "raise", **more: object) -> Alert:
        d = detection(state, **{"unit": "522601001001", "ts_ms": self.now, "onset_ms": self.now, **more})
        self._keep(self.engine.on_detection(d, self.now))
        return self.alert

    def until(self, minutes: float) -> None:
        end = NOON + int(minutes * MIN)
        while (due := self.engine.next_due_ms()) and due <= end:
            self.now = max(self.now, due)
            self._keep(self.engine.on_tick(self.now))
        self.now = end

    def send(self, name: str, by_unit: str = "522601", role: str = "commander", **more: object) -> str:
        """Name of the row that answered."""
        params = {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in more.items() if k != "comment"}
        comment = str(more.get("comment", ""))
        c: Command = command(self.alert, command=name, unit=by_unit, role=role, params=params, comment=comment)
        result, records = self.engine.on_command(c, self.now)
        self._keep(records)
        return result.row

    def _keep(self, records: list[AlertRecord]) -> None:
        self.log += [((self.now - NOON) / MIN, r) for r in records]

    @property
    def alert(self) -> Alert:
        return next(reversed(self.engine.alerts.values()))

    def told(self) -> list[tuple[float, str, str, str]]:
        return [(round(at, 2), n.why, n.place, n.role) for at, r in self.log for n in r.transition.tell]

    def triggers(self) -> list[tuple[float, str]]:
        return [(round(at, 2), r.transition.trigger) for at, r in self.log]


ALL = ("522600", "522601", "522601001", "522601001001")
RED = {"level": 3}


def test_a_red_alert_climbs_and_never_stops() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.until(11)
    assert play.triggers() == [
        (0.0, "raise"), (1.0, "escalate"), (3.0, "escalate"), (5.0, "exhausted"), (7.0, "remind"), (9.0, "remind"),
        (11.0, "remind"),
    ]  # fmt: skip
    told = play.told()
    assert (0.0, "raise", "522601", "duty") in told
    assert (1.0, "escalate", "522601", "lead") in told
    assert (3.0, "escalate", "522600", "duty") in told
    assert (5.0, "remind", "522601", "lead") in told
    assert play.alert.escalation.exhausted
    assert play.alert.label == "UNACK"


def test_without_any_roster_the_places_are_told_by_the_feed() -> None:
    play = Play()
    play.detect(**RED)
    play.until(3)
    assert (0.0, "raise", "522601", "duty") in play.told()
    assert all(not n.people for _, r in play.log for n in r.transition.tell)


def test_an_empty_level_does_not_wait() -> None:
    play = Play("522600", "522601001")  # nobody in the county
    play.detect(level=2)
    assert [t[2] for t in play.told() if t[1] == "raise"] == ["522601001", "522600"]
    assert play.alert.escalation.level == "prefecture"
    assert play.alert.escalation.deadline_ms == NOON + 5 * MIN, "with its own five minutes"
    assert "522601" in play.log[0][1].transition.reason.zh


def test_an_ack_of_the_level_stops_the_clock_until_it_expires() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.until(0.5)
    assert play.send("ack", "522601001") == "ACK-1", "a township's ack"
    play.until(1)
    assert play.triggers()[-1] == (1.0, "escalate"), "does not stop the county's clock"
    play.send("ack", "522601")
    play.until(16.1)
    assert play.triggers()[-1] == (16.0, "remind"), "nothing was done for a quarter of an hour"
    play.send("ack", "522601")
    play.send("dispatch", "522601")
    play.until(17)
    assert play.alert.escalation.deadline_ms == 0


def test_a_clear_never_stops_the_clock_of_a_red_alert_but_that_of_a_yellow_one() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.until(0.5)
    play.detect("clear")
    play.until(1)
    assert play.triggers()[-1] == (1.0, "escalate")
    assert {n.place for n in play.log[-2][1].transition.tell if n.why == "clear"} >= {"522601", "522601001"}
    mild = Play(*ALL)
    mild.detect(level=1, hard=False)
    assert mild.alert.severity == "III"
    mild.until(1)
    mild.detect("clear")
    mild.until(120)
    assert [t for _, t in mild.triggers()] == ["raise", "clear"]
    mild.until(25 * 60)
    assert mild.triggers()[-1][1] == "close"
    assert mild.alert.handling == "CLOSED"


def test_a_restart_fires_what_is_overdue_once_and_says_so() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    stored = {k: msgspec.msgpack.encode(a) for k, a in play.engine.alerts.items()}
    play.engine = Engine(play.engine.desk)
    play.engine.restore(stored, b"")
    play.now = NOON + 10 * MIN
    play._keep(play.engine.on_tick(play.now))
    assert play.triggers()[1:] == [(10.0, "escalate")]
    assert play.alert.late
    assert "迟 540 秒" in play.log[-1][1].transition.reason.zh
    assert play.alert.escalation.deadline_ms == play.now + 2 * MIN, "they have their own time"


def test_the_steps_after_the_ack_are_urged_supervised_and_told_upward() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    play.send("ack")
    play.send("assess", verdict="real")
    assert {d.step for d in play.alert.deadlines} >= {"dispatch", "on_site", "dispose", "report_verbal"}
    dispatch = next(d for d in play.alert.deadlines if d.step == "dispatch")
    at = (dispatch.due_ms - NOON) / MIN
    play.until(at * 2 + 1)
    states = [t for _, t in play.triggers() if t in ("urge", "supervise", "escalate")]
    assert states[:3] == ["urge", "supervise", "escalate"]
    play.send("dispatch", team="抢修一队")
    assert "dispatch" not in {d.step for d in play.alert.deadlines}


def test_the_whole_way_to_a_closed_alert() -> None:
    play = Play(*ALL)
    play.detect(**RED)
    rows = [
        play.send("dispose", cause="x", action="y"),
        play.send("close"),
        play.send("ack", role="officer"),
        play.send("assess", verdict="real", role="officer"),
        play.send("close"),
        play.send("dispatch"),
        play.send("on_site"),
        play.send("dispose", cause="管道破损", action="关阀换管"),
        play.send("dispose", cause="管道破损"),
        play.send("verify"),
        play.send("verify", "522600"),
        play.send("close"),
    ]
    assert rows == [
        "DISPOSE-2", "CLOSE-3", "ACK-1", "ASSESS-1", "CLOSE-2", "DISPATCH-1", "SITE-1", "DISPOSE-1", "ANY-7",
        "VERIFY-3", "VERIFY-1", "CLOSE-2",
    ]  # fmt: skip
    play.detect("clear")
    assert play.alert.recheck, "gas waits for a hand-held reading"
    assert play.send("close") == "CLOSE-8"
    assert play.send("recheck", value=0) == "RECHECK-1"
    assert play.send("close") == "CLOSE-1"
    assert play.alert.handling == "CLOSED"
    assert play.engine.next_due_ms() == play.alert.deadlines[0].due_ms, "the reports are still to be made"
    assert play.send("ack") == "ANY-6"
    assert play.send("reopen", comment="复燃") == "REOPEN-1"


@pytest.mark.parametrize(
    ("given", "command_", "more", "row"),
    [
        (RED, "shelve", {"comment": "x"}, "SHELVE-4"),
        ({"level": 1, "hard": False}, "shelve", {"comment": ""}, "ANY-7"),
        ({"level": 1, "hard": False}, "shelve", {"comment": "检修"}, "SHELVE-1"),
        ({"level": 1, "hard": False}, "shelve", {"comment": "检修", "until": NOON + 13 * 60 * MIN}, "ANY-7"),
        (RED, "set_severity", {"severity": "IV", "comment": "小"}, "SET-4"),
        ({"level": 1, "hard": False}, "set_severity", {"severity": "I", "comment": "闻到气味"}, "SET-1"),
        (RED, "take_over", {}, "TAKE-2"),
        (RED, "extend", {"step": "dispatch", "seconds": 60, "comment": "堵车"}, "EXTEND-2"),
        (RED, "delegate", {"unit": "522622"}, "DOWN-2"),
        (RED, "delegate", {"unit": "522601001"}, "DOWN-1"),
        (RED, "issue_warning", {"text": "撤离", "level": "I", "approved_by": "wang"}, "WARN-2"),
        (RED, "ack_on_behalf", {"level": "prefecture", "who": "李", "number": "1"}, "ACK-6"),
        (RED, "ack_on_behalf", {"level": "township", "who": "李", "number": "1"}, "ACK-5"),
        (RED, "assess", {"verdict": "maybe"}, "ANY-7"),
        (RED, "split", {"comment": "x"}, "SPLIT-4"),
    ],
)
def test_rows(given: dict[str, object], command_: str, more: dict[str, object], row: str) -> None:
    play = Play(*ALL)
    play.detect(**given)
    assert play.send(command_, **more) == row


def test_a_shelved_alert_rests_and_is_told_again_at_its_end() -> None:
    play = Play(*ALL)
    play.detect(level=1, hard=False)
    play.until(5)
    play.send("shelve", comment="检修", until=NOON + 60 * MIN)
    assert play.alert.label == "SHLVD"
    play.until(59)
    assert play.triggers()[-1][1] == "shelve"
    play.until(60)
    assert play.triggers()[-1] == (60.0, "unsuppress")
    assert [n.why for n in play.log[-1][1].transition.tell] != []
    play.send("shelve", comment="检修")
    play.detect("update", level=3)
    assert play.alert.suppressions == ()
    assert play.triggers()[-1][1] == "severity"


def unreachable(play: Play, person: str, notice: str) -> str:
    """The notifier says that no way of a notice to a person works; the row of the answer."""
    given = {"person": person, "why": "raise", "key": notice}
    params = {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in given.items()}
    c = command(play.alert, command="failed", role="system", params=params)
    result, records = play.engine.on_command(msgspec.structs.replace(c, version=None), play.now)
    play._keep(records)
    return result.row


def asked_by(play: Play, person: str) -> str:
    """Key of the last notice that asked a person."""
    return next(n.key for _, r in reversed(play.log) for n in r.transition.tell if person in n.people)


def test_when_nobody_of_the_step_can_be_reached_the_next_one_is_told_at_once() -> None:
    play = Play(*ALL)
    play.detect(level=2)
    assert play.alert.escalation.step == 0
    assert unreachable(play, "main-522601", asked_by(play, "main-522601")) == "STEP-4"
    assert play.triggers()[-1] == (0.0, "escalate")
    assert play.alert.escalation.level == "prefecture"


def test_a_failure_of_an_older_notice_is_no_news() -> None:
    play = Play(*ALL)
    play.detect(level=2)
    older = asked_by(play, "main-522601")
    play.detect("update", level=3)
    assert asked_by(play, "main-522601") != older
    before = play.alert
    assert unreachable(play, "main-522601", older) == "SENT-1"
    assert play.alert is before
