"""Exponentially weighted moving average alone: the cheapest detector, for sensors that need no more (`adaptive.only`).

Level and mean absolute deviation are moving averages (Roberts 1959, *Control Chart Tests Based on Geometric Moving
Averages*); a reading further from the level than `z_on` deviations, and further than what matters, is abnormal. No
limits, rate, flat-line, range or clock; evidence holds only the readings of the episode.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.adaptive import SIGMA, score, sigma
from detectors.compiled import jit


@jit
def learn(r: Any, x: float, share: float, p: Any) -> None:
    """Move the averages by `share` of their gain (1 in calm); young averages learn faster."""
    r.n += 1
    young = 1.0 / r.n if r.n <= p.warm_n else 0.0
    d = x - r.level
    r.level += max(p.level_gain * share, young) * d
    if r.n > 1:
        r.scale += max(p.scale_gain * share, young) * (abs(d) - r.scale)


@jit
def calm(r: Any, x: float, p: Any) -> bool:
    """True where x is no deviation; it is learned then. While `warm_n` readings were not learned, all are."""
    if r.n < p.warm_n:
        learn(r, x, 1.0, p)
        return True
    d = x - r.level
    off = abs(d)
    if off > max(p.z_on * SIGMA * r.scale, p.min_dev, p.min_dev_rel * abs(r.level)):
        return False
    r.level += p.level_gain * d
    r.scale += p.scale_gain * (off - r.scale)
    return True


@jit
def deviation(r: Any, x: float, p: Any) -> float:
    """Signed deviation of x in sigmas."""
    return float((x - r.level) / sigma(r, p))


@jit
def run(state: Any, rows: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n] in [0, 1] and band float64[n, 3] (expected, low, high) for values
    float64[n] of sensors rows int32[n]."""
    for i in range(len(rows)):
        r = state[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if math.isfinite(values[i]):
            if r.n >= p.warm_n:
                wide = max(p.z_on * SIGMA * r.scale, p.min_dev, p.min_dev_rel * abs(r.level))
                band[i, 0] = r.level
                band[i, 1] = r.level - wide
                band[i, 2] = r.level + wide
                scores[i] = score(deviation(r, values[i], p))
            if not calm(r, values[i], p):
                learn(r, values[i], p.open_gain, p)
