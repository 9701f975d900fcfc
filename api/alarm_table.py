"""The alarm figures as an answer: names of units and times of the contract, and the same as a table (CSV)."""

from __future__ import annotations

import csv
import io
from typing import Any

from geo.divisions import Divisions, UnitError
from geo.moments import rfc3339, rfc3339_or_none
from streams.kpi.figures import Question

BOM = "\ufeff"  # spreadsheets take a CSV for UTF-8 by it
HEAD = (
    "部分 section",
    "项目 item",
    "名称 name",
    "数值 value",
    "单位 unit",
    "基准 benchmark",
    "来源 source",
    "评价 grade",
)


def public(answer: dict[str, Any], question: Question, unit: str, divisions: Divisions) -> dict[str, Any]:
    """Times as RFC 3339, units with their names, and what was asked."""

    def name(code: str) -> str:
        return unit_name(divisions, code)

    floods = [
        {
            "from": rfc3339(f["from_ms"]),
            "until": rfc3339_or_none(f["until_ms"]),
            "alarms": f["alarms"],
        }
        for f in answer["floods"]
    ]
    return {
        "unit": unit,
        "name": name(unit),
        "from": rfc3339(question.from_ms),
        "to": rfc3339(question.to_ms),
        "mode": question.mode,
        "class": question.cls,
        "operators": question.operators,
        **answer,
        "floods": floods,
        "scopes": [{"name": name(s["unit"]), **s} for s in answer["scopes"]],
        "stale": [{"place": s["place"], "kind": s["kind"], "since": rfc3339(s["since_ms"])} for s in answer["stale"]],
        "response": [{**t, "name": name(t["key"]) if t["by"] == "unit" else t["key"]} for t in answer["response"]],
    }


def unit_name(divisions: Divisions, code: str) -> str:
    """Name of a unit, its code where it is in no table."""
    try:
        return divisions.get(code + "0" * (6 - len(code))).name
    except (UnitError, ValueError):
        return code


def as_csv(answer: dict[str, Any]) -> str:
    """A row a figure; lists follow, a row an entry."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(HEAD)
    for f in answer["figures"]:
        title, benchmark, grade = f["title"], f["benchmark"] or {"zh": "", "en": "", "source": ""}, f["assessment"]
        write(_row(
            "figures", f["name"], f"{title['zh']} {title['en']}", f["value"], f["unit"],
            f"{benchmark['zh']} {benchmark['en']}".strip(), benchmark["source"], f"{grade['zh']} {grade['en']}",
        ))  # fmt: skip
    for scope in answer["scopes"]:
        for item in ("per_10min", "per_hour", "peak_10min", "flood_periods", "alerts", "open", "standing", "stale"):
            grade = scope["grades"].get(item, "")
            write(_row("scopes", item, f"{scope['unit']} {scope['name']}", scope[item], "", "", "", grade))
    for t in answer["response"]:
        who = f"{t['by']} {t['name']}".strip()
        for item in ("done", "median_s", "p90_s", "judged", "in_time", "share"):
            write(_row("response", f"{t['step']}.{item}", who, t[item], "s" if item.endswith("_s") else "", "", "", ""))
    for section in ("top_sources", "chattering", "fleeting", "repeated_places", "stale"):
        for entry in answer[section]:
            value = entry.get("alarms", entry.get("alerts", entry.get("since")))
            write(_row(section, entry.get("kind", ""), entry["place"], value, "", "", "", ""))
    return BOM + out.getvalue()


def _row(*cells: Any) -> list[Any]:
    return [cell(c) for c in cells]


def cell(c: Any) -> Any:
    """None is empty; a text that a spreadsheet would take for a formula is quoted."""
    return "" if c is None else "'" + c if isinstance(c, str) and c[:1] in tuple("=+-@\t\r") and c else c
