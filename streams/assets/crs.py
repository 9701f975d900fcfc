"""Coordinates of a file to WGS-84 lon, lat: as they are, or through the coordinate system that the user named."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import numpy as np

from geo.china_shift import Floats, bd09_to_wgs84, gcj02_to_wgs84
from streams.errors import UsageError

Point = tuple[float, float]
Convert = Callable[[Point], Point]
WGS84 = ("EPSG:4326", "OGC:CRS84", "CRS84")  # lon, lat degrees; CGCS2000 (EPSG:4490) agrees to a decimetre
SAME = (*WGS84, "EPSG:4490")


def converter(crs: str) -> Convert:
    """A function x, y → lon, lat; x is east. "" and WGS-84 leave coordinates as they are.

    >>> x, y = converter("EPSG:4545")((498_000.0, 2_940_000.0))
    >>> round(x, 3), round(y, 3)
    (107.98, 26.57)
    >>> [round(v, 5) for v in converter("gcj02")((107.984128, 26.576456))]
    [107.98, 26.58]

    Raises:
        UsageError: no such coordinate system.
    """
    name = crs.strip().upper()
    if not name or name in SAME:
        return lambda point: point
    if shifted(name):
        return partial(_unshifted, gcj02_to_wgs84 if shifted(name) == "GCJ02" else bd09_to_wgs84)
    if not re.fullmatch(r"EPSG:\d{3,6}", name):
        raise UsageError(
            f"--crs {crs!r}: want gcj02, bd09 or EPSG:n, e.g. EPSG:4545 (CGCS2000, 3-degree Gauss-Kruger, 108° E)"
        )
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    try:
        transformer = Transformer.from_crs(name, "EPSG:4326", always_xy=True)
    except ProjError:
        raise UsageError(f"--crs {crs}: no such coordinate system; look it up at epsg.io") from None

    def convert(point: Point) -> Point:
        lon, lat = transformer.transform(*point)
        return round(float(lon), 7), round(float(lat), 7)

    return convert


def shifted(crs: str) -> str:
    """GCJ02 or BD09, the shifted degrees of Chinese web maps; "" for any other system.

    >>> shifted("gcj-02"), shifted("EPSG:4490")
    ('GCJ02', '')
    """
    name = crs.strip().upper().replace("-", "")
    return name if name in ("GCJ02", "BD09") else ""


def _unshifted(inverse: Callable[[Floats], Floats], point: Point) -> Point:
    lon, lat = inverse(np.array([point]))[0].tolist()
    return round(lon, 7), round(lat, 7)


def degrees_problem(point: Point) -> str:
    """Why a place cannot be degrees, "" where it can.

    >>> degrees_problem((36_498_000.0, 2_940_000.0))[:44]
    'x 36498000, y 2940000 are metres, no degrees'
    """
    x, y = point
    if abs(x) <= 180 and abs(y) <= 180:
        return ""
    return (
        f"x {x:.0f}, y {y:.0f} are metres, no degrees: name their system with --crs EPSG:n, e.g. EPSG:4545 (CGCS2000, "
        "3-degree Gauss-Kruger, 108° E)"
    )
