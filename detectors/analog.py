"""How new is the recent past of a signal? Distance to its nearest analogs in memory, brought forward row by row.

An analog is a stretch of the past that looks like now (Lorenz 1969, *Atmospheric Predictability as Revealed by
Naturally Occurring Analogues*); a stretch without one is a discord (Keogh, Lin & Fu 2005, *HOT SAX*). With every lag
s = 1..N of the memory one number is kept, the weighted squared distance of the newest rows to those s rows earlier,

    D[s] <- a D[s] + (x[t] - x[t - s])^2

so a row costs one multiply-add for each lag, whatever the length 1 / (1 - a) of what is compared, and nothing can
drift. The novelty is the root of the mean of the K smallest, in the signal's unit. Lags up to `skip` are left out (the
newest rows resemble themselves), and so are lags whose comparison is not yet a whole stretch long. Daily and weekly
patterns need no clock: a day earlier is a lag like another.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detectors.compiled import jit

MEMORY = 4096  # rows kept, two weeks of 5 min
NEAREST = 3  # one chance resemblance does not make a pattern
LARGEST = 1e150  # values beyond are taken as this: its square is still a number


@jit
def novelty(ring: Any, dist: Any, n: int, x: float, keep: float, skip: int) -> float:
    """Take in x as row n (0, 1, …) and say how new the stretch that it ends is; 0 while there is too little to compare.

    ring, dist: float64[MEMORY], the newest values and D by lag - 1; keep: a above.
    """
    size = len(ring)
    x = min(max(x, -LARGEST), LARGEST)
    filled = min(n, size)
    newest = (n - 1) % size
    first = min(newest + 1, filled)  # lags before the ring's start is passed
    for s in range(first):
        d = x - ring[newest - s]
        dist[s] = keep * dist[s] + d * d
    for s in range(first, filled):
        d = x - ring[newest - s + size]
        dist[s] = keep * dist[s] + d * d
    ring[n % size] = x
    whole = min(filled, n - int(1.0 / (1.0 - keep)))
    if whole < skip + NEAREST:
        return 0.0
    return math.sqrt(_nearest(dist, skip, whole) * (1.0 - keep))


@jit
def _nearest(dist: Any, begin: int, end: int) -> float:
    """Mean of the NEAREST smallest of dist[begin:end]."""
    best = np.full(NEAREST, np.inf)
    for s in range(begin, end):
        v = dist[s]
        if v < best[NEAREST - 1]:
            k = NEAREST - 1
            while k > 0 and best[k - 1] > v:
                best[k] = best[k - 1]
                k -= 1
            best[k] = v
    total = 0.0
    for k in range(NEAREST):
        total += best[k]
    return total / NEAREST
