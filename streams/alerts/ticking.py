"""What time alone makes of an alert: the next moment at which something is due, and what is done then."""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts import chatter, escalation, response
from streams.alerts.desk import Desk
from streams.alerts.escalation import resumed
from streams.alerts.policy import REPORTS
from streams.alerts.raising import cleared, with_gaps
from streams.alerts.table import TABLE
from streams.alerts.transitions import Step, moved
from streams.events import Alert, Text

CLOSES_MS = 24 * 3_600_000
MANY = 20  # transitions of one alert at one moment: more would be a fault
NAMES = {
    "assess": ("研判", "assessment"), "dispatch": ("派遣", "dispatch"), "on_site": ("到场", "arrival on site"),
    "dispose": ("处置", "disposal"), "verify": ("核查", "verification"),
    "report_verbal": ("口头报告", "the verbal report"), "report_written": ("书面报告", "the written report"),
}  # fmt: skip
SAID = {
    "urged": ("催办", "urged"),
    "supervised": ("督办", "supervised"),
    "escalated": ("升级", "told to the next level"),
}


def due_ms(a: Alert) -> int:
    """The next moment at which time changes this alert, 0: never."""
    if a.handling == "CLOSED":
        return min((d.next_ms for d in a.deadlines if d.next_ms and d.step in REPORTS), default=0)
    found = [s.until_ms for s in a.suppressions if s.until_ms]
    if not (a.suppressions or a.merged):
        found += [a.escalation.deadline_ms, response.next_ms(a)]
    found.append(_closes_ms(a))
    found.append(chatter.due_ms(a) or 0)
    return min((ms for ms in found if ms), default=0)


def _closes_ms(a: Alert) -> int:
    under_way = a.handling != "NEW" and not (a.handling == "ASSESSED" and a.verdict != "real")
    if escalation.lasts(a) or under_way or a.cleared_ms is None:
        return 0
    return max(a.cleared_ms, a.touched_ms) + CLOSES_MS


def on_due(a: Alert, desk: Desk, now_ms: int) -> Step | None:
    """One thing that is due now; None where nothing is. Call again until then."""
    over = tuple(s for s in a.suppressions if s.until_ms and s.until_ms <= now_ms)
    if over:
        return _unsuppressed(a, desk, now_ms, tuple(s for s in a.suppressions if s not in over))
    if (turn := chatter.on_due(a, now_ms)).trigger:
        return _quiet(a, turn, now_ms)
    closes = _closes_ms(a)
    if closes and closes <= now_ms and a.handling != "CLOSED":
        return _closed(a, now_ms)
    if a.suppressions or a.merged:
        return None
    at = a.escalation.deadline_ms
    if at and at <= now_ms and a.handling != "CLOSED":
        return _climbed(a, desk, now_ms)
    at = response.next_ms(a) if a.handling != "CLOSED" else due_ms(a)
    if at and at <= now_ms:
        return _missed(a, desk, now_ms)
    return None


def _climbed(a: Alert, desk: Desk, now_ms: int) -> Step:
    row, after, tells, passed = escalation.overdue(a, desk, now_ms)
    why = {
        "STEP-1": Text("逾时未签收，升级", "not acknowledged in time: the next level is told"),
        "STEP-2": Text("逾时未签收，再次通知", "still not acknowledged: told again"),
        "STEP-3": Text("签收后逾时未处理，再次通知", "acknowledged, but nothing was done in time: told again"),
    }[row]
    trigger = {"STEP-1": "escalate", "STEP-2": "remind" if a.escalation.exhausted else "exhausted"}.get(row, "remind")
    return moved(a, after, trigger, with_gaps(_late(why, a, after, now_ms), passed), now_ms, TABLE[row], tells)


def _late(why: Text, before: Alert, after: Alert, now_ms: int) -> Text:
    if not after.late:
        return why
    s = (now_ms - before.escalation.deadline_ms) // 1000
    return Text(f"{why.zh}（迟 {s} 秒）", f"{why.en} ({s} s late)")


def _missed(a: Alert, desk: Desk, now_ms: int) -> Step:
    row, deadline, after, tells = response.missed(a, desk, now_ms)
    (zh, en), (said_zh, said_en) = NAMES[deadline.step], SAID[deadline.state]
    why = Text(f"{zh}超时，{said_zh}", f"{en} is late: {said_en}")
    trigger = {"urged": "urge", "supervised": "supervise", "escalated": "escalate"}[deadline.state]
    return moved(a, after, trigger, why, now_ms, TABLE[row], tells)


def _unsuppressed(a: Alert, desk: Desk, now_ms: int, left: tuple[object, ...]) -> Step:
    after = replace(a, suppressions=left)
    why = Text("屏蔽到期，恢复通知", "the suppression is over: told again")
    if not escalation.climbs(after):
        return moved(a, after, "unsuppress", why, now_ms, TABLE["END-1"])
    after, tells, passed = resumed(after, desk, now_ms)
    return moved(a, after, "unsuppress", with_gaps(why, passed), now_ms, TABLE["END-1"], tells)


def _quiet(a: Alert, turn: chatter.Turn, now_ms: int) -> Step:
    after = cleared(turn.alert, a.cleared_ms or now_ms)
    return moved(a, after, "clear", turn.reason, now_ms, TABLE["END-3"], escalation.to_all(a, "clear"))


def _closed(a: Alert, now_ms: int) -> Step:
    why = Text("恢复后 24 小时无人处理，自动结案", "cleared and untouched for 24 h: closed by itself")
    after = replace(escalation.stopped(a), handling="CLOSED", deadlines=())
    return moved(a, after, "close", why, now_ms, TABLE["END-2"])
