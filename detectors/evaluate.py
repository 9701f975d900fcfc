"""The detectors as a plain function, for benchmarks that this project does not hold.

    f = make(n_channels=1)
    scores = f(timestamps, values)        # again and again, chunk by chunk

One channel goes to the scorer of `univariate.py`, several to that of `multivariate.py`, each in the one frozen
default configuration; 0.5 is its alarm threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from detectors.multivariate import Multivariate
from detectors.univariate import Univariate

Floats = npt.NDArray[np.float64]
Stamps = npt.NDArray[np.datetime64]
THRESHOLD = 0.5


class Scorer(Protocol):
    """What scores rows of all channels: ts_ns int64[T], values float64[T, C] -> float64[T] in [0, 1]."""

    def score(self, ts_ns: npt.NDArray[np.int64], values: Floats) -> Floats: ...


class Loudest:
    """Several channels each on their own; a row is as strange as its strangest channel."""

    def __init__(self, n_channels: int) -> None:
        self.channels = [Univariate() for _ in range(n_channels)]

    def score(self, ts_ns: npt.NDArray[np.int64], values: Floats) -> Floats:
        each = [one.score(ts_ns, values[:, k]) for k, one in enumerate(self.channels)]
        out: Floats = np.max(each, axis=0) if each else np.zeros(len(values))
        return out


def make(n_channels: int, **meta: Any) -> Callable[[Stamps, Floats], Floats]:
    """A fresh detector for one stream.

    Args:
        n_channels: values in a row, 1 or more. meta: what is known of the stream; names not known here are ignored.

    Returns:
        f(timestamps datetime64[T], values float64[T, C], or [T] where C is 1) -> scores float64[T] in [0, 1], alarm
        from 0.5 on. Causal, and the same for any split into chunks. A row without a finite value scores 0 and
        teaches nothing.

    Raises:
        ValueError: n_channels below 1, or (from f) arrays whose shapes do not fit.
    """
    if n_channels < 1:
        raise ValueError(f"n_channels is {n_channels}: want 1 or more")
    scorer = _scorer(n_channels, meta)

    def score(timestamps: Stamps, values: Floats) -> Floats:
        stamps = np.asarray(timestamps).astype("datetime64[ns]").astype(np.int64)
        table = np.asarray(values, dtype=np.float64)
        if table.ndim == 1 and n_channels == 1:
            table = table[:, None]
        if table.shape != (len(stamps), n_channels):
            raise ValueError(f"values have shape {table.shape}, want {(len(stamps), n_channels)} as many as timestamps")
        if not len(stamps):
            return np.zeros(0)
        return np.clip(np.nan_to_num(scorer.score(stamps, table), nan=0.0), 0.0, 1.0)

    return score


def _scorer(n_channels: int, meta: dict[str, Any]) -> Scorer:
    if n_channels == 1:
        return Loudest(1)
    made: Scorer = Multivariate(n_channels, **meta)
    return made
