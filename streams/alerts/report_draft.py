"""Draft of an information report 信息报送 from an alert and its timeline: first 首报, follow-up 续报, final 终报.

Only what the alert, its timeline and the table of divisions say goes in. What they do not say is 待核, never guessed:
casualties and losses always, until a person writes them; the signer 签发人 always. The draft is for a person to
complete and send; the engine's command `report` records that it went out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from geo.divisions import Divisions
from geo.moments import rfc3339
from streams.alerts import report_parts as parts
from streams.alerts.policy import REPORTS, Policy
from streams.alerts.report_words import MODE, MODE_EN, SEVERITY, UNKNOWN, UNSIGNED, at, stamp, stamp_en, text, when
from streams.events import Text

KINDS = {
    "first": Text("首报", "first report"),
    "follow_up": Text("续报", "follow-up"),
    "final": Text("终报", "final report"),
}
Clocks = Mapping[tuple[str, str], int]
DEFAULT_CLOCKS: Clocks = {
    (s, form): t for s in ("I", "II") for form, t in (("report_verbal", 1800), ("report_written", 3600))
}


class Reporter(Struct, frozen=True, kw_only=True):
    """Who drafts it. `unit`: name of the reporting unit 报告单位, "" where it is not known."""

    unit: str = ""
    name: str = ""


class Section(Struct, frozen=True):
    """One heading. `unknown`: something in it has to be found out."""

    key: str
    title: str
    text: str
    unknown: bool


class Draft(Struct, frozen=True, kw_only=True):
    """The report. `due`: report_verbal, report_written -> RFC 3339 time, empty before the assessment."""

    kind: str
    alert: str
    version: int
    title: str
    sections: tuple[Section, ...]
    due: dict[str, str]
    text: str
    summary: str  # in English


def clocks_of(policy: Policy) -> Clocks:
    """Seconds of each severity and form, from the assessment."""
    return {(t.severity, t.step): t.within_s for t in reversed(policy.response) if t.step in REPORTS}


def draft(
    alert: Mapping[str, Any],
    timeline: Sequence[Mapping[str, Any]],
    kind: str,
    divisions: Divisions,
    now_ms: int,
    reporter: Reporter = Reporter(),  # noqa: B008 - frozen
    clocks: Clocks = DEFAULT_CLOCKS,
) -> Draft:
    """The draft of `kind` (of KINDS) for a public alert and its public timeline, oldest first.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind[:40]!r} is none of {', '.join(KINDS)}")
    steps = [t for t in timeline if isinstance(t, Mapping)]
    due = parts.due(alert, steps, clocks)
    bodies = (
        ("time", "时间", parts.time(alert, steps)),
        ("place", "地点", parts.place(alert, divisions)),
        ("level", "监测报警级别", parts.level(alert)),
        ("source", "信息来源", parts.source(alert)),
        ("course", "事件经过", parts.course(alert, steps, kind)),
        ("cause", "原因初判" if kind != "final" else "原因", parts.cause(alert, kind)),
        ("reach", "影响范围及人员", parts.reach(alert, divisions)),
        ("losses", "伤亡及损失", f"人员伤亡：{UNKNOWN}；财产损失：{UNKNOWN}。"),
        ("trend", "发展趋势", parts.trend(alert)),
        ("measures", "已采取措施", parts.measures(alert, steps)),
        ("next", "下一步", parts.next_steps(alert, kind)),
        ("deadline", "报送时限", parts.deadline(due, alert)),
        ("unit", "报告单位", reporter.unit or UNKNOWN),
        ("reporter", "报告人", f"{reporter.name or UNKNOWN}，{stamp(at(now_ms))}"),
        ("signer", "签发人", UNSIGNED),
    )
    sections = tuple(Section(key, name, body, UNKNOWN in body or body == UNSIGNED) for key, name, body in bodies)
    title = _title(alert, kind, divisions)
    return Draft(
        kind=kind,
        alert=text(alert.get("id")),
        version=version if isinstance(version := alert.get("version"), int) else 0,
        title=title,
        sections=sections,
        due={s: rfc3339(round(m.timestamp() * 1000)) for s, m in due.items() if m is not None},
        text=_text(title, sections),
        summary=_summary(alert, kind, divisions, len(steps)),
    )


def _mode(alert: Mapping[str, Any], names: Mapping[str, str]) -> str:
    return names.get(text(alert.get("mode")), "")


def _title(alert: Mapping[str, Any], kind: str, divisions: Divisions) -> str:
    what = text(alert.get("title")) or "监测报警"
    count = parts.reports(alert, "follow_up")
    kind_zh = KINDS[kind].zh + (str(count + 1) if kind == "follow_up" else "")
    return f"{_mode(alert, MODE)}关于{parts.unit_name(alert, divisions)}{what}的信息报告（{kind_zh}）"


def _text(title: str, sections: Sequence[Section]) -> str:
    lines = [title, ""]
    for n, section in enumerate(sections, 1):
        body = section.text.split("\n")
        lines += [f"{n}. {section.title}：{body[0]}", *(f"   {line}" for line in body[1:])]
    return "\n".join(lines) + "\n"


def _summary(alert: Mapping[str, Any], kind: str, divisions: Divisions, steps: int) -> str:
    """English, for those who do not read Chinese: what, where, since when, how it stands."""
    severity = text(alert.get("severity"))
    state = {"ACTIVE": "going on", "CLEARED": "back to normal", "UNKNOWN": "state unknown, no data"}
    condition = state.get(text(alert.get("condition")), "state to be verified")
    verdict = parts.verdict_of(alert)[1] or "not assessed yet"
    title = text(alert.get("title"), "en") or "monitoring alert"
    return (
        f"{_mode(alert, MODE_EN)}{KINDS[kind].en.capitalize()}: {title}, "
        f"severity {severity if severity in SEVERITY else 'to be verified'}, {parts.unit_name(alert, divisions)}, "
        f"since {stamp_en(when(alert.get('first_seen')))}; {condition}; {verdict}; "
        f"handling {text(alert.get('handling')) or 'to be verified'}; timeline of {steps}. "
        "Casualties and losses: to be verified."
    )
