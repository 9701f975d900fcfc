"""Where the sensors of a zone stand along its main, line or road.

Simulators need an order and distances. Coordinates are projected on the zone's longest axis, and the end with the
lower serial numbers is upstream; a sensor without coordinates gets its place from its id, so that the layout is the
same in every process.
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
    xy_m: F64  # float64[S, 2], metres on a plane; NaN where no coordinates are known

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
        xy = _plane(members)
        x = _chainage(members, xy, seed, default_length_m)
        order = np.lexsort((np.array([m.id for m in members]), x))
        out.append(Layout(zone, tuple(members[k] for k in order), np.array(cols)[order], x[order] - x.min(), xy[order]))
    return out


def _plane(members: Sequence[Sensor]) -> F64:
    """Metres east and north of the middle: float64[S, 2], NaN without coordinates."""
    lon = np.array([m.lon if m.lon is not None and m.lat is not None else np.nan for m in members], np.float64)
    lat = np.array([m.lat if m.lon is not None and m.lat is not None else np.nan for m in members], np.float64)
    if np.isnan(lon).all():
        return np.full((len(members), 2), np.nan)
    x = (lon - np.nanmean(lon)) * _M_PER_DEG * np.cos(np.radians(np.nanmean(lat)))
    return np.column_stack([x, (lat - np.nanmean(lat)) * _M_PER_DEG])


def _chainage(members: Sequence[Sensor], xy: F64, seed: int, default_length_m: float) -> F64:
    guess = np.array([default_length_m * fraction(seed, "chainage", m.asset or m.id) for m in members])
    placed = ~np.isnan(xy[:, 0])
    if placed.sum() < 2 or np.nanmax(np.hypot(xy[:, 0], xy[:, 1])) < 1.0:
        return guess
    axis = np.linalg.svd(xy[placed], full_matrices=False)[2][0]
    along = np.round(xy @ axis, 1)
    serial = np.array([int(m.id[-6:]) if m.id[-6:].isdigit() else 0 for m in members], np.float64)
    if np.sum((serial[placed] - serial[placed].mean()) * along[placed]) < 0:
        along = -along
    lo, hi = np.nanmin(along), np.nanmax(along)
    out: F64 = np.where(placed, along, lo + (hi - lo) * guess / default_length_m)
    return out


def distances_m(layout: Layout, k: int) -> F64:
    """Distance from sensor k to each sensor, straight where both places are known, else along the line: float64[S]."""
    straight = np.hypot(*(layout.xy_m - layout.xy_m[k]).T)
    out: F64 = np.where(np.isnan(straight), np.abs(layout.chainage_m - layout.chainage_m[k]), straight)
    return out
