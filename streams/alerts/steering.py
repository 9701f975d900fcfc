"""Commands that decide who has it, how grave it is, and whether it is told."""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts import escalation, response
from streams.alerts.desk import above
from streams.alerts.move import Made, Move, Tells, goes_on
from streams.alerts.rising import risen
from streams.alerts.severity import worse
from streams.alerts.table import RESPONSIBLE
from streams.alerts.transitions import Tell
from streams.events import Suppression, Text


def _set_aside(m: Move, kind: str, row: str, zh: str, en: str) -> Made:
    until = m.values["until"]
    assert isinstance(until, int)
    new = Suppression(kind=kind, by=m.c.by, why=Text(m.c.comment, m.c.comment), until_ms=until)
    return Made(replace(m.alert, suppressions=(*m.alert.suppressions, new)), row, Text(zh, en))


def shelve(m: Move) -> Made:
    return _set_aside(m, "SHELVED", "SHELVE-1", "挂起", "shelved")


def out_of_service(m: Move) -> Made:
    return _set_aside(m, "OUT_OF_SERVICE", "OOS-1", "停用", "taken out of service")


def _without(m: Move, kind: str, row: str, zh: str, en: str) -> Made:
    a = replace(m.alert, suppressions=tuple(s for s in m.alert.suppressions if s.kind != kind))
    a, tells, passed = goes_on(a, m, "raise")
    return Made(a, row, Text(zh, en), tells, passed)


def unshelve(m: Move) -> Made:
    return _without(m, "SHELVED", "UNSHELVE-1", "解除挂起", "unshelved")


def in_service(m: Move) -> Made:
    return _without(m, "OUT_OF_SERVICE", "OOS-4", "恢复使用", "put in service again")


def escalate(m: Move) -> Made:
    level = above(m.level if m.level != "organisation" else RESPONSIBLE[m.alert.severity])
    a, tells, passed = escalation.upward(m.alert, m.desk, level, m.now_ms)
    return Made(escalation.at_rest(a), "UP-1", Text("上报", "reported upward"), tells, passed)


def delegate(m: Move) -> Made:
    unit = m.text("unit")
    r = m.desk.duty.people(unit, "duty", m.now_ms) or ()
    tells = (Tell("delegate", unit, "duty", tuple(p.id for p in r), ("voice", "sms", "feed")),)
    a = escalation.noted(replace(m.alert, assignee=unit), tells, m.now_ms)
    return Made(a, "DOWN-1", Text(f"下派 {unit}", f"given to {unit}"), tells)


def urge(m: Move) -> Made:
    a, tells = escalation.duty(m.alert, m.desk, response.acting(m.alert), "duty", "urge", m.now_ms)
    return Made(a, "URGE-1", Text("催办", "urged"), tells)


def supervise(m: Move) -> Made:
    a, tells = escalation.duty(m.alert, m.desk, response.acting(m.alert), "lead", "supervise", m.now_ms)
    return Made(a, "URGE-2", Text("督办", "supervised"), tells)


def set_severity(m: Move) -> Made:
    severity = m.text("severity")
    why = Text(f"{m.c.by} 定级：{m.c.comment}", f"set by {m.c.by}: {m.c.comment}")
    a = replace(m.alert, severity=severity, severity_why=why, severity_by=m.c.by)
    if worse(m.alert.severity, severity):  # milder: recorded, the chain stays
        return Made(escalation.at_rest(a), "SET-1", Text(f"定为 {severity} 级", f"severity {severity} set"))
    a = risen(a, severity, why)
    tells: Tells = ()
    passed: tuple[str, ...] = ()
    if escalation.climbs(a):
        a, tells, passed = escalation.start(a, m.desk, m.now_ms, "severity")
    return Made(a, "SET-1", Text(f"定为 {severity} 级", f"severity {severity} set"), tells, passed)


def extend(m: Move) -> Made:
    seconds = m.values["seconds"]
    assert isinstance(seconds, int)
    minutes = seconds // 60
    return Made(
        response.extended(m.alert, m.text("step"), seconds),
        "EXTEND-1",
        Text(f"延期 {minutes} 分钟", f"extended by {minutes} min"),
    )
