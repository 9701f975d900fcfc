"""Which row a command meets: one ordered list of refusals a command, over the few facts that decide.

The facts come from an alert of the engine or from the public JSON, so that the API tells what is allowed, and why not,
by the same rows that the engine applies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from streams.alerts.table import AT_ONCE, GRAVE, HANDLING, LEAD, RANK, RESPONSIBLE, ROLES, TABLE, Row
from streams.events import SEVERITIES, Alert

GAS_DOMAIN = "gas"
EXTENSIONS = 2


class Facts(NamedTuple):
    """What of an alert decides about commands."""

    handling: str
    condition: str
    severity: str
    domain: str
    verdict: str | None
    acked: frozenset[str]  # levels whose ack holds
    ever_acked: bool
    suppressed: frozenset[str]  # kinds
    hard: bool  # a hard limit holds: its own, or that of a member that people merged
    recheck: bool
    disposed_level: str  # of who disposed of it
    parent: str | None
    members: int
    unit: str
    clocks: tuple[tuple[str, int, int], ...] = ()  # step, how often it was put off, seconds it has

    @property
    def stage(self) -> int:
        return HANDLING.index(self.handling)


class Ask(NamedTuple):
    """Who asks for what."""

    command: str
    role: str
    level: str
    unit: str
    by: str
    values: Mapping[str, object]


def facts(a: Alert, now_ms: int) -> Facts:
    """Of the engine's alert."""
    return Facts(
        handling=a.handling, condition=a.condition, severity=a.severity, domain=a.domain, verdict=a.verdict,
        acked=frozenset(k.level for k in a.acks if k.expires_ms > now_ms or a.handling != "NEW"),
        ever_acked=bool(a.acks), suppressed=frozenset(s.kind for s in a.suppressions),
        hard=(a.hard and a.condition != "CLEARED") or (a.members_hard and bool(a.open_members)), recheck=a.recheck,
        disposed_level=a.disposal.level if a.disposal else "", parent=a.parent, members=len(a.members), unit=a.unit,
        clocks=tuple((d.step, d.extended, d.allowed_s) for d in a.deadlines),
    )  # fmt: skip


def public_facts(a: Mapping[str, Any], now: str) -> Facts:
    """Of the public JSON; `now` is RFC 3339 as there."""
    disposal = a.get("disposal") or {}
    return Facts(
        handling=a["handling"], condition=a["condition"], severity=a["severity"], domain=a["domain"],
        verdict=a.get("verdict"),
        acked=frozenset(k["level"] for k in a.get("acks") or () if k["expires"] > now or a["handling"] != "NEW"),
        ever_acked=bool(a.get("acks")), suppressed=frozenset(s["kind"] for s in a.get("suppressions") or ()),
        hard=bool(a.get("hard")) and a["condition"] != "CLEARED",
        recheck=bool(a.get("recheck")), disposed_level=disposal.get("level", ""),
        parent=a.get("parent"), members=len(a.get("members") or ()), unit=a["unit"]["code"],
        clocks=tuple((step, d["extended"], 0) for step, d in (a.get("deadlines") or {}).items()),
    )  # fmt: skip


Guard = tuple[str, Callable[[Facts, Ask], bool]]


def _rank(level: str) -> int:
    return RANK[level]


def _stage(f: Facts, at_least: str) -> bool:
    return f.stage >= HANDLING.index(at_least)


def _one_up(f: Facts, q: Ask) -> bool:
    """Is the sender of a level above the responsible one (or the highest there is)?"""
    return _rank(q.level) > _rank(RESPONSIBLE[f.severity]) or q.level == "prefecture"


def _above_disposer(f: Facts, q: Ask) -> bool:
    return q.level == "prefecture" or _rank(q.level) > _rank(f.disposed_level or "village")


def _milder(f: Facts, q: Ask) -> bool:
    new = q.values.get("severity")
    return isinstance(new, str) and SEVERITIES.index(new) > SEVERITIES.index(f.severity)


def _below(f: Facts, q: Ask) -> bool:
    """Is the unit named a unit below the sender's?"""
    own, unit = _prefix(q.unit), str(q.values.get("unit", ""))
    return unit.startswith(own) and unit not in (own, q.unit)


def _overridden(q: Ask) -> bool:
    return bool(q.values.get("override"))


def _prefix(unit: str) -> str:
    return "5226" if unit in ("5226", "522600") else unit


def _clocks(f: Facts, q: Ask) -> list[tuple[str, int, int]]:
    """The clock that is asked for; all where none is named yet."""
    return [clock for clock in f.clocks if clock[0] == q.values.get("step", clock[0])]


def _longer(f: Facts, q: Ask) -> bool:
    seconds = q.values.get("seconds")
    return isinstance(seconds, int) and any(seconds > allowed for _, _, allowed in _clocks(f, q))


OPEN: Guard = ("ANY-6", lambda f, q: f.handling == "CLOSED")
GUARDS: dict[str, tuple[Guard, ...]] = {
    "ack": (OPEN, ("ACK-2", lambda f, q: q.level in f.acked)),
    "unack": (OPEN, ("UNACK-2", lambda f, q: q.level not in f.acked)),
    "ack_on_behalf": (
        OPEN,
        ("ACK-6", lambda f, q: "level" in q.values and _rank(str(q.values["level"])) > _rank(q.level)),
        ("ACK-2", lambda f, q: q.values.get("level") in f.acked),
    ),
    "assess": (OPEN,),
    "assign": (OPEN,),
    "dispatch": (OPEN, ("DISPATCH-2", lambda f, q: _stage(f, "DISPATCHED"))),
    "on_site": (OPEN, ("SITE-2", lambda f, q: _stage(f, "ON_SITE"))),
    "dispose": (
        OPEN,
        ("DISPOSE-2", lambda f, q: f.verdict is None),
        ("DISPOSE-3", lambda f, q: _stage(f, "DISPOSED")),
    ),
    "recheck": (OPEN, ("RECHECK-2", lambda f, q: f.domain != GAS_DOMAIN)),
    "verify": (
        OPEN,
        ("VERIFY-2", lambda f, q: f.handling != "DISPOSED"),
        (
            "VERIFY-3",
            lambda f, q: (
                f.severity in GRAVE
                and q.level != "prefecture"
                and _rank(q.level) <= _rank(f.disposed_level or "village")
            ),
        ),
    ),
    "close": (
        OPEN,
        ("CLOSE-3", lambda f, q: not f.ever_acked),
        ("CLOSE-4", lambda f, q: f.verdict is None),
        ("CLOSE-7", lambda f, q: f.verdict in AT_ONCE and f.severity in GRAVE and not _one_up(f, q)),
        (
            "CLOSE-2",
            lambda f, q: f.verdict not in AT_ONCE and f.condition != "CLEARED" and not q.values.get("override"),
        ),
        ("CLOSE-8", lambda f, q: f.recheck and f.verdict not in AT_ONCE),
        ("CLOSE-5", lambda f, q: f.verdict == "real" and not _stage(f, "DISPOSED")),
        ("CLOSE-6", lambda f, q: f.verdict == "real" and f.severity in GRAVE and not _stage(f, "VERIFIED")),
    ),
    "reopen": (("REOPEN-2", lambda f, q: f.handling != "CLOSED"),),
    "comment": (),
    "attach": (),
    "shelve": (
        OPEN,
        ("SHELVE-2", lambda f, q: "SHELVED" in f.suppressed),
        ("SHELVE-4", lambda f, q: f.hard),
        ("SHELVE-3", lambda f, q: f.severity in GRAVE and (q.role not in LEAD or _rank(q.level) < RANK["county"])),
    ),
    "unshelve": (OPEN, ("UNSHELVE-2", lambda f, q: "SHELVED" not in f.suppressed)),
    "out_of_service": (
        OPEN,
        ("OOS-2", lambda f, q: "OUT_OF_SERVICE" in f.suppressed),
        ("OOS-3", lambda f, q: f.hard),
        ("OOS-6", lambda f, q: f.severity in GRAVE and _rank(q.level) < RANK["county"]),
    ),
    "in_service": (OPEN, ("OOS-5", lambda f, q: "OUT_OF_SERVICE" not in f.suppressed)),
    "escalate": (OPEN, ("UP-2", lambda f, q: q.level == "prefecture")),
    "delegate": (OPEN, ("DOWN-2", lambda f, q: "unit" in q.values and not _below(f, q))),
    "take_over": (OPEN, ("TAKE-2", lambda f, q: _rank(q.level) <= _rank(RESPONSIBLE[f.severity]))),
    "set_severity": (
        OPEN,
        ("SET-2", lambda f, q: q.values.get("severity") == f.severity),
        ("SET-3", lambda f, q: f.severity in GRAVE and _milder(f, q) and q.role not in LEAD),
        ("SET-4", lambda f, q: f.hard and q.values.get("severity") in ("III", "IV")),
    ),
    "urge": (OPEN,),
    "supervise": (OPEN,),
    "extend": (
        OPEN,
        ("EXTEND-2", lambda f, q: not _clocks(f, q)),
        ("EXTEND-3", lambda f, q: all(extended >= EXTENSIONS for _, extended, _ in _clocks(f, q))),
        ("EXTEND-4", _longer),
    ),
    "issue_warning": (OPEN, ("WARN-2", lambda f, q: q.values.get("approved_by") == q.by)),
    "set_response": (OPEN,),
    "report": (),
    "merge": (
        ("MERGE-5", lambda f, q: f.handling == "CLOSED"),
        ("MERGE-6", lambda f, q: f.parent is not None),
        ("MERGE-9", lambda f, q: f.members > 0),
    ),
    "split": (("SPLIT-3", lambda f, q: f.handling == "CLOSED"), ("SPLIT-4", lambda f, q: f.parent is None)),
}
assert set(GUARDS) == set(ROLES)


def check(f: Facts, q: Ask) -> Row | None:
    """The row that refuses this command in this state, None where it is allowed. The role is looked at first."""
    if q.command not in GUARDS:
        return TABLE["ANY-3"]
    if q.role not in ROLES[q.command]:
        return TABLE["ANY-4"]
    for name, forbids in GUARDS[q.command]:
        if forbids(f, q):
            return TABLE[name]
    return None


def actions(f: Facts, role: str, unit: str, level: str, by: str) -> list[tuple[str, Row | None]]:
    """Every command with the row that refuses it to this caller now, None where it may be sent."""
    return [(c, check(f, Ask(c, role, level, unit, by, {}))) for c in ROLES]
