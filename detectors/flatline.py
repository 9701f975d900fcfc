"""Flat-line: a sensor that repeats one value longer than it ever does when it works.

A run of equal values is a fault when it has `flat_n` readings, `flat_ms`, and `flat_longest_k` times the longest run
that ended by itself (a coarse instrument in calm water repeats for hours; it teaches this detector to wait).
"""

from __future__ import annotations

import math
from typing import Any

from detectors.compiled import jit
from detectors.layout import FLAT, HIGH, LOW

HAZARD = (1 << LOW) | (1 << HIGH)
PATIENCE = 10.0  # times longer while a hazard is open: a flow that has stopped reads the same, and is no broken sensor
FORGET = 0.002  # share of the longest run forgotten with each run that ends


@jit
def step(r: Any, ts: int, x: float, p: Any) -> float:
    """Length of the run over what is needed: >= 1 is a flat-line."""
    if p.flat_n == 0:
        return 0.0
    if abs(x - r.flat_value) > p.flat_eps or r.flat_n == 0:
        if r.busy & (1 << FLAT) == 0:
            r.flat_longest = max(float(r.flat_longest) * (1.0 - FORGET), float(r.flat_n))
        r.flat_value = x
        r.flat_since = ts
        r.flat_n = 1
        return 0.0
    r.flat_n += 1
    if p.flat_zero_ok != 0 and x == 0.0:
        return 0.0
    by_time = (ts - r.flat_since) / max(p.flat_ms, 1)
    patience = PATIENCE if r.busy & HAZARD != 0 else 1.0
    return float(min(r.flat_n / max(float(p.flat_n), p.flat_longest_k * float(r.flat_longest)), by_time) / patience)


@jit
def run(state: Any, rows: Any, ts_ms: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n], 0.5 at a flat-line, at most 1; NaN is 0 and breaks no run; band
    float64[n, 3]: the value of the run and what counts as equal."""
    for i in range(len(rows)):
        scores[i] = 0.0
        r = state[rows[i]]
        band[i, 0] = r.flat_value if r.flat_n > 0 else math.nan
        band[i, 1] = band[i, 0] - p.flat_eps
        band[i, 2] = band[i, 0] + p.flat_eps
        if math.isfinite(values[i]):
            scores[i] = min(step(state[rows[i]], ts_ms[i], values[i], p) / 2.0, 1.0)
