"""Pipelines: a long liquid line between two stations.

Steady flow by Darcy-Weisbach, dp/dx = f rho v^2 / (2 D), so with fixed pressures at both stations p falls linearly and
flow is the root of the gradient. A leak is an orifice q = Cd A sqrt(2 p / rho): the flow into it rises, the flow out of
the line falls, and the pressure profile sags to a kink at the leak; its foot moves away at the wave speed
a ~ 1,050 m/s of oil in steel (Wylie & Streeter, *Fluid Transients in Systems*, 1993, ch. 1). Behind the front the
line settles to its new steady state within seconds (first order here; the method of characteristics would show the
reflections too). Normal operation: the pump station moves its set point by under one percent now and then.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geo.assets import Sensor
from simulators import noise
from simulators.base import Simulator
from simulators.incidents import Incident, envelope, touching
from simulators.layout import Layout, distances_m, layouts
from simulators.noise import F64, I64

RHO = 850.0  # kg/m3, diesel fuel
CD = 0.62
WAVE_M_S = 1050.0
INLET_MPA, OUTLET_MPA = 4.2, 2.4
FLOW_M3_H = 420.0
RELAX_S = 3.0
SET_POINT_S = 1800.0


def leak_flow_m3_h(diameter_mm: float, pressure_mpa: float) -> float:
    """Outflow of a round hole at a line pressure, m3/h."""
    area = np.pi * (diameter_mm / 2000.0) ** 2
    return float(CD * area * np.sqrt(2.0 * max(pressure_mpa, 0.0) * 1e6 / RHO) * 3600.0)


def leak_state(diameter_mm: float, place: float) -> tuple[float, float, float]:
    """Steady state with a leak at `place` (0..1 of the length): pressure there (MPa), flow before and after (m3/h).

    Bisection on the pressure at the leak, between 0 and the pressure without it.
    """
    place = min(max(place, 0.02), 0.98)
    k = FLOW_M3_H / np.sqrt(INLET_MPA - OUTLET_MPA)

    def flows(p: float) -> tuple[float, float]:
        behind = (p - OUTLET_MPA) / (1.0 - place)
        return k * np.sqrt(max(INLET_MPA - p, 0.0) / place), k * np.sign(behind) * np.sqrt(abs(behind))

    lo, hi = 0.0, INLET_MPA - (INLET_MPA - OUTLET_MPA) * place
    for _ in range(60):
        p = 0.5 * (lo + hi)
        before, after = flows(p)
        if before - after > leak_flow_m3_h(diameter_mm, p):
            lo = p  # more arrives than leaves: the pressure is higher
        else:
            hi = p
    return 0.5 * (lo + hi), *flows(0.5 * (lo + hi))


class PipelineSim(Simulator):
    """Pressure (MPa) and flow (m3/h) along the lines; one zone is one line."""

    domain = "pipeline"

    def __init__(self, sensors: Sequence[Sensor], seed: int = 0) -> None:
        super().__init__(sensors, seed)
        self.zones = layouts(sensors, seed, 30_000.0)

    def place(self, layout: Layout) -> F64:
        """Place of each sensor along its line, 0 at the pump station, 1 at the terminal: float64[S]."""
        return 0.04 + 0.92 * layout.chainage_m / max(layout.length_m, 1.0)

    def physics(self, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        out = np.zeros((len(ts_ms), len(self.sensors)))
        for layout in self.zones:
            out[:, layout.cols] = self._zone(layout, ts_ms, touching(incidents, layout.zone, ts_ms))
        return out

    def _zone(self, layout: Layout, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        x = self.place(layout)
        pump = noise.smooth(np.array([noise.key(self.seed, "pump", layout.zone)], np.uint64), ts_ms, SET_POINT_S)[:, 0]
        drive = 1.0 + 0.002 * pump  # of the pressure difference between the stations
        pressure = OUTLET_MPA + (INLET_MPA - OUTLET_MPA) * drive[:, None] * (1.0 - x)
        flow = np.repeat((FLOW_M3_H * np.sqrt(drive))[:, None], len(x), axis=1)
        for incident in incidents:
            at = layout.column(incident.sensors[0])
            if at is not None:
                self._leak(pressure, flow, layout, at, ts_ms, incident)
        gauges = np.array([s.kind != "flow" for s in layout.sensors])
        return np.where(gauges, np.maximum(pressure, 0.0), np.maximum(flow, 0.0))

    def _leak(self, pressure: F64, flow: F64, layout: Layout, at: int, ts_ms: I64, incident: Incident) -> None:
        x = self.place(layout)
        p, before, after = leak_state(incident.size, float(x[at]))
        sag = INLET_MPA - (INLET_MPA - OUTLET_MPA) * x[at] - p
        delays = distances_m(layout, at) / WAVE_M_S
        for k in range(len(x)):
            strength = envelope(ts_ms, incident, RELAX_S, RELAX_S, float(delays[k]))
            shape = x[k] / x[at] if x[k] <= x[at] else (1.0 - x[k]) / (1.0 - x[at])
            pressure[:, k] -= sag * shape * strength
            flow[:, k] += ((before if x[k] <= x[at] else after) - FLOW_M3_H) * strength
