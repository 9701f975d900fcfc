"""Where in a zone is the leak? Gauges in the order of how well a leak beside each explains the drops of pressure.

A leak adds flow to every pipe on the way from the inlet to it: a gauge k loses head on the path it shares with the leak
j. With D the hydraulic distance from the inlet, the sensitivity of gauge k to a leak at j is about min(D_k, D_j) on a
line, plus what the leak's own branch loses. The drops are compared with each column of sensitivities by the cosine of
the angle between them (Pérez et al. 2014, *Leak localization in water networks: a model-based methodology using
pressure sensors applied to a real network in Barcelona*, IEEE Control Systems 34(4); Casillas et al. 2013,
*Optimal sensor placement for leak location in water distribution networks using genetic algorithms*, Sensors 13(11)).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.group import F64

BRANCH = 0.35  # share of a gauge's own distance that a leak right beside it adds


def sensitivity(distance: F64) -> F64:
    """Drops float64[P, P] of gauges (rows) for a leak at each gauge (columns), hydraulic distances float64[P]."""
    shared = np.minimum(distance[:, None], distance[None, :])
    return np.asarray(shared + BRANCH * np.median(distance) * np.eye(len(distance)))


def rank(drop: F64, scale: F64, distance: F64) -> tuple[NDArray[np.int64], F64]:
    """(gauges int64[P], likeliest first; cosines float64[P] in that order).

    `drop` float64[P]: expected minus measured pressure, NaN for silent gauges; `scale` float64[P] its noise, both in
    one unit; `distance` float64[P], from the inlet. Silent gauges come last.

    >>> rank(np.array([0.1, 0.5, 1.4, 1.0]), np.ones(4), np.array([0.2, 1.0, 2.0, 2.4]))[0].tolist()
    [2, 3, 1, 0]
    """
    heard = np.isfinite(drop)
    want = sensitivity(distance) / scale[:, None]
    have = np.where(heard, drop, 0.0) / scale
    want = np.where(heard[:, None], want, 0.0)
    length = np.linalg.norm(want, axis=0) * max(float(np.linalg.norm(have)), 1e-12)
    cosine = np.where(heard, have @ want / np.maximum(length, 1e-12), -1.0)
    order = np.argsort(-cosine, kind="stable")
    return order, cosine[order]
