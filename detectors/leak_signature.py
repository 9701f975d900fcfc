"""What a leak at each gauge would do to the inlet meter and to every gauge of a zone, from learned head losses.

A leak adds its flow to every pipe on the way from the inlet to it. Along a main whose gauges stand in the order of
their hydraulic distance D (metres of head lost at the mean flow, `head_model`), the pipe into gauge i loses
dD_i at a share w_i of the zone's flow, and by Hazen-Williams a leak of a share e of the inflow behind it costs
1.852 dD_i e / w_i more. So gauge k drops by the sum over the pipes that it shares with the way to the leak. Customers
who take e more all along the main lower it by 1.852 D_k e instead: near the inlet a leak costs less than that, at the
far end more, which is what tells a leak from a thirsty hour. The shares are not known; each gauge is taken to stand for
as many customers as the next. Sensitivities as signatures: Pérez et al. 2014, *Leak localization in water networks: a
model-based methodology using pressure sensors applied to a real network in Barcelona*, IEEE Control Systems 34(4).
"""

from __future__ import annotations

import numpy as np

from detectors.compiled import jit
from detectors.group import F64
from detectors.head_model import EXPONENT


@jit
def signatures(distance: F64, load: float) -> F64:
    """Rows of float64[P + 1, P + 1]: more demand everywhere, then a leak at each gauge. Columns: the meter (1, a share
    of the inflow) and each gauge's drop in metres for a share of 1 at `load` times the mean flow; `distance`
    float64[P] in metres.

    >>> signatures(np.array([1.0, 2.0]), 1.0).round(2).tolist()
    [[1.0, 1.85, 3.7], [1.0, 2.22, 2.22], [1.0, 2.22, 5.93]]
    """
    n = len(distance)
    order = np.argsort(distance, kind="mergesort")
    grown = EXPONENT * load**EXPONENT
    out = np.ones((n + 1, n + 1))
    out[0, 1:] = grown * distance
    before, drop = 0.0, 0.0
    for place in range(n):
        gauge = order[place]
        drop += grown * (distance[gauge] - before) / (1.0 - (place + 0.5) / (n + 1.0))
        before = distance[gauge]
        for other in range(place):  # a leak there, seen from here: the way that both share
            out[order[other] + 1, gauge + 1] = out[order[other] + 1, order[other] + 1]
            out[gauge + 1, order[other] + 1] = out[order[other] + 1, order[other] + 1]
        out[gauge + 1, gauge + 1] = drop
    return out
