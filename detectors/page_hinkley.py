"""Page-Hinkley: the mean of a signal has moved away from its own long mean.

Page 1954; Hinkley 1971, *Inference about the change-point from cumulative sum tests*; with fading as in Gama,
Sebastiao & Rodrigues 2013, *On evaluating stream learning algorithms*. With z the deviation from the running mean of
all readings (memory: a week by default), in scales and clipped at +-4,

    m+ = max(0, f m+ + z - delta)        m- = max(0, f m- - z - delta)        told where m > lambda

(The usual form U - min U is this recursion for f = 1.) Against `cusum.py`: smaller delta, larger lambda, slower
reference: it finds what is smaller and lasts longer, later. Score: 1 - exp(-2 delta m), the stationary tail of the
reflected walk.

The largest value that ended by itself raises lambda (`page_hinkley.tail_k`). A gap puts both to 0; NaN is not given
to it; a new device begins anew.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.adaptive import SIGMA
from detectors.compiled import jit
from detectors.cusum import CLIP, FORGET, MOST, score

FADE = 0.9999


@jit
def sigma(b: Any, p: Any) -> float:
    """Scale around the mean (one sigma, in the reading's unit), never below what matters."""
    return float(max(b.mean_scale * SIGMA, max(p.min_dev, p.min_dev_rel * abs(b.mean_level)) / p.z_on, 1e-9))


@jit
def turn(b: Any, p: Any) -> float:
    """The value of m from which it is told for this sensor."""
    return float(max(p.mean_lambda, p.mean_tail_k * b.mean_tail))


@jit
def step(b: Any, x: float, gap: bool, held: bool, p: Any) -> float:
    """Take a reading; the larger m over its threshold, signed by its side (|1| = at it); 0 while too few."""
    b.mean_n += 1
    if b.mean_n == 1:
        b.mean_level = x
        return 0.0
    d = x - b.mean_level
    s = sigma(b, p)
    bound = 3.0 * s if b.mean_n > p.warm_n else abs(d)
    share = p.open_gain if held else 1.0
    gain = max(p.mean_gain * share, 1.0 / b.mean_n)
    b.mean_level += gain * min(max(d, -bound), bound)
    b.mean_scale += gain * (min(abs(d), bound) - b.mean_scale)
    if b.mean_n <= p.warm_n:
        return 0.0
    if gap:
        b.mean_up = b.mean_down = 0.0
        b.mean_peak = 0.0
    z = min(max(d / s, -CLIP), CLIP)
    most = turn(b, p)
    b.mean_up = min(max(FADE * b.mean_up + z - p.mean_delta, 0.0), MOST * most)
    b.mean_down = min(max(FADE * b.mean_down - z - p.mean_delta, 0.0), MOST * most)
    peak = max(b.mean_up, b.mean_down)
    if peak > 0.0:
        b.mean_peak = max(float(b.mean_peak), peak)
    else:
        if b.mean_peak <= most:
            b.mean_tail = max(float(b.mean_tail) * (1.0 - FORGET), float(b.mean_peak))
        b.mean_peak = 0.0
    return float(b.mean_up / most) if b.mean_up >= b.mean_down else float(-b.mean_down / most)


@jit
def settle(b: Any, level: float) -> None:
    """A lasting change became the new normal."""
    b.mean_level = level
    b.mean_up = b.mean_down = 0.0
    b.mean_peak = 0.0


@jit
def run(blocks: Any, rows: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n], band float64[n, 3] (mean and the shift that fifty readings show)."""
    for i in range(len(rows)):
        b = blocks[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if not math.isfinite(values[i]):
            continue
        if b.mean_n > p.warm_n:
            wide = (p.mean_delta + 0.02 * turn(b, p)) * sigma(b, p)
            band[i, 0] = b.mean_level
            band[i, 1] = b.mean_level - wide
            band[i, 2] = b.mean_level + wide
        step(b, values[i], False, False, p)
        scores[i] = score(max(b.mean_up, b.mean_down), p.mean_delta)
