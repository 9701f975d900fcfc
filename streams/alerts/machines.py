"""What machines say of an alert: a message arrived, or every way to a person failed."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from streams.alerts import escalation
from streams.alerts.desk import Desk, level_of
from streams.alerts.raising import with_gaps
from streams.alerts.table import RANK, TABLE
from streams.alerts.transitions import ASKS, Step, moved, touched
from streams.events import Alert, Command, Text


def on_command(a: Alert | None, c: Command, desk: Desk, now_ms: int) -> Step:
    """Apply a command of the notifier."""
    if a is None:
        return Step(None, None, TABLE["ANY-1"])
    if c.role != "system":
        return Step(a, None, TABLE["ANY-4"])
    person = _text(c, "person")
    if c.command == "delivered" or (c.command == "failed" and _text(c, "why") not in ASKS) or not person:
        return Step(a, None, TABLE["SENT-1"])
    if c.command == "failed":
        return _failed(a, person, _text(c, "key"), desk, now_ms)
    return Step(a, None, TABLE["ANY-3"])


def _failed(a: Alert, person: str, key: str, desk: Desk, now_ms: int) -> Step:
    """Nobody waits for somebody who cannot be reached. What is said of an older notice (`key`) is no news."""
    told = tuple(replace(t, failed=True) if t.person == person and t.key in ("", key) else t for t in a.told)
    if told == a.told:
        return Step(a, None, TABLE["SENT-1"])
    after = replace(a, told=told)
    e = a.escalation
    at_step = [t for t in told if t.step == e.step and e.level and RANK[level_of(t.place)] >= RANK[e.level]]
    why = Text(f"{person} 的通知方式全部失败", f"no way to {person} works")
    waits = e.deadline_ms and not escalation.holds(a, now_ms) and not a.suppressions and a.handling != "CLOSED"
    if not (
        waits and at_step and all(t.failed for t in at_step) and e.step + 1 < len(escalation.chain_of(a, desk).steps)
    ):
        return touched(a, after, "failed", why, now_ms, TABLE["SENT-2"])
    after, tells, passed = escalation.fire(after, desk, escalation.chain_of(a, desk), e.step + 1, now_ms, "escalate")
    return moved(a, after, "escalate", with_gaps(why, passed), now_ms, TABLE["STEP-4"], tells)


def _text(c: Command, name: str) -> str:
    raw = c.params.get(name)
    value = msgspec.json.decode(raw) if raw is not None else ""
    return value if isinstance(value, str) else ""
