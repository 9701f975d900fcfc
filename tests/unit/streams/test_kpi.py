"""Alarm figures by a table: what happened, what it says, and the grade."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streams.alerts.policy import Address, Chain, Policy, ResponseTime, Step
from streams.kpi.benchmarks import BENCHMARKS, GRADES, assess
from streams.kpi.facts import Fact, fact_of
from streams.kpi.figures import Question, figures
from streams.kpi.gauges import GAUGES, gauges
from streams.kpi.journal import Journal
from streams.kpi.rates import floods
from streams.kpi.response import limits_of
from streams.kpi.texts import FIGURES

S, MIN, H = 1000, 60_000, 3_600_000
T0 = 1_763_884_800_000  # 2025-11-23T08:00:00Z, on the hour
DAY = Question("5226", T0, T0 + 24 * H)


def fact(id_: str, version: int, at_ms: int, trigger: str, **changes: Any) -> Fact:
    base = {
        "mode": "actual", "cls": "hazard", "unit": "522601001", "place": id_, "kind": "burst", "verdict": "",
        "latched": False, "severity": "III",
    }  # fmt: skip
    return Fact(id=id_, version=version, at_ms=T0 + at_ms, trigger=trigger, **{**base, **changes})


def journal(*facts: Fact) -> Journal:
    made = Journal()
    for f in facts:
        made.apply(f)
    return made


def figure(made: Journal, name: str, q: Question = DAY) -> tuple[float | None, str]:
    found = next(f for f in figures(made, q)["figures"] if f["name"] == name)
    return found["value"], found["grade"]


def storm(n: int, every_ms: int, begin_ms: int = 0, **changes: Any) -> list[Fact]:
    return [fact(f"s{begin_ms}-{k}", 1, begin_ms + k * every_ms, "raise", **changes) for k in range(n)]


FLAPS = [fact("a", k + 1, k * 20 * S, "reraise" if k else "raise") for k in range(3)]
SLOW_FLAPS = [fact("a", k + 1, k * 8 * MIN, "reraise" if k else "raise") for k in range(4)]

TABLE: list[tuple[str, list[Fact], str, float | None, str]] = [
    ("nothing happened", [], "per_10min", 0.0, "acceptable"),
    ("nothing to share out", [], "mix_high", None, "none"),
    ("144 in a day: one in 10 minutes", storm(144, 10 * MIN), "per_10min", 1.0, "acceptable"),
    ("200 in a day", storm(200, 7 * MIN), "per_10min", 200 / 144, "manageable"),
    ("300 in a day: too many for one", storm(300, 4 * MIN), "per_hour", 12.5, "over_demanding"),
    ("1,500 in a day", storm(1500, 50 * S), "per_10min", 1500 / 144, "unacceptable"),
    ("10 in 10 minutes are no flood", storm(10, MIN), "flood_periods", 0.0, "met"),
    ("11 are", storm(11, 50 * S), "flood_periods", 1 / 144, "met"),
    ("three storms", storm(15, S) + storm(15, S, H) + storm(15, S, 2 * H), "flood_periods", 3 / 144, "missed"),
    ("the peak crosses a border of the clock", storm(12, 10 * S, 9 * MIN), "peak_10min", 12.0, "missed"),
    ("exercises do not count", storm(50, S, mode="exercise"), "alarms", 0.0, "unjudged"),
    ("equipment does not count", storm(50, S, cls="equipment"), "alarms", 0.0, "unjudged"),
    ("suppressed ones are not told", storm(50, S, suppressed=True), "alarms", 0.0, "unjudged"),
    ("3 in a minute chatter", FLAPS, "chattering", 1.0, "missed"),
    ("3 in exactly a minute do, too", storm(3, 30 * S, place="p"), "chattering", 1.0, "missed"),
    ("3 in more than a minute do not", storm(3, 30_001, place="p"), "chattering", 0.0, "met"),
    ("3 returns chatter", SLOW_FLAPS, "chattering", 1.0, "missed"),
    ("2 returns do not", SLOW_FLAPS[:3], "chattering", 0.0, "met"),
    ("a latched one chatters", [fact("a", 1, 0, "raise", latched=True)], "chattering", 1.0, "missed"),
    ("gone after 60 s", [fact("a", 1, 0, "raise"), fact("a", 2, MIN, "clear")], "fleeting", 1.0, "unjudged"),
    ("gone after 61 s", [fact("a", 1, 0, "raise"), fact("a", 2, 61 * S, "clear")], "fleeting", 0.0, "unjudged"),
    ("stands 24 h: not stale yet", [fact("a", 1, 0, "raise")], "stale", 0.0, "met"),
    ("stands since yesterday", [fact("a", 1, -1, "raise")], "stale", 1.0, "met"),
    ("five stale ones", storm(5, 1, -9), "stale", 5.0, "missed"),
    ("one of three was false", [
        fact("a", 1, 0, "raise", verdict="false_alarm"), fact("b", 1, 0, "raise", verdict="属实"),
        fact("c", 1, 0, "raise", verdict="设备故障"), fact("d", 1, 0, "raise"),
    ], "false_share", 1 / 3, "unjudged"),
    ("a mix of few says nothing", storm(20, MIN, severity="I"), "mix_high", 1.0, "few"),
    ("a mix of many", storm(110, MIN, severity="I"), "mix_high", 1.0, "missed"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "facts", "name", "value", "grade"), TABLE, ids=[t[0] for t in TABLE])
def test_table(what: str, facts: list[Fact], name: str, value: float | None, grade: str) -> None:
    found = figure(journal(*facts), name)
    assert found == (pytest.approx(value), grade)


def test_a_flood_begins_with_the_11th_and_ends_below_5() -> None:
    at = np.array([k * 30 * S for k in range(11)], np.int64)
    assert floods(at, 8 * MIN) == [(300 * S, None, 11)]
    # the 7th leaves the last 10 minutes at 13:00, with 4 left
    assert floods(at, H) == [(300 * S, 13 * MIN, 11)]


def test_operators_share_the_alarms() -> None:
    made = journal(*storm(288, 5 * MIN))
    assert figure(made, "per_10min") == (2.0, "manageable")
    assert figure(made, "per_10min", DAY._replace(operators=2)) == (1.0, "acceptable")


def test_a_rise_of_severity_starts_the_clock_of_the_ack_anew() -> None:
    made = journal(
        fact("a", 1, 0, "raise"), fact("a", 2, MIN, "ack", ack_level="township"),
        fact("a", 3, H, "severity", set_severity="I"), fact("a", 4, H + 90 * S, "ack_on_behalf", ack_level="county"),
    )  # fmt: skip
    rows = [t for t in figures(made, DAY)["response"] if t["step"] == "ack"]
    assert {(t["by"], t["key"]) for t in rows} == {
        ("all", ""), ("severity", "I"), ("level", "county"), ("unit", "522601"),
    }  # fmt: skip
    assert {(t["median_s"], t["judged"], t["in_time"]) for t in rows} == {(90.0, 1, 0)}  # 60 s were allowed


def test_an_alert_that_nobody_acks_counts_once_its_time_is_over() -> None:
    made = journal(fact("a", 1, 0, "raise"))
    before = figures(made, DAY._replace(to_ms=T0 + 15 * MIN))["response"][0]
    after = figures(made, DAY._replace(to_ms=T0 + 15 * MIN + 1))["response"][0]
    assert [(t["done"], t["judged"], t["share"]) for t in (before, after)] == [(0, 0, None), (0, 1, 0.0)]


def test_limits_come_from_the_policy() -> None:
    def step(within_s: int) -> Step:
        return Step(tell=(Address("county"),), ack_level="county", within_s=within_s)

    policy = Policy(
        id="522600",
        chains=(
            Chain(severity="I", domains=("gas",), steps=(step(1),)),
            Chain(severity="I", cls="equipment", steps=(step(2),)),
            Chain(severity="I", steps=(step(180), step(60))),
        ),
        response=(
            ResponseTime(severity="I", step="on_site", within_s=2700, remote_s=5400),
            ResponseTime(severity="I", step="report_verbal", within_s=1800),
        ),
    )
    assert limits_of(policy) == {("I", "ack"): 60, ("I", "on_site"): 2700}


def test_the_oldest_closed_alerts_go_and_the_answer_says_so() -> None:
    made = Journal(most=40)
    for k in range(100):
        made.apply(fact(f"a{k}", 1, k * MIN, "raise"))
        if k % 2:
            made.apply(fact(f"a{k}", 2, k * MIN + S, "close"))
    assert len(made) <= 60
    answer = figures(made, DAY)
    assert answer["complete"] is False
    assert figures(made, DAY._replace(from_ms=made.since_ms))["complete"] is True
    assert figure(made, "open")[0] == 50
    made.apply(fact("a2", 2, 200 * MIN, "clear"))  # an old one that is still found
    assert figure(made, "standing")[0] == 49


def test_an_alert_that_flaps_for_ever_does_not_grow_the_journal() -> None:
    made = Journal(most=10)
    for k in range(1500):
        made.apply(fact("a", k + 1, k * MIN, "reraise" if k else "raise"))
        made.apply(fact(f"b{k}", 1, k * MIN, "raise"))
        made.apply(fact(f"b{k}", 2, k * MIN, "close"))
    assert made.spells < 1100
    assert figure(made, "standing", Question("5226", T0, T0 + 1500 * MIN))[0] == 1


def test_gauges_have_the_same_units_whatever_happens() -> None:
    made = journal(*storm(12, S, unit="522622101"), fact("z", 1, -25 * H, "raise"), fact("z", 2, 0, "ack"))
    units = ("522600", "522601", "522622")
    found = gauges(made.view("", "actual", "hazard", T0 + MIN), units, T0 + MIN - 1)
    assert tuple(found) == GAUGES
    assert all(tuple(by) == units for by in found.values())
    assert found["alarms_10min"] == {"522600": 12, "522601": 0, "522622": 12}
    assert found["flood"] == {"522600": 1, "522601": 0, "522622": 1}
    assert found["stale"] == {"522600": 1, "522601": 1, "522622": 0}
    assert found["unacknowledged"] == {"522600": 12, "522601": 0, "522622": 12}


def test_odd_json_is_read_as_little_as_possible() -> None:
    odd = fact_of({"assets": "x", "unit": None}, {"trigger": "ack", "to": {"acks": "li"}, "from": 3}, 1, 0)
    assert (odd.place, odd.unit, odd.ack_level, odd.mode) == ("", "", "", "actual")
    acks = {"trigger": "ack", "from": {"acks": ["township:li"]}, "to": {"acks": ["township:li", "county:wang"]}}
    assert fact_of({}, acks, 2, 0).ack_level == "county"


def test_each_benchmark_is_of_a_figure_and_each_grade_has_words() -> None:
    assert set(BENCHMARKS) <= set(FIGURES)
    grades = {assess(name, value, 1000) for name in FIGURES for value in (None, 0.0, 0.5, 1.5, 3.0, 99.0)}
    assert grades | {"few"} == set(GRADES)
