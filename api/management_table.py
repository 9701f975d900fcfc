"""The leader's figures as an answer and as a table (CSV); how many sensors each unit and organisation has."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from typing import Any

from api.alarm_table import BOM, cell, unit_name
from geo.assets import Sensor
from geo.divisions import Divisions
from geo.moments import rfc3339
from streams.kpi.management import Period, Sensors

COLUMNS = {
    "alerts": "报警数 alerts",
    "ack_share": "签收及时率 acknowledged in time",
    "dispose_share": "处置及时率 disposed in time",
    "closed_share": "办结率 closed",
    "false_share": "误报率 false alarms",
    "overdue": "超时 overdue",
    "online_share": "在线率 on line",
}
PERIODS = {"now": "本期 now", "before": "上期 before", "year": "去年同期 a year ago"}
WEEK = ("周一 Mon", "周二 Tue", "周三 Wed", "周四 Thu", "周五 Fri", "周六 Sat", "周日 Sun")


def sensors_by_group(sensors: Iterable[Sensor], prefix: str, depth: int) -> Sensors:
    """How many sensors that are in use each unit and organisation has, within a subtree."""
    out: Counter[tuple[str, str]] = Counter()
    for sensor in sensors:
        if sensor.retired or not sensor.unit_code.startswith(prefix):
            continue
        out["all", ""] += 1
        if len(sensor.unit_code) >= depth:
            out["unit", sensor.unit_code[:depth]] += 1
        if sensor.owner_org:
            out["org", sensor.owner_org] += 1
    return out


def public(answer: dict[str, Any], period: Period, unit: str, mode: str, divisions: Divisions) -> dict[str, Any]:
    """Names of units and times as RFC 3339."""

    def name(row: dict[str, Any]) -> str:
        return unit_name(divisions, row["key"]) if row["by"] == "unit" else str(row["key"])

    return {
        "unit": unit, "name": unit_name(divisions, unit), "from": rfc3339(period.from_ms), "to": rfc3339(period.to_ms),
        "mode": mode, **answer, "rows": [{**row, "name": name(row)} for row in answer["rows"]],
        "days": [{"day": rfc3339(day["from_ms"]), "alerts": day["alerts"]} for day in answer["days"]],
    }  # fmt: skip


def as_csv(answer: dict[str, Any]) -> str:
    """A row a unit, organisation and period; below them the hours of the week, the days and the repeated places."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(["范围 of", "代码 code", "名称 name", "时段 period", *COLUMNS.values()])
    for row in answer["rows"]:
        for period, title in PERIODS.items():
            if (told := row[period]) is not None:
                write([cell(c) for c in (row["by"], row["key"], row["name"], title, *(told[k] for k in COLUMNS))])
    write([])
    write(["星期 weekday", *(f"{h:02d}" for h in range(24))])
    for day, counts in zip(WEEK, answer["hours"], strict=True):
        write([day, *counts])
    write([])
    write(["日 day", "报警数 alerts"])
    for entry in answer["days"]:
        write([entry["day"], entry["alerts"]])
    write([])
    write(["重复点位 repeated places", "报警数 alerts"])
    for entry in answer["repeated"]:
        write([cell(entry["place"]), entry["alerts"]])
    return BOM + out.getvalue()
