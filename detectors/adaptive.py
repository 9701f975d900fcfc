"""Robust adaptive threshold: is a reading far from where this sensor has been lately, in its own scale?

Level and scale are recursive M-estimates (Huber 1964, *Robust Estimation of a Location Parameter*; recursive form as in
Cipra 1992, *Robust exponential smoothing*): with d = x - level and s = scale of the sensor,

    level += a clip(d, -3 s, 3 s)          scale += b (min(|d|, 3 s) - scale)

so one wild value moves the level by at most 3 a s. Gains start as 1/n and end at the profile's memory. `scale` is
a mean absolute deviation; times 1.2533 (sqrt(pi/2)) it estimates sigma of a normal signal.

What keeps it from crying wolf and from going blind:
- floor: s is never below min_dev / z_on: a near-constant signal needs a deviation that matters, not a last digit;
- tail: a high quantile of the sensor's own |z| (stochastic approximation, Robbins & Monro 1951) raises the threshold
  for signals that jump in normal operation;
- hold: while a condition is pending or open, the level moves at `open_gain` of its speed; beside it a second level
  learns the new values, and takes over once the episode has lasted `relearn_n` readings and `relearn_ms`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.layout import HIGH, INIT, LOW
from detectors.series import back, push

CLIP = 3.0
SIGMA = 1.2533141373155001
TAIL_UP = 0.05  # growth of `tail` when |z| is above it
TAIL_DOWN = 0.00025  # shrinking otherwise: balance at 0.5 % of readings above
TAIL_MOST = 50.0
TAIL_HELD = 3  # readings of a condition that may raise the tail: an episode is not the sensor's normal wildness
HELD = (1 << LOW) | (1 << HIGH)


@jit
def sigma(r: Any, p: Any) -> float:
    """The sensor's scale (one sigma, in its unit), never below what matters."""
    return float(max(r.scale * SIGMA, max(p.min_dev, p.min_dev_rel * abs(r.level)) / p.z_on, 1e-9))


@jit
def threshold(r: Any, p: Any) -> float:
    """|z| from which a reading is abnormal for this sensor."""
    return float(max(p.z_on, p.tail_k * r.tail))


@jit
def score(z: float) -> float:
    """1 - two-sided tail probability of z under Student's t with 4 degrees of freedom (heavier tails than normal).

    Closed form: F(t) = 1/2 + 3/8 u (1 - u^2 / 12) with u = t / sqrt(1 + t^2 / 4).

    >>> round(score(2.776445105), 6), score(0.0)
    (0.95, 0.0)
    """
    u = abs(z) / math.sqrt(1.0 + z * z / 4.0)
    return min(max(0.75 * u * (1.0 - u * u / 12.0), 0.0), 1.0)


@jit
def judge(r: Any, x: float, p: Any) -> float:
    """Signed deviation of x in scales; 0 until `warm_n` readings were learned."""
    if r.n < p.warm_n:
        return 0.0
    return float((x - r.level) / sigma(r, p))


@jit
def start(r: Any, ring_v: Any, row: int, p: Any) -> None:
    """First level and scale: median of the last INIT readings and the mean absolute deviation around it."""
    first = np.empty(INIT)
    for k in range(INIT):
        first[k] = back(r, ring_v, row, k)
    first.sort()
    r.level = 0.5 * (first[INIT // 2 - 1] + first[INIT // 2])
    total = 0.0
    for k in range(2, INIT - 2):  # without the two smallest and largest
        total += abs(first[k] - r.level)
    r.scale = total / (INIT - 4) * 1.3
    r.tail = p.z_on / max(p.tail_k, 1.0) * 0.5


@jit
def learn(r: Any, ring_v: Any, row: int, ts: int, x: float, p: Any) -> None:
    """Take in a reading that is already in the ring, after it was judged."""
    r.n += 1
    if r.n <= INIT:
        if r.n == INIT:
            start(r, ring_v, row, p)
        return
    d = x - r.level
    s = sigma(r, p)
    bound = CLIP * s
    clipped = min(max(d, -bound), bound)
    if r.busy & HELD == 0:
        r.held_n = 0
        young = 1.0 / r.n
        r.level += max(p.level_gain, young) * clipped
        r.scale += max(p.scale_gain, young) * (min(abs(d), bound) - r.scale)
    else:
        hold(r, ts, x, clipped, p)
    if r.n > p.warm_n and r.held_n <= TAIL_HELD:
        r.tail = (
            min(r.tail * (1.0 + TAIL_UP), TAIL_MOST) if abs(d) > r.tail * s else max(r.tail * (1.0 - TAIL_DOWN), 0.5)
        )


@jit
def hold(r: Any, ts: int, x: float, clipped: float, p: Any) -> None:
    """Learn beside the level while a condition is pending or open; take over when it has lasted."""
    if r.held_n == 0:
        r.held_since = ts
        r.new_level = x
        r.new_scale = r.scale
    r.held_n += 1
    gain = max(p.level_gain, 1.0 / r.held_n)
    off = x - r.new_level
    r.new_level += gain * off
    r.new_scale += gain * (abs(off) - r.new_scale)
    r.level += p.open_gain * p.level_gain * clipped
    if r.held_n >= p.relearn_n and ts - r.held_since >= p.relearn_ms:
        r.level = r.new_level
        r.scale = max(r.scale, r.new_scale)
        r.held_n = 0
        r.relearned = 1


@jit
def run(
    state: Any, ring_t: Any, ring_v: Any, rows: Any, ts_ms: Any, values: Any, p: Any, scores: Any, band: Any
) -> None:  # fmt: skip
    """This detector alone: scores float64[n] in [0, 1] for rows int32[n], ts_ms int64[n], values float64[n]; band
    float64[n, 3]: expected, low, high, NaN where it does not judge yet.

    NaN values get score 0 and teach nothing.
    """
    for i in range(len(rows)):
        r = state[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if r.n >= p.warm_n and math.isfinite(values[i]):
            band[i, 0] = r.level
            band[i, 1] = r.level - threshold(r, p) * sigma(r, p)
            band[i, 2] = r.level + threshold(r, p) * sigma(r, p)
        if math.isfinite(values[i]):
            scores[i] = score(judge(r, values[i], p))
            push(r, ring_t, ring_v, rows[i], ts_ms[i], values[i])
            learn(r, ring_v, rows[i], ts_ms[i], values[i], p)
