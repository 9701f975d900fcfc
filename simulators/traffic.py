"""Traffic: loops along a corridor.

Kinematic waves on a triangular fundamental diagram: flow = density x speed, free speed up to the capacity, backward
wave speed beyond (Lighthill & Whitham 1955; Richards 1956; Newell 1993). A blocked lane holds back all but a part of
the capacity; if more wants to pass, a queue grows upstream with the shock speed (difference of flows over difference of
densities), the loops downstream see less flow, and after the lane is free the front of the queue runs upstream at the
wave speed. Occupancy = density x (vehicle + loop length) (Hall, *Traffic Stream Characteristics*, TRB SR 165).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geo.assets import Sensor
from simulators import noise
from simulators.base import Simulator
from simulators.incidents import Incident, touching
from simulators.layout import Layout, layouts
from simulators.noise import F64, I64

FREE_KM_H = 54.0
WAVE_KM_H = 18.0
JAM_PER_KM = 130.0  # vehicles per km and lane
EFFECTIVE_M = 6.5  # vehicle and loop
CAPACITY = FREE_KM_H * WAVE_KM_H * JAM_PER_KM / (FREE_KM_H + WAVE_KM_H)
PEAK = 1050.0  # vehicles per hour and lane
SETTLE_S = 3.0
DAY = (
    0.34, 0.30, 0.28, 0.28, 0.30, 0.40, 0.62, 0.92, 1.00, 0.86, 0.78, 0.80,
    0.82, 0.76, 0.76, 0.80, 0.88, 1.00, 0.98, 0.82, 0.70, 0.60, 0.48, 0.40,
)  # fmt: skip


def free_density(flow: F64 | float) -> F64:
    """Density (veh/km) on the free branch for a flow (veh/h)."""
    return np.asarray(flow) / FREE_KM_H


def queue_density(flow: F64 | float) -> F64:
    """Density (veh/km) on the congested branch for a flow (veh/h)."""
    return JAM_PER_KM - np.asarray(flow) / WAVE_KM_H


def occupancy(density: F64) -> F64:
    """Percent of the time that a loop is covered.

    >>> float(occupancy(np.array([100.0]))[0])
    65.0
    """
    return np.minimum(density * EFFECTIVE_M / 10.0, 100.0)


def shock_m_s(flow: float, passing: float) -> float:
    """Speed at which the tail of the queue moves upstream; 0 when all can pass."""
    if flow <= passing:
        return 0.0
    return (flow - passing) / (float(queue_density(passing)) - float(free_density(flow))) / 3.6


class TrafficSim(Simulator):
    """Occupancy (%), speed (km/h) and flow (veh/h and lane) of the loops; a zone is a corridor, upstream end first."""

    domain = "traffic"

    def __init__(self, sensors: Sequence[Sensor], seed: int = 0) -> None:
        super().__init__(sensors, seed)
        self.zones = layouts(sensors, seed, 2000.0)

    def demand(self, zone: str, ts_ms: I64) -> F64:
        """Vehicles an hour and lane that enter a corridor: float64[T]."""
        size = 0.8 + 0.3 * noise.fraction(self.seed, "demand", zone)
        wander = noise.smooth(np.array([noise.key(self.seed, "wander", zone)], np.uint64), ts_ms, 600.0)[:, 0]
        return PEAK * size * noise.diurnal(DAY, ts_ms) * (1.0 + 0.03 * wander)

    def physics(self, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        out = np.zeros((len(ts_ms), len(self.sensors)))
        for layout in self.zones:
            out[:, layout.cols] = self._zone(layout, ts_ms, touching(incidents, layout.zone, ts_ms))
        return out

    def _zone(self, layout: Layout, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        flow = np.repeat(self.demand(layout.zone, ts_ms)[:, None], len(layout.sensors), axis=1)
        density = free_density(flow)
        for incident in incidents:
            at = layout.column(incident.sensors[0])
            if at is not None:
                self._block(flow, density, layout, at, ts_ms, incident)
        speed = flow / np.maximum(density, 1e-6)
        out = np.empty_like(flow)
        for k, sensor in enumerate(layout.sensors):
            out[:, k] = {"speed": speed, "flow": flow}.get(sensor.kind, occupancy(density))[:, k]
        return out

    def _block(self, flow: F64, density: F64, layout: Layout, at: int, ts_ms: I64, incident: Incident) -> None:
        start = np.array([incident.start_ms], np.int64)
        wanted = float(self.demand(layout.zone, start)[0])
        passing = min(max(CAPACITY * (1.0 - incident.size), 0.02 * CAPACITY), CAPACITY)
        tail = shock_m_s(wanted, passing)
        length = (incident.end_ms - incident.start_ms) / 1000.0
        t = (ts_ms - incident.start_ms) / 1000.0
        for k in range(len(layout.sensors)):
            behind = float(layout.chainage_m[at] - layout.chainage_m[k])
            if behind >= 0.0:  # upstream, or the loop that the blocked vehicle stands before
                arrives = 0.0 if behind < 15.0 else (behind / tail if tail > 0 else np.inf)
                leaves = length + behind / (WAVE_KM_H / 3.6)
                low, dense = passing, float(queue_density(passing))
            else:
                arrives, leaves = -behind / (FREE_KM_H / 3.6), length - behind / (FREE_KM_H / 3.6)
                low, dense = passing, float(free_density(passing))
            if arrives >= leaves or wanted <= passing:
                continue
            held = np.clip((t - arrives) / SETTLE_S, 0.0, 1.0) * np.clip(1.0 - (t - leaves) / SETTLE_S, 0.0, 1.0)
            flow[:, k] += held * (low - flow[:, k])
            density[:, k] += held * (dense - density[:, k])
