"""Incidents: people merge an alert into another (并入) and split it out again (拆出). One table, one function a move.

The two alerts may be of different counties, so of different partitions, each with one writer. A move changes one alert
and says what is to be asked of the other (`Ask`), as a command to its partition. Asked twice, a move changes nothing
the second time; two alerts that are merged into each other at the same moment both stay single. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from streams.alerts.group import is_group
from streams.alerts.incident_table import INCIDENTS
from streams.alerts.inhibition import released, told_again
from streams.alerts.rising import risen
from streams.alerts.row import Row
from streams.alerts.severity import worse
from streams.events import Alert, Command, Text, stable_id

MOST = 200  # members of one incident
STOP, RESTART, SEVERITY, RESUME = "stop_clocks", "restart_chain", "severity", "resume_clock"  # effects
INTERNAL = ("adopt", "joined", "not_joined", "leave", "member", "close_with")  # commands that only alerts ask of others
SYSTEM = "system"  # their role


class Ask(NamedTuple):
    """What is to be asked of another alert; `county` says which partition. It has no version: it is always heard."""

    command: str
    alert: str
    county: str
    params: dict[str, str]

    def as_command(self, cause: str, by: str, unit: str, now_ms: int) -> Command:
        """The command to send; the same for the same `cause` (id of the command or transition that led to it)."""
        return Command(
            id=stable_id("ask", cause, self.command, self.alert),
            alert=self.alert,
            county=self.county,
            command=self.command,
            version=None,
            by=by,
            role=SYSTEM,
            unit=unit,
            at_ms=now_ms,
            params={k: msgspec.Raw(msgspec.json.encode(v)) for k, v in self.params.items()},
        )


class Step(NamedTuple):
    """`alert`: as it is now, the same object where nothing changed. `reason`: what the transition says."""

    alert: Alert
    row: Row
    asks: tuple[Ask, ...] = ()
    effects: tuple[str, ...] = ()
    reason: Text = Text("", "")


def params(c: Command) -> dict[str, str]:
    """The texts that an `Ask` or a merge carries; what is no text is left out."""
    found = {k: msgspec.json.decode(v) for k, v in c.params.items()}
    return {k: v for k, v in found.items() if isinstance(v, str)}


def sees(unit: str, alert: Alert) -> bool:
    """True if an account of this unit sees the alert; 522600 is the prefecture, 5226."""
    prefix = unit[:4] if unit[4:] == "00" else unit
    return bool(unit) and (alert.unit.startswith(prefix) or alert.county.startswith(prefix))


def on_merge(child: Alert, into: str, into_county: str, unit: str, has_children: bool = False) -> Step:
    """A person asks to merge `child` into the alert `into`. `has_children`: a rule made it the parent of others."""
    if not into or not into_county:
        return _no(child, "MERGE-2")
    if into == child.id:
        return _no(child, "MERGE-3")
    if not sees(unit, child):
        return _no(child, "MERGE-4")
    if child.handling == "CLOSED":
        return _no(child, "MERGE-5")
    if child.parent is not None:
        return _no(child, "MERGE-6" if child.parent != into else "MERGE-7")
    if into in child.members:
        return _no(child, "MERGE-8")
    if child.members or has_children or is_group(child):
        return _no(child, "MERGE-9")
    facts = {"run": child.run, "mode": child.mode, "unit": unit, **_state(child)}
    return Step(child, INCIDENTS["MERGE-1"], (Ask("adopt", into, into_county, facts),))


def on_adopt(parent: Alert | None, asked: dict[str, str]) -> Step | Ask:
    """The other half of a merge, at the incident; an `Ask` alone where there is no such incident."""
    child, county = asked["child"], asked["county"]
    if parent is None:
        return Ask("not_joined", child, county, {"row": "ADOPT-2"})
    row = _refuses(parent, asked)
    if row is not None:
        about = {"row": row, "parent": parent.id, **({"use": parent.parent} if parent.parent else {})}
        return Step(parent, INCIDENTS[row], (Ask("not_joined", child, county, about),))
    joined = (Ask("joined", child, county, {"parent": parent.id, "county": parent.county}),)
    if child in parent.members:
        return Step(parent, INCIDENTS["ADOPT-8"], joined)
    members = tuple(sorted((*parent.members, child)))
    changed = replace(parent, members=members, elsewhere=_known(parent, child, county))
    changed, effects = _heard(changed, asked)
    why = Text(f"并入报警 {child}", f"alert {child} was merged into it")
    return Step(changed, INCIDENTS["ADOPT-1"], joined, effects, why)


def on_joined(child: Alert, parent: str, county: str) -> Step:
    """The incident took it: from now on the incident is told and acked for it."""
    if child.parent == parent:
        return Step(child, INCIDENTS["JOIN-2"])
    if child.handling == "CLOSED" or child.parent is not None or child.members:
        return Step(child, INCIDENTS["JOIN-3"], (Ask("leave", parent, county, {"child": child.id}),))
    changed = replace(told_again(child), parent=parent, elsewhere=_known(child, parent, county))
    return Step(
        changed, INCIDENTS["JOIN-1"], member_asks(changed), (STOP,), Text(f"并入 {parent}", f"merged into {parent}")
    )


def on_not_joined(child: Alert, asked: dict[str, str]) -> Step:
    """The incident did not take it; the reason is that row's."""
    row = INCIDENTS[asked["row"]]
    use = asked.get("use", "")
    zh, en = (f"{row.zh}：{use}", f"{row.en}: {use}") if use else (row.zh, row.en)
    return Step(child, row, reason=Text(f"未并入：{zh}", f"not merged: {en}"))


def on_split(child: Alert, unit: str) -> Step:
    """A person takes it out of its incident, its group, or from under the alert that explains it."""
    if not sees(unit, child):
        return _no(child, "SPLIT-2")
    if child.handling == "CLOSED":
        return _no(child, "SPLIT-3")
    if child.parent is None:
        return _no(child, "SPLIT-4")
    return _leaves(child, "SPLIT-1", Text(f"从 {child.parent} 拆出", f"taken out of {child.parent}"))


def on_leave(parent: Alert, child: str) -> Step:
    """A member is no longer one; the incident keeps its severity."""
    if child not in parent.members:
        return Step(parent, INCIDENTS["LEAVE-2"])
    changed = replace(
        parent,
        members=tuple(m for m in parent.members if m != child),
        open_members=tuple(m for m in parent.open_members if m != child),
        elsewhere={k: v for k, v in parent.elsewhere.items() if k != child},
    )
    return Step(changed, INCIDENTS["LEAVE-1"], reason=Text(f"报警 {child} 已拆出", f"alert {child} was taken out"))


def member_asks(child: Alert) -> tuple[Ask, ...]:
    """To be sent when the condition or severity of a member changed; of no use to a rule's parent or a group."""
    if child.parent is None:
        return ()
    return (Ask("member", child.parent, child.elsewhere.get(child.parent, child.county), _state(child)),)


def on_member(parent: Alert, asked: dict[str, str]) -> Step:
    """A member cleared, came back or became worse."""
    if asked["child"] not in parent.members or parent.handling == "CLOSED" or is_group(parent):
        return Step(
            parent, INCIDENTS["MEMBER-2"], stands_alone(parent.id, asked) if parent.handling == "CLOSED" else ()
        )
    changed, effects = _heard(parent, asked)
    if changed == parent:
        return Step(parent, INCIDENTS["MEMBER-2"])
    if not effects and len(changed.open_members) > len(parent.open_members):
        effects = (RESUME,)
    why = Text("成员报警状态有变化", "the state of a member changed")
    return Step(changed, INCIDENTS["MEMBER-1"], (), effects, why)


def stands_alone(parent: str, asked: dict[str, str]) -> tuple[Ask, ...]:
    """To a member that lasts though its incident is closed, or forgotten: nobody else tells of it."""
    if asked["condition"] == "CLEARED":
        return ()
    return (Ask("close_with", asked["child"], asked["county"], {"parent": parent, "verdict": ""}),)


def on_close(parent: Alert, children: Sequence[Alert] = ()) -> Step:
    """Whether an alert with members may be closed, and who closes with it. `children`: of a group, all of them.

    The row is CLOSE-M2 (it may; what else a close needs is the lifecycle's) or a refusal.
    """
    still = {*parent.open_members, *(c.id for c in children if c.condition != "CLEARED")}
    if still:
        row = INCIDENTS["CLOSE-M1"]
        return Step(parent, row, reason=Text(f"{row.zh}（{len(still)} 条）", f"{row.en} ({len(still)})"))
    counties = {c.id: c.county for c in children}
    ids = sorted({*parent.members, *counties})
    asked = {"parent": parent.id, "verdict": parent.verdict or ""}
    home = parent.county
    asks = (Ask("close_with", i, counties.get(i) or parent.elsewhere.get(i, home), asked) for i in ids)
    return Step(parent, INCIDENTS["CLOSE-M2"], tuple(asks))


def on_close_with(child: Alert, asked: dict[str, str]) -> Step:
    """The parent was closed: a cleared child closes with it, one that is active again goes on by itself."""
    if child.parent != asked["parent"] or child.handling == "CLOSED":
        return Step(child, INCIDENTS["CLOSE-M5"])
    if child.condition != "CLEARED":
        return _leaves(
            child, "CLOSE-M4", Text("主报警已结案，本报警仍未恢复", "its incident was closed while it lasts")
        )
    why = Text(f"随 {child.parent} 结案", f"closed with {child.parent}")
    changed = replace(child, handling="CLOSED", verdict=child.verdict or asked["verdict"] or None)
    return Step(changed, INCIDENTS["CLOSE-M3"], (), (STOP,), why)


def _leaves(child: Alert, row: str, why: Text) -> Step:
    parent = child.parent or ""
    ask = Ask("leave", parent, child.elsewhere.get(parent, child.county), {"child": child.id})
    changed = replace(released(child), elsewhere={k: v for k, v in child.elsewhere.items() if k != parent})
    return Step(changed, INCIDENTS[row], (ask,), (RESTART,), why)


def _no(alert: Alert, row: str) -> Step:
    return Step(alert, INCIDENTS[row], reason=Text(INCIDENTS[row].zh, INCIDENTS[row].en))


def _refuses(parent: Alert, asked: dict[str, str]) -> str | None:
    if not sees(asked["unit"], parent):
        return "ADOPT-3"
    if parent.handling == "CLOSED":
        return "ADOPT-4"
    if parent.parent is not None:
        return "ADOPT-5"
    if (parent.run, parent.mode) != (asked["run"], asked["mode"]) or is_group(parent):
        return "ADOPT-6"
    if parent.suppressions:
        return "ADOPT-9"
    return "ADOPT-7" if len(parent.members) >= MOST and asked["child"] not in parent.members else None


def _state(child: Alert) -> dict[str, str]:
    over = "CLEARED" if child.handling == "CLOSED" else child.condition
    hard = {"hard": "true"} if child.hard else {}
    return {"child": child.id, "county": child.county, "severity": child.severity, "condition": over, **hard}


def _heard(parent: Alert, asked: dict[str, str]) -> tuple[Alert, tuple[str, ...]]:
    """The incident with what a member says of itself; it is never milder than a member."""
    others = [m for m in parent.open_members if m != asked["child"]]
    still = others if asked["condition"] == "CLEARED" else [*others, asked["child"]]
    hard = parent.members_hard or "hard" in asked
    changed = replace(parent, open_members=tuple(sorted(still)), members_hard=hard)
    if not worse(asked["severity"], parent.severity) or asked["condition"] == "CLEARED":
        return changed, ()
    why = Text(f"并入的报警为 {asked['severity']} 级", f"a member has severity {asked['severity']}")
    return risen(changed, asked["severity"], why), (SEVERITY, RESTART)


def _known(alert: Alert, other: str, county: str) -> dict[str, str]:
    return alert.elsewhere if county == alert.county else {**alert.elsewhere, other: county}
