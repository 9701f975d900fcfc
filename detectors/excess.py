"""How rare is a value of some strangeness measure, by its own history? Peaks over a running threshold.

A high quantile u of the measure is followed by stochastic approximation (Robbins & Monro 1951); what exceeds it is
taken as exponential with the running mean excess m (Pickands 1975; for streams Siffer et al. 2017, *Anomaly Detection
in Streams with Extreme Value Theory*, with shape 0, which needs no fit). The answer is in decades, -log10 of the tail
probability: 2 is one row in a hundred, 3 one in a thousand. So every measure and every signal speaks one language,
and no scale has to be given.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.compiled import jit

WARM = 50  # values before the first answer
MOST = 10.0  # decades: beyond, the exponential tail says nothing
LEAST_EXCESS = 0.1  # of u: a threshold with hardly anything above it does not make small steps rare
CLIP = 6.0  # mean excesses: what one wild value may teach


@jit
def decades(r: Any, v: float, floor: float, quantile: float, gain: float) -> float:
    """-log10 P(V >= v) by the values before, then learn v >= 0. `floor`: a difference that is none, in v's unit.

    r: record with u, m, mean (float64) and seen (int64), zero at first.
    """
    above = 1.0 - quantile
    r.seen += 1
    share = max(gain, 1.0 / r.seen)
    least = max(LEAST_EXCESS * r.u, floor)
    out = 0.0
    if r.seen > WARM:
        if v > r.u:
            out = min(-math.log10(above) + math.log10(math.e) * (v - r.u) / max(r.m, least), MOST)
        elif r.u > 0.0:
            out = -math.log10(above) * v / r.u
    calm = min(v, 4.0 * r.u) if r.seen > WARM and r.u > 0.0 else v
    r.mean += share * (calm - r.mean)
    step = 3.0 * share * max(r.mean, floor)
    r.u = max(r.u + step * quantile if v > r.u else r.u - step * above, 0.0)
    if v > r.u:
        over = v - r.u
        if r.seen > WARM:
            over = min(over, CLIP * max(r.m, LEAST_EXCESS * r.u, floor))
        r.m += max(min(gain / above, 1.0), 1.0 / (1.0 + r.seen * above)) * (over - r.m)
    return float(out)
