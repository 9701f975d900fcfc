"""An episode out of a statistic: high in most of the last rows; a strong one is remembered longer.

debounced = the k-th largest of the last n (so k of n rows were at least that high; the k-of-n rule of ISA-18.2 on-delay
practice), held = max(min(debounced, MOST_AT_ONCE), decay * held before) (peak hold with exponential decay). A peak p
stays above a threshold t for ln(p / t) / ln(1 / decay) rows: weak evidence is soon forgotten, strong evidence bridges
its own gaps.

What one row can say is bounded. Beyond the threshold, `rank` adds an exponentially weighted mean (Roberts 1959) of what
is beyond QUIET: an hour of a standby pump stays below a day of it, however wild both are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.compiled import jit

MOST = 64  # rows that can be looked back on
MOST_AT_ONCE = 8.0
QUIET = 1.5


@jit
def kth_largest(ring: Any, upto: int, n: int, k: int) -> float:
    """k-th largest of the last n values of `ring` float64[MOST], the newest at place (upto - 1) % MOST.

    >>> kth_largest(np.arange(64.0), 64, 4, 3)
    61.0
    """
    last = np.empty(n)
    for i in range(n):
        at = upto - 1 - i
        last[i] = ring[at % MOST] if at >= 0 else 0.0
    last.sort()
    return float(last[n - k])


@jit
def hold(ring: Any, upto: int, n: int, k: int, before: float, decay: float) -> float:
    """The held statistic after the newest value, from the held one `before` it."""
    return max(min(kth_largest(ring, upto, n, k), MOST_AT_ONCE), decay * before)


@jit
def lasting(x: float, before: float, keep: float) -> float:
    """The mean of what is beyond QUIET, after the value x; `keep`: share of the mean `before` it that stays."""
    return keep * before + (1.0 - keep) * max(x - QUIET, 0.0)


@jit
def rank(held: float, mean: float, threshold: float) -> float:
    """The held statistic; from `threshold` to twice of it, more and more of the `mean` is added.

    >>> rank(3.0, 5.0, 4.0), rank(6.0, 5.0, 4.0), rank(8.0, 5.0, 4.0)
    (3.0, 8.5, 13.0)
    """
    return held + mean * min(max(held / threshold - 1.0, 0.0), 1.0)
