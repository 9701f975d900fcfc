"""Information reports: the golden text of one alert, what a missing field becomes, and the rules of each kind."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from geo.divisions import Divisions
from streams.alerts.report_draft import KINDS, Draft, Reporter, draft
from streams.alerts.report_words import DOMAIN, HANDLING, LEVEL, MODE, SEVERITY, TRIGGER

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
DIVISIONS = Divisions.load()
NOW = 1_763_892_000_000  # 2025-11-23 18:00 in Beijing


def step(trigger: str, at: str, by: str, zh: str) -> dict[str, Any]:
    return {"seq": 1, "trigger": trigger, "at": f"2025-11-23T{at}.000Z", "by": by, "reason": {"zh": zh, "en": ""}}


ALERT: dict[str, Any] = {
    "id": "5cb75642f0837743c7e9", "version": 8, "domain": "water", "kind": "burst", "class": "hazard", "mode": "actual",
    "severity": "II", "severity_why": {"zh": "两个传感器互相印证", "en": "two sensors agree"}, "condition": "CLEARED",
    "handling": "DISPOSED", "verdict": "real", "first_seen": "2025-11-23T08:16:46.000Z",
    "last_seen": "2025-11-23T08:40:00.000Z", "cleared": "2025-11-23T09:20:00.000Z", "delayed_by_s": 300.0,
    "unit": {"code": "522601001002", "name": "龙溪社区居民委员会", "level": "village"}, "lon": 107.903422,
    "lat": 26.446253, "approximate": True, "sensors": ["522601-W-PRS-000001", "522601-W-FLW-000002"],
    "name": {"zh": "压力监测点 01", "en": "pressure point 01"}, "title": {"zh": "疑似爆管", "en": "Burst suspected"},
    "reason": {"zh": "压力 0.02 MPa，低于低报限值 0.05 MPa", "en": "pressure 0.02 MPa"},
    "evidence": {
        "value": 2.38, "limit": 5.0, "unit": "m",
        "series": [["2025-11-23T08:10:00.000Z", 36.2], ["2025-11-23T08:16:46.000Z", 2.380001]],
    },
    "acks": [{"level": "county", "by": "wang", "at": "2025-11-23T08:19:00.000Z"}],
    "told": [{"unit": "522601", "org": ""}, {"unit": "", "org": "kaili-water"}, {"unit": "522601", "org": ""}],
    "impact": {
        "radius_m": 0, "follow": "downstream", "units": ["522601001002", "522601001"], "people": 860, "customers": 1240,
        "facilities": [{"name_zh": "凯里市第一小学", "people": 860}],
    },
    "disposal": {"cause": "DN300 支管接口脱开", "action": "关阀，更换接口", "by": "zhao"},
    "deadlines": {"verify": "2025-11-23T11:18:00.000Z"},
    "reports": [{"kind": "first", "form": "verbal", "at": "2025-11-23T08:45:00.000Z", "by": "wang"}],
    "warnings": [], "response_level": "", "recheck": False,
}  # fmt: skip
TIMELINE = [
    step("raise", "08:16:51", "system", "压力 0.02 MPa，低于低报限值 0.05 MPa"),
    step("repeat", "08:17:21", "system", "压力 0.02 MPa"),
    step("ack", "08:19:00", "wang", "wang 签收"),
    step("assess", "08:25:00", "wang", "属实：巡查\n见地面冒水"),
    step("dispatch", "08:30:00", "wang", "抢修一队"),
    step("on_site", "08:58:00", "zhao", ""),
    step("dispose", "09:18:00", "zhao", "关阀，更换接口"),
    step("clear", "09:20:00", "system", "压力恢复到 35.8 m"),
]


def made(kind: str = "first", timeline: list[dict[str, Any]] | None = None, **changes: Any) -> Draft:
    steps = TIMELINE if timeline is None else timeline
    return draft({**ALERT, **changes}, steps, kind, DIVISIONS, NOW, Reporter(unit="凯里市", name="wang"))


def section(d: Draft, key: str) -> str:
    return next(s.text for s in d.sections if s.key == key)


@pytest.mark.parametrize("kind", KINDS)
def test_golden_text(kind: str) -> None:
    """Made anew with CITYOPS_GOLDEN=1."""
    path = GOLDEN / f"report_{kind}.txt"
    found = made(kind)
    text = f"{found.text}\n{found.summary}\n"
    if os.environ.get("CITYOPS_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [p for k in keys for p in [(*at, k), *places(value[k], (*at, k))]]


EVERY = [("alert", p) for p in places(ALERT)] + [("timeline", p) for p in places(TIMELINE)]
ODD = (None, "", 0, -1.5, True, [], {}, [None], {"zh": None}, "x", float("nan"), 10**30, "\n", "2025-11-23")


def holds(at: Any, key: Any) -> bool:
    return key in at if isinstance(at, dict) else isinstance(at, list) and isinstance(key, int) and key < len(at)


def spoilt(where: list[tuple[str, tuple[Any, ...]]], values: list[Any]) -> tuple[Any, Any]:
    out = {"alert": copy.deepcopy(ALERT), "timeline": copy.deepcopy(TIMELINE)}
    for (name, path), value in zip(where, values, strict=True):
        at: Any = out[name]
        for key in path[:-1]:
            at = at[key] if holds(at, key) else None
        if holds(at, path[-1]):
            at[path[-1]] = value
    return out["alert"], out["timeline"]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(tuple(KINDS)))
def test_no_field_that_is_missing_or_odd_breaks_it_or_shows_as_none(data: st.DataObject, kind: str) -> None:
    where = data.draw(st.lists(st.sampled_from(EVERY), max_size=6, unique=True))
    values = data.draw(st.lists(st.sampled_from(ODD), min_size=len(where), max_size=len(where)))
    alert, timeline = spoilt(where, values)
    found = draft(alert, timeline, kind, DIVISIONS, NOW)
    for word in ("None", "null", "nan", "inf", "{", "["):
        assert word not in found.text.replace("information", ""), (word, found.text)
    assert "None" not in found.summary
    assert all(s.text for s in found.sections)


def test_each_field_alone_may_be_null() -> None:
    for where in EVERY:
        found = draft(*spoilt([where], [None]), "follow_up", DIVISIONS, NOW)
        assert "None" not in found.text + found.summary, where


def test_an_empty_alert_is_all_unknown() -> None:
    found = draft({}, [], "first", DIVISIONS, NOW)
    known = {s.key for s in found.sections if not s.unknown}
    assert known == set()


@pytest.mark.parametrize(("mode", "begins"), [("exercise", "【演练】"), ("test", "【测试】"), ("actual", "关于")])
def test_exercises_begin_with_their_mark(mode: str, begins: str) -> None:
    found = made(mode=mode)
    assert found.title.startswith(begins)
    assert found.text.startswith(begins)
    assert found.summary.startswith({"exercise": "[EXERCISE]", "test": "[TEST]", "actual": "First"}[mode])


def test_a_follow_up_tells_what_came_since_the_last_report() -> None:
    course = section(made("follow_up"), "course")
    assert "到场" in course
    assert "抢修一队" not in course
    late = [{"kind": "follow_up", "at": "2025-11-23T09:30:00.000Z"}]
    assert section(made("follow_up", reports=late), "course") == "上次报告（2025年11月23日17时30分）以来无新进展。"
    assert made("follow_up", reports=late).title.endswith("（续报2）")


def test_a_long_course_keeps_the_first_and_the_newest_lines() -> None:
    many = [
        TIMELINE[0],
        *(step("reraise", f"08:{k // 60 + 20}:{k % 60:02d}", "system", f"第{k}次") for k in range(100)),
    ]
    course = section(made(timeline=many), "course").split("\n")
    assert len(course) == 42
    assert "（略去61条，见系统时间线）" in course
    assert "第99次" in course[-1]


def test_due_runs_from_the_assessment_and_only_for_i_and_ii() -> None:
    assert made().due == {"report_verbal": "2025-11-23T08:55:00.000Z", "report_written": "2025-11-23T09:25:00.000Z"}
    assert section(made(), "deadline") == "电话报告2025年11月23日16时55分前，书面报告2025年11月23日17时25分前。"
    assert made(timeline=TIMELINE[:3]).due == {}
    assert section(made(timeline=TIMELINE[:3]), "deadline") == "自研判起算，尚未研判。"
    assert section(made(severity="III"), "deadline") == "此级别按政策无时限要求。"


def test_a_final_report_does_not_pass_a_guess_for_the_cause() -> None:
    assert section(made("final"), "cause") == "DN300 支管接口脱开（现场处置查明）。研判：属实。"
    assert section(made("final", disposal=None), "cause") == "研判：属实。原因待核。"
    assert "终报预稿" in section(made("final"), "next")
    assert section(made("final", handling="CLOSED"), "next") == "报警已结案，系统内无待办步骤。"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'last' is none of first, follow_up, final"):
        made("last")


def test_words_are_those_of_the_glossary() -> None:
    glossary = json.loads((ROOT / "api" / "console" / "src" / "glossary.json").read_text(encoding="utf-8"))
    for name, words in (("severity", SEVERITY), ("domain", DOMAIN), ("handling", HANDLING)):
        assert {k: v["zh"] for k, v in glossary[name].items()} == words
    assert {k: v["zh"] for k, v in glossary["level"].items()}.items() <= LEVEL.items()
    known = {**glossary["command"], **glossary["trigger"]}  # what happened has the trigger's word, where it has one
    told = {k: v["zh"] for k, v in known.items() if k in TRIGGER}
    assert told == {k: TRIGGER[k] for k in told}
    assert {m: f"【{glossary['mode'][m]['zh']}】" for m in MODE} == MODE
