"""An episode out of a statistic: high in most of the last rows; a strong one is remembered longer.

debounced = the k-th largest of the last n (so k of n rows were at least that high; the k-of-n rule of ISA-18.2 on-delay
practice), held = max(min(debounced, MOST_AT_ONCE), decay * held before) (peak hold with exponential decay). A peak p
stays above a threshold t for ln(p / t) / ln(1 / decay) rows: weak evidence is soon forgotten, strong evidence bridges
its own gaps.

What one row can say is bounded, a little above an alarm. Beyond it goes only what lasts, by an exponentially
weighted mean (Roberts 1959) of what is beyond QUIET: the first start of a standby pump, three wild hours, stays below
a day of smaller disagreement, and a threshold at any high quantile of calm times is one of lasting trouble.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.compiled import jit

MOST = 64  # rows that can be looked back on
MOST_AT_ONCE = 5.0  # held
MOST_LASTING = 6.0  # in the mean
KNEE, TOP, SLOPE = 4.0, 4.5, 0.3  # beyond KNEE a peak counts by SLOPE, up to TOP
QUIET = 2.5
WEIGHT = 4.0


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
def hold(x: float, before: float, decay: float) -> float:
    """The held statistic after the debounced x, from the held one `before` it."""
    return max(min(x, MOST_AT_ONCE), decay * before)


@jit
def lasting(x: float, before: float, keep: float) -> float:
    """The mean of what is beyond QUIET, after the debounced x; `keep`: share of the mean `before` it that stays."""
    return keep * before + (1.0 - keep) * max(min(x, MOST_LASTING) - QUIET, 0.0)


@jit
def together(held: float, mean: float) -> float:
    """The held statistic, flat from KNEE on, or WEIGHT times the mean of what lasts, whichever is more.

    >>> together(3.0, 0.1), together(8.0, 0.5), together(8.0, 2.0)
    (3.0, 4.15, 8.0)
    """
    return max(min(held, KNEE + SLOPE * (min(held, TOP) - KNEE)), WEIGHT * mean)
