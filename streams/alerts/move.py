"""A command under way, and what it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from streams.alerts import escalation
from streams.alerts.desk import Desk
from streams.alerts.transitions import Tell
from streams.events import Alert, Command, Text

Tells = tuple[Tell, ...]


class Move(NamedTuple):
    """A command under way: who, on what, when, with which checked parameters."""

    alert: Alert
    c: Command
    values: Mapping[str, object]
    desk: Desk
    level: str
    now_ms: int

    def text(self, name: str) -> str:
        return str(self.values.get(name, ""))

    def number(self, name: str) -> float | None:
        value = self.values.get(name)
        return float(value) if isinstance(value, int | float) else None


class Made(NamedTuple):
    alert: Alert
    row: str
    why: Text
    tells: Tells = ()
    passed: tuple[str, ...] = ()


def goes_on(a: Alert, m: Move, why: str) -> tuple[Alert, Tells, tuple[str, ...]]:
    """The upward clock runs again, where it has to."""
    if not escalation.climbs(a):
        return a, (), ()
    return escalation.resumed(a, m.desk, m.now_ms, why)
