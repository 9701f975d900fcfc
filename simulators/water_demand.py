"""Demand of a water zone over the weeks: pattern of the day, weekends, feasts, weather, and customers' whims.

All of it is a pure function of (seed, zone, time). Weekends rise later and are busier at noon; in feast weeks villages
fill with guests (+15 to +35 %, ramped over half a day); the level of a day wanders by a few per cent (weather), the
level of an hour too; a minute's demand is rough because few people draw at once (Buchberger & Wu 1995, *Model for
instantaneous residential water demands*: the relative roughness falls with the square root of the customers).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors import water_calendar as calendar
from simulators import noise
from simulators.noise import F64, I64

WORKDAY = (
    0.45, 0.38, 0.35, 0.35, 0.40, 0.62, 1.05, 1.45, 1.38, 1.18, 1.08, 1.10,
    1.20, 1.08, 0.98, 0.96, 1.02, 1.18, 1.38, 1.48, 1.40, 1.15, 0.85, 0.60,
)  # fmt: skip
WEEKEND = (
    0.48, 0.40, 0.36, 0.35, 0.37, 0.48, 0.72, 1.05, 1.36, 1.42, 1.32, 1.28,
    1.32, 1.20, 1.10, 1.08, 1.10, 1.20, 1.36, 1.44, 1.38, 1.18, 0.92, 0.66,
)  # fmt: skip
DAY_SD, HOUR_SD, WANDER_SD, MINUTE_SD = 0.025, 0.015, 0.015, 0.012
SLOW = (("day", 86_400.0, DAY_SD), ("hour", 7_200.0, HOUR_SD))
QUICK = (("wander", 600.0, WANDER_SD), ("minute", 60.0, MINUTE_SD))
H_MS = 3_600_000


def factor(seed: int, zone: str, ts_ms: I64, whims: bool = True) -> F64:
    """Demand over its long mean: float64[T] at times int64[T]. `whims` False: without what lasts minutes only, which
    `nodal` gives to each node by itself."""
    week = (ts_ms + 8 * H_MS) // calendar.DAY_MS
    days = np.unique(week)
    types = np.array([calendar.day_type(int(d) + 719_163) for d in days])[np.searchsorted(days, week)]
    free = np.where(types == calendar.WORKDAY, 0.0, 1.0)
    pattern = noise.diurnal(WORKDAY, ts_ms) * (1.0 - free) + noise.diurnal(WEEKEND, ts_ms) * free
    level = 1.0 + guests(seed, zone, ts_ms)
    for name, period_s, sd in (*SLOW, *(QUICK if whims else ())):
        level = level * (
            1.0 + sd * noise.smooth(np.array([noise.key(seed, name, zone)], np.uint64), ts_ms, period_s)[:, 0]
        )
    out: F64 = pattern * level
    return out


def nodal(seed: int, nodes: Sequence[str], share: F64, ts_ms: I64, times: float = 1.0) -> F64:
    """What lasts minutes, at each node by itself: factors float64[T, S] for nodes with these shares of the demand.

    Other customers' whims are not one's own, so a node's are larger than the zone's, whose sum is `times` as rough as
    that of `factor`. A zone of N homes that draw 5 % of the time for a minute (Poisson rectangular pulses, Buchberger &
    Wu 1995) has a coefficient of variation of about 4.3 / sqrt(N) in a minute and 1.8 / sqrt(N) in a quarter of an
    hour; `times` 1 gives 0.018 and 0.011.
    """
    out = np.ones((len(ts_ms), len(nodes)))
    for name, period_s, sd in QUICK:
        sd *= times / float(np.sqrt((share**2).sum()))
        out *= 1.0 + sd * noise.smooth(noise.keys(seed, list(nodes), name), ts_ms, period_s)
    return out


def guests(seed: int, zone: str, ts_ms: I64) -> F64:
    """Share of demand that feasts add: float64[T]."""
    out = np.zeros(len(ts_ms))
    if not len(ts_ms):
        return out
    lo, hi = int(ts_ms.min()), int(ts_ms.max())
    for feast in calendar.FEASTS:
        begin = (feast.first.toordinal() - 719_163) * calendar.DAY_MS - 8 * H_MS
        end = (feast.last.toordinal() + 1 - 719_163) * calendar.DAY_MS - 8 * H_MS
        if end + 12 * H_MS < lo or begin > hi:
            continue
        share = 0.15 + 0.20 * noise.fraction(seed, "guests", zone, feast.name.en, feast.first.year)
        ramp = np.clip(np.minimum(ts_ms - begin, end + 12 * H_MS - ts_ms) / (12 * H_MS), 0.0, 1.0)
        out = out + share * ramp * ramp * (3.0 - 2.0 * ramp)
    return out
