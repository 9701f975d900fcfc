"""The states of an alert that commands can reach, found by running the engine's functions, and what each command meets.

Used by docs/draw_alerts.py and by the test that keeps docs/alerts-table.md current.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from streams.alerts import ticking
from streams.alerts.commands import on_command, permitted
from streams.alerts.desk import Desk
from streams.alerts.engine import Engine
from streams.alerts.guards import Facts, facts
from streams.alerts.policy_book import PolicyBook
from streams.alerts.raising import cleared
from streams.alerts.table import HANDLING, RANK, RESPONSIBLE, ROLES
from streams.alerts.transitions import Step
from streams.duty.book import DutyBook
from streams.events import Alert, Command, Detection, Evidence, Text

NOW = 1_763_884_800_000  # 16:00 Beijing time: day
UNITS = {"village": "522601001001", "township": "522601001", "county": "522601", "prefecture": "522600",
         "organisation": "org:x"}  # fmt: skip
DESK = Desk(PolicyBook(), DutyBook())
VARIANTS: dict[str, dict[str, object]] = {  # one detection a severity, as the shipped matrix decides
    "I": {"domain": "gas", "kind": "gas_concentration", "hard": True, "level": 3},
    "II": {"domain": "water", "kind": "pressure_low", "hard": True, "level": 1},
    "III": {"domain": "water", "kind": "pressure_low", "magnitude": 1.0},
    "IV": {"domain": "water", "kind": "pressure_low"},
}
GIVEN: dict[str, dict[str, object]] = {  # what a form would hold
    "assess": {"verdict": "real"}, "assign": {"assignee": "x"}, "dispose": {"cause": "x", "action": "y"},
    "recheck": {"value": 0}, "attach": {"name": "x"}, "out_of_service": {"until": NOW + 3_600_000},
    "delegate": {"unit": "522601001001"}, "set_severity": {"severity": "IV"},
    "extend": {"step": "verify", "seconds": 60}, "merge": {"into": "x"},
    "ack_on_behalf": {"level": "village", "who": "x", "number": "1"},
    "issue_warning": {"text": "x", "level": "I", "approved_by": "y"}, "set_response": {"level": "II"},
    "report": {"kind": "first", "form": "verbal", "to": "x"},
}  # fmt: skip
MOVES: tuple[tuple[str, dict[str, object]], ...] = (  # those that lead to another state of handling
    ("ack", {}), ("assess", {"verdict": "real"}), ("assess", {"verdict": "false_alarm"}),
    ("assess", {"verdict": "works"}), ("dispatch", {}), ("on_site", {}), ("dispose", GIVEN["dispose"]),
    ("recheck", {"value": 0}), ("verify", {}), ("close", {}), ("close", {"override": "x"}), ("reopen", {}),
)  # fmt: skip


class Arrow(NamedTuple):
    """A change of handling: what made it, `24 h` for time alone."""

    before: str
    after: str
    by: str


def raised(severity: str) -> Alert:
    """A new alert of this severity."""
    d = Detection(
        id="d", state="raise", sensor="S1", asset="A1", county="522601", unit=UNITS["village"], ts_ms=NOW, onset_ms=NOW,
        title=Text("", ""), reason=Text("", ""), evidence=Evidence(detector="x"), **VARIANTS[severity],  # type: ignore[arg-type]
    )  # fmt: skip
    engine = Engine(DESK)
    engine.on_detection(d, NOW)
    (alert,) = engine.alerts.values()
    assert alert.severity == severity, f"the matrix makes it {alert.severity}"
    return alert


def asked(alert: Alert, name: str, level: str, given: dict[str, object], role: str = "commander") -> Command:
    params = {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in given.items()}
    return Command(
        id="c", alert=alert.id, county=alert.county, command=name, version=alert.version, by="z", role=role,
        unit=UNITS[level], at_ms=NOW, comment="x", params=params,
    )  # fmt: skip


def reached(severity: str) -> tuple[list[Alert], set[Arrow]]:
    """(one alert for each state that commands, a clear and time lead to, the arrows between stages of handling).

    Moves are those of the responsible level's commander and of the prefecture's.
    """
    first = raised(severity)
    seen, queue, arrows = {_key(first): first}, [first], set()
    while queue:
        alert = queue.pop()
        for by, after in _moves(alert):
            if after.handling != alert.handling:
                arrows.add(Arrow(alert.handling, after.handling, by))
            if seen.setdefault(_key(after), after) is after:
                queue.append(after)
    return list(seen.values()), arrows


def _key(alert: Alert) -> Facts:
    """What makes a state another one: all that decides about commands, but for how long its clocks are."""
    return facts(alert, NOW)._replace(clocks=())


def _moves(alert: Alert) -> Iterator[tuple[str, Alert]]:
    for name, given in MOVES:
        for level in (RESPONSIBLE[alert.severity], "prefecture"):
            step = on_command(alert, asked(alert, name, level, given), DESK, NOW)
            if step.alert is not None and step.transition is not None:
                how = f"{name} {given['verdict']}" if name == "assess" else name
                yield how + (" (override)" if "override" in given else ""), step.alert
                break
    if alert.condition == "ACTIVE":
        yield "clear", cleared(alert, NOW)
    late = alert
    for _ in range(ticking.MANY):
        due = ticking.due_ms(late)
        step_or_none = ticking.on_due(late, DESK, due) if due else None
        if step_or_none is None or step_or_none.alert is None:
            return
        late = step_or_none.alert
        if late.handling != alert.handling:
            yield "24 h", replace(late, acks=())
            return


class Cell(NamedTuple):
    """What a command meets in a stage of handling: is it ever done, and the rows that refuse it."""

    done: bool
    rows: tuple[str, ...]


@cache
def matrix() -> tuple[dict[tuple[str, str], Cell], dict[tuple[str, str], str]]:
    """((command, handling) → cell, (command, severity) → the least level that may ever do it, "" none).

    Cells: of the responsible level's commander and the prefecture's, over all states and severities.
    """
    done: set[tuple[str, str]] = set()
    rows: dict[tuple[str, str], set[str]] = {}
    least: dict[tuple[str, str], str] = {}
    for severity in VARIANTS:
        for alert, name in ((a, name) for a in reached(severity)[0] for name in ROLES):
            for level in sorted(RANK, key=lambda k: RANK[k]):
                found = [_meets(a, name, level) for a in _beside(alert, name, level)]
                if "" in found:
                    least[name, severity] = min(least.get((name, severity), level), level, key=lambda k: RANK[k])
                if level in (RESPONSIBLE[severity], "prefecture"):
                    done |= {(name, alert.handling)} if "" in found else set()
                    rows.setdefault((name, alert.handling), set()).update(r for r in found if r)
    cells = {(c, h): Cell((c, h) in done, tuple(sorted(rows[c, h], key=_number))) for c in ROLES for h in HANDLING}
    return cells, least


def _beside(alert: Alert, name: str, level: str) -> Iterator[Alert]:
    """The alert, and as it is after what this command looks at: an own ack, shelving, a parent."""
    yield alert
    first = {"unack": "ack", "unshelve": "shelve", "shelve": "shelve", "in_service": "out_of_service",
             "out_of_service": "out_of_service"}.get(name)  # fmt: skip
    if first is not None:
        by = level if name == "unack" else "prefecture"
        after = on_command(alert, asked(alert, first, by, GIVEN.get(first, {})), DESK, NOW).alert
        if after is not None and after is not alert:
            yield after
    if name in ("merge", "split"):
        yield replace(alert, parent="p")
        yield replace(alert, members=("m",))


def _meets(alert: Alert, name: str, level: str) -> str:
    """The row that refuses it, "" where it is done. Merge and reopen look at other alerts besides: see their rows."""
    found = permitted(alert, asked(alert, name, level, GIVEN.get(name, {})), NOW)
    return found.row.name if isinstance(found, Step) else ""


def _number(row: str) -> tuple[str, int]:
    name, _, n = row.rpartition("-")
    return name, int(n) if n.isdigit() else 0
