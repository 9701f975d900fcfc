"""Rows of merge and split, part of `table.TABLE`: what happens in which state, or why it is refused."""

from __future__ import annotations

from collections.abc import Iterable

from streams.alerts.row import Row

INCIDENTS: dict[str, Row] = {
    r.name: r
    for r in (
        Row("MERGE-1", "merge", "open, no parent, no members", "the incident is asked to take it"),
        Row("MERGE-2", "merge", "no incident named", "", 422, "未指定并入哪条报警", "name the alert to merge it into"),
        Row("MERGE-3", "merge", "into itself", "", 422, "不能并入自身", "an alert cannot be merged into itself"),
        Row("MERGE-4", "merge", "outside one's units", "", 403, "不在管辖范围内", "it is outside of your units"),
        Row("MERGE-5", "merge", "CLOSED", "", 409, "已结案，不能并入", "the alert is closed"),
        Row("MERGE-6", "merge", "has another parent", "", 409,
            "已归入其他报警，请先拆出", "it has a parent: split it first"),
        Row("MERGE-7", "merge", "has this parent", "", 409, "已并入该报警", "it is part of that alert already"),
        Row("MERGE-8", "merge", "into a member of its own", "", 409,
            "不能并入自己的成员", "that alert is a member of this one"),
        Row("MERGE-9", "merge", "has members", "", 409,
            "下属报警请先拆出", "it has members of its own: split them first"),
        Row("ADOPT-1", "adopt", "open, no parent", "members + 1; severity is at least the member's"),
        Row("ADOPT-2", "adopt", "no such alert", "", 404, "没有要并入的报警", "there is no such alert to merge into"),
        Row("ADOPT-3", "adopt", "outside one's units", "", 403,
            "要并入的报警不在管辖范围内", "that alert is outside of your units"),
        Row("ADOPT-4", "adopt", "CLOSED", "", 409, "要并入的报警已结案", "that alert is closed"),
        Row("ADOPT-5", "adopt", "has a parent", "", 409,
            "该报警已归入其他报警，请并入其上级", "that alert has a parent: use the parent"),
        Row("ADOPT-6", "adopt", "other run or mode, or a group", "", 409,
            "运行或模式不同，或为分组报警", "another run or mode, or a group"),
        Row("ADOPT-7", "adopt", "200 members", "", 409, "并入的报警已达 200 条", "that alert has 200 members already"),
        Row("ADOPT-8", "adopt", "it is a member", "nothing; the member is told once more"),
        Row("ADOPT-9", "adopt", "suppressed", "", 409,
            "该报警已挂起或屏蔽，请先解除", "that alert is not told itself: unshelve it first"),
        Row("JOIN-1", "joined", "open, no parent, no members",
            "parent set; its clocks end, the incident's run on; acks kept"),
        Row("JOIN-2", "joined", "it has this parent", "nothing"),
        Row("JOIN-3", "joined", "closed, or with parent or members by now", "nothing; the incident drops it"),
        Row("SPLIT-1", "split", "has a parent",
            "no parent; chain and deadlines start anew, acks kept until they expire"),
        Row("SPLIT-2", "split", "outside one's units", "", 403, "不在管辖范围内", "it is outside of your units"),
        Row("SPLIT-3", "split", "CLOSED", "", 409, "已结案，不能拆出", "the alert is closed"),
        Row("SPLIT-4", "split", "no parent", "", 409, "未归入其他报警", "it is not part of another alert"),
        Row("LEAVE-1", "leave", "it is a member", "members - 1; severity and clocks stay"),
        Row("LEAVE-2", "leave", "no member", "nothing"),
        Row("MEMBER-1", "member", "a member cleared, came back or became worse",
            "open members; worse: severity, acks drop"),
        Row("MEMBER-2", "member", "no member, CLOSED, or nothing new", "nothing"),
        Row("ACK-M1", "ack of an incident", "it has members",
            "holds for its members too: they have no clock of their own"),
        Row("ACK-M2", "ack of a member", "it has a parent",
            "holds for this alert alone; the incident's clock runs on"),
        Row("CLEAR-M1", "clear of an incident", "it has open members", "CLEARED by itself; cannot be closed yet"),
        Row("CLOSE-M1", "close", "open members", "", 409,
            "并入的报警尚未全部恢复", "members of it are not cleared yet"),
        Row("CLOSE-M2", "close", "all members cleared", "CLOSED, its members with it"),
        Row("CLOSE-M3", "close_with", "CLEARED", "CLOSED with the incident's verdict where it has none"),
        Row("CLOSE-M4", "close_with", "ACTIVE or UNKNOWN again", "no parent; its own chain starts anew"),
        Row("CLOSE-M5", "close_with", "other parent, or CLOSED", "nothing"),
    )
}  # fmt: skip


def drawn(rows: Iterable[Row]) -> str:
    """A Markdown table of rows, as the documents show it."""
    lines = ["| row | event | state | makes, or is refused with |", "|---|---|---|---|"]
    for r in rows:
        makes = f"{r.refused} {r.zh} / {r.en}" if r.refused else r.makes
        lines.append(f"| {r.name} | {r.event} | {r.state} | {makes} |")
    return "\n".join(lines) + "\n"
