"""Two-sided CUSUM: a small shift that lasts, which no single reading shows.

Page 1954, *Continuous inspection schemes*: with z the deviation from a reference in scales, clipped at +-4,

    S+ = max(0, S+ + z - k)        S- = max(0, S- - z - k)        told where S > h

k is half the shift that matters (0.5: one sigma), h the patience. The reference is a slow robust average of its own
(a day by default), so that it does not run after the shift as a fast one would; the time at which S left 0 is Page's
(maximum likelihood) estimate of when the shift began, and becomes the onset. Score: with no change S behaves as a
reflected Brownian motion, whose stationary tail is exp(-2 k S) (Siegmund 1985, *Sequential Analysis*): score = 1 -
exp(-2 k S).

Real signals are not white, so their sums wander further: `h` is at least `cusum.tail_k` times the largest sum that
ended by itself (forgotten at 0.2 % an excursion). A gap puts the sums to 0; NaN is not given to it; a new device
begins anew.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.adaptive import SIGMA
from detectors.compiled import jit

CLIP = 4.0
MOST = 1.5  # times the threshold: a longer memory of an old shift would keep the episode open after its end
FORGET = 0.002


@jit
def sigma(b: Any, p: Any) -> float:
    """Scale of the reference (one sigma, in the reading's unit), never below what matters."""
    return float(max(b.shift_scale * SIGMA, max(p.min_dev, p.min_dev_rel * abs(b.shift_level)) / p.z_on, 1e-9))


@jit
def turn(b: Any, p: Any) -> float:
    """The sum from which it is told for this sensor."""
    return float(max(p.cusum_h, p.cusum_tail_k * b.shift_tail))


@jit
def score(total: float, k: float) -> float:
    """1 - exp(-2 k S)."""
    return 1.0 - math.exp(-2.0 * k * max(total, 0.0))


@jit
def step(b: Any, ts: int, x: float, gap: bool, held: bool, p: Any) -> float:
    """Take a reading; the larger sum over its threshold, signed by its side (|1| = at it); 0 while too few."""
    b.shift_n += 1
    if b.shift_n == 1:
        b.shift_level = x
        return 0.0
    d = x - b.shift_level
    s = sigma(b, p)
    bound = 3.0 * s if b.shift_n > p.warm_n else abs(d)
    young = 1.0 / b.shift_n
    share = p.open_gain if held else 1.0
    b.shift_level += max(p.cusum_gain * share, young) * min(max(d, -bound), bound)
    b.shift_scale += max(p.cusum_gain * share, young) * (min(abs(d), bound) - b.shift_scale)
    if b.shift_n <= p.warm_n:
        return 0.0
    if gap:
        b.up = b.down = 0.0
        b.shift_peak = 0.0
    z = min(max(d / s, -CLIP), CLIP)
    most = turn(b, p)
    if b.up == 0.0:
        b.up_since = ts
    if b.down == 0.0:
        b.down_since = ts
    b.up = min(max(b.up + z - p.cusum_k, 0.0), MOST * most)
    b.down = min(max(b.down - z - p.cusum_k, 0.0), MOST * most)
    peak = max(b.up, b.down)
    if peak > 0.0:
        b.shift_peak = max(float(b.shift_peak), peak)
    else:
        if b.shift_peak <= most:  # ended by itself: normal for this sensor
            b.shift_tail = max(float(b.shift_tail) * (1.0 - FORGET), float(b.shift_peak))
        b.shift_peak = 0.0
    return float(b.up / most) if b.up >= b.down else float(-b.down / most)


@jit
def settle(b: Any, level: float) -> None:
    """A lasting change became the new normal."""
    b.shift_level = level
    b.up = b.down = 0.0
    b.shift_peak = 0.0


@jit
def run(blocks: Any, rows: Any, ts_ms: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n], band float64[n, 3] (reference and the shift that ten readings show)."""
    for i in range(len(rows)):
        b = blocks[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if not math.isfinite(values[i]):
            continue
        if b.shift_n > p.warm_n:
            wide = (p.cusum_k + 0.1 * turn(b, p)) * sigma(b, p)
            band[i, 0] = b.shift_level
            band[i, 1] = b.shift_level - wide
            band[i, 2] = b.shift_level + wide
        step(b, ts_ms[i], values[i], False, False, p)
        scores[i] = score(max(b.up, b.down), p.cusum_k)
