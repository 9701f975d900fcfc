"""Commands that work on the trouble: assess, dispatch, on site, dispose, verify, close; and what is noted beside."""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts import escalation, response
from streams.alerts.acking import with_ack
from streams.alerts.desk import above
from streams.alerts.inhibition import released
from streams.alerts.move import Made, Move, goes_on
from streams.alerts.policy import REPORTS
from streams.alerts.raising import cleared
from streams.alerts.table import AT_ONCE, GRAVE, HANDLING, RESPONSIBLE, VERDICTS
from streams.alerts.transitions import Tell
from streams.events import SENSOR, Alert, Attachment, Disposal, PublicWarning, Report, Text

LAST_MS = 253_402_300_799_999  # the end of the year 9999

RECHECK_LEL = 1.0  # a hand-held reading below this says that there is no gas


def _at(a: Alert, stage: str) -> Alert:
    """At this stage, or where it is when it is further already."""
    return a if HANDLING.index(a.handling) >= HANDLING.index(stage) else replace(a, handling=stage)


def assess(m: Move) -> Made:
    verdict = m.text("verdict")
    a = response.begin_reports(_at(replace(m.alert, verdict=verdict), "ASSESSED"), m.desk, m.now_ms)
    a = response.begin(a, m.desk, m.now_ms) if a.acks else a
    zh, en = VERDICTS[verdict]
    tells: tuple[Tell, ...] = ()
    if verdict == "real":
        a, tells = escalation.tasked(a, m.desk, m.now_ms)
    elif verdict in AT_ONCE and a.severity in GRAVE and a.cls == "hazard" and m.level != "prefecture":
        a, tells = escalation.duty(a, m.desk, above(RESPONSIBLE[a.severity]), "duty", "inform", m.now_ms)  # it reviews
    return Made(a, "ASSESS-1", Text(f"研判：{zh}", f"assessed as {en}"), tells)


def assign(m: Move) -> Made:
    who = m.text("assignee")
    tells = (Tell("task", m.c.unit, "duty", (who,), ("sms", "chat", "feed")),)
    a = escalation.noted(replace(m.alert, assignee=who), tells, m.now_ms)
    return Made(a, "ASSIGN-1", Text(f"指定 {who} 负责", f"assigned to {who}"), tells)


def dispatch(m: Move) -> Made:
    team = m.text("team")
    words = Text("派遣" + (f"：{team}" if team else ""), "dispatched" + (f": {team}" if team else ""))
    return Made(replace(_at(m.alert, "DISPATCHED"), assignee=team or m.alert.assignee), "DISPATCH-1", words)


def on_site(m: Move) -> Made:
    return Made(_at(m.alert, "ON_SITE"), "SITE-1", Text("到场", "on site"))


def dispose(m: Move) -> Made:
    cause, action = m.text("cause"), m.text("action")
    disposal = Disposal(cause=cause, action=action, at_ms=m.now_ms, by=m.c.by, level=m.level)
    a = replace(_at(m.alert, "DISPOSED"), disposal=disposal)
    by_hand = a.source != SENSOR and not a.active and a.condition != "CLEARED"
    return Made(
        cleared(a, m.now_ms) if by_hand else a,
        "DISPOSE-4" if by_hand else "DISPOSE-1",
        Text(f"处置完成（原因：{cause}；措施：{action}）", f"disposed of (cause: {cause}; action: {action})"),
        escalation.to_all(a, "clear") if by_hand else (),
    )


def recheck(m: Move) -> Made:
    value = m.values["value"]
    assert isinstance(value, int | float)
    still = value >= RECHECK_LEL or m.alert.condition != "CLEARED"
    return Made(
        replace(m.alert, recheck=still),
        "RECHECK-1",
        Text(f"现场复核 {value:g} %LEL", f"checked by hand: {value:g} %LEL"),
    )


def verify(m: Move) -> Made:
    return Made(_at(m.alert, "VERIFIED"), "VERIFY-1", Text("核查通过", "verified"))


def close(m: Move) -> Made:
    a = replace(escalation.stopped(m.alert), handling="CLOSED", suppressions=(), merged=False)
    a = replace(a, deadlines=tuple(d for d in a.deadlines if d.step in REPORTS))
    override = m.text("override")
    zh, en = (
        ("结案", "closed") if not override else (f"未恢复结案：{override}", f"closed though not cleared ({override})")
    )
    row = "CLOSE-9" if a.verdict in AT_ONCE else "CLOSE-1"
    return Made(a, row, Text(zh, en), escalation.to_all(a, "close"))


def reopen(m: Move) -> Made:
    """Its verdict stays where it was real, and it stands for itself again. Who opens it has acked it for that level."""
    real = m.alert.verdict == "real"
    a = replace(
        released(m.alert), handling="ASSESSED" if real else "NEW", verdict="real" if real else None, disposal=None,
        acks=(), deadlines=(), merged=False,
    )  # fmt: skip
    a = with_ack(m._replace(alert=a), m.level, m.c.by)
    all_ = escalation.to_all(a, "raise")
    a, more, passed = goes_on(a, m, "raise")
    asked = {(t.place, t.role) for t in more}
    tells = (*(t for t in all_ if (t.place, t.role) not in asked), *more)
    return Made(a, "REOPEN-1", Text("重新打开", "reopened"), tells, passed)


def comment(m: Move) -> Made:
    return Made(m.alert, "COMMENT-1", Text("备注", "comment"))


def attach(m: Move) -> Made:
    name = m.text("name")
    taken = m.number("taken_ms")
    new = Attachment(
        by=m.c.by, at_ms=m.now_ms, name=name, ref=m.text("ref"), note=m.c.comment,
        taken_ms=None if taken is None else int(min(taken, LAST_MS)), lon=m.number("lon"), lat=m.number("lat"),
        accuracy_m=m.number("accuracy_m"),
    )  # fmt: skip
    return Made(
        replace(m.alert, attachments=(*m.alert.attachments, new)), "ATTACH-1", Text(f"附件 {name}", f"{name} attached")
    )


def issue_warning(m: Move) -> Made:
    new = PublicWarning(
        text=m.text("text"), level=m.text("level"), by=m.c.by, approved_by=m.text("approved_by"), at_ms=m.now_ms
    )
    words = Text(
        f"预警发布（{new.approved_by} 审批）：{new.text}", f"warning issued (approved by {new.approved_by}): {new.text}"
    )
    return Made(replace(m.alert, warnings=(*m.alert.warnings, new)), "WARN-1", words)


def set_response(m: Move) -> Made:
    level = m.text("level")
    return Made(
        replace(m.alert, response_level=level), "RESPOND-1", Text(f"响应级别 {level}", f"response level {level} set")
    )


def report(m: Move) -> Made:
    new = Report(
        kind=m.text("kind"), form=m.text("form"), to=m.text("to"), by=m.c.by, at_ms=m.now_ms, receipt=m.text("receipt")
    )
    a = response.reported(replace(m.alert, reports=(*m.alert.reports, new)), new.form)
    kinds = {"first": "首报", "follow_up": "续报", "final": "终报"}
    return Made(a, "REPORT-1", Text(f"{kinds[new.kind]}已报送 {new.to}", f"{new.kind} report sent to {new.to}"))
