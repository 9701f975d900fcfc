"""The polygons of an administrative unit for fences: a county's own, of a township or village its cell."""

from __future__ import annotations

import numpy as np

from geo.boundaries import Boundaries
from geo.divisions import PREFECTURE
from geo.raycast import Floats
from geo.units import normalise

COUNTY_DIGITS = 6


def unit_rings(code: str) -> list[list[Floats]]:
    """Polygons of an administrative unit, float64[n, 2] rings each; of a township or village its cell.

    Raises:
        KeyError: the unit has none.
        UnitError: the code is not in the table of divisions.
    """
    code = normalise(code)
    if len(code) > COUNTY_DIGITS:
        from geo.cells import Cells  # here: it brings shapely, which most processes do without

        shapes = [Cells.load().cell(code).coordinates]
    else:
        by_code = Boundaries.load().by_code
        shapes = [c.coordinates for c in (by_code.values() if code == PREFECTURE else [by_code[code]])]
    return [[np.asarray(ring, np.float64) for ring in polygon] for shape in shapes for polygon in shape]
