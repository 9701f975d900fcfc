"""GCJ-02 and BD-09, the shifted coordinates of Chinese web maps, to and from WGS-84.

GCJ-02 moves a place by 300 to 700 m. Its algorithm is not published; the formula here is the one that is in common use
since "EvilTransform" (project on4wp7, 2013), on the ellipsoid of Krasovsky 1940; BD-09 is Baidu's second shift on top
of it, as its developers' pages had it. Known pairs are in the tests. Both have no inverse in closed form: it is found
by iteration, which converges because the shift changes by less than 1 % of the way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_A = 6_378_245.0  # m, semi-major axis
_EE = 0.00669342162296594323  # eccentricity squared
_BD = np.pi * 3000.0 / 180.0
_ROUNDS = 6  # each takes the error down by 100 or more; 4 reach 1e-9 degrees


def wgs84_to_gcj02(points: Floats) -> Floats:
    """float64[n, 2] lon, lat degrees.

    >>> wgs84_to_gcj02(np.array([[116.404, 39.915]])).round(6).tolist()
    [[116.410244, 39.916404]]
    """
    lon, lat = points[:, 0], points[:, 1]
    x, y = lon - 105.0, lat - 35.0
    root, short = np.sqrt(np.abs(x)), _waves(x, (6.0, 20.0), (2.0, 20.0))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + short
    north += _waves(y, (1.0, 20.0), (1 / 3, 40.0)) + _waves(y, (1 / 12, 160.0), (1 / 30, 320.0))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + short
    east += _waves(x, (1.0, 20.0), (1 / 3, 40.0)) + _waves(x, (1 / 12, 150.0), (1 / 30, 300.0))
    phi = np.radians(lat)
    w = 1.0 - _EE * np.sin(phi) ** 2
    dlat = np.degrees(north * w * np.sqrt(w) / (_A * (1.0 - _EE)))
    dlon = np.degrees(east * np.sqrt(w) / (_A * np.cos(phi)))
    return np.column_stack([lon + dlon, lat + dlat])


def gcj02_to_bd09(points: Floats) -> Floats:
    """float64[n, 2] lon, lat degrees.

    >>> gcj02_to_bd09(np.array([[116.404, 39.915]])).round(6).tolist()
    [[116.410369, 39.921337]]
    """
    lon, lat = points[:, 0], points[:, 1]
    length = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BD)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BD)
    return np.column_stack([length * np.cos(angle) + 0.0065, length * np.sin(angle) + 0.006])


def wgs84_to_bd09(points: Floats) -> Floats:
    return gcj02_to_bd09(wgs84_to_gcj02(points))


def gcj02_to_wgs84(points: Floats) -> Floats:
    """float64[n, 2] lon, lat degrees; better than 1 mm against the forward formula."""
    return _inverse(wgs84_to_gcj02, points)


def bd09_to_wgs84(points: Floats) -> Floats:
    """float64[n, 2] lon, lat degrees; better than 1 mm against the forward formula."""
    return _inverse(wgs84_to_bd09, points)


def _waves(v: Floats, *parts: tuple[float, float]) -> Floats:
    total = np.zeros_like(v)
    for frequency, size in parts:
        total += size * np.sin(frequency * v * np.pi)
    return total * (2.0 / 3.0)


def _inverse(forward: Callable[[Floats], Floats], points: Floats) -> Floats:
    guess = np.array(points, dtype=np.float64)
    for _ in range(_ROUNDS):
        guess += points - forward(guess)
    return guess
