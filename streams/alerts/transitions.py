"""Making transitions: the new version, its derived label, what changed, whom it tells."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from streams.alerts.table import RANK, RESPONSIBLE, Row
from streams.events import Ack, Alert, Command, Deadline, Notice, Suppression, Text, Transition

ASKS = ("raise", "severity", "escalate", "remind")  # notices that ask for an ack: others are not waited for
LABEL_OF = {"BY_FENCE": "DSUPR", "BY_RULE": "DSUPR", "SHELVED": "SHLVD", "OUT_OF_SERVICE": "OOSRV"}
_NEW: dict[str, object] = {  # of a new alert, and not worth telling
    "suppressions": [], "verdict": None, "parent": None, "deadlines": {}, "assignee": "", "latched": False,
    "recheck": False, "response_level": "", "escalation": "",
}  # fmt: skip
_SHOWN = (
    "condition", "severity", "handling", "label", "verdict", "count", "flaps", "acks", "suppressions", "escalation",
    "deadlines", "assignee", "parent", "members", "latched", "recheck", "response_level",
)  # fmt: skip


class Step(NamedTuple):
    """Result of a move. `transition` None: nothing to record (a quiet repeat, or a refusal).

    `detail` says more than the row about a refusal.
    """

    alert: Alert | None
    transition: Transition | None
    row: Row
    detail: Text | None = None


class Tell(NamedTuple):
    """A notice before it has its number: see `streams.events.Notice`."""

    why: str
    place: str
    role: str
    people: tuple[str, ...]
    channels: tuple[str, ...]
    step: int = 0
    due_ms: int | None = None


def label(alert: Alert) -> str:
    """ISA-18.2 label from condition and the ack of the responsible level or one above it; suppressed ones first."""
    if alert.suppressions:
        return LABEL_OF[alert.suppressions[0].kind]
    need = RANK[RESPONSIBLE[alert.severity]]
    acked = any(RANK[a.level] >= need for a in alert.acks)
    if alert.condition == "CLEARED":
        return "NORM" if acked else "RTNUN"
    return "ACKED" if acked else "UNACK"


def moved(
    before: Alert | None,
    after: Alert,
    trigger: str,
    why: Text,
    now_ms: int,
    row: Row,
    tell: tuple[Tell, ...] = (),
    c: Command | None = None,
) -> Step:
    """A transition: version + 1."""
    version = before.version + 1 if before else 1
    after = replace(after, version=version, changed_ms=now_ms)
    after = replace(after, label=label(after))
    notices = tuple(
        Notice(
            key=f"{version}.{n}", why=t.why, place=t.place, role=t.role, people=t.people, channels=t.channels,
            step=t.step, due_ms=t.due_ms,
        )
        for n, t in enumerate(tell)
    )  # fmt: skip
    after = _asked(after, notices)
    return Step(after, _transition(before, after, trigger, why, now_ms, notices, c, row.name), row)


def _asked(a: Alert, notices: tuple[Notice, ...]) -> Alert:
    """The alert that knows by which notice each person was asked last: news of one before is old."""
    keys = {(n.place, n.role, person): n.key for n in notices if n.why in ASKS for person in n.people}
    if not keys:
        return a
    return replace(a, told=tuple(replace(t, key=keys.get((t.place, t.role, t.person), t.key)) for t in a.told))


def touched(before: Alert, after: Alert, trigger: str, why: Text, now_ms: int, row: Row) -> Step:
    """Something worth a record that no officer's version has to know of."""
    return Step(after, _transition(before, after, trigger, why, now_ms, (), None, row.name), row)


def _transition(
    before: Alert | None,
    after: Alert,
    trigger: str,
    why: Text,
    now_ms: int,
    tell: tuple[Notice, ...],
    c: Command | None,
    row: str,
) -> Transition:
    names = [k for k in _SHOWN if before is None or getattr(before, k) != getattr(after, k)]
    new = {k: _plain(k, getattr(after, k)) for k in names}
    old = {k: _plain(k, getattr(before, k)) for k in names} if before else {}
    return Transition(
        seq=after.version,
        trigger=trigger,
        row=row,
        command=c.command if c else None,
        by=c.by if c else "system",
        at_ms=now_ms,
        reason=why,
        before={k: v for k, v in old.items() if new[k] != v},
        after={k: v for k, v in new.items() if old.get(k, _NEW.get(k)) != v},
        tell=tell,
    )


def _plain(name: str, value: object) -> object:
    if name == "escalation":
        e = value
        return f"{e.step}:{e.level}{' exhausted' if e.exhausted else ''}" if e.policy else ""  # type: ignore[attr-defined]
    if not isinstance(value, tuple):
        return value
    if name == "members":
        return len(value)
    if name == "deadlines":
        return {d.step: d.state for d in value if isinstance(d, Deadline)}
    return [
        f"{a.level}:{a.by}" if isinstance(a, Ack) else f"{a.kind}:{a.by}"
        for a in value
        if isinstance(a, Ack | Suppression)
    ]
