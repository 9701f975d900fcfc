"""Legitimate draws and a zone's tank: hydrants that are flushed, a pump that fills by night.

Flushing is planned work: on about one weekday in three a metered hydrant runs for 20 to 40 minutes. A tank is filled
by a pump on cheap night current and drained by the day; its level is the integral of both, the same each day but for a
slow wander. Pure functions of (seed, zone, time).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors import water_calendar as calendar
from simulators import noise
from simulators.noise import F64, I64
from simulators.water_demand import WORKDAY

PUMP_FROM_H, PUMP_TO_H = 22.0, 7.0
TANK_MEAN_M, TANK_SWING_M = 3.2, 1.6


class Draw(NamedTuple):
    start_ms: int
    end_ms: int
    m3_s: float
    node: int


def flushings(seed: int, zone: str, nodes: int, lo_ms: int, hi_ms: int) -> list[Draw]:
    """Planned draws that touch [lo, hi]."""
    out = []
    for day in range(calendar.local_day(lo_ms) - 1, calendar.local_day(hi_ms) + 1):

        def u(what: str, day: int = day) -> float:
            return noise.fraction(seed, "flush", zone, day, what)

        if calendar.day_type(day) != calendar.WORKDAY or u("is") > 0.33:
            continue
        start = (day - 719_163) * calendar.DAY_MS - calendar.UTC_OFFSET_MS + int((9.0 + 7.0 * u("at")) * 3_600_000)
        end = start + int((20.0 + 20.0 * u("long")) * 60_000)
        if end >= lo_ms and start <= hi_ms:
            out.append(Draw(start, end, (15.0 + 20.0 * u("size")) / 3600.0, int(u("node") * nodes)))
    return out


def tank_level_m(seed: int, zone: str, ts_ms: I64) -> F64:
    """Level of a zone's tank, metres: float64[T]."""
    h = np.arange(0.0, 24.0, 0.25)
    fill = ((h >= PUMP_FROM_H) | (h < PUMP_TO_H)).astype(float)
    use = np.interp(h, np.arange(25.0), np.array([*WORKDAY, WORKDAY[0]]))
    net = fill / fill.mean() - use / use.mean()
    level = np.cumsum(net)
    level = (level - level.mean()) / np.ptp(level) * 2.0 * TANK_SWING_M
    local = (ts_ms / 3_600_000.0 + 8.0) % 24.0
    wander = noise.smooth(np.array([noise.key(seed, "tank", zone)], np.uint64), ts_ms, 43_200.0)[:, 0]
    out: F64 = TANK_MEAN_M + np.interp(local, np.append(h, 24.0), np.append(level, level[0])) + 0.1 * wander
    return out
