"""Coordinate systems that an imported file may have, to WGS-84 longitude and latitude.

WGS-84 (EPSG:4326), CGCS2000 (4490; it agrees with WGS-84 to some centimetres), its 3° Gauss-Krüger zones with the zone
number before the easting (4513-4533, zones 25-45) and without it (4534-4554, meridians 75-135° E), Web Mercator (3857),
and the shifted GCJ-02 and BD-09, which no file declares by itself. Codes: EPSG Geodetic Parameter Dataset.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np

from geo import china_shift
from geo.china_shift import Floats

GEOGRAPHIC = ("EPSG:4326", "EPSG:4490")
SHIFTED = {"GCJ02": china_shift.gcj02_to_wgs84, "BD09": china_shift.bd09_to_wgs84}
_ZONES = {f"EPSG:{n}" for n in range(4513, 4555)}
_NAMES = {"WGS84": "EPSG:4326", "CGCS2000": "EPSG:4490", "GCJ02LL": "GCJ02", "BD09LL": "BD09", "CRS84": "EPSG:4326"}
WANT = "want gcj02, bd09, EPSG:4326 (WGS-84), 4490 (CGCS2000), 4513-4554 (CGCS2000 3° zones) or 3857 (Web Mercator)"


class CrsError(ValueError):
    """A coordinate system that is not known here; the text says which are."""


def named(text: str) -> str:
    """The system's name here of what a user writes.

    >>> named("gcj-02"), named("4524"), named("epsg:4490"), named("WGS 84")
    ('GCJ02', 'EPSG:4524', 'EPSG:4490', 'EPSG:4326')

    Raises:
        CrsError: not one of those above.
    """
    plain = re.sub(r"[\s_-]", "", text.upper())
    plain = f"EPSG:{plain}" if plain.isdigit() else _NAMES.get(plain, plain)
    if plain in SHIFTED or plain in GEOGRAPHIC or plain in _ZONES or plain == "EPSG:3857":
        return plain
    raise CrsError(f"coordinate system {text!r} is not taken; {WANT}")


def zone(epsg: str) -> tuple[int, bool] | None:
    """Central meridian of a CGCS2000 3° zone and whether eastings begin with the zone's number.

    >>> zone("EPSG:4524"), zone("EPSG:4545"), zone("EPSG:4490")
    ((108, True), (108, False), None)
    """
    if epsg not in _ZONES:
        return None
    number = int(epsg[5:])
    return (75 + 3 * (number - 4513), True) if number < 4534 else (75 + 3 * (number - 4534), False)


def to_wgs84(points: Floats, crs: str) -> Floats:
    """float64[n, 2] of a system that `named` gave (easting or longitude first) to lon, lat degrees."""
    if crs in SHIFTED:
        return SHIFTED[crs](points)
    if crs in GEOGRAPHIC:
        return points
    x, y = _transformer(crs).transform(points[:, 0], points[:, 1])
    return np.column_stack([x, y])


def likely(points: Floats) -> str:
    """What numbers that are no degrees look like, as a hint for an error; "" where nothing is known of them.

    >>> likely(np.array([[36_498_000.0, 2_940_000.0]]))
    'they look like CGCS2000 3° zone 36 with the zone number: --crs EPSG:4524'
    """
    x, y = np.median(points, axis=0).tolist()
    if abs(x) <= 180 and abs(y) <= 90:
        return ""
    swapped = ""
    if 1.5e6 < x < 6e6 and not 1.5e6 < y < 6e6:
        x, y, swapped = y, x, " with northing first: swap the columns and"
    number = int(x // 1_000_000)
    if not 1.5e6 < y < 6e6:
        return ""
    if 25 <= number <= 45:
        return f"they look like CGCS2000 3° zone {number} with the zone number:{swapped} --crs EPSG:{4488 + number}"
    if 1e5 < x < 9e5:
        return f"they look like Gauss-Krüger without a zone number:{swapped} for the meridian 108° E --crs EPSG:4545"
    if 8e6 < x < 1.5e7:
        return f"they look like Web Mercator:{swapped} --crs EPSG:3857"
    return ""


@cache
def _transformer(crs: str) -> Any:
    import pyproj  # here: only imports need it

    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
