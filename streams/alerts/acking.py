"""Commands that acknowledge: for oneself, for somebody on the telephone, from above; and taking it back."""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts import escalation, response
from streams.alerts.desk import level_of
from streams.alerts.move import Made, Move, goes_on
from streams.alerts.table import ACK_EXPIRES_MS
from streams.events import Ack, Alert, Text


def with_ack(m: Move, level: str, by: str, on_behalf: str = "") -> Alert:
    a = m.alert
    ack = Ack(level, by, m.now_ms, m.now_ms + ACK_EXPIRES_MS[a.severity], on_behalf)
    a = replace(a, acks=(*(k for k in a.acks if k.level != level), ack))
    a = response.begin(escalation.acked(a, level), m.desk, m.now_ms)
    return escalation.rested(a, m.now_ms)


def ack(m: Move) -> Made:
    return Made(with_ack(m, m.level, m.c.by), "ACK-1", Text("签收", "acknowledged"))


def ack_on_behalf(m: Move) -> Made:
    who, number = m.text("who"), m.text("number")
    a = with_ack(m, m.text("level"), who, f"{m.c.by}, {number}")
    return Made(a, "ACK-5", Text(f"代 {who}（{number}）签收", f"acknowledged for {who} ({number})"))


def unack(m: Move) -> Made:
    a = replace(m.alert, acks=tuple(k for k in m.alert.acks if k.level != m.level))
    told = tuple(replace(t, acked=False) if level_of(t.place) == m.level else t for t in a.told)
    a, tells, passed = goes_on(replace(a, told=told), m, "remind")
    return Made(a, "UNACK-1", Text("撤回签收", "acknowledgement taken back"), tells, passed)


def take_over(m: Move) -> Made:
    own = replace(m.alert, escalation=replace(m.alert.escalation, level=m.level))  # from now on it has to act
    a = replace(with_ack(m._replace(alert=own), m.level, m.c.by), stopped_by=m.c.by)
    return Made(a, "TAKE-1", Text("提级处置", "taken over"), escalation.to_all(m.alert, "take_over"))
