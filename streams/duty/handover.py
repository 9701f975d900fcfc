"""Hand-over 交接班: what the one who takes over has to know, from a list of public alerts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

LISTED = 500  # of each list; the counts are of all
_SEVERITY = ("I", "II", "III", "IV")
LISTS = ("open", "shelved", "exhausted", "changed")


def summary(alerts: Iterable[Mapping[str, Any]], since: str) -> dict[str, Any]:
    """{"since", "counts", "open", "shelved", "exhausted", "changed"}; the worst severity first, then the newest.

    Args:
        alerts: public alerts (`streams.wire`).
        since: RFC 3339 UTC with milliseconds, of the hand-over before; what changed after it is listed, closed or not.
    """
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in LISTS}
    for alert in alerts:
        for name in _lists(alert, since):
            found[name].append(alert)
    out: dict[str, Any] = {"since": since, "counts": {name: len(rows) for name, rows in found.items()}}
    for name, rows in found.items():
        rows.sort(key=lambda a: str(a.get("changed", "")), reverse=True)
        rows.sort(key=lambda a: _SEVERITY.index(a["severity"]))
        out[name] = [_line(a) for a in rows[:LISTED]]
    return out


def _lists(alert: Mapping[str, Any], since: str) -> Iterable[str]:
    if alert["handling"] != "CLOSED":
        yield "open"
        if any(s["kind"] == "SHELVED" for s in alert.get("suppressions", ())):
            yield "shelved"
        if alert.get("escalation", {}).get("exhausted"):
            yield "exhausted"
    if str(alert.get("changed", "")) > since:
        yield "changed"


def _line(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": alert["id"], "version": alert["version"], "severity": alert["severity"], "label": alert.get("label", ""),
        "handling": alert["handling"], "unit": alert["unit"], "title": alert["title"], "changed": alert.get("changed"),
    }  # fmt: skip
