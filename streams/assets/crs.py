"""Coordinates of a file to WGS-84 lon, lat: as they are, or through the coordinate system that the user named."""

from __future__ import annotations

import re
from collections.abc import Callable

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

    Raises:
        UsageError: no such coordinate system.
    """
    name = crs.strip().upper()
    if not name or name in SAME:
        return lambda point: point
    if not re.fullmatch(r"EPSG:\d{3,6}", name):
        raise UsageError(f"--crs {crs!r}: want EPSG:n, e.g. EPSG:4545 (CGCS2000, 3-degree Gauss-Kruger, 108° E)")
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
