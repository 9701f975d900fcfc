"""Alarm figures against a slow, readable count over the same transitions."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from streams.kpi.facts import STEPS, Fact
from streams.kpi.figures import FALSE_ALARM, Question, figures
from streams.kpi.journal import Journal
from streams.kpi.response import DEFAULT_LIMITS

MIN = 60_000
T0 = 1_763_884_800_000
UNITS = ("522601", "522601001", "522622", "522622100001")
RANK = {"I": 0, "II": 1, "III": 2, "IV": 3}


def story(seed: int, alerts: int, minutes: int) -> list[Fact]:
    """Transitions of some alerts as the engine might write them, mixed by time."""
    r = random.Random(seed)
    out: list[Fact] = []
    for n in range(alerts):
        at = T0 + r.choice((r.randrange(minutes), r.randrange(1 + minutes // 6))) * MIN + r.randrange(0, MIN, 5000)
        facts = {
            "id": f"{seed}-{n}", "mode": r.choice(("actual", "actual", "actual", "exercise")),
            "cls": r.choice(("hazard", "hazard", "equipment")), "unit": r.choice(UNITS), "place": f"P{r.randrange(6)}",
            "kind": r.choice(("burst", "leak")), "verdict": r.choice(("", "false_alarm", "属实")), "latched": False,
            "severity": r.choice(tuple(RANK)),
        }  # fmt: skip
        hidden = r.random() < 0.15
        steps: list[dict[str, Any]] = [{"trigger": "raise", "suppressed": True if hidden else None}]
        for _ in range(r.randrange(9)):
            name = r.choice(("ack", "ack", "assess", "dispatch", "dispose", "clear", "reraise", "severity", "suppress"))
            extra: dict[str, Any] = {}
            if name == "ack":
                extra["ack_level"] = r.choice(("county", "township"))
            if name == "severity":
                extra["set_severity"] = r.choice(tuple(RANK))
            if name == "suppress":
                hidden = not hidden
                extra["suppressed"] = hidden
            steps.append({"trigger": name, **extra})
        steps += [{"trigger": "close"}, {"trigger": "reopen"}][: r.choice((0, 1, 1, 2))]
        for version, step in enumerate(steps, 1):
            out.append(Fact(version=version, at_ms=at, **facts, **step))
            at += r.choice((5_000, 20_000, 60_000, 300_000, 7_200_000, 90_000_000))
    return sorted(out, key=lambda f: f.at_ms)


class Slow:
    """The figures again, one alert after the other, in lists."""

    def __init__(self, facts: list[Fact], q: Question) -> None:
        self.q = q
        by: dict[str, list[Fact]] = defaultdict(list)
        for f in facts:
            wanted = f.mode == q.mode and q.cls in ("all", f.cls) and f.unit.startswith(q.prefix)
            if wanted:
                by[f.id].append(f)
        self.alerts = [self.alert(by[k]) for k in by if by[k][0].at_ms < q.to_ms]
        self.spells = [s for a in self.alerts for s in a["spells"] if s["at"] < q.to_ms]
        self.told = [s for s in self.spells if not s["hidden"] and s["at"] >= q.from_ms]

    def alert(self, facts: list[Fact]) -> dict[str, Any]:
        first = facts[0]
        a: dict[str, Any] = {
            "raised": first.at_ms, "clock": first.at_ms, "severity": first.severity, "unit": first.unit, "level": "",
            "source": f"{first.place} {first.kind}", "verdict": first.verdict, "spells": [], "steps": {}, "returns": 0,
            "place": first.place,
        }  # fmt: skip
        hidden, now = False, None
        for f in facts:
            if f.set_severity:
                if RANK[f.set_severity] < RANK[a["severity"]]:
                    a["clock"] = f.at_ms
                    a["steps"].pop("ack", None)
                a["severity"] = f.set_severity
            if f.trigger == "reopen":
                a["steps"].pop("close", None)
            elif f.trigger in STEPS and f.trigger not in a["steps"]:
                a["steps"][f.trigger] = f.at_ms
                a["level"] = f.ack_level if f.trigger == "ack" else a["level"]
            turned = f.suppressed is not None and f.suppressed != hidden
            hidden = hidden if f.suppressed is None else f.suppressed
            begins = f.trigger in ("raise", "reraise")
            ends = f.trigger in ("clear", "close")
            if now is not None and (begins or ends or turned):
                now["until"], now["cleared"] = f.at_ms, f.trigger == "clear"
            if begins or (turned and now is not None and not ends):
                now = {
                    "at": f.at_ms, "until": None, "cleared": False, "hidden": hidden, "again": f.trigger == "reraise",
                    "severity": a["severity"], "alert": a,
                }  # fmt: skip
                a["spells"].append(now)
            elif ends:
                now = None
        return a

    def flood_ms(self) -> int:
        every = [s["at"] for s in self.spells if not s["hidden"]]
        moments = sorted({*every, *(t + 10 * MIN for t in every)})
        total, began = 0, None
        for t in moments:
            if t >= self.q.to_ms:
                break
            n = sum(t - 10 * MIN < x <= t for x in every)
            if began is None and n > 10:
                began = t
            elif began is not None and n < 5:
                total += max(0, t - max(began, self.q.from_ms))
                began = None
        return total + (0 if began is None else self.q.to_ms - max(began, self.q.from_ms))

    def share_of_periods(self, width: int, above: int) -> float | None:
        starts = range(0, self.q.to_ms - self.q.from_ms + width, width)
        first = -(-self.q.from_ms // width) * width
        whole = [first + t for t in starts if first + t + width <= self.q.to_ms]
        if not whole:
            return None
        return sum(sum(t <= s["at"] < t + width for s in self.told) > above for t in whole) / len(whole)

    def chattering(self) -> dict[str, int]:
        out = {}
        for source in {s["alert"]["source"] for s in self.told}:
            mine = [s for s in self.told if s["alert"]["source"] == source]
            minute = any(sum(t["at"] - MIN <= s["at"] <= t["at"] for s in mine) >= 3 for t in mine)
            returns = Counter(id(s["alert"]) for s in mine if s["again"])
            if minute or max(returns.values(), default=0) >= 3:
                out[source] = len(mine)
        return out

    def fleeting(self) -> int:
        def short(s: dict[str, Any]) -> bool:
            ack = s["alert"]["steps"].get("ack")
            quick = s["cleared"] and s["until"] - s["at"] <= MIN
            return quick and (ack is None or ack > s["until"])

        return sum(short(s) for s in self.told if s["alert"]["source"] not in self.chattering())

    def standing(self, longer: int) -> int:
        to = self.q.to_ms
        return sum(
            not s["hidden"] and (s["until"] is None or s["until"] > to) and to - s["at"] > longer for s in self.spells
        )

    def values(self) -> dict[str, float | None]:
        q, n = self.q, len(self.told)
        raised = [a for a in self.alerts if a["raised"] >= q.from_ms]
        judged = [a for a in raised if a["verdict"]]
        closed = [a for a in raised if a["steps"].get("close", q.to_ms) < q.to_ms]
        top = Counter(s["alert"]["source"] for s in self.told).most_common(10)
        mix = Counter(s["severity"] for s in self.told)
        peak = max((sum(t["at"] - 10 * MIN < s["at"] <= t["at"] for s in self.told) for t in self.told), default=0)
        return {
            "alarms": n, "alerts": len(raised),
            "suppressed": sum(s["hidden"] and s["at"] >= q.from_ms for s in self.spells),
            "per_10min": n * 10 * MIN / (q.to_ms - q.from_ms), "per_hour": n * 60 * MIN / (q.to_ms - q.from_ms),
            "peak_10min": peak, "flood_periods": self.share_of_periods(10 * MIN, 10),
            "flood_time": self.flood_ms() / (q.to_ms - q.from_ms), "hours_over_30": self.share_of_periods(60 * MIN, 30),
            "chattering": len(self.chattering()), "fleeting": self.fleeting(), "stale": self.standing(24 * 60 * MIN),
            "standing": self.standing(-1),
            "open": sum(not a["steps"].get("close", q.to_ms) < q.to_ms for a in self.alerts),
            "mix_high": (mix["I"] + mix["II"]) / n if n else None, "mix_medium": mix["III"] / n if n else None,
            "mix_low": mix["IV"] / n if n else None, "top10_share": sum(k for _, k in top) / n if n else None,
            "closed_share": len(closed) / len(raised) if raised else None,
            "false_share": sum(a["verdict"] == FALSE_ALARM for a in judged) / len(judged) if judged else None,
        }  # fmt: skip

    def response(self, step: str, by: str, key: str) -> tuple[int, float | None, float | None, int, int]:
        took, in_time, judged = [], 0, 0
        for a in self.alerts:
            mine = {"all": "", "severity": a["severity"], "level": a["level"], "unit": a["unit"][:6]}[by] == key
            begin = {"ack": a["clock"], "close": a["raised"]}.get(step, a["steps"].get("ack"))
            if not mine or a["raised"] < self.q.from_ms or begin is None or begin >= self.q.to_ms:
                continue
            end = a["steps"].get(step)
            done = end is not None and begin <= end < self.q.to_ms
            limit = DEFAULT_LIMITS.get((a["severity"], step), math.nan) * 1000
            if done:
                took.append((end - begin) / 1000)
            if limit == limit:
                judged += done or self.q.to_ms - begin > limit
                in_time += done and end - begin <= limit
        took.sort()
        p90 = next((x for x in took if sum(y <= x for y in took) >= 0.9 * len(took)), None)
        return len(took), median(took) if took else None, p90, judged, in_time


QUESTIONS = st.builds(
    Question,
    st.sampled_from(("5226", "522601", "522622100")),
    st.integers(T0 - 20 * MIN, T0 + 90 * MIN),
    st.sampled_from((T0 + 100 * MIN, T0 + 300 * MIN + 77, T0 + 2 * 1440 * MIN)),
    st.sampled_from(("actual", "exercise")),
    st.sampled_from(("hazard", "all")),
    st.just(1),
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from((0, 1, 8, 40, 90)), st.sampled_from((20, 120)), QUESTIONS)
def test_the_figures_are_those_of_a_slow_count(seed: int, alerts: int, minutes: int, q: Question) -> None:
    facts = story(seed, alerts, minutes)
    journal = Journal()
    for fact in facts:
        journal.apply(fact)
        if fact.version % 3 == 0:
            journal.apply(fact)  # comes twice
    answer = figures(journal, q)
    slow = Slow(facts, q)
    values = {f["name"]: f["value"] for f in answer["figures"]}
    assert values == pytest.approx(slow.values())
    assert {f"{s['place']} {s['kind']}": s["alarms"] for s in answer["chattering"]} == slow.chattering()
    places = Counter(a["place"] for a in slow.alerts if a["raised"] >= q.from_ms)
    assert {s["place"]: s["alerts"] for s in answer["repeated_places"]} == {p: n for p, n in places.items() if n > 1}
    for t in answer["response"]:
        if t["by"] != "unit" or q.prefix == "5226":
            found = (t["done"], t["median_s"], t["p90_s"], t["judged"], t["in_time"])
            assert found == slow.response(t["step"], t["by"], t["key"]), t


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_each_scope_is_the_answer_to_its_own_question(seed: int, alerts: int) -> None:
    journal = Journal()
    for fact in story(seed, alerts, 60):
        journal.apply(fact)
    q = Question("5226", T0, T0 + 600 * MIN)
    for scope in figures(journal, q)["scopes"]:
        own = {f["name"]: f["value"] for f in figures(journal, q._replace(prefix=scope["unit"]))["figures"]}
        assert {k: own[k] for k in scope if k in own} == {k: v for k, v in scope.items() if k in own}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_by_alert_or_by_time_the_journal_is_the_same(seed: int) -> None:
    """At a start the store is read an alert after the other, live it comes by time."""
    facts = story(seed, 50, 60)
    live, read = Journal(), Journal()
    for fact in facts:
        live.apply(fact)
    for fact in sorted(facts, key=lambda f: (f.id, f.version)):
        read.apply(fact)
    q = Question("5226", T0, T0 + 600 * MIN, cls="all")
    assert figures(live, q) == figures(read, q)
