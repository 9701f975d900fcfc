"""What a methane detector in a well makes of the gas: lag, drift, humidity, noise, full scale.

A catalytic or infrared head behind a sinter answers with first-order lag, T90 about 30 s. Its zero wanders by about one
%LEL over days, and follows the humidity: wells are wet after rain and dry out. Sizes are this project's guess.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulators import noise
from simulators.noise import F64, I64

T90_S = 30.0
TAU_S = T90_S / 2.302585  # first order reaches 90 % after tau ln 10
ZERO_SD = 0.4  # %LEL, slow wander of the zero
ZERO_S = 3 * 86_400.0
HUMIDITY = 1.2  # %LEL in a wet well
WET_S = 20_000.0  # how long a wet spell lasts, about
SPAN_SD = 0.06  # of the value: sensitivity lost or gained since the last calibration
WHITE_SD = 0.12
RESOLUTION, FULL_SCALE = 0.1, 100.0


class Heads:
    """The heads of n wells: readings from the gas that has reached their element."""

    def __init__(self, seed: int, names: Sequence[str]) -> None:
        self.zero, self.wet = noise.keys(seed, names, "zero"), noise.keys(seed, names, "wet")
        self.white = noise.keys(seed, names, "head")
        self.rain = noise.keys(seed, ["rain"], "rain")
        self.span = np.array([1.0 + SPAN_SD * (2.0 * noise.fraction(seed, "span", n) - 1.0) for n in names])
        self.share = np.array([noise.fraction(seed, "humid", n) for n in names])  # how much each minds humidity

    def read(self, ts_ms: I64, gas: F64) -> F64:
        """Readings float64[T, n] in %LEL for gas float64[T, n] at the element."""
        wet = np.clip(noise.smooth(self.rain, ts_ms, WET_S), 0.0, 2.0) + 0.3 * noise.smooth(self.wet, ts_ms, 7200.0)
        off = ZERO_SD * noise.smooth(self.zero, ts_ms, ZERO_S) + HUMIDITY * self.share * wet
        out = gas * self.span + off + WHITE_SD * noise.normal(self.white, ts_ms)
        told: F64 = np.clip(np.rint(out / RESOLUTION) * RESOLUTION, 0.0, FULL_SCALE)
        return told
