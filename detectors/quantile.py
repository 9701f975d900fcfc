"""Robust level and scale by exponentially weighted quantiles: running median and median absolute deviation (MAD).

Stochastic approximation of a quantile (Robbins & Monro 1951; for streams Chen, Lambert & Pinheiro 2000, *Incremental
quantile estimation for massive tracking*): with a = gain / 0.8 and s = MAD,

    median += a s' sign(x - median)          MAD += a MAD sign(|x - median| - MAD)          s' = MAD / 0.6745

0.8 = 2 phi(0) makes the memory of the median on a normal signal the one that was asked for. Half of the readings may be
wild without moving either far: for signals with many spikes, where a clipped mean (`adaptive.py`) is pulled along.
Score: 1 - two-sided tail probability of z = (x - median) / s' under Student's t with 4 degrees of freedom.

NaN is not given to it; a gap changes nothing; a new device begins anew. Memory: 2 floats and a count in BLOCK.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.adaptive import score
from detectors.compiled import jit
from detectors.layout import INIT

MAD_SIGMA = 0.6745  # MAD of a normal signal, in sigmas
SLOPE = 0.8  # 2 phi(0)
HELD_GAIN = 0.05


@jit
def sigma(b: Any, p: Any) -> float:
    """Scale (one sigma of a normal signal, in the reading's unit), never below what matters."""
    return float(max(b.mad / MAD_SIGMA, max(p.min_dev, p.min_dev_rel * abs(b.median)) / p.z_on, 1e-9))


@jit
def judge(b: Any, x: float, p: Any) -> float:
    """Signed deviation of x in scales; 0 until `warm_n` readings were learned."""
    if b.median_n < p.warm_n:
        return 0.0
    return float((x - b.median) / sigma(b, p))


@jit
def learn(b: Any, x: float, held: bool, p: Any) -> None:
    """Take in a reading after it was judged; `held`: an episode is open, which hardly moves the median."""
    b.median_n += 1
    d = x - b.median
    if b.median_n <= INIT:  # too few for signs: means
        b.median += d / b.median_n
        if b.median_n > 1:
            b.mad += (abs(x - b.median) * 0.85 - b.mad) / (b.median_n - 1)
        return
    gain = max(p.quantile_gain, 1.0 / b.median_n) / SLOPE
    if held:
        gain *= HELD_GAIN
    s = sigma(b, p)
    if d != 0.0:
        b.median += gain * s * (1.0 if d > 0.0 else -1.0) if abs(d) > gain * s else d
    off = abs(d)
    if off != b.mad:
        b.mad = max(b.mad * (1.0 + gain * (1.0 if off > b.mad else -1.0)), 1e-12)


@jit
def run(blocks: Any, rows: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n] and band float64[n, 3] (expected, low, high) for values float64[n]."""
    for i in range(len(rows)):
        b = blocks[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if not math.isfinite(values[i]):
            continue
        if b.median_n >= p.warm_n:
            scores[i] = score(judge(b, values[i], p))
            band[i, 0] = b.median
            band[i, 1] = b.median - p.quantile_z * sigma(b, p)
            band[i, 2] = b.median + p.quantile_z * sigma(b, p)
        learn(b, values[i], False, p)
