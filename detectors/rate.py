"""Rate of change: the slope between the newest reading and the one `rate_n` readings before it, per minute."""

from __future__ import annotations

import math
from typing import Any

from detectors.compiled import jit
from detectors.layout import RING
from detectors.series import back, push

_WRAP = 1 << 32


@jit
def slope(r: Any, ring_t: Any, ring_v: Any, row: int, p: Any) -> float:
    """Change per ms over `rate_n` readings; 0 while there are too few or where they span a gap."""
    if r.seen <= p.rate_n:
        return 0.0
    newest = (int(r.seen) - 1) % RING
    oldest = (int(r.seen) - 1 - p.rate_n) % RING
    dt = (int(ring_t[row, newest]) - int(ring_t[row, oldest])) % _WRAP
    if dt <= 0 or dt > p.gap_ms:
        return 0.0
    return float((float(ring_v[row, newest]) - back(r, ring_v, row, p.rate_n)) / dt)


@jit
def excess(change: float, p: Any) -> float:
    """Slope over its limit, signed: 1 = at the limit of a rise, -1 = of a fall; 0 where no limit is set."""
    if change > 0.0 and p.rise_per_ms > 0.0:
        return float(change / p.rise_per_ms)
    if change < 0.0 and p.fall_per_ms > 0.0:
        return float(change / p.fall_per_ms)
    return 0.0


@jit
def run(
    state: Any, ring_t: Any, ring_v: Any, rows: Any, ts_ms: Any, values: Any, p: Any, scores: Any, band: Any
) -> None:  # fmt: skip
    """This detector alone: scores float64[n], e / (1 + e) of the excess e (0.5 at the limit); NaN is 0 and skipped;
    band float64[n, 3]: the reading it is compared with, and what the limits allow since then."""
    for i in range(len(rows)):
        r = state[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if math.isfinite(values[i]):
            if r.seen >= p.rate_n:
                before = back(r, ring_v, rows[i], p.rate_n - 1)
                dt = ((ts_ms[i] & (_WRAP - 1)) - int(ring_t[rows[i], (int(r.seen) - p.rate_n) % RING])) % _WRAP
                band[i, 0] = before
                band[i, 1] = before - p.fall_per_ms * dt
                band[i, 2] = before + p.rise_per_ms * dt
            push(r, ring_t, ring_v, rows[i], ts_ms[i], values[i])
            e = abs(excess(slope(r, ring_t, ring_v, rows[i], p), p))
            scores[i] = e / (1.0 + e)
