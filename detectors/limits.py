"""Hard limits: which rung of a ladder of fixed levels a value has reached, with hysteresis; and the physical range.

Fixed levels are the field's own (for combustible gas e.g. 10, 25 and 50 %LEL); the numbers are profile data.

The rung above them is full scale (`off_scale`): such a reading says "at least". A catalytic bead starved of air reads
low in rich gas, so this rung latches: whatever is read next at or above the watch level counts as off-scale, and the
episode ends only after `latch_ms` below it.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.compiled import jit
from detectors.layout import HIGH, LOW, OFF_SCALE


@jit
def high_level(x: float, now: int, p: Any) -> int:
    """0..4: the highest `high_k` reached. A rung already held (`now`) is left only below (1 - hysteresis) of it, the
    one of full scale only below the first.

    A rung that is NaN is never reached.
    """
    keep = 1.0 - p.hysteresis
    if x >= p.off_scale or (now >= OFF_SCALE and x >= p.high_1 * keep):
        return OFF_SCALE
    if x >= p.high_3 or (now >= 3 and x >= p.high_3 * keep):
        return 3
    if x >= p.high_2 or (now >= 2 and x >= p.high_2 * keep):
        return 2
    if x >= p.high_1 or (now >= 1 and x >= p.high_1 * keep):
        return 1
    return 0


@jit
def low_level(x: float, now: int, p: Any) -> int:
    """0..3: the same from below; a rung held is left only above (1 + hysteresis) of it."""
    keep = 1.0 + p.hysteresis
    if x <= p.low_3 or (now >= 3 and x <= p.low_3 * keep):
        return 3
    if x <= p.low_2 or (now >= 2 and x <= p.low_2 * keep):
        return 2
    if x <= p.low_1 or (now >= 1 and x <= p.low_1 * keep):
        return 1
    return 0


@jit
def beyond(x: float, limit: float) -> float:
    """How far x is beyond a limit, in limits (0 = at it; of a limit of 0: in units)."""
    return abs(x - limit) / max(abs(limit), 1e-9) if limit != 0.0 else abs(x)


@jit
def impossible(x: float, p: Any) -> bool:
    """Outside what the quantity or the instrument can be."""
    return bool(x < p.range_min or x > p.range_max)


@jit
def run(slots: Any, rows: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n] for values float64[n] of sensors rows int32[n]: 0.5 at the watch level,
    1 at the high alarm or an impossible value, 0 below and for NaN; band float64[n, 3]: NaN, low_1, high_1."""
    for i in range(len(rows)):
        x = values[i]
        scores[i] = 0.0
        band[i, 0] = math.nan
        band[i, 1] = p.low_1
        band[i, 2] = p.high_1
        if not math.isfinite(x):
            continue
        if impossible(x, p):
            scores[i] = 1.0
            continue
        low, high = slots[rows[i], LOW], slots[rows[i], HIGH]
        low.level = low_level(x, int(low.level), p)
        high.level = high_level(x, int(high.level), p)
        level = max(int(low.level), int(high.level))
        scores[i] = min(0.25 + 0.25 * level, 1.0) if level > 0 else 0.0
