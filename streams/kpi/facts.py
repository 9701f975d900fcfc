"""What one transition of an alert says to the figures, taken from the public JSON of alert and transition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# Steps whose time is measured, each by its first transition; `close` counts until a reopening.
STEPS = ("ack", "assess", "dispatch", "on_site", "dispose", "verify", "close")
SAME_STEP = {"ack_on_behalf": "ack"}  # 代签收 is a 签收


class Fact(NamedTuple):
    """One transition. `mode` to `latched` are of the alert as it is known now, the rest of this moment."""

    id: str
    version: int
    at_ms: int
    trigger: str
    mode: str
    cls: str
    unit: str
    place: str  # the asset; a report of a person without one is a place of its own
    kind: str
    verdict: str
    latched: bool
    severity: str  # of the alert
    set_severity: str = ""  # by this transition; "": unchanged
    suppressed: bool | None = None  # None: unchanged
    ack_level: str = ""  # who acked
    org: str = ""  # the owning organisation 权属单位


def fact_of(alert: Mapping[str, Any], transition: Mapping[str, Any], version: int, at_ms: int) -> Fact:
    """The fact of a transition; fields that are missing or odd are read as "" (the projection checked what matters)."""
    assets = alert.get("assets")
    unit = alert.get("unit")
    to = transition.get("to")
    to = to if isinstance(to, Mapping) else {}
    trigger = str(transition.get("trigger") or transition.get("command") or "")
    hidden = to.get("suppressions")
    return Fact(
        id=str(alert.get("id", "")),
        version=version,
        at_ms=at_ms,
        trigger=trigger,
        mode=str(alert.get("mode") or "actual"),
        cls=str(alert.get("class") or "hazard"),
        unit=str(unit.get("code", "") if isinstance(unit, Mapping) else ""),
        place=str(assets[0]) if isinstance(assets, list) and assets else str(alert.get("id", "")),
        kind=str(alert.get("kind") or ""),
        verdict=str(alert.get("verdict") or ""),
        latched=alert.get("latched") is True,
        severity=str(alert.get("severity") or ""),
        set_severity=str(to.get("severity") or ""),
        suppressed=None if hidden is None else bool(hidden),
        org=str(alert.get("owner_org") or ""),
        ack_level=_ack_level(transition, to) if SAME_STEP.get(trigger, trigger) == "ack" else "",
    )


def _ack_level(transition: Mapping[str, Any], to: Mapping[str, Any]) -> str:
    """Level of the ack that is new: acks are told as `level:who`."""
    before = transition.get("from")
    old = before.get("acks") if isinstance(before, Mapping) else None
    new = to.get("acks")
    if not isinstance(new, list):
        return ""
    added = [a for a in new if not isinstance(old, list) or a not in old]
    return str(added[-1]).partition(":")[0] if added else ""
