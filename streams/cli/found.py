"""What a replay or a backtest found, for people and for machines."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from geo.moments import rfc3339

if TYPE_CHECKING:
    from simulators.outcome import Result


def as_dict(result: Result) -> dict[str, Any]:
    """The answer for machines."""
    return {
        "run": result.run,
        "file": result.file,
        "readings": result.readings,
        "from": rfc3339(result.first_ms),
        "to": rfc3339(result.last_ms),
        "seconds": result.seconds,
        "worst_late_s": result.worst_late_s,
        "rejected": result.rejected,
        "alerts": [
            {
                "id": a["id"],
                "start": a["first_seen"],
                "end": a["ended"],
                "severity": a["severity"],
                "kind": a["kind"],
                "class": a["class"],
                "sensor": (a["sensors"] or a["assets"] or [""])[0],
                "title": a["title"],
                "reason": a["reason"],
            }
            for a in result.alerts
        ],
    }


def table(result: Result) -> str:
    """The answer for people: one line an alert."""
    head = (
        f"run {result.run}: {result.readings:,} readings of {result.file}, "
        f"{minute(result.first_ms)} to {minute(result.last_ms)}, in {result.seconds:.1f} s; "
        f"{len(result.alerts)} alerts"
    )
    lines = [head]
    lines += [f"  rejected: {n:,} messages, {reason}" for reason, n in result.rejected.items()]
    rows = [
        (
            a["first_seen"][:16].replace("T", " "),
            (a["ended"] or "still active")[:16].replace("T", " "),
            a["severity"],
            a["kind"],
            (a["sensors"] or a["assets"] or [""])[0],
            a["reason"]["en"],
        )
        for a in result.alerts
    ]
    if rows:
        titles = ("start (UTC)", "end (UTC)", "severity", "kind", "sensor", "what")
        widths = [max(len(r[k]) for r in [titles, *rows]) for k in range(5)]
        lines.append("")
        lines += ["  ".join([*(c.ljust(w) for c, w in zip(r, widths, strict=False)), r[5]]) for r in [titles, *rows]]
    return "\n".join(lines)


def minute(ts_ms: int) -> str:
    """UTC, to the minute."""
    return dt.datetime.fromtimestamp(ts_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M")
