"""The leader's figures by a table of what happened; periods, hours and groups."""

from __future__ import annotations

from typing import Any

import pytest

from streams.kpi.facts import Fact
from streams.kpi.journal import Journal
from streams.kpi.management import Period, Sensors, by_day, heat, management
from tests.unit.streams.test_kpi import T0, H, fact, journal

DAY = Period(T0, T0 + 24 * H)
LIMITS = {("III", "ack"): 600.0, ("III", "dispose"): 3600.0}
MIN = 60_000


def told(made: Journal, sensors: Sensors | None = None, period: Period = DAY) -> dict[str, Any]:
    views = [made.view("5226", "actual", cls, period.to_ms) for cls in ("hazard", "equipment")]
    return management(views[0], views[1], period, LIMITS, 6, sensors or {})


def row(answer: dict[str, Any], by: str = "all", key: str = "", period: str = "now") -> Any:
    return next(r for r in answer["rows"] if (r["by"], r["key"]) == (by, key))[period]


def one(id_: str, *steps: tuple[int, str], **changes: Any) -> list[Fact]:
    """An alert raised at 0 and what was done, (minutes, trigger)."""
    return [fact(id_, 1, 0, "raise", **changes)] + [
        fact(id_, k + 2, m * MIN, trigger, **changes) for k, (m, trigger) in enumerate(steps)
    ]


@pytest.mark.parametrize(
    ("facts", "name", "value"),
    [
        ([], "alerts", 0),
        ([], "ack_share", None),
        (one("a", (5, "ack")), "ack_share", 1.0),
        (one("a", (5, "ack")) + one("b", (11, "ack")), "ack_share", 0.5),
        (one("a"), "ack_share", 0.0),  # never: missed once its limit has passed
        (one("a", (5, "ack"), (50, "dispose")), "dispose_share", 1.0),
        (one("a", (5, "ack"), (70, "dispose")), "dispose_share", 0.0),
        (one("a", (5, "ack"), (70, "dispose")), "overdue", 1),
        (one("a", (5, "ack"), (50, "dispose")), "overdue", 0),
        (one("a", (5, "close")) + one("b"), "closed_share", 0.5),
        (one("a", (25 * 60, "close")), "closed_share", 0.0),  # after the period
        (one("a", verdict="false_alarm") + one("b", verdict="real") + one("c"), "false_share", 0.5),
        (one("a", cls="equipment"), "alerts", 0),
    ],
)
def test_what_happened_says(facts: list[Fact], name: str, value: float | None) -> None:
    assert row(told(journal(*facts)))[name] == value


def test_units_and_organisations_have_rows_of_their_own() -> None:
    made = journal(*one("a", (5, "ack"), org="水司"), *one("b", unit="522622", org="水司"), *one("c", unit="5226"))
    answer = told(made, {("unit", "522623"): 4})
    assert [(r["by"], r["key"]) for r in answer["rows"]] == [
        ("all", ""), ("unit", "522601"), ("unit", "522622"), ("unit", "522623"), ("org", "水司"),
    ]  # fmt: skip
    assert row(answer)["alerts"] == 3
    assert row(answer, "unit", "522601")["ack_share"] == 1.0
    assert row(answer, "org", "水司")["ack_share"] == 0.5
    assert row(answer, "unit", "522623") == {
        "alerts": 0, "overdue": 0, "ack_share": None, "dispose_share": None, "closed_share": None, "false_share": None,
        "online_share": 1.0,
    }  # fmt: skip


def test_on_line_is_the_part_of_sensors_and_time_without_a_dropout() -> None:
    off = {"cls": "equipment", "kind": "dropout"}
    made = journal(
        fact("a", 1, -2 * H, "raise", **off), fact("a", 2, 6 * H, "clear", **off),  # 6 of 24 h within the day
        fact("b", 1, 18 * H, "raise", unit="522622", **off),  # 6 h, and goes on
        fact("c", 1, 0, "raise", cls="equipment", kind="flatline"),  # is on line
    )  # fmt: skip
    answer = told(made, {("all", ""): 2, ("unit", "522601"): 1, ("unit", "522622"): 1})
    assert row(answer)["online_share"] == pytest.approx(0.75)
    assert row(answer, "unit", "522622")["online_share"] == pytest.approx(0.75)
    assert row(answer, "all", "", "before")["online_share"] == pytest.approx(1 - 2 / 48)


def test_periods_before_are_told_only_where_all_of_it_is_known() -> None:
    made = journal(fact("old", 1, -5 * H, "raise"), *one("a"), *one("b"))
    answer = told(made)
    assert (row(answer)["alerts"], row(answer, period="before")["alerts"]) == (2, 1)
    assert row(answer, period="year")["alerts"] == 0
    made.since_ms = T0 - H
    answer = told(made)
    assert answer["complete"]
    assert row(answer, period="before") is None
    assert DAY.before() == Period(T0 - 24 * H, T0)


def test_hours_days_and_places() -> None:
    made = journal(*one("a", place="P1"), *one("b", place="P1"), fact("c", 1, -H, "raise", place="P1"))
    answer = told(made)
    assert answer["hours"][6][16] == 2  # 2025-11-23, a Sunday, 16:00 in Beijing
    assert sum(map(sum, answer["hours"])) == 2
    assert answer["repeated"] == [{"place": "P1", "alerts": 2}]
    assert [d["alerts"] for d in answer["days"]] == [2, 0]  # the period touches two days of Beijing
    assert heat(made.view("", "actual", "hazard", T0).alerts["raised"])[6][15] == 1
    assert by_day(made.view("", "actual", "hazard", T0).alerts["raised"], Period(T0 - H, T0))[0]["alerts"] == 1
