"""The console's files without a browser: size, nothing from outside, the fixed terms, no text without its twin."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "api" / "console" / "static"
FILES = sorted(path for path in STATIC.iterdir() if path.is_file())
GLOSSARY = json.loads((STATIC / "glossary.json").read_text("utf-8"))
CJK = re.compile(r"[\u4e00-\u9fff]")

# the fixed terms; every text an officer reads uses these words
TERMS = {
    "severity": {"I": "红色（一级）", "II": "橙色（二级）", "III": "黄色（三级）", "IV": "蓝色（四级）"},
    "command": {
        "ack": "签收", "assess": "研判", "dispatch": "派遣", "on_site": "到场", "dispose": "处置完成",
        "verify": "核查通过", "close": "结案", "shelve": "挂起", "delegate": "交办", "report_up": "上报",
        "escalate": "升级", "take_over": "提级处置", "urge": "催办", "supervise": "督办",
    },
    "condition": {"UNKNOWN": "状态不明"},
    "label": {"RTNUN": "已恢复未签收"},
    "mode": {"actual": "实际", "exercise": "演练", "test": "测试"},
    "level": {"prefecture": "州", "county": "县（市）", "township": "乡镇（街道）", "village": "村（社区）"},
    "class": {"hazard": "险情", "equipment": "设备故障"},
    "word": {"alert": "监测报警"},
}  # fmt: skip
WHOLE_SETS = {
    "severity": {"I", "II", "III", "IV"},
    "condition": {"ACTIVE", "CLEARED", "UNKNOWN"},
    "handling": {"NEW", "ASSESSED", "DISPATCHED", "ON_SITE", "DISPOSED", "VERIFIED", "CLOSED"},
    "label": {"UNACK", "ACKED", "RTNUN", "NORM", "SHLVD", "DSUPR", "OOSRV"},
    "mode": {"actual", "exercise", "test"},
    "level": {"prefecture", "county", "township", "village"},
    "role": {"viewer", "officer", "commander", "engineer", "admin"},
    "verdict": {"属实", "误报", "设备故障", "施工作业", "计划操作", "重复"},
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
    rows = [m for text in (STATIC / "texts.js").read_text("utf-8").splitlines() if (m := line.match(text))]
    return {m[1]: (json.loads(m[2]), json.loads(m[3])) for m in rows}


def test_every_sentence_has_both_languages_and_the_same_values() -> None:
    texts = _texts()
    assert len(texts) > 100
    for key, (zh, en) in texts.items():
        assert set(re.findall(r"\{\w+\}", zh)) == set(re.findall(r"\{\w+\}", en)), key
        if key != "lang.other":
            assert not CJK.search(en), key
            assert zh, key
            assert en, key


def test_every_text_that_is_used_exists_and_none_is_left_over() -> None:
    texts = set(_texts())
    sources = "".join(p.read_text("utf-8") for p in FILES if p.suffix in (".js", ".html") and p.name != "texts.js")
    used = set(re.findall(r'\bt\("([\w.]+)"', sources)) | set(re.findall(r'data-t(?:-\w+)?="([\w.]+)"', sources))
    assert used <= texts
    made = ("state.", "tab.", "err.", "u.")  # put together at run time: t(`state.${key}`)
    assert {key for key in texts if f'"{key}"' not in sources and not key.startswith(made)} == set()


def test_small_and_self_contained() -> None:
    code = [p for p in FILES if p.suffix in (".js", ".css")]
    assert sum(p.stat().st_size for p in code) <= 130_000  # with fences and the surroundings of an alert
    for path in FILES:
        text = path.read_text("utf-8")
        outside = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not outside, (path.name, outside)
        assert len(text.splitlines()) <= 300, path.name


UNSAFE = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|[{,]\s*style:"


def test_nothing_that_the_content_security_policy_forbids() -> None:
    html = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=|javascript:", html)
    for path in FILES:
        if path.suffix == ".js":
            text = path.read_text("utf-8")
            found = re.search(UNSAFE, text)
            assert not found, (path.name, found)
