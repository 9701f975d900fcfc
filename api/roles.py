"""Who may do what: the roles of the contract and the commands that each may send.

Reads need any role; every check of a unit is a prefix test (`api.units`). One table, so that a person can
read it and a test can walk it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streams.alerts.table import ACT, LEAD, ROLES as ROLES_OF_COMMANDS

ROLES = ("viewer", "officer", "commander", "engineer", "admin")

_DEVICES = frozenset({"officer", "commander", "engineer", "admin"})
COMMANDS: Mapping[str, frozenset[str]] = ROLES_OF_COMMANDS
EDITORS = frozenset({"engineer", "admin"})  # of assets and fences
RULERS = frozenset({"admin"})  # of escalation policies
DUTY: Mapping[str, frozenset[str]] = {  # each of the caller's own units; names alone also of the units above
    "see who is on duty": _DEVICES,
    "see telephone numbers": ACT,
    "write into the duty log": ACT,
    "hand over duty": ACT,
    "answer a roll-call": ACT,
    "hold a roll-call": LEAD,
    "change duty": LEAD,
}
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
        allowed, what = LEAD, f"shelve an alert of severity {severity}"
    if principal.role in allowed:
        return ""
    return _refusal(principal, what, allowed)


def may_report(principal: Principal) -> str:
    """ "" when the caller's role may make an alert by hand, else the reason."""
    return "" if principal.role in ACT else _refusal(principal, "make an alert by hand", ACT)


def may_duty(principal: Principal, what: str) -> str:
    """ "" when the caller's role may do this about duty (a key of DUTY), else the reason.

    >>> may_duty(Principal("wu", "officer", "522600", "5226"), "change duty")
    'role officer may not change duty; this needs admin or commander'
    """
    return "" if principal.role in DUTY[what] else _refusal(principal, what, DUTY[what])


def _refusal(principal: Principal, what: str, allowed: frozenset[str]) -> str:
    names = sorted(allowed)
    return f"role {principal.role} may not {what}; this needs {', '.join(names[:-1])} or {names[-1]}"
