"""How long people took: median, 90th percentile, and the share that kept to the policy's limit.

The ack is measured from the raise (from the rise, where the severity rose since), every later step from the ack, the
close from the raise. An alert that is not done counts as missed once its limit has passed, and not at all before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.alerts.policy import Policy
from streams.kpi.facts import STEPS
from streams.kpi.journal import NONE, View
from streams.kpi.tables import Bools, Ints, Rows

Limits = Mapping[tuple[str, str], float]  # (severity, step) -> seconds

# The start values of the default policy, for a unit that has none of its own.
DEFAULT_LIMITS: Limits = {
    ("I", "ack"): 60, ("II", "ack"): 300, ("III", "ack"): 900, ("IV", "ack"): 1800,
    ("I", "dispatch"): 600, ("I", "on_site"): 2700,
}  # fmt: skip


class Times(NamedTuple):
    """Seconds; None where nothing was done or the policy has no limit. `judged`: those with a limit that count."""

    step: str
    by: str  # all | severity | level | unit
    key: str
    done: int
    median_s: float | None
    p90_s: float | None
    judged: int
    in_time: int
    share: float | None


def limits_of(policy: Policy) -> Limits:
    """Limits of a policy for hazards of all domains: the first ack of a severity's chain, and its response times."""
    out: dict[tuple[str, str], float] = {}
    for chain in policy.chains:
        if chain.cls == "hazard" and not chain.domains and chain.steps:
            out.setdefault((chain.severity, "ack"), min(s.within_s for s in chain.steps))
    for time in policy.response:
        if time.cls == "hazard" and not time.domains and time.step in STEPS:
            out.setdefault((time.severity, time.step), time.within_s)
    return out


def summary(seconds: npt.NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Median, and the smallest value that 90 % do not exceed.

    >>> summary(np.array([4.0, 1.0, 2.0, 9.0]))
    (3.0, 9.0)
    """
    if not len(seconds):
        return None, None
    ordered = np.sort(seconds)
    return float(np.median(ordered)), float(ordered[-(-9 * len(ordered) // 10) - 1])


def response_times(view: View, from_ms: int, to_ms: int, limits: Limits, depth: int) -> list[Times]:
    """All steps, overall and by severity, level of the ack and unit (codes cut to `depth` digits)."""
    raised = view.alerts[view.alerts["raised"] >= from_ms]
    out = []
    for step in STEPS:
        told = judgement(view, raised, step, to_ms, limits)
        alerts, took, done = raised[told.begun], told.took_ms[told.begun], told.done[told.begun]
        judged, good = told.judged[told.begun], told.good[told.begun]
        for by, key, mine in _groups(view, alerts, depth):
            if by == "level" and step != "ack":
                continue
            median, p90 = summary(took[mine & done] / 1000.0)
            n, kept = int((mine & judged).sum()), int((mine & good).sum())
            row = Times(step, by, key, int((mine & done).sum()), median, p90, n, kept, kept / n if n else None)
            out.append(row)
    return out


class Judgement(NamedTuple):
    """Of one step, bool[n] over the alerts given: its clock ran; done; counts; done in time. `took_ms` int64[n] where
    done."""

    begun: Bools
    done: Bools
    judged: Bools
    good: Bools
    took_ms: Ints


def judgement(view: View, alerts: Rows, step: str, to_ms: int, limits: Limits) -> Judgement:
    """Who did a step of these alerts before a time, and who kept to the limit."""
    begin = alerts["clock"] if step == "ack" else alerts["raised"] if step == "close" else alerts["ack"]
    end = alerts[step]
    begun = (begin != NONE) & (begin < to_ms)
    took = end - begin
    done = begun & (end != NONE) & (end < to_ms) & (took >= 0)
    limit = np.array([limits.get((s, step), np.nan) for s in view.severities])[alerts["severity"]] * 1000.0
    late = begun & ~done & (to_ms - begin > limit)
    return Judgement(begun, done, ~np.isnan(limit) & (done | late), done & (took <= limit), took)


def _groups(view: View, alerts: Rows, depth: int) -> Iterator[tuple[str, str, Bools]]:
    """(by, key, mask) of each group that has alerts."""
    if not len(alerts):
        return
    yield "all", "", np.ones(len(alerts), bool)
    codes, units = by_unit(view, alerts["unit"], depth)
    columns = (("severity", view.severities, alerts["severity"]), ("level", view.levels, alerts["level"]))
    for by, names, values in (*columns, ("unit", codes, units)):
        for name, k in sorted(zip(names, range(len(names)), strict=True)):
            mine = values == k
            if name and mine.any():
                yield by, name, mine


def by_unit(view: View, units: Ints, depth: int) -> tuple[list[str], Ints]:
    """Codes cut to `depth` digits, and for each unit number of `units` the place of its code among them."""
    cut = [u[:depth] for u in view.units]
    codes = sorted(set(cut))
    place = {code: k for k, code in enumerate(codes)}
    return codes, np.array([place[c] for c in cut] or [0])[units]
