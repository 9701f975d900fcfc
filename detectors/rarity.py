"""Alarms are rare: after one, the next must be stranger, the less so the longer it is ago.

The bar stands at `bar` decades in calm. An alarm of strength S lifts it to `lift` times S, from where it falls back
exponentially in `rest` rows plus `rest_share` of the rows seen so far: who has known a signal for a year needs to be
told less often than in its first week. So an episode is one alarm and not a thousand, yet a second one that is
stranger still breaks through.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.compiled import jit


@jit
def ratio(r: Any, strange: float, p: Any) -> float:
    """Strangeness over the bar as it stands (an alarm from 1 on), which an alarm lifts.

    r: record with n (rows before this), told (row of the last alarm, -1 none) and strength (decades).
    """
    bar, calm = p.bar, 1.0
    if r.told >= 0:
        calm = math.exp(-(r.n - r.told) / (p.rest + p.rest_share * r.n))
        bar += max(p.lift * r.strength - p.bar, 0.0) * calm
    out = strange / bar
    if out >= 1.0:
        r.strength = max(strange, r.strength * calm) if r.told >= 0 else strange
        r.told = r.n
    return float(out)
