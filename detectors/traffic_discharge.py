"""Does a station carry what it can? A recurring bottleneck discharges at its capacity, an incident does not.

`now` is the mean flow of 90 s, `most` the greatest such flow (a high quantile by stochastic approximation, Robbins &
Monro 1951, that forgets within weeks). Below `FULL` of it a station neither runs near capacity nor drains a queue.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import F64
from detectors.traffic_state import pack, unpack

FULL = 0.80
NOW_S, FORGET_S = 90.0, 1_500_000.0


class Discharge:
    """State float64[S]: now and most, in the flow's unit."""

    def __init__(self, n: int, step_s: float) -> None:
        self.gain, self.fade = min(1.0, step_s / NOW_S), step_s / FORGET_S
        self.now = np.full(n, np.nan)
        self.most = np.ones(n)

    def step(self, flow: F64) -> Any:
        """Take in flow float64[S]; bool[S]: carries less than it could (False where no flow is known)."""
        self.now = np.where(np.isnan(self.now), flow, self.now + self.gain * np.nan_to_num(flow - self.now))
        up = self.now > self.most
        grown = np.where(up, np.maximum(1.05 * self.most, 0.5 * self.now), self.most * (1.0 - self.fade))
        self.most = np.where(np.isnan(self.now), self.most, grown)
        return self.now < FULL * self.most

    def forget(self) -> None:
        """After a gap."""
        self.now[:] = np.nan

    def dump(self) -> dict[str, bytes]:
        return pack(self, ("now", "most"))

    def load(self, dumped: dict[str, bytes]) -> None:
        unpack(self, ("now", "most"), dumped)
