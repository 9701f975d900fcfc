"""A moving point against a fence's outline: how far is it from it, and does a straight step meet it?"""

from __future__ import annotations

import numpy as np

from geo import metric
from geo.metric import Floats


def edge_distance_m(edges: Floats, lon: float, lat: float) -> float:
    """Metres from a point to the nearest of the edges float64[m, 4] (lon, lat, lon, lat); inf where there are none.

    >>> round(edge_distance_m(np.array([[107.0, 26.0, 108.0, 26.0]]), 107.5, 25.99))
    1108
    """
    if not len(edges):
        return float("inf")
    east, north = metric.scale(lat)
    scaled = (edges - np.array([lon, lat, lon, lat])) * np.array([east, north, east, north])
    start, along = scaled[:, :2], scaled[:, 2:] - scaled[:, :2]
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    part = np.clip(-(start * along).sum(axis=1) / length, 0.0, 1.0)
    return float(np.hypot(*(start + part[:, None] * along).T).min())


def meets(edges: Floats, a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Does the straight step from a to b (lon, lat) meet one of the edges float64[m, 4]? Touching counts.

    >>> square = np.array([[0.0, 0, 1, 0], [1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1]])
    >>> meets(square, (-1.0, 0.5), (2.0, 0.5)), meets(square, (0.2, 0.2), (0.3, 0.3))
    (True, False)
    """
    (ax, ay), (bx, by) = a, b
    x0, y0, x1, y1 = edges.T
    near = (np.minimum(x0, x1) <= max(ax, bx)) & (np.maximum(x0, x1) >= min(ax, bx))
    near &= (np.minimum(y0, y1) <= max(ay, by)) & (np.maximum(y0, y1) >= min(ay, by))
    x0, y0, x1, y1 = x0[near], y0[near], x1[near], y1[near]
    start, end = _turn(ax, ay, bx, by, x0, y0), _turn(ax, ay, bx, by, x1, y1)
    first, last = _turn(x0, y0, x1, y1, ax, ay), _turn(x0, y0, x1, y1, bx, by)
    return bool(((start * end <= 0) & (first * last <= 0)).any())


def _turn(
    ax: Floats | float, ay: Floats | float, bx: Floats | float, by: Floats | float, x: Floats | float, y: Floats | float
) -> Floats:
    """-1, 0 or 1: the point is right of, on, or left of the way from a to b."""
    side: Floats = np.sign(np.asarray((bx - ax) * (y - ay) - (by - ay) * (x - ax), dtype=np.float64))
    return side
