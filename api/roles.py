"""Who may do what: the roles of the contract and the commands that each may send.

Reads need any role; every check of a unit is a prefix test (`api.units`). One table, so that a person can
read it and a test can walk it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streams.alerts.desk import ORG
from streams.alerts.table import ACT, LEAD, ROLES as ROLES_OF_COMMANDS

ROLES = ("viewer", "officer", "commander", "engineer", "admin")

_DEVICES = frozenset({"officer", "commander", "engineer", "admin"})
COMMANDS: Mapping[str, frozenset[str]] = ROLES_OF_COMMANDS
EDITORS = frozenset({"engineer", "admin"})  # of assets and fences
AUDITORS = frozenset({"admin"})
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
class Scope:
    """What may be seen: things in the units of a prefix, and of these organisations where some are named."""

    prefix: str
    orgs: frozenset[str] = frozenset()

    def covers(self, unit: str, owners: Iterable[str] = ()) -> bool:
        """Is a thing of this unit and these organisations in it? What no organisation owns is in no organisation's."""
        return unit.startswith(self.prefix) and (not self.orgs or not self.orgs.isdisjoint(owners))


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in caller.

    `unit` as given to the account, `prefix` the subtree it stands for, `zone` a device's. With `orgs` it is the
    account of organisations: it sees and acts on what these own, run or supervise in the subtree. `scopes` are a
    machine's: keys of `api.scopes.SCOPES`, None for people. `session` is the sign-in that the token is of.
    """

    name: str
    role: str
    unit: str
    prefix: str
    zone: str = ""
    orgs: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    session: str = ""

    def covers(self, unit: str, owners: Iterable[str] = ()) -> bool:
        """Is a thing of this unit and these organisations the caller's?"""
        return Scope(self.prefix, self.orgs).covers(unit, owners)

    def acts_for(self, owners: Iterable[str]) -> str:
        """The unit, or `org:<name>`, in whose name the caller acts on a thing of these organisations."""
        if not self.orgs:
            return self.unit
        return ORG + next((org for org in owners if org in self.orgs), min(self.orgs))


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
