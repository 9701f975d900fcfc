"""Stuck-at with jitter: an instrument that still flickers in its last digit but no longer follows what it measures.

`flatline.py` sees equal values; a dead probe behind a converter shows noise of a bit or two instead. The mean size of
successive differences (memory `stuck.n` readings) is compared with the least that was ever normal for this sensor (a
low quantile by stochastic approximation, Robbins & Monro 1951): stuck where it is below `stuck.ratio` of that. (The
idea of the stuck-at test in Sharma, Golubchik & Govindan 2010, *Sensor Faults: Detection Methods and Prevalence*.)

Score: 1 - now / least, 0.5 where the differences are half of the least normal ones; told from 1 - ratio on. A
difference across a gap is not taken; NaN is not given to it; a new device begins anew. Memory: 2 floats and 2 counts
in BLOCK.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.compiled import jit

DOWN, UP = 0.05, 0.0005  # speed of the least: below it, above it; in memories


@jit
def step(b: Any, d: float, p: Any) -> float:
    """Take a successive difference d; how stuck it is: >= 1 is told; 0 while too few."""
    b.still_n += 1
    gain = 1.0 / p.still_n
    b.still_now += max(gain, 1.0 / b.still_n) * (abs(d) - b.still_now)
    if b.still_n < 4 * p.still_n:
        b.still_least = b.still_now if b.still_n <= p.still_n else min(b.still_least, b.still_now)
        b.still_run = 0
        return 0.0
    if b.still_least <= 0.0:
        b.still_least = b.still_now
        return 0.0
    over = p.still_ratio * b.still_least / max(b.still_now, 1e-300)
    if over >= 1.0:
        b.still_run += 1
    else:
        b.still_run = 0
        b.still_least *= 1.0 - DOWN * gain if b.still_now < b.still_least else 1.0 + UP * gain
    return float(min(over, b.still_run / p.still_n))


@jit
def run(blocks: Any, rows: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n], band float64[n, 3]: the least a difference moves the last value."""
    for i in range(len(rows)):
        b = blocks[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if not math.isfinite(values[i]):
            continue
        if b.still_n > 0:
            band[i, 0] = b.before
            band[i, 1] = b.before - p.still_ratio * b.still_least
            band[i, 2] = b.before + p.still_ratio * b.still_least
        if b.move_n > 0:
            step(b, values[i] - b.before, p)
            if b.still_least > 0.0 and b.still_n >= 4 * p.still_n:
                scores[i] = min(max(1.0 - b.still_now / b.still_least, 0.0), 1.0)
        b.move_n += 1
        b.before = values[i]
