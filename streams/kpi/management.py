"""What a leader asks for, by unit and by owning organisation: shares in time, closed, false, overdue, sensors on line.

Each share is of the alerts that were raised in the period, as they stood at its end, so that two periods compare.
签收及时率: acks in time, of those judged (`streams.kpi.response`); 处置及时率: disposals likewise; 办结率: closed,
of all; 误报率: false alarms, of those assessed; 超时: alerts that missed any limit; 在线率: the part of sensors × time
without a `dropout` alert. The definitions are the project's own choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from streams.kpi import nuisance
from streams.kpi.facts import STEPS
from streams.kpi.journal import NONE, View
from streams.kpi.response import Limits, by_unit, judgement
from streams.kpi.tables import Bools, Ints, Rows

OFF_LINE = "dropout"
FALSE_ALARM = "false_alarm"
BEIJING_MS = 8 * 3_600_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
MONDAY = 3  # 1970-01-01 was a Thursday
Sensors = Mapping[tuple[str, str], int]  # ("unit", code of `depth` digits) or ("org", name) -> how many; ("all", "")


class Period(NamedTuple):
    """from ≤ t < to, epoch ms."""

    from_ms: int
    to_ms: int

    def before(self) -> Period:
        """The period of the same length just before 环比."""
        return Period(2 * self.from_ms - self.to_ms, self.from_ms)

    def year_ago(self) -> Period:
        """The same days of the year before 同比."""
        return Period(self.from_ms - 365 * DAY_MS, self.to_ms - 365 * DAY_MS)


def management(
    hazards: View, equipment: View, period: Period, limits: Limits, depth: int, sensors: Sensors
) -> dict[str, Any]:
    """Rows of all, each unit below (codes of `depth` digits) and each organisation; times of the alerts; places."""
    periods = {"now": period, "before": period.before(), "year": period.year_ago()}
    told = {name: _rows(hazards, equipment, p, limits, depth, sensors) for name, p in periods.items()}
    keys = sorted({key for rows in told.values() for key in rows} | set(sensors), key=_order)
    since = max(hazards.since_ms, equipment.since_ms)
    complete = {name: since <= p.from_ms for name, p in periods.items()}
    raised = _raised(hazards, period)
    return {
        "complete": complete["now"],
        "rows": [
            {
                "by": by,
                "key": key,
                **{n: told[n].get((by, key)) if complete[n] or n == "now" else None for n in periods},
            }
            for by, key in keys
        ],
        "hours": heat(raised["raised"]),
        "days": by_day(raised["raised"], period),
        "repeated": [{"place": s.name, "alerts": s.alarms} for s in _repeated(hazards, period)],
    }


def _order(key: tuple[str, str]) -> tuple[int, str]:
    return ("all", "unit", "org").index(key[0]), key[1]


def _raised(view: View, p: Period) -> Rows:
    at = view.alerts["raised"]
    return view.alerts[(at >= p.from_ms) & (at < p.to_ms)]


def _rows(
    hazards: View, equipment: View, p: Period, limits: Limits, depth: int, sensors: Sensors
) -> dict[tuple[str, str], dict[str, Any]]:
    alerts = _raised(hazards, p)
    steps = {step: judgement(hazards, alerts, step, p.to_ms, limits) for step in STEPS}
    missed = np.zeros(len(alerts), bool)
    for told in steps.values():
        missed |= told.judged & ~told.good
    closed = (alerts["close"] != NONE) & (alerts["close"] < p.to_ms)
    verdicts = np.array(hazards.verdicts or [""])[alerts["verdict"]]
    off = _off_line(equipment, p, depth)
    out = {}
    for key, mine in _groups(hazards, alerts, depth):
        judged = mine & (verdicts != "")
        out[key] = {
            "alerts": int(mine.sum()),
            "ack_share": _share(steps["ack"].good & mine, steps["ack"].judged & mine),
            "dispose_share": _share(steps["dispose"].good & mine, steps["dispose"].judged & mine),
            "closed_share": _share(closed & mine, mine),
            "false_share": _share((verdicts == FALSE_ALARM) & mine, judged),
            "overdue": int((missed & mine).sum()),
            "online_share": None,
        }
    nothing = {
        "alerts": 0,
        "overdue": 0,
        **dict.fromkeys(("ack_share", "dispose_share", "closed_share", "false_share")),
    }
    for key, n in sensors.items():
        if n:
            row = out.setdefault(key, dict(nothing))
            row["online_share"] = max(0.0, 1.0 - off.get(key, 0.0) / (n * (p.to_ms - p.from_ms)))
    return out


def _groups(view: View, alerts: Rows, depth: int) -> Iterator[tuple[tuple[str, str], Bools]]:
    """(by, key) and mask of each group that has alerts; alerts above `depth` are in `all` alone."""
    yield ("all", ""), np.ones(len(alerts), bool)
    codes, units = by_unit(view, alerts["unit"], depth)
    for by, names, values in (("unit", codes, units), ("org", view.orgs, alerts["org"])):
        for k, name in enumerate(names):
            mine = values == k
            if name and (by == "org" or len(name) == depth) and mine.any():
                yield (by, name), mine


def _off_line(view: View, p: Period, depth: int) -> dict[tuple[str, str], float]:
    """Milliseconds within the period in which sensors were silent, summed by group."""
    spells = view.spells
    silent = np.array([source.rpartition(" ")[2] == OFF_LINE for source in view.sources] or [False])
    owner = spells["alert"]
    until = np.where(spells["until"] == NONE, p.to_ms, spells["until"])
    ms = np.clip(np.minimum(until, p.to_ms) - np.maximum(spells["at"], p.from_ms), 0, None)
    ms = ms * silent[view.alerts["source"]][owner]
    return {key: float(ms[mine[owner]].sum()) for key, mine in _groups(view, view.alerts, depth)}


def _share(part: Bools, of: Bools) -> float | None:
    n = int(of.sum())
    return int(part.sum()) / n if n else None


def heat(raised_ms: Ints) -> list[list[int]]:
    """Alerts by weekday (Monday first) and hour of Beijing time: 7 rows of 24.

    >>> heat(np.array([0]))[3][8]
    1
    """
    local = np.asarray(raised_ms, np.int64) + BEIJING_MS
    day, hour = (local // DAY_MS + MONDAY) % 7, local // HOUR_MS % 24
    return np.bincount(day * 24 + hour, minlength=168).reshape(7, 24).tolist()


def by_day(raised_ms: Ints, p: Period) -> list[dict[str, int]]:
    """Alerts of each day of Beijing time that the period touches; `from_ms` is the day's begin."""
    first, last = ((t + BEIJING_MS) // DAY_MS for t in (p.from_ms, p.to_ms - 1))
    counts = np.bincount((np.asarray(raised_ms, np.int64) + BEIJING_MS) // DAY_MS - first, minlength=last - first + 1)
    return [{"from_ms": int((first + k) * DAY_MS - BEIJING_MS), "alerts": int(n)} for k, n in enumerate(counts)]


def _repeated(view: View, p: Period) -> list[nuisance.Source]:
    return nuisance.repeated_places(view._replace(alerts=_raised(view, p)), p.from_ms)[: nuisance.TOP]
