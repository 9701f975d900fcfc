"""Pressure at each point of a zone as a function of the zone's flow, learned: p = a - b (q / mean)^1.852.

Head loss grows with flow^1.852 (Hazen-Williams), so one regression a gauge gives its static head `a` and how much
resistance lies between it and the inlet, `b`: a hydraulic distance, learned without a map of the pipes. Recursive least
squares with forgetting (Ljung 1999, *System Identification*, ch. 11) on clipped errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import F64

EXPONENT = 1.852
MEMORY_FRAMES = 10_000.0
FEWEST = 200
START = 1e4


class HeadModel:
    """Coefficients of P gauges: theta float64[P, 2] (a, -b) in metres, covariance float64[P, 2, 2], n int64[P]."""

    def __init__(self, gauges: int) -> None:
        self.theta, self.n = np.zeros((gauges, 2)), np.zeros(gauges, np.int64)
        self.cov = np.tile(np.eye(2) * START, (gauges, 1, 1))
        self.scale = np.ones(gauges)  # mean absolute error, metres

    def expected(self, load: float) -> F64:
        """Pressures float64[P] in metres at this flow over the mean flow; NaN for gauges that are still learning."""
        x = max(load, 0.0) ** EXPONENT
        return np.where(self.n >= FEWEST, self.theta[:, 0] + self.theta[:, 1] * x, np.nan)

    def distance(self) -> F64:
        """Resistance between inlet and gauge float64[P]: metres lost at the mean flow, at least 0."""
        return np.maximum(-self.theta[:, 1], 0.0)

    def learn(self, load: float, pressure: F64) -> None:
        """Take in pressures float64[P] (NaN: none) of a calm frame."""
        on = np.isfinite(pressure)
        if not on.any():
            return
        x = np.array([1.0, max(load, 0.0) ** EXPONENT])
        keep = 1.0 - 1.0 / np.minimum(np.maximum(self.n, 100), MEMORY_FRAMES)
        px = self.cov @ x
        gain = px / (keep + px @ x)[:, None]
        error = np.where(on, pressure - self.theta @ x, 0.0)
        bound = np.where(self.n >= FEWEST, 5.0 * self.scale, np.inf)
        step = np.clip(error, -bound, bound)
        rate = 1.0 / np.minimum(self.n + 1.0, MEMORY_FRAMES)
        self.scale = np.where(on, np.maximum(self.scale + rate * (np.abs(step) - self.scale), 0.01), self.scale)
        self.theta += np.where(on[:, None], gain * step[:, None], 0.0)
        moved = (self.cov - gain[:, :, None] * px[:, None, :]) / keep[:, None, None]
        self.cov = np.where(on[:, None, None], np.clip(moved, -START, START), self.cov)
        self.n += on

    def dump(self) -> Any:
        return [part.tobytes() for part in (self.theta, self.n, self.cov, self.scale)]

    def load(self, dumped: Any) -> None:
        theta, n, cov, scale = dumped
        self.theta = np.frombuffer(theta).reshape(self.theta.shape).copy()
        self.n = np.frombuffer(n, np.int64).reshape(self.n.shape).copy()
        self.cov = np.frombuffer(cov).reshape(self.cov.shape).copy()
        self.scale = np.frombuffer(scale).reshape(self.scale.shape).copy()
