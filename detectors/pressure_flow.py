"""Pressure and flow deviation between stations: what the settled profile says (API RP 1130: pressure/flow monitoring).

A leak bends the hydraulic gradient at its place: between fixed pressures the flow above it rises by q (1 - x/L) and the
flow below it falls by q x/L. So both residuals together give the size, and their ratio the place (Wylie &
Streeter 1993, ch. 3, steady branch). It needs no clock and no front, but minutes, and is a guess of kilometres.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Bend(NamedTuple):
    """Size in m3/h, place as a share of the stretch from its upstream end, standard deviation of the share."""

    size: float
    share: float
    sd: float


def bend(rise: float, fall: float, sd: float) -> Bend | None:
    """From the rise of r_a and the fall of r_b (both positive for a leak), m3/h, each with standard deviation `sd`.

    >>> bend(6.0, 2.0, 0.1).share
    0.25
    """
    size = rise + fall
    if size <= 3.0 * sd:
        return None
    share = float(np.clip(fall / size, 0.0, 1.0))
    return Bend(size, share, float(min(sd * np.sqrt(share**2 + (1 - share) ** 2) / size, 0.3)))
