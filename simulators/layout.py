"""Where the sensors of a zone stand along its main, line or road.

Simulators need an order and distances. Coordinates are projected on the zone's longest axis; a sensor without
coordinates gets its place from its id, so that the layout is the same in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geo.assets import Sensor
from simulators.noise import F64, fraction

_M_PER_DEG = 111_195.0  # metres per degree of latitude on a sphere of 6,371 km


@dataclass(frozen=True)
class Layout:
    """One zone: `cols` int[S] are columns of the simulator, `chainage_m` float64[S] from the upstream end (0)."""

    zone: str
    sensors: tuple[Sensor, ...]
    cols: np.ndarray
    chainage_m: F64

    def column(self, sensor: str) -> int | None:
        """Place of a sensor in this zone."""
        for k, s in enumerate(self.sensors):
            if s.id == sensor:
                return k
        return None

    @property
    def length_m(self) -> float:
        return float(self.chainage_m.max()) if len(self.chainage_m) else 0.0


def layouts(sensors: Sequence[Sensor], seed: int, default_length_m: float) -> list[Layout]:
    """The zones of these sensors, ordered by name. `cols` point into `sensors`."""
    zones: dict[str, list[int]] = {}
    for k, s in enumerate(sensors):
        zones.setdefault(s.zone, []).append(k)
    out = []
    for zone in sorted(zones):
        cols = zones[zone]
        members = [sensors[k] for k in cols]
        x = _chainage(members, seed, default_length_m)
        order = np.lexsort((np.array([m.id for m in members]), x))
        out.append(Layout(zone, tuple(members[k] for k in order), np.array(cols)[order], x[order] - x[order].min()))
    return out


def _chainage(members: Sequence[Sensor], seed: int, default_length_m: float) -> F64:
    guess = np.array([default_length_m * fraction(seed, "chainage", m.asset or m.id) for m in members])
    placed = np.array([m.lon is not None and m.lat is not None for m in members])
    if placed.sum() < 2:
        return guess
    lon = np.array([m.lon if m.lon is not None else np.nan for m in members], np.float64)
    lat = np.array([m.lat if m.lat is not None else np.nan for m in members], np.float64)
    lon0, lat0 = np.nanmean(lon), np.nanmean(lat)
    x = (lon - lon0) * _M_PER_DEG * np.cos(np.radians(lat0))
    y = (lat - lat0) * _M_PER_DEG
    if np.nanmax(np.hypot(x, y)) < 1.0:
        return guess
    xy = np.column_stack([x[placed], y[placed]])
    axis = np.linalg.svd(xy, full_matrices=False)[2][0]
    axis = axis if (axis[0], axis[1]) > (0.0, 0.0) else -axis
    along = np.round(x * axis[0] + y * axis[1], 1)
    lo, hi = np.nanmin(along), np.nanmax(along)
    out: F64 = np.where(placed, along, lo + (hi - lo) * guess / default_length_m)
    return out


def distances_m(layout: Layout, k: int) -> F64:
    """Distance along the line from sensor k to each sensor: float64[S]."""
    out: F64 = np.abs(layout.chainage_m - layout.chainage_m[k])
    return out
