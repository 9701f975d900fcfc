"""Clock skew: a device stamps its readings with a clock that is ahead or behind.

What arrives cannot have been measured later than it arrived, and of the ways a reading takes the quickest tells the
clock: the least lag (arrival - stamp) over a window is the network's least delay plus the error of the clock. (Minimum
filtering of one-way delays, as NTP's clock filter does it: RFC 5905, section 10; here without a way back, so that a lag
that never gets small may also be a slow network. The sentence says both.) The window is a leak: each reading moves the
estimate by `LEAK` of the distance towards a larger lag and at once to a smaller one.

Batched uploads are judged by `ahead` only: they come late by intent.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.compiled import jit
from detectors.layout import ABNORMAL, NORMAL

LEAK = 1.0 / 256.0


@jit
def step(r: Any, lag_ms: float, first: bool, p: Any) -> int:
    """Take one lag; NORMAL or ABNORMAL for the estimate `r.lag` (ms; below 0: ahead). `first`: nothing came before."""
    if first or lag_ms < r.lag:
        r.lag = lag_ms
    else:
        r.lag += (lag_ms - r.lag) * LEAK
    if r.lag < -p.clock_ahead_ms or r.lag > p.clock_behind_ms:
        return ABNORMAL
    return NORMAL


@jit
def run(state: Any, rows: Any, lag_ms: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n] for lags float64[n] in ms of sensors rows int32[n]; 0.5 at the limit; band
    float64[n, 3]: the least lag and what is allowed of it."""
    for i in range(len(rows)):
        r = state[rows[i]]
        band[i, 0] = r.lag if r.seen > 0 else math.nan
        band[i, 1] = -p.clock_ahead_ms
        band[i, 2] = p.clock_behind_ms
        if not math.isfinite(lag_ms[i]):
            scores[i] = 0.0
            continue
        step(r, lag_ms[i], r.seen == 0, p)
        r.seen += 1
        over = -r.lag / p.clock_ahead_ms if r.lag < 0 else r.lag / p.clock_behind_ms
        scores[i] = min(over / 2.0, 1.0)
