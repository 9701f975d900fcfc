"""A drill told to people (zh or en) and to machines. Pure: texts and values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from geo.moments import rfc3339
from streams.alerts.ticking import NAMES
from streams.drills.assessment import ABOVE, GRAVER, IN_TIME, LATE, MISSED, OPEN, Done, Report
from streams.drills.scene import Order, Scene
from streams.drills.timeline import LEVEL, SEVERITY, Line, clock, span
from streams.events import Text

RESULT = {
    IN_TIME: Text("按时", "in time"), LATE: Text("超时", "late"), MISSED: Text("逾时未签收", "missed"),
    GRAVER: Text("级别上升，重新计时", "severity rose before"), ABOVE: Text("上级已签收", "acknowledged above"),
    OPEN: Text("未到期", "not due"), "": Text("预案未规定时限", "no limit in the policy"),
}  # fmt: skip
STEP = {"ack": Text("首次签收", "first ack"), "close": Text("结案", "closing")} | {
    k: Text(*v) for k, v in NAMES.items()
}


def opening(scene: Scene, run: str, lang: str) -> str:
    """What will be played."""
    about = getattr(scene.about, lang)
    return f"{getattr(scene.title, lang)}  run {run}\n{about}\n"


def refusal(order: Order, result: Mapping[str, Any], lang: str) -> str:
    """An order that was refused, with the row."""
    return f"{order.command} ({order.by}): {result['row']} {result['reason'][lang]}"


def told(report: Report, seconds: float | None, lang: str) -> str:
    """The assessment report."""
    zh = lang == "zh"
    lines = ["", "【演练】评估" if zh else "[EXERCISE] Assessment", ""]
    lines += [_ask(report, n, lang) for n in range(len(report.asks))]
    lines += ["", *(_step(report, s, lang) for s in report.steps), ""]
    lines += [f"{'未被接受' if zh else 'refused'}: {r}" for r in report.refused]
    levels = ("、" if zh else ", ").join(getattr(LEVEL[level], lang) for level in report.levels)
    missing = ("、" if zh else ", ").join(getattr(LEVEL[level], lang) for level in report.missing)
    lines.append(f"{'已通知各级' if zh else 'levels told'}: {levels}")
    if missing:
        lines.append(f"{'未通知' if zh else 'levels never told'}: {missing}")
    if not report.closed:
        lines.append("未结案" if zh else "it was not closed")
    if seconds is not None and report.steps:
        played = span(report.steps[-1].at_ms - report.start_ms)
        lines.append(f"演练时长 {played}，实际用时 {seconds:.1f} 秒" if zh else f"{played} played in {seconds:.1f} s")
    return "\n".join(lines)


def _ask(report: Report, n: int, lang: str) -> str:
    a = report.asks[n]
    level, severity = getattr(LEVEL[a.level], lang), getattr(SEVERITY[a.severity], lang)
    result = getattr(RESULT[a.result], lang)
    at = f" {clock(a.done_ms)}" if a.done_ms is not None else ""
    if lang == "zh":
        return f"  {severity}  {clock(a.at_ms)} 通知{level}，{clock(a.due_ms)} 前签收：{result}{at}"
    return f"  {severity:<10} {level:<10} told {clock(a.at_ms)}, to acknowledge by {clock(a.due_ms)}: {result}{at}"


def _step(report: Report, s: Done, lang: str) -> str:
    name, result = getattr(STEP[s.step], lang), getattr(RESULT[s.result], lang)
    at = span(s.at_ms - report.start_ms)
    if s.due_ms is None:
        return f"  {name}  +{at}  {result}" if lang == "zh" else f"  {name:<20} +{at}  {result}"
    by = span(s.due_ms - report.start_ms)
    late = f" {span(s.at_ms - s.due_ms)}" if s.result == LATE else ""
    if lang == "zh":
        return f"  {name}  +{at}  时限 +{by}  {result}{late}"
    return f"  {name:<20} +{at}  limit +{by}  {result}{late}"


def assessed(report: Report) -> dict[str, Any]:
    """The assessment for machines; times are seconds from the start."""

    def since(ms: int | None) -> float | None:
        return None if ms is None else (ms - report.start_ms) / 1000

    return {
        "levels": list(report.levels),
        "missing": list(report.missing),
        "closed": report.closed,
        "refused": list(report.refused),
        "asks": [
            {"severity": a.severity, "level": a.level, "at_s": since(a.at_ms), "due_s": since(a.due_ms),
             "done_s": since(a.done_ms), "result": a.result} for a in report.asks
        ],
        "steps": [
            {"step": s.step, "at_s": since(s.at_ms), "due_s": since(s.due_ms), "result": s.result}
            for s in report.steps
        ],
        "ok": report.ok,
    }  # fmt: skip


def as_dict(scene: Scene, run: str, lines: Iterable[Line], report: Report) -> dict[str, Any]:
    """All of it for machines: times RFC 3339 UTC and seconds from the start."""
    start = report.start_ms

    def since(ms: int | None) -> float | None:
        return None if ms is None else (ms - start) / 1000

    return {
        "run": run,
        "scene": scene.name,
        "title": {"zh": scene.title.zh, "en": scene.title.en},
        "start": rfc3339(start),
        "timeline": [
            {
                "at": rfc3339(x.at_ms), "since_s": since(x.at_ms), "severity": x.severity, "trigger": x.trigger,
                "row": x.row, "by": x.by, "reason": {"zh": x.reason.zh, "en": x.reason.en}, "handling": x.handling,
                "label": x.label,
                "told": [
                    {"level": t.level, "place": t.place, "role": t.role, "people": list(t.people), "channel": t.channel,
                     "why": t.why, "due_s": since(t.due_ms)} for t in x.told
                ],
            }
            for x in lines
        ],
        "assessment": assessed(report),
    }  # fmt: skip
