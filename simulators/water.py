"""Water: a district metered area as one trunk main with a service branch at each node.

Demand follows the day; head is lost along the trunk by Hazen-Williams, and a burst is an orifice at a node whose
outflow adds to the flow of every segment upstream of it and of its own branch. So the inlet flow rises, pressures fall,
and they fall most at the burst. Demand over the weeks: `water_demand`; flushing and tanks: `water_use`.

Sources: Hazen-Williams in SI units, h = 10.667 L Q^1.852 / (C^1.852 D^4.871) (Rossman, *EPANET 2 Users Manual*,
EPA/600/R-00/057, table 3.1); orifice Q = Cd A sqrt(2 g h); diurnal pattern with a minimum night flow near 0.35 of the
mean (Lambert, IWA Water Loss Task Force).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geo.assets import Sensor
from simulators import noise, water_demand, water_use
from simulators.base import Simulator
from simulators.incidents import Incident, envelope, touching
from simulators.layout import Layout, layouts
from simulators.noise import F64, I64

G = 9.81
CD = 0.62
C_HW = 110.0
TRUNK_D_M, BRANCH_D_M, BRANCH_L_M = 0.25, 0.15, 40.0
RISE_S, FALL_S = 1.5, 2.0  # a burst opens at once; its valve is shut within seconds
QUALITY = {  # kind: value of clean water, spread between zones, change at full contamination
    "chlorine": (0.45, 0.08, -0.42),
    "ph": (7.6, 0.2, -0.9),
    "turbidity": (0.18, 0.05, 6.0),
    "conductivity": (320.0, 40.0, 260.0),
    "redox": (690.0, 30.0, -320.0),
    "temperature": (15.0, 1.5, 0.0),
}


def head_loss_m(flow_m3_s: F64 | float, length_m: F64 | float, diameter_m: float, c: float = C_HW) -> F64:
    """Hazen-Williams head loss in metres; flow in m3/s (its sign is ignored).

    >>> bool(abs(head_loss_m(0.05, 1000.0, 0.25) - 6.0) < 0.2)
    True
    """
    return np.asarray(10.667 * length_m * np.abs(flow_m3_s) ** 1.852 / (c**1.852 * diameter_m**4.871))


def orifice_m3_s(diameter_mm: F64 | float, head_m: F64) -> F64:
    """Free outflow of a round hole at this head, m3/s."""
    area = np.pi * (np.asarray(diameter_mm) / 2000.0) ** 2
    return np.asarray(CD * area * np.sqrt(2.0 * G * np.maximum(head_m, 0.0)))


@dataclass(frozen=True)
class Dma:
    """Hydraulics of one zone: segment lengths float64[S] into each node, share of the demand downstream float64[S]."""

    layout: Layout
    source_m: float  # head above the nodes at the inlet
    mean_m3_s: float
    segment_m: F64
    downstream: F64
    elevation_m: F64
    inlet: str  # id of the flow meter at the inlet: the first of the zone

    def flows(self, demand: F64) -> F64:
        """Flow float64[T, S] into each node, m3/s, of a zone's demand float64[T] or of its nodes' float64[T, S]."""
        if demand.ndim == 1:
            return demand[:, None] * self.downstream
        return np.cumsum(demand[:, ::-1], axis=1)[:, ::-1]

    def pressures(self, demand: F64, burst: int | None = None, outflow: F64 | None = None) -> F64:
        """Pressure head float64[T, S] for a demand as in `flows` and an outflow float64[T] at node `burst`."""
        flows, lost = self.flows(demand), np.zeros((len(demand), len(self.segment_m)))
        total = np.zeros(len(demand))
        for k, length in enumerate(self.segment_m):
            flow = flows[:, k]
            if burst is not None and outflow is not None and k <= burst:
                flow = flow + outflow
            total = total + head_loss_m(flow, length, TRUNK_D_M)
            lost[:, k] = total
        if burst is not None and outflow is not None:
            lost[:, burst] += head_loss_m(outflow, BRANCH_L_M, BRANCH_D_M)
        return np.maximum(self.source_m - self.elevation_m - lost, 0.0)

    def outflow(self, demand: F64, burst: int, diameter_mm: F64) -> F64:
        """Outflow float64[T] m3/s at which orifice and network agree, by bisection (52 halvings)."""
        lo = np.zeros(len(demand))
        hi = orifice_m3_s(diameter_mm, np.full(len(demand), self.source_m + 50.0))
        for _ in range(52):
            mid = 0.5 * (lo + hi)
            head = self.pressures(demand, burst, mid)[:, burst]
            too_much = mid > orifice_m3_s(diameter_mm, head)
            lo, hi = np.where(too_much, lo, mid), np.where(too_much, mid, hi)
        return 0.5 * (lo + hi)


class WaterSim(Simulator):
    """Pressure (m), flow (m3/h) and quality of the water zones."""

    domain = "water"

    def __init__(self, sensors: Sequence[Sensor], seed: int = 0, flushing: bool = False, spread: float = 0.0) -> None:
        super().__init__(sensors, seed)
        self.spread = spread  # > 0: minutes' whims differ from node to node, as customers do, this many times as large
        self.flushing = flushing  # hydrants are flushed on some days (metered: a sensor of kind hydrant_flow)
        level = np.array([s.kind in ("level", "pond_level") for s in self.sensors], bool)
        self._sd_white[level], self._sd_slow[level] = 0.005, 0.01
        meter = np.array([s.kind == "hydrant_flow" for s in self.sensors], bool)
        self._relative[meter] = True
        self._sd_white[meter] = self._sd_slow[meter] = 0.01
        head = np.array([s.kind == "hydrant" for s in self.sensors], bool)
        self._sd_white[head], self._sd_slow[head] = 0.12, 0.15
        self.zones = [self._dma(x) for x in layouts(sensors, seed, 2500.0)]
        self._quality = noise.keys(seed, [s.id for s in sensors], "quality")

    def _dma(self, layout: Layout) -> Dma:
        name, ids = layout.zone, [s.id for s in layout.sensors]
        share = np.array([0.5 + noise.fraction(self.seed, "share", i) for i in ids])
        share /= share.sum()
        downstream = 1.0 - np.concatenate([[0.0], np.cumsum(share)[:-1]])
        length = min(max(layout.length_m, 800.0), 3000.0)
        x = layout.chainage_m * (length / layout.length_m if layout.length_m else 0.0) + 60.0
        return Dma(
            layout,
            source_m=40.0 + 8.0 * noise.fraction(self.seed, "source", name),
            mean_m3_s=0.030 + 0.015 * noise.fraction(self.seed, "demand", name),
            segment_m=np.diff(x, prepend=0.0),
            downstream=downstream,
            elevation_m=np.array([6.0 * noise.fraction(self.seed, "elevation", i) for i in ids]),
            inlet=min((s.id for s in layout.sensors if s.kind == "flow"), default=""),
        )

    def demand_m3_s(self, dma: Dma, ts_ms: I64) -> F64:
        """Demand of a zone float64[T]; see `simulators.water_demand`."""
        return dma.mean_m3_s * water_demand.factor(self.seed, dma.layout.zone, ts_ms)

    def nodal_m3_s(self, dma: Dma, ts_ms: I64) -> F64:
        """Demand of each node of a zone float64[T, S]; at a spread of 1 the sum is as rough as `demand_m3_s`."""
        share = dma.downstream - np.append(dma.downstream[1:], 0.0)
        whole = dma.mean_m3_s * water_demand.factor(self.seed, dma.layout.zone, ts_ms, whims=False)
        own = water_demand.nodal(self.seed, [s.id for s in dma.layout.sensors], share, ts_ms, self.spread)
        out: F64 = whole[:, None] * share * own
        return out

    def physics(self, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        out = np.zeros((len(ts_ms), len(self.sensors)))
        for dma in self.zones:
            out[:, dma.layout.cols] = self._zone(dma, ts_ms, touching(incidents, dma.layout.zone, ts_ms))
        return out

    def _draws(self, dma: Dma, ts_ms: I64) -> list[water_use.Draw]:
        if not self.flushing or not len(ts_ms):
            return []
        lo, hi = int(ts_ms.min()), int(ts_ms.max())
        return water_use.flushings(self.seed, dma.layout.zone, len(dma.layout.sensors), lo, hi)

    def _zone(self, dma: Dma, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        demand = self.nodal_m3_s(dma, ts_ms) if self.spread else self.demand_m3_s(dma, ts_ms)
        clean = dma.pressures(demand)
        pressure, flow = clean, dma.flows(demand)
        polluted, drawn = np.zeros(len(ts_ms)), np.zeros(len(ts_ms))
        for draw in self._draws(dma, ts_ms):
            opened = np.clip(np.minimum(ts_ms - draw.start_ms, draw.end_ms - ts_ms) / 60_000.0, 0.0, 1.0)
            escape = draw.m3_s * opened
            pressure = pressure - (clean - dma.pressures(demand, draw.node, escape))
            flow = flow + escape[:, None] * (np.arange(flow.shape[1]) <= draw.node)
            drawn += escape
        for incident in incidents:
            at = dma.layout.column(incident.sensors[0])
            if at is None:
                continue
            if incident.kind == "contamination":
                polluted = np.maximum(polluted, incident.size * envelope(ts_ms, incident, 2.0, 4.0))
                continue
            open_mm = incident.size * np.sqrt(envelope(ts_ms, incident, RISE_S, FALL_S))
            escape = dma.outflow(demand, at, open_mm)
            pressure = pressure - (clean - dma.pressures(demand, at, escape))
            flow = flow + escape[:, None] * (np.arange(flow.shape[1]) <= at)
        out = np.empty_like(flow)
        for k, sensor in enumerate(dma.layout.sensors):
            if sensor.kind == "flow":
                out[:, k] = flow[:, 0 if sensor.id == dma.inlet else k] * 3600.0
            elif sensor.kind == "hydrant_flow":
                out[:, k] = drawn * 3600.0
            elif sensor.kind == "level":
                out[:, k] = water_use.tank_level_m(self.seed, dma.layout.zone, ts_ms)
            elif sensor.kind == "pond_level":
                out[:, k] = 1.8
            elif sensor.kind in QUALITY:
                base, spread, change = QUALITY[sensor.kind]
                own = noise.fraction(self.seed, "base", sensor.id) - 0.5
                out[:, k] = base + 2.0 * spread * own + change * polluted
            else:
                out[:, k] = np.maximum(pressure[:, k], 0.0)
        return out
