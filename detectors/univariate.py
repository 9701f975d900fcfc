"""One channel, any signal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Univariate:
    def __init__(self) -> None:
        self.last = np.nan

    def score(self, values: Floats) -> Floats:
        return np.zeros(len(values))
