"""Chattering: an alert that comes and goes is latched into one that stays ACTIVE and is told once. Pure.

ISA-18.2 names such alarms chattering; the figures are this project's choice. Its state is the alert's own:
`flapped_ms`, `latched`, and `cleared_ms`, which while latched says since when it has been quiet.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from streams.events import Alert, Text

LATCHED = Text("反复报警与恢复，锁定为一条，持续平静后才恢复", "comes and goes: held as one alert until it is quiet")
QUIET = Text("已持续平静，解除锁定", "quiet for long enough: no longer held")


class Chatter(Struct, frozen=True):
    """When an alert is latched and how long it must be quiet."""

    flaps: int = 3
    within_ms: int = 10 * 60_000
    quiet_ms: int = 15 * 60_000
    quiet_intervals: float = 4.0  # sampling intervals


DEFAULT = Chatter()


class Turn(NamedTuple):
    """`tell`: people are told of it; `trigger`: of the transition, "" for a touch without a new version."""

    alert: Alert
    tell: bool
    trigger: str
    reason: Text = Text("", "")


def on_reraise(alert: Alert, now_ms: int, rule: Chatter = DEFAULT) -> Turn:
    """An alert that came back, after a clear or (latched) after being quiet; `flaps` is counted here."""
    came = (*alert.flapped_ms, now_ms)[-rule.flaps :]
    back = replace(alert, condition="ACTIVE", cleared_ms=None, flaps=alert.flaps + 1, flapped_ms=came)
    if alert.latched:
        return Turn(back, False, "")
    if len(came) == rule.flaps and came[0] > now_ms - rule.within_ms:
        return Turn(replace(back, latched=True), True, "latch", LATCHED)
    return Turn(back, True, "reraise")


def on_clear(alert: Alert, at_ms: int) -> Turn:
    """The condition of the last sensor ended at `at_ms`: CLEARED, or (latched) ACTIVE and quiet since then."""
    if not alert.latched:
        return Turn(replace(alert, condition="CLEARED", cleared_ms=at_ms, active=()), True, "clear")
    return Turn(replace(alert, cleared_ms=at_ms, active=()), False, "")


def due_ms(alert: Alert, rule: Chatter = DEFAULT) -> int | None:
    """When a latched alert is to be asked `on_due`; None while it is not quiet."""
    if not alert.latched or alert.condition == "CLEARED" or alert.cleared_ms is None:
        return None
    return alert.cleared_ms + max(rule.quiet_ms, round(rule.quiet_intervals * alert.interval_s * 1000))


def on_due(alert: Alert, now_ms: int, rule: Chatter = DEFAULT) -> Turn:
    """CLEARED at last; the same alert where its time has not come."""
    due = due_ms(alert, rule)
    if due is None or now_ms < due:
        return Turn(alert, False, "")
    return Turn(replace(alert, condition="CLEARED", latched=False, flapped_ms=()), True, "clear", QUIET)
