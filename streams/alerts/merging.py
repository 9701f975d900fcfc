"""Merge and split as the engine does them: `streams.alerts.incidents` decides, here it becomes a transition."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from streams.alerts import escalation, incidents, response
from streams.alerts.book import Book
from streams.alerts.desk import Desk
from streams.alerts.group import is_group
from streams.alerts.incidents import RESTART, RESUME, SEVERITY, STOP, Ask
from streams.alerts.raising import with_gaps
from streams.alerts.table import TABLE
from streams.alerts.transitions import Step, Tell, moved
from streams.events import Alert, Command, Text

Asked = dict[str, str]


class Merged(NamedTuple):
    step: Step
    asks: list[Command]


def on_command(a: Alert | None, c: Command, book: Book, desk: Desk, now_ms: int) -> Merged:
    """A merge or split of a person, or what one alert asks of another (`incidents.INTERNAL`)."""
    asked = incidents.params(c)
    if a is None:
        if c.command == "adopt" and "child" in asked:
            made = incidents.on_adopt(None, asked)
            assert isinstance(made, Ask)
            return Merged(Step(None, None, TABLE["ADOPT-2"]), [made.as_command(c.id, c.by, c.unit, now_ms)])
        asks = incidents.stands_alone(c.alert, asked) if c.command == "member" else ()
        return Merged(Step(None, None, TABLE["ANY-1"]), [x.as_command(c.id, c.by, c.unit, now_ms) for x in asks])
    if c.command == "merge":
        children = bool(set(book.inhibitor.children_of(a.id)) - set(a.members))
        return _made(
            a, incidents.on_merge(a, asked.get("into", ""), asked.get("county", ""), c.unit, children), c, desk, now_ms
        )
    if c.command == "split":
        return _made(a, incidents.on_split(a, c.unit), c, desk, now_ms)
    if c.role != incidents.SYSTEM:
        return Merged(Step(a, None, TABLE["ANY-4"]), [])
    return _made(a, _INTERNAL[c.command](a, asked), c, desk, now_ms)


def closing(a: Alert, c: Command, book: Book, now_ms: int) -> Merged:
    """May an alert with members be closed, and who is asked to close with it."""
    children = [x for i in book.inhibitor.children_of(a.id) if (x := book.get(i)) is not None] if is_group(a) else []
    step = incidents.on_close(a, children)
    asks = [ask.as_command(c.id, c.by, c.unit, now_ms) for ask in step.asks]
    return Merged(Step(a, None, step.row, step.reason), asks)


def _adopt(a: Alert, asked: Asked) -> incidents.Step:
    made = incidents.on_adopt(a, asked)
    assert isinstance(made, incidents.Step)
    return made


_INTERNAL: dict[str, Callable[[Alert, Asked], incidents.Step]] = {
    "adopt": _adopt,
    "joined": lambda a, asked: incidents.on_joined(a, asked["parent"], asked["county"]),
    "not_joined": incidents.on_not_joined,
    "leave": lambda a, asked: incidents.on_leave(a, asked["child"]),
    "member": incidents.on_member,
    "close_with": incidents.on_close_with,
}
assert set(_INTERNAL) == set(incidents.INTERNAL)


def _made(a: Alert, made: incidents.Step, c: Command, desk: Desk, now_ms: int) -> Merged:
    asks = [ask.as_command(c.id, c.by, c.unit, now_ms) for ask in made.asks]
    if made.row.refused and c.command != "not_joined":
        return Merged(Step(a, None, made.row, made.reason if made.reason.en else None), asks)
    if made.alert is a and c.command != "not_joined":
        return Merged(Step(a, None, made.row), asks)
    after, tells, passed = _effects(made.alert, made, desk, now_ms)
    trigger = "severity" if SEVERITY in made.effects else "close" if made.row.name == "CLOSE-M3" else c.command
    person = c if c.role != incidents.SYSTEM else None
    reason = made.reason if made.reason.en else Text(made.row.makes, made.row.makes)
    row = TABLE["MERGE-1"] if c.command == "not_joined" else made.row
    return Merged(moved(a, after, trigger, with_gaps(reason, passed), now_ms, row, tells, person), asks)


def _effects(
    a: Alert, made: incidents.Step, desk: Desk, now_ms: int
) -> tuple[Alert, tuple[Tell, ...], tuple[str, ...]]:
    if STOP in made.effects:
        tells = escalation.to_all(a, "close") if a.handling == "CLOSED" else ()
        return replace(escalation.stopped(a), deadlines=(), merged=a.handling != "CLOSED"), tells, ()
    if RESTART in made.effects:
        a = replace(a, merged=False)
        a = response.begin(a, desk, now_ms) if a.acks else a
    if escalation.climbs(a) and RESTART in made.effects:
        if escalation.holds(a, now_ms):
            return escalation.rested(a, now_ms), (), ()
        return escalation.start(a, desk, now_ms, "severity" if SEVERITY in made.effects else "raise")
    if escalation.climbs(a) and RESUME in made.effects:
        return escalation.resumed(a, desk, now_ms)
    return escalation.at_rest(a), (), ()
