"""The console's files without a browser: size, nothing from outside, the fixed terms, no text without its twin."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from api.sensor_health import STATES as HEALTH
from streams.reported import SOURCES as SOURCES_OF_REPORTS

CONSOLE = Path(__file__).resolve().parents[2] / "api" / "console"
SOURCES = sorted(path for path in (CONSOLE / "src").rglob("*") if path.is_file())
TEXTS = ("texts.ts", "texts_desk.ts", "texts_pages.ts")
GLOSSARY = json.loads((CONSOLE / "src" / "glossary.json").read_text("utf-8"))
CJK = re.compile(r"[\u4e00-\u9fff]")

# the fixed terms; every text an officer reads uses these words
TERMS = {
    "severity": {"I": "红色（一级）", "II": "橙色（二级）", "III": "黄色（三级）", "IV": "蓝色（四级）"},
    "command": {
        "ack": "签收", "assess": "研判", "dispatch": "派遣", "on_site": "到场", "dispose": "处置完成",
        "verify": "核查通过", "close": "结案", "shelve": "挂起", "delegate": "交办", "escalate": "上报",
        "take_over": "提级处置", "urge": "催办", "supervise": "督办", "ack_on_behalf": "代签收",
        "issue_warning": "预警发布", "report": "信息报送", "extend": "延期",
    },
    "trigger": {"escalate": "升级"},
    "verdict": {
        "real": "属实", "false_alarm": "误报", "equipment": "设备故障", "works": "施工作业", "planned": "计划操作",
        "duplicate": "重复",
    },
    "post": {"lead": "带班领导", "main": "主班", "deputy": "副班", "standby": "备勤"},
    "condition": {"UNKNOWN": "状态不明"},
    "label": {"RTNUN": "已恢复未签收"},
    "mode": {"actual": "实际", "exercise": "演练", "test": "测试"},
    "level": {"prefecture": "州", "county": "县（市）", "township": "乡镇（街道）", "village": "村（社区）"},
    "class": {"hazard": "险情", "equipment": "设备故障"},
    "word": {"alert": "监测报警", "recheck": "待现场复核"},
    "source": {key: text.zh for key, text in SOURCES_OF_REPORTS.items()},
}  # fmt: skip
WHOLE_SETS = {
    "severity": {"I", "II", "III", "IV"},
    "condition": {"ACTIVE", "CLEARED", "UNKNOWN"},
    "handling": {"NEW", "ASSESSED", "DISPATCHED", "ON_SITE", "DISPOSED", "VERIFIED", "CLOSED"},
    "label": {"UNACK", "ACKED", "RTNUN", "NORM", "SHLVD", "DSUPR", "OOSRV"},
    "mode": {"actual", "exercise", "test"},
    "level": {"prefecture", "county", "township", "village", "organisation"},
    "health": set(HEALTH),
    "source": {"sensor", *SOURCES_OF_REPORTS},
    "role": {"viewer", "officer", "commander", "engineer", "admin"},
    "verdict": {"real", "false_alarm", "equipment", "works", "planned", "duplicate"},
    "command": {
        "ack",
        "unack",
        "assess",
        "assign",
        "dispatch",
        "on_site",
        "dispose",
        "verify",
        "close",
        "reopen",
        "comment",
        "attach",
        "recheck",
        "in_service",
        "shelve",
        "unshelve",
        "out_of_service",
        "escalate",
        "delegate",
        "take_over",
        "set_severity",
        "urge",
        "supervise",
        "extend",
        "ack_on_behalf",
        "issue_warning",
        "set_response",
        "merge",
        "split",
        "report",
    },
}


@pytest.mark.parametrize(("group", "key", "zh"), [(g, k, zh) for g, terms in TERMS.items() for k, zh in terms.items()])
def test_fixed_terms(group: str, key: str, zh: str) -> None:
    assert GLOSSARY[group][key]["zh"] == zh


@pytest.mark.parametrize(("group", "keys"), WHOLE_SETS.items())
def test_every_value_of_the_contract_has_a_term(group: str, keys: set[str]) -> None:
    assert set(GLOSSARY[group]) == keys


def test_every_term_has_both_languages() -> None:
    for group, terms in GLOSSARY.items():
        for key, pair in terms.items():
            assert set(pair) == {"zh", "en"}, (group, key)
            assert CJK.search(pair["zh"]), (group, key)
            assert not CJK.search(pair["en"]), (group, key)


def _texts() -> dict[str, tuple[str, str]]:
    line = re.compile(r'^  "?([\w.]+)"?: \[("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")\],$')
    lines = [text for name in TEXTS for text in (CONSOLE / "src" / "lib" / name).read_text("utf-8").splitlines()]
    rows = [m for text in lines if (m := line.match(text))]
    assert len(rows) == len({m[1] for m in rows}) == sum(text.startswith("  ") for text in lines), (
        "one text a line, once"
    )
    return {m[1]: (json.loads(m[2]), json.loads(m[3])) for m in rows}


def test_every_sentence_has_both_languages_and_the_same_values() -> None:
    texts = _texts()
    assert len(texts) > 200
    for key, (zh, en) in texts.items():
        assert set(re.findall(r"\{\w+\}", zh)) == set(re.findall(r"\{\w+\}", en)), key
        if key != "lang.other":
            assert not CJK.search(en), key
            assert zh, key
            assert en, key


def test_every_text_that_is_used_exists_and_none_is_left_over() -> None:
    texts = set(_texts())
    sources = "".join(p.read_text("utf-8") for p in SOURCES if p.suffix in (".ts", ".vue") and p.name not in TEXTS)
    used = set(re.findall(r"""\bt\(\s*["']([\w.]+)["']""", sources))
    assert used <= texts
    # put together at run time: t(`state.${key}`)
    made = tuple(re.findall(r"`(\w+\.)\$\{", sources))
    named = set(re.findall(r"""["']([a-z][\w.]*)["']""", sources))
    assert {key for key in texts if key not in named and not key.startswith(made)} == set()


def test_nothing_is_said_in_one_language_only() -> None:
    """Words stand in the texts and the glossary; a template or a module has none of its own."""
    for path in SOURCES:
        if path.suffix in (".ts", ".vue") and path.name not in TEXTS:
            code = re.sub(r"/\*.*?\*/|^\s*//.*$|\s//\s.*$", "", path.read_text("utf-8"), flags=re.S | re.M)
            assert not CJK.search(code), (path.name, CJK.search(code))


def test_sources_are_short_and_self_contained() -> None:
    for path in SOURCES:
        text = path.read_text("utf-8")
        outside = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not outside, (path.name, outside)
        assert len(text.splitlines()) <= 300, path.name


UNSAFE = r"v-html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\sstyle=\""


def test_nothing_that_the_content_security_policy_forbids() -> None:
    for path in [*SOURCES, CONSOLE / "index.html"]:
        if path.suffix in (".ts", ".vue", ".html"):
            found = re.search(UNSAFE, path.read_text("utf-8"))
            assert not found, (path.name, found)


def test_what_is_built_is_small_and_has_no_inline_script(built: None) -> None:
    files = [path for path in (CONSOLE / "dist").rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= 400_000
    html = (CONSOLE / "dist" / "index.html").read_text("utf-8")
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=|javascript:", html)
    script = "".join(path.read_text("utf-8") for path in files if path.suffix == ".js")
    assert "new Function" not in script
    assert not re.search(r"\beval\(", script)
