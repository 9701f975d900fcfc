"""Where the wells and tunnel sensors of a gas zone are, in metres."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detectors.gas import METHANE
from detectors.group import F64, Member

METRES = 111_195.0  # a degree of latitude on the sphere
FAR = 1e9


def wells_of(members: Sequence[Member]) -> list[int]:
    """Indices of the methane sensors with a place or a chainage."""
    return [k for k, m in enumerate(members) if m.kind in METHANE and (m.lon is not None or m.chainage_m is not None)]


def plane(members: Sequence[Member]) -> F64:
    """East and north in metres, float64[n, 2]; NaN without a place."""
    lat0 = float(np.mean([m.lat for m in members if m.lat is not None] or [0.0]))
    east = METRES * math.cos(math.radians(lat0))
    nowhere = math.nan
    return np.array(
        [(nowhere, nowhere) if m.lon is None or m.lat is None else (m.lon * east, m.lat * METRES) for m in members]
    )


def apart_m(members: Sequence[Member]) -> F64:
    """Distances float64[n, n]: along the tunnel where both have a chainage, else straight; far where unknown."""
    xy = plane(members)
    along = np.array([math.nan if m.chainage_m is None else m.chainage_m for m in members])
    straight = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    tunnel = np.abs(along[:, None] - along[None])
    out: F64 = np.where(np.isfinite(tunnel), tunnel, np.where(np.isfinite(straight), straight, FAR))
    return out
