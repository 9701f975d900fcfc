"""Pressure at each point of a zone as a function of the zone's flow, learned: p = a - b (q / mean)^1.852.

Head loss grows with flow^1.852 (Hazen-Williams), so one regression a gauge gives its static head `a` and how much
resistance lies between it and the inlet, `b`: a hydraulic distance, learned without a map of the pipes. Recursive least
squares with forgetting (Ljung 1999, *System Identification*, ch. 11) on clipped errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.group import F64

EXPONENT = 1.852
MEMORY_FRAMES = 10_000.0
FEWEST = 200
START = 1e4


@jit
def rls(x: float, pressure: Any, theta: Any, n: Any, cov: Any, scale: Any) -> None:
    """One step for every gauge that is heard; arrays as in `HeadModel`, changed in place."""
    for k in range(len(n)):
        if not np.isfinite(pressure[k]):
            continue
        c = cov[k]
        keep = 1.0 - 1.0 / min(max(float(n[k]), 100.0), MEMORY_FRAMES)
        p0, p1 = c[0, 0] + c[0, 1] * x, c[1, 0] + c[1, 1] * x
        norm = keep + p0 + p1 * x
        bound = 5.0 * scale[k] if n[k] >= FEWEST else np.inf
        step = min(max(pressure[k] - theta[k, 0] - theta[k, 1] * x, -bound), bound)
        scale[k] = max(scale[k] + (abs(step) - scale[k]) / min(n[k] + 1.0, MEMORY_FRAMES), 0.01)
        theta[k, 0] += p0 / norm * step
        theta[k, 1] += p1 / norm * step
        c00, c01, c11 = c[0, 0] - p0 * p0 / norm, c[0, 1] - p0 * p1 / norm, c[1, 1] - p1 * p1 / norm
        c[0, 0], c[1, 1] = min(max(c00 / keep, -START), START), min(max(c11 / keep, -START), START)
        c[0, 1] = c[1, 0] = min(max(c01 / keep, -START), START)
        n[k] += 1


class HeadModel:
    """Coefficients of P gauges: theta float64[P, 2] (a, -b) in metres, covariance float64[P, 2, 2], n int64[P]."""

    def __init__(self, gauges: int) -> None:
        self.theta, self.n = np.zeros((gauges, 2)), np.zeros(gauges, np.int64)
        self.cov = np.tile(np.eye(2) * START, (gauges, 1, 1))
        self.scale = np.ones(gauges)  # mean absolute error, metres

    def distance(self) -> F64:
        """Resistance between inlet and gauge float64[P]: metres lost at the mean flow, at least 0."""
        return np.maximum(-self.theta[:, 1], 0.0)

    def learn(self, load: float, pressure: F64) -> None:
        """Take in pressures float64[P] (NaN: none) of a calm frame."""
        rls(max(load, 0.0) ** EXPONENT, pressure, self.theta, self.n, self.cov, self.scale)

    def dump(self) -> Any:
        return [part.tobytes() for part in (self.theta, self.n, self.cov, self.scale)]

    def load(self, dumped: Any) -> None:
        theta, n, cov, scale = dumped
        self.theta = np.frombuffer(theta).reshape(self.theta.shape).copy()
        self.n = np.frombuffer(n, np.int64).reshape(self.n.shape).copy()
        self.cov = np.frombuffer(cov).reshape(self.cov.shape).copy()
        self.scale = np.frombuffer(scale).reshape(self.scale.shape).copy()
