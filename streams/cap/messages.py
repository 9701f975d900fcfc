"""Which CAP messages the life of an alert is: one for each transition that others have to hear of. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

TOLD = frozenset(
    {"raise", "reraise", "severity", "set_severity", "assess", "issue_warning", "clear", "close", "reopen"}
)
CLOSE, WARNING = "close", "issue_warning"


class Message(NamedTuple):
    """One message; `sent` is RFC 3339 as the transition has it."""

    identifier: str
    sent: str
    type: str  # Alert | Update | Cancel
    trigger: str
    reason: Mapping[str, str]


def is_public(alert: Mapping[str, Any]) -> bool:
    """Has a person issued a warning (预警发布) of a real event? Nothing else makes a message Public."""
    return alert["mode"] == "actual" and bool(alert.get("warnings"))


def changed(alert: Mapping[str, Any]) -> str:
    """When it changed last, RFC 3339."""
    return str(alert.get("changed") or alert["last_seen"])


def messages(alert: Mapping[str, Any], timeline: Sequence[Mapping[str, Any]]) -> list[Message]:
    """All messages so far, oldest first; the last is in force. Public ones begin with the first warning."""
    steps = [t for t in timeline if t["trigger"] in TOLD]
    if is_public(alert):
        first = next((k for k, t in enumerate(steps) if t["trigger"] == WARNING), 0)
        steps = steps[first:]
    if not steps:  # what is known of it begins later
        return [Message(f"{alert['id']}.{alert['version']}", changed(alert), "Alert", "", alert["reason"])]
    out: list[Message] = []
    for t in steps:
        kind = "Cancel" if t["trigger"] == CLOSE else "Update" if out and out[-1].type != "Cancel" else "Alert"
        kind = "Alert" if not out else kind
        out.append(Message(f"{alert['id']}.{t['seq']}", t["at"], kind, t["trigger"], t["reason"]))
    return out


def references(made: Sequence[Message]) -> list[Message]:
    """The earlier messages that the last one updates or cancels: those since the last cancel."""
    earlier = list(made[:-1])
    cut = max((k for k, m in enumerate(earlier) if m.type == "Cancel"), default=-1)
    return earlier[cut + 1 :] if made[-1].type != "Alert" else []
