"""The assessment report of a drill: which levels were told, who acknowledged in time, which steps were late. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from geo.moments import epoch_ms
from streams.alerts.policy import REPORTS, STEPS
from streams.drills.timeline import Line, line
from streams.events import LEVELS

ASKED = ("raise", "severity", "escalate", "remind")
IN_TIME, LATE, MISSED, GRAVER, ABOVE, OPEN = "in_time", "late", "missed", "graver", "above", "open"


class Ask(NamedTuple):
    """A level that was asked to acknowledge until `due_ms`; `done_ms`: when it did.

    `result`: in_time | late | missed (never) | graver (the severity rose before) | above (a level above acknowledged
    before) | open (not due yet at the end).
    """

    severity: str
    level: str
    at_ms: int
    due_ms: int
    done_ms: int | None = None
    result: str = OPEN


class Done(NamedTuple):
    """A step that was done. `due_ms` None: the policy gives no time for it."""

    step: str
    at_ms: int
    due_ms: int | None

    @property
    def result(self) -> str:
        return "" if self.due_ms is None else IN_TIME if self.at_ms <= self.due_ms else LATE


class Report(NamedTuple):
    """What a drill showed."""

    start_ms: int
    levels: tuple[str, ...]  # told, upward
    asks: tuple[Ask, ...]
    steps: tuple[Done, ...]
    closed: bool
    refused: tuple[str, ...]  # sentences

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(level for level in LEVELS if level not in self.levels)

    @property
    def ok(self) -> bool:
        """Every level was told, every order was taken, and it was closed. Late steps are findings, no failure."""
        return not self.missing and not self.refused and self.closed


def report(records: Sequence[Mapping[str, Any]], refused: Iterable[str] = ()) -> Report:
    """Of the records of a drill's alert, in their order."""
    lines = [line(r) for r in records]
    told = {t.level for x in lines for t in x.told}
    asked = asks(lines)
    return Report(
        start_ms=lines[0].at_ms if lines else 0,
        levels=tuple(level for level in LEVELS if level in told),
        asks=asked,
        steps=(*_first_ack(lines, asked), *_steps(records)),
        closed=bool(lines) and lines[-1].handling == "CLOSED",
        refused=tuple(refused),
    )


def asks(lines: Sequence[Line]) -> tuple[Ask, ...]:
    """Who was asked to acknowledge, and what came of it: one a level and moment."""
    found: dict[tuple[str, int], Ask] = {}
    for x in lines:
        if x.trigger in ("raise", "severity"):
            found = {k: _graver(a, x.at_ms) for k, a in found.items()}
        if x.acked:
            found = {k: _acked(a, x.acked, x.at_ms) for k, a in found.items()}
        for t in x.told:
            if t.why in ASKED and t.due_ms and t.level in LEVELS:
                found.setdefault((t.level, x.at_ms), Ask(x.severity, t.level, x.at_ms, t.due_ms))
    end = lines[-1].at_ms if lines else 0
    return tuple(a._replace(result=MISSED) if a.result == OPEN and a.due_ms <= end else a for a in found.values())


def _graver(a: Ask, now_ms: int) -> Ask:
    return a if a.result != OPEN else a._replace(result=MISSED if a.due_ms <= now_ms else GRAVER)


def _acked(a: Ask, level: str, now_ms: int) -> Ask:
    if a.result != OPEN:
        return a
    if a.level == level:
        return a._replace(done_ms=now_ms, result=IN_TIME if now_ms <= a.due_ms else LATE)
    below = LEVELS.index(a.level) < LEVELS.index(level) if level in LEVELS else False
    return a._replace(result=ABOVE) if below and now_ms < a.due_ms else a


def _first_ack(lines: Sequence[Line], asked: Iterable[Ask]) -> Iterator[Done]:
    at = next((x.at_ms for x in lines if x.acked), None)
    if at is not None:
        yield Done("ack", at, next((a.due_ms for a in asked if a.done_ms == at), None))


def _steps(records: Sequence[Mapping[str, Any]]) -> Iterator[Done]:
    """Steps with the times that the alert itself carried for them until they were done, and the closing."""
    due: dict[str, int] = {}
    for r in records:
        command, at = r["transition"]["command"], epoch_ms(r["transition"]["at"])
        now = {step: epoch_ms(d["due"]) for step, d in r["alert"]["deadlines"].items()}
        if command in STEPS:
            yield Done(command, at, due.get(command))
        if command == "report":
            yield from (Done(step, at, due[step]) for step in REPORTS if step in due and step not in now)
        if command == "close":
            yield Done(command, at, None)
        due = now
