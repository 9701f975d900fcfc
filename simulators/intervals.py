"""95 % confidence intervals: Wilson for shares, Byar for counts, a seeded bootstrap for the rest. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

Z = 1.959964
RESAMPLES = 2_000
Interval = tuple[float, float]


def wilson(hits: int, n: int) -> Interval:
    """Of a share hits/n (Wilson 1927); (0, 1) for n = 0.

    >>> [round(x, 3) for x in wilson(8, 10)]
    [0.49, 0.943]
    """
    if not n:
        return 0.0, 1.0
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def poisson(count: int) -> Interval:
    """Of the mean of a count: Byar's approximation to the exact limits (Breslow & Day 1987, vol. II).

    >>> [round(x, 2) for x in poisson(0) + poisson(10)]
    [0.0, 3.67, 4.79, 18.39]
    """
    n = count + 1
    high = n * (1 - 1 / (9 * n) + Z / (3 * math.sqrt(n))) ** 3
    if not count:
        return 0.0, high
    return count * (1 - 1 / (9 * count) - Z / (3 * math.sqrt(count))) ** 3, high


def bootstrap(
    groups: Sequence[Sequence[float]], statistic: Callable[[np.ndarray], float], seed: int = 1
) -> Interval | None:
    """Of a statistic over values that come in groups (all of one seed): whole groups are drawn. None below two values.

    One group alone is drawn value by value.
    """
    values = [list(g) for g in groups if len(g)]
    if len(values) == 1:
        values = [[v] for v in values[0]]
    if len(values) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        chosen = rng.integers(0, len(values), len(values))
        drawn.append(statistic(np.concatenate([values[k] for k in chosen])))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
