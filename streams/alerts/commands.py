"""A command on an alert: checked by the guards, applied by its one function, recorded as a transition."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from streams.alerts import acking, escalation, handling, response, steering
from streams.alerts.desk import Desk, level_of
from streams.alerts.guards import Ask, check, facts
from streams.alerts.move import Made, Move
from streams.alerts.params import read
from streams.alerts.raising import with_gaps
from streams.alerts.table import ROLES, TABLE
from streams.alerts.transitions import Step, moved
from streams.events import Alert, Command, Text

PAPERS = ("attach", "issue_warning", "report")
PAPERS_MAX = 200_000  # bytes of them that one alert keeps: it travels whole, and a broker takes 1 MB


def on_command(alert: Alert | None, c: Command, desk: Desk, now_ms: int) -> Step:
    """Apply a person's command; a refused one comes back with the row that forbids it, and what is wrong."""
    given = permitted(alert, c, now_ms)
    if isinstance(given, Step):
        return given
    assert alert is not None
    return apply(alert, c, given, desk, now_ms)


def permitted(alert: Alert | None, c: Command, now_ms: int) -> Step | Mapping[str, object]:
    """The parameters of a person's command, as they were read; where it may not be done, the row that forbids it."""
    if alert is None:
        return Step(None, None, TABLE["ANY-1"])
    if c.command not in ROLES:
        return Step(alert, None, TABLE["ANY-3"])
    given, fault = read(c, now_ms)
    refused = check(facts(alert, now_ms), Ask(c.command, c.role, level_of(c.unit), c.unit, c.by, given))
    if refused is not None and refused.refused == 403:
        return Step(alert, None, refused)
    if fault is not None:
        return Step(alert, None, TABLE["ANY-7"], fault)
    if c.version is not None and c.version != alert.version:
        return Step(alert, None, TABLE["ANY-2"])
    return Step(alert, None, refused) if refused is not None else given


def apply(alert: Alert, c: Command, given: Mapping[str, object], desk: Desk, now_ms: int) -> Step:
    """What a command makes that `permitted` let through with these parameters."""
    m = Move(alert, c, given, desk, level_of(c.unit), now_ms)
    made = APPLY[c.command](m)
    if c.command in PAPERS and _bytes(made.alert) > PAPERS_MAX:
        return Step(alert, None, TABLE["ANY-9"])
    after = response.done(replace(made.alert, touched_ms=now_ms))
    if after.handling != alert.handling:
        after = escalation.rested(after, now_ms)
    why = with_gaps(_said(m, made.why), made.passed)
    return moved(alert, after, c.command, why, now_ms, TABLE[made.row], made.tells, c)


def _bytes(a: Alert) -> int:
    return len(msgspec.json.encode((a.attachments, a.warnings, a.reports)))


def _said(m: Move, why: Text) -> Text:
    """Who, what, and the comment."""
    note = m.c.comment.strip()
    return Text(
        f"{m.c.by} {why.zh}" + (f"：{note}" if note else ""), f"{why.en} by {m.c.by}" + (f": {note}" if note else "")
    )


APPLY: dict[str, Callable[[Move], Made]] = {
    "ack": acking.ack, "unack": acking.unack, "ack_on_behalf": acking.ack_on_behalf, "assess": handling.assess,
    "assign": handling.assign, "dispatch": handling.dispatch, "on_site": handling.on_site, "dispose":
    handling.dispose, "recheck": handling.recheck, "verify": handling.verify, "close": handling.close, "reopen":
    handling.reopen, "comment": handling.comment, "attach": handling.attach, "shelve": steering.shelve,
    "unshelve": steering.unshelve, "out_of_service": steering.out_of_service, "in_service": steering.in_service,
    "escalate": steering.escalate, "delegate": steering.delegate, "take_over": acking.take_over, "set_severity":
    steering.set_severity, "urge": steering.urge, "supervise": steering.supervise, "extend": steering.extend,
    "issue_warning": handling.issue_warning, "set_response": handling.set_response, "report": handling.report,
}  # fmt: skip
