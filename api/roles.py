"""Who may do what: the roles of the contract and the commands that each may send.

Reads need any role; every check of a unit is a prefix test (`api.units`). One table, so that a person can
read it and a test can walk it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROLES = ("viewer", "officer", "commander", "engineer", "admin")

_ACT = frozenset({"officer", "commander", "admin"})
_LEAD = frozenset({"commander", "admin"})
_DEVICES = frozenset({"officer", "commander", "engineer", "admin"})

COMMANDS: Mapping[str, frozenset[str]] = {
    "ack": _ACT,
    "assess": _ACT,
    "dispatch": _ACT,
    "on_site": _ACT,
    "dispose": _ACT,
    "close": _ACT,
    "comment": _ACT,
    "shelve": _ACT,  # I and II: see `may_send`
    "unshelve": _ACT,
    "escalate": _ACT,
    "extend": _ACT,
    "verify": _LEAD,
    "take_over": _LEAD,
    "delegate": _LEAD,
    "urge": _LEAD,
    "supervise": _LEAD,
    "override": _LEAD,
}
LEAD = _LEAD
EDITORS = frozenset({"engineer", "admin"})  # of assets and fences
DEVICE = "device"  # a machine's token (`api.devices`): it sends readings and may do nothing else
INGEST = _DEVICES | {DEVICE}


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in caller: `unit` as given to the account, `prefix` the subtree it stands for, `zone` a device's."""

    name: str
    role: str
    unit: str
    prefix: str
    zone: str = ""

    def covers(self, unit: str) -> bool:
        """Is this unit in the caller's subtree?"""
        return unit.startswith(self.prefix)


def may_send(principal: Principal, command: str, severity: str) -> str:
    """ "" when the caller's role may send this command, else the reason.

    >>> may_send(Principal("wu", "viewer", "522600", "5226"), "ack", "III")
    'role viewer may not ack; this needs admin, commander or officer'
    """
    allowed = COMMANDS[command]
    what = command
    if command == "shelve" and severity in ("I", "II"):
        allowed, what = _LEAD, f"shelve an alert of severity {severity}"
    if principal.role in allowed:
        return ""
    names = sorted(allowed)
    return f"role {principal.role} may not {what}; this needs {', '.join(names[:-1])} or {names[-1]}"
