"""What the desk's modules decide, without a page: forms of reports, ticks of playbooks, changes of figures."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

BOOK = {"id": "gas_space", "steps": [{"id": "cordon", "zh": "警戒", "en": "Cordon"}]}
REPORT: dict[str, Any] = {
    "source": "phone", "caller": " 张 ", "domain": "water", "kind": "other", "severity": "III", "text": " 冒水 ",
    "at": "", "by": "map", "point": [107.98, 26.58], "unit": "", "asset": "",
}  # fmt: skip
BODY = {"source": "phone", "caller": "张", "domain": "water", "kind": "other", "severity": "III", "text": "冒水"}


@pytest.mark.parametrize(
    ("comments", "done"),
    [
        ([], []),
        (["li 备注：✓ [gas_space:cordon] 警戒"], ["cordon"]),
        (["li 备注：✓ [gas_space:cordon] 警戒", "wu 备注：✗ [gas_space:cordon] 警戒"], []),
        (["li 备注：✓ [water_burst:cordon] 警戒"], []),  # of another playbook
        (["li 备注：警戒 [gas_space:cordon]"], []),  # somebody only speaks of it
    ],
)
def test_the_last_word_about_a_step_counts(modules: Page, comments: list[str], done: list[str]) -> None:
    timeline = [
        {"seq": k, "by": "li", "at": "2026-01-01T00:00:00Z", "reason": {"zh": c}} for k, c in enumerate(comments)
    ]
    got = modules.evaluate(
        """async ([book, timeline]) => {
          const { ticks, tickText } = await import("/modules.js");
          const mine = ticks(book, [{ at: "", reason: { zh: tickText(book, book.steps[0], true) } }]);
          return [[...ticks(book, timeline).keys()], [...mine.keys()]];
        }""",
        [BOOK, timeline],
    )
    assert got == [done, ["cordon"]]


@pytest.mark.parametrize(
    ("change", "lacks", "place"),
    [
        ({}, [], {"lon": 107.98, "lat": 26.58}),
        ({"point": None}, ["report.where"], None),
        ({"by": "unit", "unit": "522601001"}, [], {"unit": "522601001"}),
        ({"by": "asset", "asset": " A1 "}, [], {"asset": "A1"}),
        ({"by": "asset"}, ["report.where"], None),
        ({"domain": "", "kind": "", "text": " "}, ["report.domain", "report.kind", "report.text"], None),
    ],
)
def test_what_a_report_lacks_and_sends(
    modules: Page, change: dict[str, Any], lacks: list[str], place: dict[str, Any] | None
) -> None:
    script = """async (report) => {
      const { bodyOf, lacking } = await import("/modules.js");
      return [lacking(report), bodyOf(report), bodyOf({ ...report, at: "2026-01-01T08:00" }).at];
    }"""
    missing, body, at = modules.evaluate(script, {**REPORT, **change})
    assert missing == lacks
    assert at == "2026-01-01T00:00:00.000Z"  # Beijing time, whatever the machine's own is
    if place is not None:
        assert body == {**BODY, "place": place}


@pytest.mark.parametrize(
    ("measure", "now", "before", "told"),
    [
        ("ack_share", 0.9, 0.8, ["+10.0 %", "good"]),
        ("ack_share", 0.8, 0.8004, ["±0 %", ""]),
        ("false_share", 0.3, 0.2, ["+10.0 %", "bad"]),
        ("alerts", 8, 10, ["-20 %", "good"]),
        ("overdue", 3, 0, ["", ""]),  # of nothing there is no percentage
        ("online_share", None, 0.9, ["", ""]),
    ],
)
def test_a_change_and_whether_it_is_good(
    modules: Page, measure: str, now: float | None, before: float | None, told: list[str]
) -> None:
    script = """async ([measure, now, before]) => {
      const { change, turn, unitOf } = await import("/modules.js");
      return [change(now, before, unitOf(measure)), turn(measure, now, before)];
    }"""
    assert modules.evaluate(script, [measure, now, before]) == told


def test_a_fence_to_edit_has_no_words_that_only_the_server_says_and_a_point_to_try(modules: Page) -> None:
    got = modules.evaluate(
        """async () => {
          const { fenceText, inside } = await import("/modules.js");
          const told = { active_now: true, by: "li", at: "x", removed: false, demo: true };
          const fence = { id: "a", active: [], version: 2, ...told };
          const area = { type: "area", coordinates: [[[[107, 26], [108, 26], [108, 27]]]] };
          return [
            Object.keys(JSON.parse(fenceText(fence))),
            inside({ type: "circle", lon: 1, lat: 2 }), inside(area), inside({ type: "unit", unit: "522601" }),
          ];
        }"""
    )
    assert got == [["id", "active", "version"], ["1", "2"], ["107", "26"], ["", ""]]
