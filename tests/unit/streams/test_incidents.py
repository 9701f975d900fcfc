"""Merging and splitting by people, by tables of (given, expected row)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from streams.alerts.group import GroupKey, group_alert
from streams.alerts.incident_table import INCIDENTS, drawn
from streams.alerts.incidents import (
    INTERNAL,
    MOST,
    Ask,
    Step,
    member_asks,
    on_adopt,
    on_close,
    on_close_with,
    on_joined,
    on_leave,
    on_member,
    on_merge,
    on_not_joined,
    on_split,
    params,
    sees,
)
from streams.alerts.row import Row
from streams.events import Ack, Alert, Suppression, Text
from tests.unit.streams.alert_values import T0, alert

KAILI, HUANGPING = "522601", "522622"
GROUP = group_alert(GroupKey("", "actual", KAILI, "522601001", "water", "pressure_low", T0), None, [alert("m")], T0)
BY_RULE = (Suppression(kind="BY_RULE", by="b", why=Text("", "")),)


class City:
    """Partitions of alerts that ask each other; asks wait in a queue, as on a topic."""

    def __init__(self, *alerts: Alert) -> None:
        self.alerts = {a.id: a for a in alerts}
        self.waiting: deque[Ask] = deque()
        self.rows: list[str] = []

    def take(self, step: Step | Ask) -> Step | Ask:
        if isinstance(step, Ask):
            self.waiting.append(step)
            return step
        self.alerts[step.alert.id] = step.alert
        self.waiting += step.asks
        self.rows.append(step.row.name)
        return step

    def merge(self, child: str, into: str, unit: str = "522600") -> None:
        there = self.alerts.get(into)
        self.take(on_merge(self.alerts[child], into, there.county if there else KAILI, unit))

    def answer(self, n: int = 0) -> None:
        """Hand over the n-th waiting ask."""
        self.waiting.rotate(-n)
        ask = self.waiting.popleft()
        self.waiting.rotate(n)
        at, given = self.alerts.get(ask.alert), ask.as_command("c", "wang", "522600", T0)
        asked = params(given)
        assert asked == ask.params
        if ask.command == "adopt":
            self.take(on_adopt(at, asked))
            return
        assert at is not None
        assert at.county == ask.county
        answers: dict[str, Callable[[], Step]] = {
            "joined": lambda: on_joined(at, asked["parent"], asked["county"]),
            "not_joined": lambda: on_not_joined(at, asked),
            "leave": lambda: on_leave(at, asked["child"]),
            "member": lambda: on_member(at, asked),
            "close_with": lambda: on_close_with(at, asked),
        }
        self.take(answers[ask.command]())

    def settle(self) -> City:
        while self.waiting:
            self.answer()
        return self


@pytest.mark.parametrize(
    ("child", "into", "unit", "row"),
    [
        ({}, "b", KAILI, "MERGE-1"),
        ({}, "b", "522600", "MERGE-1"),
        ({"condition": "CLEARED"}, "b", KAILI, "MERGE-1"),
        ({}, "", KAILI, "MERGE-2"),
        ({}, "a", KAILI, "MERGE-3"),
        ({}, "b", HUANGPING, "MERGE-4"),
        ({}, "b", "522601002", "MERGE-4"),  # another township
        ({}, "b", "", "MERGE-4"),
        ({"handling": "CLOSED"}, "b", KAILI, "MERGE-5"),
        ({"parent": "x"}, "b", KAILI, "MERGE-6"),
        ({"parent": "b"}, "b", KAILI, "MERGE-7"),
        ({"members": ("b",)}, "b", KAILI, "MERGE-8"),
        ({"members": ("c",)}, "b", KAILI, "MERGE-9"),
    ],
)
def test_merge(child: dict[str, Any], into: str, unit: str, row: str) -> None:
    given = alert("a", **child)
    step = on_merge(given, into, KAILI, unit)
    assert (step.row.name, step.alert is given) == (row, True)
    assert [(a.command, a.alert) for a in step.asks] == ([("adopt", "b")] if row == "MERGE-1" else [])


def test_a_group_or_the_parent_of_others_is_not_merged() -> None:
    assert on_merge(GROUP, "b", KAILI, KAILI).row.name == "MERGE-9"
    assert on_merge(alert("a"), "b", KAILI, KAILI, has_children=True).row.name == "MERGE-9"


FULL = tuple(f"m{n:03d}" for n in range(MOST))


@pytest.mark.parametrize(
    ("parent", "unit", "row"),
    [
        (alert("b"), KAILI, "ADOPT-1"),
        (None, KAILI, "ADOPT-2"),
        (alert("b"), HUANGPING, "ADOPT-3"),
        (alert("b", handling="CLOSED"), KAILI, "ADOPT-4"),
        (alert("b", parent="top"), KAILI, "ADOPT-5"),
        (alert("b", run="r"), KAILI, "ADOPT-6"),
        (alert("b", mode="exercise"), KAILI, "ADOPT-6"),
        (GROUP, KAILI, "ADOPT-6"),
        (alert("b", members=FULL), KAILI, "ADOPT-7"),
        (alert("b", members=FULL[1:]), KAILI, "ADOPT-1"),
        (alert("b", members=(*FULL[1:], "a")), KAILI, "ADOPT-8"),
    ],
)
def test_adopt(parent: Alert | None, unit: str, row: str) -> None:
    (ask,) = on_merge(alert("a"), "b", KAILI, KAILI).asks
    made = on_adopt(parent, {**ask.params, "unit": unit})
    (back,) = (made,) if isinstance(made, Ask) else made.asks
    taken = row in ("ADOPT-1", "ADOPT-8")
    assert (back.alert, back.command) == ("a", "joined" if taken else "not_joined")
    assert (back.params["row"] if isinstance(made, Ask) else made.row.name) == row
    if not taken:
        told = on_not_joined(alert("a"), back.params)
        assert told.row.refused == INCIDENTS[row].refused
        assert told.reason.zh.startswith("未并入：" + INCIDENTS[row].zh)
        assert ("top" in told.reason.en) == (row == "ADOPT-5")  # it says which alert to use


def test_a_merge_across_counties_and_back() -> None:
    a = alert("a", severity="II", suppressions=BY_RULE, acks=(Ack("county", "li", T0, T0 + 9),))
    b = alert("b", county=HUANGPING, unit=HUANGPING, acks=(Ack("county", "wang", T0, T0 + 9),))
    city = City(a, b)
    city.merge("a", "b")
    city.settle()
    a, b = city.alerts["a"], city.alerts["b"]
    assert (a.parent, a.suppressions, a.elsewhere, len(a.acks)) == ("b", (), {"b": HUANGPING}, 1)
    assert (b.members, b.open_members, b.elsewhere) == (("a",), ("a",), {"a": KAILI})
    assert (b.severity, b.acks, b.severity_why.zh) == ("II", (), "并入的报警为 II 级")
    city.merge("a", "b")
    assert city.rows[-1] == "MERGE-7"
    assert city.take(on_split(a, KAILI)) == Step(
        replace(a, parent=None, elsewhere={}), INCIDENTS["SPLIT-1"],
        (Ask("leave", "b", HUANGPING, {"child": "a"}),), ("restart_chain",), Text("从 b 拆出", "taken out of b"),
    )  # fmt: skip
    b = city.settle().alerts["b"]
    assert (b.members, b.open_members, b.elsewhere, b.severity) == ((), (), {}, "II")


def test_clocks() -> None:
    """The member's clocks end; the incident's start anew only where it became worse."""
    (ask,) = on_merge(alert("a"), "b", KAILI, KAILI).asks
    for own, effects in (("III", ()), ("II", ()), ("IV", ("severity", "restart_chain"))):
        made = on_adopt(alert("b", severity=own), ask.params)
        assert isinstance(made, Step)
        assert made.effects == effects
    assert on_joined(alert("a"), "b", KAILI).effects == ("stop_clocks",)


@pytest.mark.parametrize("order", [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 1, 0), (0, 0, 1, 0), (1, 1, 0, 0), (0, 1, 0, 1)])
def test_two_that_are_merged_into_each_other_at_once_make_no_circle(order: tuple[int, ...]) -> None:
    city = City(alert("a"), alert("b"))
    city.merge("a", "b")
    city.merge("b", "a")
    for n in order:
        if city.waiting:
            city.answer(n % len(city.waiting))
    city.settle()
    a, b = city.alerts["a"], city.alerts["b"]
    assert not (a.parent and b.parent)
    assert (a.parent == "b") == ("a" in b.members)
    assert (b.parent == "a") == ("b" in a.members)


@pytest.mark.parametrize("more", [{"handling": "CLOSED"}, {"parent": "x"}, {"members": ("c",)}])
def test_joined_too_late_leaves_again(more: dict[str, Any]) -> None:
    step = on_joined(alert("a", **more), "b", HUANGPING)
    assert (step.row.name, step.asks) == ("JOIN-3", (Ask("leave", "b", HUANGPING, {"child": "a"}),))


@pytest.mark.parametrize(
    ("given", "unit", "row"),
    [
        ({"parent": "b"}, KAILI, "SPLIT-1"),
        ({"parent": "b"}, HUANGPING, "SPLIT-2"),
        ({"parent": "b", "handling": "CLOSED"}, KAILI, "SPLIT-3"),
        ({}, KAILI, "SPLIT-4"),
    ],
)
def test_split(given: dict[str, Any], unit: str, row: str) -> None:
    step = on_split(alert("a", suppressions=BY_RULE, **given), unit)
    assert step.row.name == row
    assert (step.alert.parent, step.alert.suppressions) == (
        (None, ()) if row == "SPLIT-1" else (given.get("parent"), BY_RULE)
    )


INCIDENT = alert("b", members=("a", "c"), open_members=("a",), elsewhere={"c": HUANGPING}, verdict="true")


@pytest.mark.parametrize(
    ("member", "row", "still", "severity"),
    [
        ({"condition": "CLEARED"}, "MEMBER-1", (), "III"),
        ({"condition": "CLEARED", "severity": "I"}, "MEMBER-1", (), "III"),  # it is over: no new severity
        ({"condition": "UNKNOWN"}, "MEMBER-2", ("a",), "III"),
        ({"severity": "I"}, "MEMBER-1", ("a",), "I"),
        ({"severity": "IV"}, "MEMBER-2", ("a",), "III"),
        ({"id_": "c"}, "MEMBER-1", ("a", "c"), "III"),  # it came back
        ({"id_": "d"}, "MEMBER-2", ("a",), "III"),
    ],
)
def test_an_incident_hears_of_its_members(
    member: dict[str, Any], row: str, still: tuple[str, ...], severity: str
) -> None:
    (ask,) = member_asks(alert(**{"id_": "a", "parent": "b", **member}))
    step = on_member(INCIDENT, ask.params)
    assert (step.row.name, step.alert.open_members, step.alert.severity) == (row, still, severity)
    assert member_asks(alert("a")) == ()
    assert on_member(replace(INCIDENT, handling="CLOSED"), ask.params).row.name == "MEMBER-2"


def test_an_incident_closes_with_its_members_once_they_are_cleared() -> None:
    refused = on_close(INCIDENT)
    assert (refused.row.name, refused.row.refused, refused.asks) == ("CLOSE-M1", 409, ())
    assert refused.reason.zh == "并入的报警尚未全部恢复（1 条）"
    step = on_close(replace(INCIDENT, open_members=()))
    assert [(a.command, a.alert, a.county) for a in step.asks] == [
        ("close_with", "a", KAILI), ("close_with", "c", HUANGPING)
    ]  # fmt: skip
    asked = step.asks[0].params
    done = on_close_with(alert("a", parent="b", condition="CLEARED"), asked)
    assert (done.row.name, done.alert.handling, done.alert.verdict) == ("CLOSE-M3", "CLOSED", "true")
    own = on_close_with(alert("a", parent="b", condition="CLEARED", verdict="false"), asked)
    assert own.alert.verdict == "false"
    again = on_close_with(alert("a", parent="b"), asked)
    assert (again.row.name, again.alert.handling, again.alert.parent) == ("CLOSE-M4", "NEW", None)
    assert again.effects == ("restart_chain",)
    assert on_close_with(alert("a", condition="CLEARED"), asked).row.name == "CLOSE-M5"


def test_a_group_is_closed_with_all_that_the_partition_knows_of_it() -> None:
    children = [alert(f"x{n}", parent=GROUP.id, condition="CLEARED") for n in range(3)]
    assert [a.alert for a in on_close(GROUP, children).asks] == ["m", "x0", "x1", "x2"]
    assert on_close(GROUP, [*children, alert("y")]).row.name == "CLOSE-M1"


def test_what_is_asked_twice_changes_nothing() -> None:
    city = City(alert("a"), alert("b"))
    city.merge("a", "b")
    adopt = city.waiting[0]
    city.settle()
    before = dict(city.alerts)
    city.waiting.append(adopt)
    city.settle()
    assert city.alerts == before
    assert {"ADOPT-8", "JOIN-2"} <= set(city.rows)


def test_an_ask_is_a_command_with_an_id_of_its_cause() -> None:
    (ask,) = on_merge(alert("a"), "b", HUANGPING, "522600").asks
    c = ask.as_command("c1", "wang", "522600", T0)
    assert (c.alert, c.county, c.command, c.version, c.role) == ("b", HUANGPING, "adopt", None, "system")
    assert c == ask.as_command("c1", "wang", "522600", T0)
    assert c.id != ask.as_command("c2", "wang", "522600", T0).id
    assert params(msgspec.json.decode(msgspec.json.encode(c), type=type(c))) == ask.params
    assert ask.command in INTERNAL


@pytest.mark.parametrize(
    ("unit", "seen"),
    [("522600", True), ("5226", True), (KAILI, True), ("522601001", True), ("522601002", False),
     (HUANGPING, False), ("", False)],
)  # fmt: skip
def test_sees(unit: str, seen: bool) -> None:
    assert sees(unit, alert("a")) == seen


def test_the_page_shows_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "alerts-grouping.md").read_text("utf-8")
    assert page.endswith(drawn(INCIDENTS.values())), "write what drawn(INCIDENTS.values()) gives at the end of the page"


@pytest.mark.parametrize("row", INCIDENTS.values(), ids=lambda r: r.name)
def test_a_refusal_says_why_and_a_move_what_it_makes(row: Row) -> None:
    assert bool(row.refused) == bool(row.zh and row.en) == (not row.makes)
    assert row.refused in (0, 403, 404, 409, 422)
