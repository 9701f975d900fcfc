"""An episode out of a statistic: it must be high in most of the last rows, and a strong one is remembered longer.

debounced = the k-th largest of the last n (so k of n rows were at least that high; the k-of-n rule of ISA-18.2 on-delay
practice), held = max(debounced, decay * held before) (peak hold with exponential decay). A peak p stays above a
threshold t for ln(p / t) / ln(1 / decay) rows: weak evidence is soon forgotten, strong evidence bridges its own gaps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.compiled import jit

MOST = 64  # rows that can be looked back on


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
    return max(kth_largest(ring, upto, n, k), decay * before)
