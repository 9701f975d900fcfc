"""All alarm figures of one question: each with its benchmark and grade, by duty scope, and the lists behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from streams.kpi import nuisance, rates
from streams.kpi.benchmarks import BENCHMARKS, GRADES, assess
from streams.kpi.journal import NONE, Journal, View, renumbered
from streams.kpi.response import DEFAULT_LIMITS, Limits, by_unit, response_times
from streams.kpi.tables import Bools, Ints
from streams.kpi.texts import FIGURES

FALSE_ALARM = "false_alarm"
DEEPER = {4: 6, 6: 9, 9: 12}


class Question(NamedTuple):
    """Units with `prefix`, from `from_ms` until before `to_ms` (UTC); `operators`: positions that share the alarms."""

    prefix: str
    from_ms: int
    to_ms: int
    mode: str = "actual"
    cls: str = "hazard"
    operators: int = 1


def figures(journal: Journal, q: Question, limits: Limits = DEFAULT_LIMITS) -> dict[str, Any]:
    """Answer a question from the journal; JSON-ready. Copy the rows under a lock, count afterwards: `of_view`."""
    return of_view(journal.view(q.prefix, q.mode, q.cls, q.to_ms), q, limits)


def of_view(view: View, q: Question, limits: Limits = DEFAULT_LIMITS) -> dict[str, Any]:
    """As `figures`, of rows that were copied."""
    told = nuisance.alarms(view, q.from_ms)
    chatter = nuisance.chattering(view, told)
    fleeting = nuisance.fleeting(view, told, chatter)
    top = nuisance.most(view, told)
    values = {
        **_rates(view, q),
        **_counts(view, q),
        **_mix(view, told["severity"]),
        "chattering": float(len(chatter)),
        "fleeting": float(sum(s.alarms for s in fleeting)),
        "top10_share": sum(s.alarms for s in top[: nuisance.TOP]) / len(told) if len(told) else None,
    }
    depth = DEEPER.get(len(q.prefix), 12) if len(q.prefix) >= 4 else 4
    floods = rates.floods(_all_told(view), q.to_ms)
    return {
        "complete": view.since_ms <= q.from_ms,
        "figures": [_figure(name, values[name], len(told)) for name in FIGURES],
        "scopes": _scopes(view, q, depth) if len(q.prefix) < 12 else [],
        "floods": [f._asdict() for f in floods if f.until_ms is None or f.until_ms > q.from_ms],
        "top_sources": [_source(s) for s in top[: nuisance.TOP]],
        "chattering": [{**_source(s), "in_minute": s.in_minute, "returns": s.returns} for s in chatter[:100]],
        "fleeting": [_source(s) for s in fleeting[:100]],
        "stale": _stale(view, q.to_ms),
        "repeated_places": [{"place": s.name, "alerts": s.alarms} for s in _repeated(view, q)],
        "response": [t._asdict() for t in response_times(view, q.from_ms, q.to_ms, limits, depth)],
    }


def _rates(view: View, q: Question) -> dict[str, float | None]:
    """Per operator: each of `operators` gets the same part of the alarms."""
    every = _all_told(view)
    at = every[np.searchsorted(every, q.from_ms) :]
    span = q.to_ms - q.from_ms
    ten = rates.periods(at, q.from_ms, q.to_ms, rates.TEN_MIN_MS) / q.operators
    hours = rates.periods(at, q.from_ms, q.to_ms, rates.HOUR_MS) / q.operators
    one_of = every[:: q.operators]
    return {
        "alarms": float(len(at)),
        "per_10min": len(at) * rates.TEN_MIN_MS / span / q.operators,
        "per_hour": len(at) * rates.HOUR_MS / span / q.operators,
        "peak_10min": rates.peak(at) / q.operators,
        "flood_periods": float((ten > rates.FLOOD_ABOVE).mean()) if len(ten) else None,
        "flood_time": rates.flood_ms(rates.floods(one_of, q.to_ms), q.from_ms, q.to_ms) / span,
        "hours_over_30": float((hours > rates.HOUR_ABOVE).mean()) if len(hours) else None,
    }


def _all_told(view: View) -> rates.Times:
    """Times of all alarms that are known, in order: a flood may have begun before the question does."""
    return np.sort(view.spells["at"][~view.spells["hidden"]])


def _counts(view: View, q: Question) -> dict[str, float | None]:
    rows = view.alerts
    closed = rows["close"]
    raised = rows[rows["raised"] >= q.from_ms]
    done = raised["close"]
    judged = int(_with(view, raised["verdict"], lambda v: v != "").sum())
    return {
        "alerts": float(len(raised)),
        "suppressed": float((view.spells["hidden"] & (view.spells["at"] >= q.from_ms)).sum()),
        "open": float(((closed == NONE) | (closed >= q.to_ms)).sum()),
        "standing": float(len(nuisance.standing(view, q.to_ms))),
        "stale": float(len(nuisance.stale(view, q.to_ms))),
        "closed_share": float(((done != NONE) & (done < q.to_ms)).mean()) if len(raised) else None,
        "false_share": float(_with(view, raised["verdict"], lambda v: v == FALSE_ALARM).sum()) / judged
        if judged
        else None,
    }


def _with(view: View, verdicts: Ints, wanted: Callable[[str], bool]) -> Bools:
    return np.array([wanted(v) for v in view.verdicts] or [False])[verdicts]


def _mix(view: View, severity: Ints) -> dict[str, float | None]:
    if not len(severity):
        return dict.fromkeys(("mix_high", "mix_medium", "mix_low"))
    share = np.bincount(severity, minlength=4) / len(severity)
    return {"mix_high": float(share[0] + share[1]), "mix_medium": float(share[2]), "mix_low": float(share[3])}


def _figure(name: str, value: float | None, alarms: int) -> dict[str, Any]:
    title, unit = FIGURES[name]
    benchmark = BENCHMARKS.get(name)
    grade = assess(name, value, alarms)
    return {
        "name": name,
        "title": {"zh": title.zh, "en": title.en},
        "value": value,
        "unit": unit,
        "benchmark": None
        if benchmark is None
        else {"zh": benchmark.text.zh, "en": benchmark.text.en, "source": benchmark.source},
        "grade": grade,
        "assessment": {"zh": GRADES[grade].zh, "en": GRADES[grade].en},
    }


def _scopes(view: View, q: Question, depth: int) -> list[dict[str, Any]]:
    """The main figures of each unit below the asked one that has alerts, each as one operator position."""
    codes, owner = by_unit(view, view.alerts["unit"], depth)
    out = []
    for k, code in enumerate(codes):
        if len(code) < depth or not (owner == k).any():
            continue
        part = _part(view, owner == k)
        values = {**_rates(part, q._replace(operators=1)), **_counts(part, q)}
        n = int(values["alarms"] or 0)
        grades = {name: assess(name, values[name], n) for name in values if name in BENCHMARKS}
        out.append({"unit": code, **values, "grades": grades})
    return out


def _part(view: View, keep: Bools) -> View:
    spells = view.spells[keep[view.spells["alert"]]]
    spells["alert"] = renumbered(keep, spells["alert"])
    return view._replace(alerts=view.alerts[keep], spells=spells)


def _source(s: nuisance.Source) -> dict[str, Any]:
    place, _, kind = s.name.rpartition(" ")
    return {"place": place, "kind": kind, "alarms": s.alarms}


def _stale(view: View, to_ms: int) -> list[dict[str, Any]]:
    """The longest first, at most 100."""
    spells = nuisance.stale(view, to_ms)
    spells = spells[np.argsort(spells["at"], kind="stable")][:100]
    names = (view.sources[n] for n in view.alerts["source"][spells["alert"]])
    parts = (name.rpartition(" ") for name in names)
    return [{"place": p, "kind": k, "since_ms": int(s["at"])} for (p, _, k), s in zip(parts, spells, strict=True)]


def _repeated(view: View, q: Question) -> list[nuisance.Source]:
    return nuisance.repeated_places(view, q.from_ms)[: nuisance.TOP]
