"""The sections of an information report, each from the public alert and its timeline; see `report_draft`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from geo.divisions import Divisions, UnitError
from streams.alerts.report_words import (
    DOMAIN,
    HANDLING,
    LEVEL,
    NEXT,
    SEVERITY,
    SOURCE,
    STEP,
    TRIGGER,
    UNKNOWN,
    items,
    number,
    part,
    stamp,
    text,
    when,
    words,
)
from streams.alerts.table import VERDICTS

Alert = Mapping[str, Any]
Steps = Sequence[Mapping[str, Any]]
LINES = 40  # of the course: the first ones, and the newest
QUIET = ("repeat", "link", "comment", "attach")


def verdict_of(alert: Alert) -> tuple[str, str]:
    """(zh, en) of its verdict, "" where it has none."""
    return VERDICTS.get(text(alert.get("verdict")), ("", ""))


def unit_name(alert: Alert, divisions: Divisions) -> str:
    """County to village in everyday names; what the alert says where the table does not know the code."""
    unit = part(alert.get("unit"))
    try:
        return divisions.full_name(text(unit.get("code")))
    except (UnitError, ValueError):
        return text(unit.get("name")) or f"（地点{UNKNOWN}）"


def reports(alert: Alert, kind: str = "") -> int:
    """How many reports (of a kind) went out."""
    return sum(1 for r in items(alert.get("reports")) if not kind or r.get("kind") == kind)


def time(alert: Alert, steps: Steps) -> str:
    raised = next((when(t.get("at")) for t in steps if t.get("trigger") == "raise"), None)
    out = f"异常开始{stamp(when(alert.get('first_seen')))}，系统报警{stamp(raised)}"
    if cleared := when(alert.get("cleared")):
        out += f"，监测恢复{stamp(cleared)}"
    late = number(alert.get("delayed_by_s"))
    if late and alert["delayed_by_s"] >= 60:
        out += f"，数据迟到{number(alert['delayed_by_s'] / 60)}分钟"
    return out + "（北京时间）。"


def place(alert: Alert, divisions: Divisions) -> str:
    out = unit_name(alert, divisions)
    if name := text(alert.get("name")):
        out += f"，{name}"
    lon, lat = alert.get("lon"), alert.get("lat")
    if number(lon) and number(lat):
        out += f"（东经{lon:.5f}°，北纬{lat:.5f}°，WGS-84）"
    else:
        out += f"，坐标{UNKNOWN}"
    return out + (f"。位置为近似值，{UNKNOWN}。" if alert.get("approximate") is not False else "。")


def level(alert: Alert) -> str:
    domain = text(alert.get("domain"))
    out = f"{SEVERITY.get(text(alert.get('severity')), UNKNOWN)}，{DOMAIN.get(domain, domain) or UNKNOWN}"
    why = text(alert.get("severity_why"))
    out += f"；依据：{why}" if why else ""
    response = text(alert.get("response_level"))
    return f"{out}。响应级别：{response or '系统无记录'}。事件等级：{UNKNOWN}。"


def source(alert: Alert) -> str:
    if told := SOURCE.get(text(alert.get("source"))):
        return f"{told}。"
    sensors = words(alert.get("sensors"))
    if not sensors:
        return f"{UNKNOWN}。"
    more = f"等{len(sensors)}个" if len(sensors) > 3 else ""
    return f"监测系统自动报警，传感器{'、'.join(sensors[:3])}{more}。"


def course(alert: Alert, steps: Steps, kind: str) -> str:
    """A line a transition; a follow-up only has what came since the last report."""
    since = max((m for r in items(alert.get("reports")) if (m := when(r.get("at")))), default=None)
    told = [t for t in steps if t.get("trigger") not in QUIET]
    if kind == "follow_up" and since is not None:
        told = [t for t in told if (m := when(t.get("at"))) is not None and m > since]
        if not told:
            return f"上次报告（{stamp(since)}）以来无新进展。"
    if not told:
        return f"{UNKNOWN}。"
    lines = [_line(t) for t in told]
    if len(lines) > LINES:
        left = len(lines) - LINES
        lines = [*lines[: LINES // 2], f"（略去{left}条，见系统时间线）", *lines[-LINES // 2 :]]
    return "\n".join(["", *lines])


def _line(step: Mapping[str, Any]) -> str:
    name = text(step.get("trigger")) or text(step.get("command"))
    by = text(step.get("by"))
    who = "系统" if by == "system" else by or UNKNOWN
    why = text(step.get("reason"))
    return f"{stamp(when(step.get('at')))} {TRIGGER.get(name, name) or UNKNOWN}（{who}）" + (f"：{why}" if why else "")


def cause(alert: Alert, kind: str) -> str:
    verdict, found = verdict_of(alert)[0], text(part(alert.get("disposal")).get("cause"))
    if found:
        return f"{found}（现场处置查明）。研判：{verdict or UNKNOWN}。"
    reason = text(alert.get("reason"))
    system = f"系统判断（未经现场核实）：{reason}。" if reason and kind != "final" else ""
    return f"{system}研判：{verdict or '尚未研判'}。原因{UNKNOWN}。"


def reach(alert: Alert, divisions: Divisions) -> str:
    impact = part(alert.get("impact"))
    if not impact:
        return f"影响范围{UNKNOWN}，影响人数{UNKNOWN}。"
    out = []
    if radius := number(impact.get("radius_m")):
        out += [f"按{radius}米范围估计"] if impact["radius_m"] else []
    if impact.get("follow") == "downstream":
        out.append("沿管网下游估计")
    codes = words(impact.get("units"))
    names = [divisions.full_name(c) for c in codes if c in divisions][:5]
    if names:
        out.append(f"涉及{'、'.join(names)}" + ("等" if len(codes) > len(names) else ""))
    facilities = [text(f.get("name_zh")) for f in items(impact.get("facilities"))]
    if named := [f for f in facilities if f][:5]:
        out.append(f"附近重点场所：{'、'.join(named)}" + ("等" if len(facilities) > len(named) else ""))
    people, customers = number(impact.get("people")), number(impact.get("customers"))
    out.append(f"登记在册人数约{people}人" if people and people != "0" else f"影响人数{UNKNOWN}")
    if customers and customers != "0":
        out.append(f"用户约{customers}户")
    return "，".join(out) + f"。以上按登记资料估计，实际影响{UNKNOWN}。"


def trend(alert: Alert) -> str:
    evidence = part(alert.get("evidence"))
    unit = text(evidence.get("unit"))
    state = {
        "ACTIVE": "报警条件仍在持续", "CLEARED": "监测值已恢复正常", "UNKNOWN": "传感器无数据，状态不明",
    }.get(text(alert.get("condition")))  # fmt: skip
    out = [state or f"当前状态{UNKNOWN}"]
    series = evidence.get("series")
    points = [p for p in series if isinstance(p, Sequence) and len(p) == 2] if isinstance(series, list | tuple) else []
    if len(points) >= 2 and number(points[0][1]) and number(points[-1][1]):
        first, last = (f"{stamp(when(p[0]))}{number(p[1])}{unit}" for p in (points[0], points[-1]))
        out.append(f"监测值由{first}变为{last}")
    elif value := number(evidence.get("value")):
        limit = number(evidence.get("limit"))
        out.append(f"最近监测值{value}{unit}" + (f"（限值{limit}{unit}）" if limit else ""))
    if alert.get("recheck") is True:
        out.append("待现场复核")
    return "，".join(out) + f"。后续发展{UNKNOWN}。"


def measures(alert: Alert, steps: Steps) -> str:
    out = []
    for ack in items(alert.get("acks")):
        who = LEVEL.get(text(ack.get("level")), text(ack.get("level")))
        out.append(f"{stamp(when(ack.get('at')))}{who}签收（{text(ack.get('by')) or UNKNOWN}）")
    done = {text(t.get("trigger")): when(t.get("at")) for t in steps}
    out += [
        f"{stamp(done[s])}{STEP[s]}"
        for s in ("assess", "dispatch", "on_site", "dispose", "verify", "close")
        if s in done
    ]
    if action := text(part(alert.get("disposal")).get("action")):
        out.append(f"处置措施：{action}")
    for warning in items(alert.get("warnings")):
        out.append(f"{stamp(when(warning.get('at')))}预警发布（{text(warning.get('approved_by')) or UNKNOWN}批准）")
    told = {text(t.get("unit")) or text(t.get("org")) for t in items(alert.get("told"))} - {""}
    if told:
        out.append(f"已通知{len(told)}个单位")
    return "；".join(out) + "。" if out else f"暂无记录，{UNKNOWN}。"


def next_steps(alert: Alert, kind: str) -> str:
    handling = text(alert.get("handling"))
    if handling == "CLOSED":
        return "报警已结案，系统内无待办步骤。"
    step = NEXT.get(handling)
    out = [f"当前为{HANDLING[handling]}，下一步{step}" if step else f"处置状态{UNKNOWN}"]
    for name, deadline in part(alert.get("deadlines")).items():
        moment = when(deadline if isinstance(deadline, str) else part(deadline).get("due"))
        if moment is not None:
            out.append(f"{STEP.get(str(name), str(name))}时限{stamp(moment)}")
    if kind == "final":
        out.append("报警尚未结案，本稿为终报预稿")
    return "；".join(out) + "。"


def due(alert: Alert, steps: Steps, clocks: Mapping[tuple[str, str], int]) -> dict[str, dt.datetime | None]:
    """Step -> moment until which the report is due, None before the assessment; {} where none is asked for."""
    assessed = next((when(t.get("at")) for t in steps if t.get("trigger") == "assess"), None)
    severity = text(alert.get("severity"))
    asked = {form: clocks[severity, form] for form in ("report_verbal", "report_written") if (severity, form) in clocks}
    return {form: assessed + dt.timedelta(seconds=s) if assessed else None for form, s in asked.items()}


def deadline(found: Mapping[str, dt.datetime | None], alert: Alert) -> str:
    if not found:
        return "此级别按政策无时限要求。" if text(alert.get("severity")) in SEVERITY else f"{UNKNOWN}。"
    if None in found.values():
        return "自研判起算，尚未研判。"
    return "，".join(f"{STEP[form]}{stamp(moment)}前" for form, moment in found.items()) + "。"
