"""Alerts against truth: recall, precision, time to detect, false alarms, place, each with a 95 % interval.

An incident is found by an alert of its domain and class that is raised, for the first time or again, from its start
until `grace_s` after its end and names one of its sensors, or lies in its zone where one of the two names no
sensor. An alert that belongs to no incident is false; one that an officer called works, planned or duplicate is left
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.metric import distance_m
from geo.moments import epoch_ms
from simulators.intervals import Interval, bootstrap, poisson, wilson
from simulators.truth import EXCUSED, HAPPENED, Truth

GRACE_S = 600.0
WEEK_MS = 604_800_000
SIZES = ("small", "middle", "large")
FEW = 6  # incidents of a kind below which sizes are not told apart


@dataclass(frozen=True)
class Found:
    """An incident with what found it. `alert` is the first of them; `wrong_m` how far its place is from the truth's."""

    truth: Truth
    alert: Mapping[str, Any] | None
    delay_s: float | None = None
    wrong_m: float | None = None
    at_place: bool | None = None


@dataclass(frozen=True)
class Span:
    """What was watched: without it nothing can be said of false alarms a week."""

    ms: int
    sensors: int


@dataclass(frozen=True)
class Score:
    incidents: list[Found]
    right: list[Mapping[str, Any]]
    false: list[Mapping[str, Any]]
    span: Span | None


def score(
    alerts: Sequence[Mapping[str, Any]], truths: Iterable[Truth], span: Span | None = None, grace_s: float = GRACE_S
) -> Score:
    """Public alerts as `Outcome` gives them."""
    known = list(truths)
    found: dict[int, list[tuple[int, Mapping[str, Any]]]] = {}
    right, false = [], []
    for alert in alerts:
        mine = {k: at for k, t in enumerate(known) if (at := _raised(alert, t, grace_s)) is not None}
        for k, at in mine.items():
            found.setdefault(k, []).append((at, alert))
        verdicts = {known[k].verdict for k in mine}
        if verdicts & set(HAPPENED):
            right.append(alert)
        elif not verdicts & set(EXCUSED):
            false.append(alert)
    incidents = [_found(t, found.get(k, ())) for k, t in enumerate(known) if t.verdict in HAPPENED]
    return Score(incidents, right, false, span)


def _raised(alert: Mapping[str, Any], t: Truth, grace_s: float) -> int | None:
    """When it was raised for this incident, epoch ms; None where it does not belong to it."""
    if alert["domain"] != t.domain or alert["class"] != t.cls:
        return None
    own = {s for s in alert["sensors"] if not s.startswith(f"{alert['zone']}/")}  # a balance is of the zone
    by_zone = not own or not t.sensors
    if not (alert["zone"] == t.zone if by_zone else own & set(t.sensors)):
        return None
    times = map(epoch_ms, alert["raised"])
    return min((at for at in times if t.start_ms <= at <= t.end_ms + grace_s * 1000), default=None)


def _found(t: Truth, alerts: Sequence[tuple[int, Mapping[str, Any]]]) -> Found:
    if not alerts:
        return Found(t, None)
    at, first = min(alerts, key=lambda found: (found[0], found[1]["id"]))
    wrong = None
    if None not in (t.lon, t.lat, first["lon"], first["lat"]):
        wrong = distance_m(t.lon or 0.0, t.lat or 0.0, first["lon"], first["lat"])
    own = first["sensors"][0] == t.sensors[0] if t.sensors and first["sensors"] else None
    return Found(t, first, (at - t.start_ms) / 1000.0, wrong, own)


def summary(s: Score) -> dict[str, Any]:
    """Figures of all, by class, kind and size; each with its interval."""
    kinds: dict[str, list[Found]] = {}
    for f in s.incidents:
        kinds.setdefault(f"{f.truth.domain}.{f.truth.kind}", []).append(f)
    n, right = len(s.right) + len(s.false), len(s.right)
    return {
        "incidents": len(s.incidents),
        "alerts": n,
        "all": figures(s.incidents),
        "precision": _with(right / n if n else None, wilson(right, n) if n else None),
        "false_alarms": len(s.false),
        "false_per_week_per_100": _false_rate(len(s.false), s.span),
        "by_kind": {kind: figures(found) for kind, found in sorted(kinds.items())},
        "by_size": {k: by for kind, found in sorted(kinds.items()) for k, by in _sizes(kind, found).items()},
        "false_by_kind": _count(f"{a['domain']}.{a['kind']}" for a in s.false),
        "missed": [{"kind": f.truth.kind, "domain": f.truth.domain, "zone": f.truth.zone, "start_ms": f.truth.start_ms,
                    "size": f.truth.size} for f in s.incidents if f.alert is None],
    }  # fmt: skip


def figures(found: Sequence[Found]) -> dict[str, Any]:
    """Recall, time to detect, place of some incidents."""
    hits = [f for f in found if f.alert is not None]
    n = len(found)
    own = [f.at_place for f in hits if f.at_place is not None]
    return {
        "n": n,
        "recall": _with(len(hits) / n if n else None, wilson(len(hits), n) if n else None),
        "delay_s_median": _median(hits, "delay_s"),
        "localisation_m_median": _median(hits, "wrong_m"),
        "right_sensor": _with(sum(own) / len(own) if own else None, wilson(sum(own), len(own)) if own else None),
    }


def _median(found: Sequence[Found], name: str) -> dict[str, Any]:
    groups: dict[int, list[float]] = {}
    for f in found:
        value = getattr(f, name)
        if value is not None:
            groups.setdefault(f.truth.seed, []).append(value)
    values = [v for g in groups.values() for v in g]
    if not values:
        return _with(None, None)
    return _with(float(np.median(values)), bootstrap(list(groups.values()), lambda x: float(np.median(x))))


def _false_rate(count: int, span: Span | None) -> dict[str, Any]:
    if span is None or not span.ms or not span.sensors:
        return _with(None, None)
    factor = WEEK_MS / span.ms * 100 / span.sensors
    low, high = poisson(count)
    return _with(count * factor, (low * factor, high * factor))


def _sizes(kind: str, found: Sequence[Found]) -> dict[str, dict[str, Any]]:
    """Thirds of a kind by size."""
    if len(found) < FEW or len({f.truth.size for f in found}) < len(SIZES):
        return {}
    parts = np.array_split(np.argsort([f.truth.size for f in found], kind="stable"), len(SIZES))
    out = {}
    for name, part in zip(SIZES, parts, strict=True):
        mine = [found[k] for k in part]
        sizes = [f.truth.size for f in mine]
        out[f"{kind} {name}"] = {"from": min(sizes), "to": max(sizes), "unit": mine[0].truth.size_unit, **figures(mine)}
    return out


def _with(value: float | None, interval: Interval | None) -> dict[str, Any]:
    return {"value": _round(value), "low": _round(interval and interval[0]), "high": _round(interval and interval[1])}


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _count(names: Iterable[str]) -> dict[str, int]:
    out: dict[str, int] = {}
    for name in names:
        out[name] = out.get(name, 0) + 1
    return dict(sorted(out.items(), key=lambda item: (-item[1], item[0])))
