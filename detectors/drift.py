"""Slow drift: the level of today against the level of the last weeks, for instruments that wander off.

Two exponentially weighted averages of different memory (a moving-average convergence, as MACD; for control charts
Roberts 1959): on a ramp of b a second they stay b (T_ref - T_now) apart, on a level signal they meet. Their
difference is judged in its own usual size, learned over the long memory and clipped at 3 of it, so that the drift
itself does not raise the bar it must jump:

    z = (now - ref) / s        s += g (min(|now - ref|, 3 s) - s)        told where |z| > z_on and |now - ref| > min_dev

Fouling and ageing probes (chlorine, pH, turbidity, methane) are its use. Readings of an open hazard are not taken.
Score: 1 - two-sided tail probability under Student's t with 4 degrees of freedom. Not judged until three short
memories have passed; gaps change nothing; NaN is not given to it; a new device begins anew. Memory: 3 floats and a
count in BLOCK.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.adaptive import SIGMA, score
from detectors.compiled import jit

CLIP = 3.0
WARM = 3.0  # short memories


@jit
def sigma(b: Any, p: Any) -> float:
    """The usual size of now - ref (one sigma), never below what matters."""
    return float(max(b.drift_scale * SIGMA, p.drift_min / p.drift_z, 1e-9))


@jit
def step(b: Any, x: float, p: Any) -> float:
    """Take a reading; z of the drift over its threshold, signed (|1| = at it); 0 while too few."""
    b.drift_n += 1
    young = 1.0 / b.drift_n
    b.drift_now += max(p.drift_now_gain, young) * (x - b.drift_now)
    b.drift_ref += max(p.drift_ref_gain, young) * (x - b.drift_ref)
    n = b.drift_n * p.drift_now_gain  # in short memories
    if n < 1.0:
        return 0.0
    d = b.drift_now - b.drift_ref
    bound = CLIP * sigma(b, p) if n > WARM else abs(d)
    b.drift_scale += max(p.drift_ref_gain, young) * (min(abs(d), bound) - b.drift_scale)
    if n <= WARM:
        return 0.0
    return float(d / (sigma(b, p) * p.drift_z))


@jit
def run(blocks: Any, rows: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n], band float64[n, 3] (long memory, and where the short one is told)."""
    for i in range(len(rows)):
        b = blocks[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if not math.isfinite(values[i]):
            continue
        over = step(b, values[i], p)
        scores[i] = score(over * p.drift_z)
        if b.drift_n * p.drift_now_gain > WARM:
            band[i, 0] = b.drift_ref
            band[i, 1] = b.drift_ref - p.drift_z * sigma(b, p)
            band[i, 2] = b.drift_ref + p.drift_z * sigma(b, p)
