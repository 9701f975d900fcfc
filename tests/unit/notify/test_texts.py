"""Texts: an SMS has at most 70 characters and keeps level, value and deadline; templates are checked."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from streams.alert_parts import Text
from streams.notify import facts, plan
from streams.notify.compose import compose
from streams.notify.options import TEMPLATES
from streams.notify.records import Evidence, Seen, Unit
from streams.notify.states import ROLLCALL
from streams.notify.templates import CLASSES, LANGUAGES, TemplateError, read, render

SHIPPED = read(TEMPLATES.read_text("utf-8"), "templates.toml")
WHYS = sorted({why for why, _, _ in SHIPPED})
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=80)


def seen(**changes: object) -> Seen:
    base = {
        "id": "a1", "version": 1, "severity": "I", "unit": Unit("522601001"), "title": Text("燃气浓度过高", "gas high"),
        "evidence": Evidence(52.0, "%LEL"),
    }  # fmt: skip
    return Seen(**{**base, **changes})  # type: ignore[arg-type]


def row(**changes: object) -> plan.Row:
    return {
        "why": "raise", "severity": "I", "mode": "actual", "channel": "sms", "role": "main", "place": "522601",
        "at_ms": 0,
        "due_ms": 1_763_884_800_000, **changes,
    }  # fmt: skip


@given(
    why=st.sampled_from([*WHYS, "unheard"]), lang=st.sampled_from(LANGUAGES),
    severity=st.sampled_from(list(facts.LEVEL)),
    place=words, title=words, unit=words, value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    mode=st.sampled_from(["actual", "exercise", "test"]), late=st.booleans(), code=st.sampled_from(["", "4711"]),
    members=st.integers(0, 10**6), rows=st.integers(1, 3),
)  # fmt: skip
def test_an_sms_is_never_too_long_and_never_loses_what_counts(
    why: str, lang: str, severity: str, place: str, title: str, unit: str, value: float | None, mode: str, late: bool,
    code: str, members: int, rows: int,
) -> None:  # fmt: skip
    alert = seen(
        severity=severity, title=Text(title, title), evidence=Evidence(value, unit), members=("m",) * min(members, 9)
    )
    one = row(why=why, severity=severity, mode=mode)
    now = 1_000_000 if late else 0
    made = compose([one] * rows, [alert] * rows, SHIPPED, lambda _: Text(place, place), lang, code, now)
    assert len(made.text) <= 70
    assert made.text.startswith(facts.PREFIX[mode])
    if why != ROLLCALL or rows > 1:  # which has no severity
        assert getattr(facts.LEVEL[severity], lang) in made.text
    template = SHIPPED.get(("digest" if rows > 1 else why, "short", lang)) or SHIPPED["other", "short", lang]
    if "{ack}" in template:
        assert "16:00" in made.text
    if late:
        assert getattr(facts.LATE, lang).strip() in made.text


@pytest.mark.parametrize("value", [52.04, -1.23456e-9, 123456.7, 0.0, 999.99])
def test_the_value_is_whole_in_an_sms(value: float) -> None:
    shown = facts.value_of(seen(evidence=Evidence(value, "unit much too long")))
    number = re.match(r"[-\d.e+]*\d", shown)
    assert number is not None
    assert float(number.group()) == pytest.approx(value, rel=0.01)
    fields = facts.fields(
        seen(evidence=Evidence(value, "%LEL")),
        place=Text("很" * 90, ""),
        role="",
        due_ms=0,
        code="1234",
        count=1,
        lang="zh",
    )
    assert fields["value"] in render(SHIPPED, "raise", "sms", "zh", fields, "【演练】迟发：")


def test_the_sms_of_a_red_alert_says_all() -> None:
    made = compose([row()], [seen()], SHIPPED, lambda _: Text("凯里市城西街道", ""), "zh", "4711", 1_000)
    assert made.text == "红色一级：凯里市城西街道燃气浓度过高52%LEL，请于16:00前签收，回复4711"


def test_a_group_gives_one_text_with_its_count() -> None:
    alert = seen(severity="III", members=tuple(f"m{k}" for k in range(12)))
    made = compose([row(severity="III")], [alert], SHIPPED, lambda _: Text("凯里市", ""), "zh", "", 0)
    assert "凯里市等12处" in made.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[raise]\nshort = {zh = '{levle}', en = 'x'}", r"own\.toml: \[raise\] short\.zh: .* field \{levle\}; known"),
        ("[raise]\nshort = {zh = '{reason}', en = 'x'}", r"unknown field \{reason\}"),
        ("[raise]\nshort = {zh = '" + "字" * 80 + "', en = 'x'}", "at most 70 are an SMS"),
        ("[raise]\nlong = {zh = '{level', en = 'x'}", "write {{ for a brace"),
        ("[raise]\nlong = {zh = '{level:>9}', en = 'x'}", "has a format"),
        ("[raise]\nlong = {zh = '{level.__class__}', en = 'x'}", "unknown field"),
        ("[raise]\nlong = {zh = 'x'}", "want a text for each of zh, en"),
        ("[raise]\nloud = {zh = 'x', en = 'x'}", r"\[raise\] loud: unknown class; known are short, spoken, long"),
        ("[raise]\nlong = {zh = '', en = 'x'}", "want a text"),
        ("[mine]\nlong = {zh = 'x', en = 'x'}", r"\[mine\] has no short\.zh"),
        ("raise = 1", "raise is no table"),
        ("[raise", "no TOML"),
    ],
)  # fmt: skip
def test_a_bad_template_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(TemplateError, match=says):
        read(text, "own.toml", SHIPPED)


def test_an_own_template_replaces_one_and_the_others_stay() -> None:
    mine = read("[raise]\nlong = {zh = '{level}了', en = 'is {level}'}", "own.toml", SHIPPED)
    assert mine["raise", "long", "zh"] == "{level}了"
    assert {k: v for k, v in mine.items() if k[:2] != ("raise", "long")} == {
        k: v for k, v in SHIPPED.items() if k[:2] != ("raise", "long")
    }
    assert {(w, c, x) for w in WHYS for c in CLASSES for x in LANGUAGES} == set(SHIPPED)


def test_a_stub_keeps_its_text_with_the_prefix_first() -> None:
    made = compose([row(mode="exercise")], [seen(mode="exercise")], SHIPPED, lambda _: Text("x", "x"), "en", "", 0)
    assert made.text.startswith("【演练】I RED")
