# ruff: noqa: E501 - a table is read in rows
"""The table of an alert's life: what each event makes in each state, and every row that refuses, with its sentence.

An illegal move is refused with the row that forbids it. `docs/alerts.md` is drawn from this table.
"""

from __future__ import annotations

from streams.alerts.incident_table import INCIDENTS
from streams.alerts.row import Row as Row

HANDLING = ("NEW", "ASSESSED", "DISPATCHED", "ON_SITE", "DISPOSED", "VERIFIED", "CLOSED")
RANK = {"organisation": -1, "village": 0, "township": 1, "county": 2, "prefecture": 3}
RESPONSIBLE = {"I": "county", "II": "county", "III": "township", "IV": "village"}
ACK_EXPIRES_MS = {"I": 15 * 60_000, "II": 30 * 60_000, "III": 2 * 3_600_000, "IV": 24 * 3_600_000}
VERDICTS = {
    "real": ("属实", "real"),
    "false_alarm": ("误报", "false alarm"),
    "equipment": ("设备故障", "equipment fault"),
    "works": ("施工作业", "works"),
    "planned": ("计划操作", "planned operation"),
    "duplicate": ("重复", "duplicate"),
}
AT_ONCE = ("false_alarm", "duplicate")  # these may close at once
GRAVE = ("I", "II")

ACT = frozenset({"officer", "commander", "admin"})
LEAD = frozenset({"commander", "admin"})
ROLES: dict[str, frozenset[str]] = {
    "ack": ACT, "unack": ACT, "ack_on_behalf": ACT, "assess": ACT, "assign": ACT, "dispatch": ACT, "on_site": ACT,
    "dispose": ACT, "recheck": ACT, "verify": LEAD, "close": ACT, "reopen": LEAD, "comment": ACT | {"engineer"},
    "attach": ACT | {"engineer"}, "shelve": ACT, "unshelve": ACT, "out_of_service": LEAD, "in_service": LEAD,
    "escalate": ACT, "delegate": LEAD, "take_over": LEAD, "set_severity": ACT, "urge": LEAD, "supervise": LEAD,
    "extend": ACT, "issue_warning": LEAD, "set_response": LEAD, "merge": ACT, "split": ACT, "report": ACT,
}  # fmt: skip


def _made(event: str, name: str, state: str, makes: str) -> Row:
    return Row(name, event, state, makes)


def _no(event: str, name: str, state: str, zh: str, en: str, status: int = 409) -> Row:
    return Row(name, event, state, "", status, zh, en)


_ROWS = (
    # what detectors say
    _made("raise", "RAISE-1", "no alert of this asset and kind", "new episode, ACTIVE, version 1; the chain starts"),
    _made("raise", "RAISE-2", "ACTIVE", "count + 1, last seen; no new version"),
    _made("raise", "RAISE-3", "CLEARED, within the flap window", "same episode ACTIVE again, flaps + 1, acks kept"),
    _made("raise", "RAISE-4", "CLEARED or CLOSED, later", "new episode linked to the one before, version 1"),
    _made("raise", "RAISE-5", "CLOSED, within the flap window", "new episode linked to the one before: closed stays closed"),
    _made("raise or update", "SEVERITY-UP", "worse than before", "severity set, acks drop, shelving ends, the chain restarts"),
    _made("raise or update", "SEVERITY-DOWN", "milder than before", "the worst of the episode holds"),
    _made("raise or update", "SEVERITY-SET", "an officer set the severity", "recorded; the officer's holds until clear"),
    _made("raise or update", "SUPPRESS-1", "a fence began to suppress it", "suppressions set; the upward clock rests"),
    _made("raise or update", "SUPPRESS-2", "no fence suppresses it any more", "suppressions dropped; the clock goes on"),
    _made("clear", "CLEAR-1", "ACTIVE, no other sensor of it active", "CLEARED; all who were told are told; III, IV: upward clock stops"),
    _made("clear", "CLEAR-2", "CLEARED or no alert", "nothing"),
    _made("clear", "CLEAR-3", "ACTIVE, another sensor of it is still active", "stays ACTIVE"),
    _made("raise", "RAISE-6", "chattering, quiet for a while", "held: quiet no more, nobody is told again"),
    _made("raise", "LATCH-1", "came back three times in 10 min", "latched: told once, ACTIVE until it was quiet"),
    _made("clear", "CLEAR-4", "chattering", "stays ACTIVE until it was quiet"),
    _made("raise", "FAMILY-1", "an open alert explains it", "child of that one; III and IV are not told (DSUPR)"),
    _made("raise", "FAMILY-2", "others of its kind and zone fell silent with it", "member of the group"),
    _made("parent cleared or closed", "FAMILY-3", "child still ACTIVE", "no parent; the clock goes on"),
    _made("any change", "FAMILY-4", "child graver than its parent, or the parent not told", "told; the clock goes on"),
    _made("raise in a storm", "GROUP-1", "first of its unit and kind", "group raised; it is told and acked as one"),
    _made("raise in a storm", "GROUP-2", "group open", "member of the group; told at most every 5 s, no new version"),
    _made("raise in a storm", "GROUP-3", "worse than the group", "severity of the group; acks drop, the chain restarts"),
    _made("storm over", "GROUP-4", "no member active", "group CLEARED; all who were told are told"),
    _made("sensors silent", "SILENT-1", "ACTIVE", "UNKNOWN: 状态不明"),
    _made("sensor heard again", "SILENT-2", "UNKNOWN", "ACTIVE as before"),
    _made("raise of another domain near", "LINK-1", "ACTIVE", "links + 1; no new version"),
    # what time says
    _made("deadline", "STEP-1", "nobody acked the step in time", "next step told"),
    _made("deadline", "STEP-2", "nobody acked the last step", "exhausted; I, II: told again until somebody acks"),
    _made("deadline", "STEP-3", "ack expired, nothing was done", "the step's people are told again"),
    _made("deadline", "STEP-4", "all ways to the people of a step failed", "next step at once"),
    _made("deadline", "LATE-1", "a step after the ack was missed", "urged 催办"),
    _made("deadline", "LATE-2", "still missed", "supervised 督办"),
    _made("deadline", "LATE-3", "still missed", "next level told"),
    _made("deadline", "END-1", "a suppression is over", "dropped; the clock goes on"),
    _made("deadline", "END-2", "III or IV, CLEARED and untouched for 24 h, no work on it begun", "CLOSED, with that reason"),
    _made("deadline", "END-3", "chattering, quiet long enough", "CLEARED"),
    # any command
    _no("any command", "ANY-1", "no such alert", "没有这条报警", "there is no such alert", 404),
    _no("any command", "ANY-2", "version is not the newest", "报警已有变化，请刷新", "the alert has changed; reload it"),
    _no("any command", "ANY-3", "unknown command", "没有这个操作", "there is no such command", 422),
    _no("any command", "ANY-4", "role", "此角色不能做此操作", "this role may not do this", 403),
    _no("any command", "ANY-5", "unit outside", "不在本单位范围内", "the alert is outside of the sender's unit", 403),
    _no("any command", "ANY-6", "CLOSED", "已结案", "the alert is closed"),
    _no("any command", "ANY-7", "a needed parameter is missing or wrong", "缺少参数或参数有误", "a parameter is missing or wrong", 422),
    _no("any command", "ANY-8", "its key was used for another command", "该幂等键已用于其他操作", "this key was used for another command; send a new one", 422),
    _no("attach, issue_warning, report", "ANY-9", "it has 200 kB of them", "附件与报告已满，请存于别处", "its attachments, warnings and reports are full: keep them elsewhere", 422),
    # single commands
    _made("ack", "ACK-1", "not acked by this level", "ACKED by this level until it expires; only this level's clock stops"),
    _no("ack", "ACK-2", "acked by this level", "本级已签收", "this level has acknowledged already"),
    _made("ack_on_behalf", "ACK-5", "a level at or below the sender's has not acked", "ACKED for it: who, by which number, when"),
    _no("ack_on_behalf", "ACK-6", "a level above the sender's", "不能代上级签收", "nobody acknowledges for a level above"),
    _made("unack", "UNACK-1", "acked by this level", "that ack is gone, the clock goes on"),
    _no("unack", "UNACK-2", "not acked by this level", "本级没有签收", "this level has not acknowledged"),
    _made("assess", "ASSESS-1", "not closed", "verdict set; NEW becomes ASSESSED; the clocks of what follows run"),
    _made("assign", "ASSIGN-1", "not closed", "assignee set and told"),
    _made("dispatch", "DISPATCH-1", "NEW or ASSESSED", "DISPATCHED"),
    _no("dispatch", "DISPATCH-2", "DISPATCHED or later", "已派遣", "somebody was dispatched already"),
    _made("on_site", "SITE-1", "before ON_SITE", "ON_SITE"),
    _no("on_site", "SITE-2", "ON_SITE or later", "已到场", "somebody is on site already"),
    _made("dispose", "DISPOSE-1", "assessed, not DISPOSED", "DISPOSED with cause and action"),
    _made("dispose", "DISPOSE-4", "reported by a person, not CLEARED", "DISPOSED and CLEARED: no sensor will say so"),
    _no("dispose", "DISPOSE-2", "no verdict", "先研判，后处置", "assess it first"),
    _no("dispose", "DISPOSE-3", "DISPOSED or later", "已处置", "it was disposed of already"),
    _made("recheck", "RECHECK-1", "gas", "hand-held reading entered; 待现场复核 is over where it is below 1 %LEL"),
    _no("recheck", "RECHECK-2", "not gas", "只有燃气报警需要现场复核", "only gas alerts are checked by hand"),
    _made("verify", "VERIFY-1", "DISPOSED", "VERIFIED"),
    _no("verify", "VERIFY-2", "not DISPOSED", "处置完成后才能核查", "it is verified after it was disposed of"),
    _no("verify", "VERIFY-3", "I or II, by the level that disposed of it", "一、二级由上一级核查", "I and II are verified one level up", 403),
    _made("close", "CLOSE-1", "CLEARED (or overridden in writing), acked, verdict, dispositions complete", "CLOSED"),
    _made("close", "CLOSE-9", "false alarm or duplicate", "CLOSED at once"),
    _no("close", "CLOSE-2", "ACTIVE or UNKNOWN, no override", "尚未恢复，结案须写明理由", "not cleared: closing needs a written override"),
    _no("close", "CLOSE-3", "nobody acked", "无人签收", "nobody has acknowledged it"),
    _no("close", "CLOSE-4", "no verdict", "尚未研判", "it has no verdict"),
    _no("close", "CLOSE-5", "real, not disposed of", "属实的须先处置", "a real one is disposed of first"),
    _no("close", "CLOSE-6", "I or II, real, not verified", "一、二级须核查通过", "I and II are verified first"),
    _no("close", "CLOSE-7", "I or II, false alarm or duplicate, by the responsible level", "一、二级误报由上一级复核结案", "a false alarm of I or II is reviewed one level up", 403),
    _no("close", "CLOSE-8", "gas, no hand-held reading", "待现场复核", "gas waits for a hand-held reading on site"),
    _no("close", "CLOSE-10", "has open members that are not cleared", "有未恢复的成员报警", "members of it are not cleared"),
    _made("reopen", "REOPEN-1", "CLOSED, no newer episode", "back to ASSESSED, to NEW where it was not found real; the clock goes on"),
    _no("reopen", "REOPEN-2", "not CLOSED", "未结案", "it is not closed"),
    _no("reopen", "REOPEN-3", "CLOSED, a newer episode", "已有新的报警", "there is a newer episode of it"),
    _made("comment", "COMMENT-1", "any", "recorded"),
    _made("attach", "ATTACH-1", "any", "note or file reference kept"),
    _made("shelve", "SHELVE-1", "not shelved", "SHELVED until the end given (2 h, at most 12 h)"),
    _no("shelve", "SHELVE-2", "shelved", "已挂起", "it is shelved already"),
    _no("shelve", "SHELVE-3", "I or II, below county or no commander", "一、二级由县级以上指挥员挂起", "I and II are shelved by a commander of a county or above", 403),
    _no("shelve", "SHELVE-4", "a hard limit was crossed", "越限报警不能挂起", "an alert of a hard limit cannot be shelved"),
    _made("unshelve", "UNSHELVE-1", "shelved", "the clock goes on"),
    _no("unshelve", "UNSHELVE-2", "not shelved", "没有挂起", "it is not shelved"),
    _made("out_of_service", "OOS-1", "no hard limit crossed", "OUT_OF_SERVICE until the end given (at most 30 days), a hard limit, or I or II"),
    _no("out_of_service", "OOS-2", "out of service", "已停用", "it is out of service already"),
    _no("out_of_service", "OOS-3", "a hard limit was crossed", "越限报警不能停用", "an alert of a hard limit cannot be taken out of service"),
    _no("out_of_service", "OOS-6", "I or II, below county", "一、二级由县级以上停用", "I and II are taken out of service by a county or above", 403),
    _made("in_service", "OOS-4", "out of service", "in service again; the clock goes on"),
    _no("in_service", "OOS-5", "in service", "没有停用", "it is not out of service"),
    _made("escalate", "UP-1", "below prefecture", "the next level is told 上报"),
    _no("escalate", "UP-2", "the prefecture", "已到州级", "the prefecture is the highest level"),
    _made("delegate", "DOWN-1", "to a unit of the sender's subtree", "that unit is told 下派"),
    _no("delegate", "DOWN-2", "to another unit", "只能下派给下级单位", "only a unit below the sender's may be given it", 422),
    _made("take_over", "TAKE-1", "by a level above the responsible one", "acked by that level, the upward clock stops 提级处置"),
    _no("take_over", "TAKE-2", "by the responsible level or below", "只有上级可以接管", "only a level above may take it over", 403),
    _made("set_severity", "SET-1", "another severity, with a reason", "it holds until the alert is cleared"),
    _no("set_severity", "SET-2", "the same severity", "级别没有变化", "it has that severity"),
    _no("set_severity", "SET-3", "milder than I or II, no commander", "一、二级降级须指挥员", "only a commander makes I or II milder", 403),
    _no("set_severity", "SET-4", "milder than II, hard limit not left", "限值解除前不低于二级", "it is not made milder than II while a hard limit holds"),
    _made("urge", "URGE-1", "not closed", "those who have it are told 催办"),
    _made("supervise", "URGE-2", "not closed", "their leaders are told 督办"),
    _made("extend", "EXTEND-1", "the step has a clock, put off less than twice", "later deadline, with the reason"),
    _no("extend", "EXTEND-2", "no such clock", "该环节没有计时", "that step has no clock"),
    _no("extend", "EXTEND-3", "put off twice", "已延期两次", "it was put off twice already"),
    _no("extend", "EXTEND-4", "longer than the step's own time", "延期不得超过原时限", "at most the step's own time once more", 422),
    _made("issue_warning", "WARN-1", "not closed, approved by another person", "预警发布 recorded"),
    _no("issue_warning", "WARN-2", "approved by the sender", "须由另一人审批", "another person has to approve it", 422),
    _made("set_response", "RESPOND-1", "not closed", "response level recorded"),
    _made("report", "REPORT-1", "any", "report and receipt recorded, its clock stops"),
    # between alerts, and of machines
    _made("delivered", "SENT-1", "a message arrived", "recorded; no new version"),
    _made("failed", "SENT-2", "all ways to a person failed", "recorded; where nobody of the step can be reached: next step now"),
    _made("tick", "TICK-1", "a deadline has passed", "what the deadline makes"),
)  # fmt: skip
TABLE: dict[str, Row] = {**{r.name: r for r in _ROWS}, **INCIDENTS}
COMMANDS = tuple(ROLES)
SYSTEM = ("tick", "delivered", "failed")  # of timers and machines, never of the API
