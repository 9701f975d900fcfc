"""What ends when an alert becomes graver or crosses a hard limit: acks, the milder one's clocks, what set it aside."""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts.policy import REPORTS
from streams.alerts.table import GRAVE
from streams.events import Alert, Text


def risen(a: Alert, severity: str, why: Text) -> Alert:
    """Of this severity now: acks drop, the clocks that begin with an ack begin anew, shelving ends."""
    a = replace(
        a,
        severity=severity,
        severity_why=why,
        acks=(),
        deadlines=tuple(d for d in a.deadlines if d.step in REPORTS),
    )
    return looked_at(a, ("SHELVED", "OUT_OF_SERVICE") if severity in GRAVE else ("SHELVED",))


def looked_at(a: Alert, ends: tuple[str, ...] = ("SHELVED", "OUT_OF_SERVICE")) -> Alert:
    """What people set aside comes back: always where a hard limit was crossed."""
    return replace(a, suppressions=tuple(s for s in a.suppressions if s.kind not in ends))
