"""Simulated water zones for the detection benchmark: one zone a seed, trained once, branched for every incident.

Everything goes through the kernel: the single-sensor detectors and those of the zone, as in operation. A zone is a main
of 1.5 km with an inlet meter and ten nodes; seven nodes have a gauge, three have none, and bursts open at any of them.
Mean inflow 108 to 162 m3/h: some 5,000 to 8,000 homes. Minutes' whims differ from node to node; their sum is smoother
than theory has it for so many homes (`simulators.water_demand.nodal`), which `spread` = `ROUGH` makes up for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from geo.assets import Sensor
from simulators.incidents import Incident
from simulators.noise import F64, I64, fraction
from simulators.water import CD, QUALITY, Dma, G, WaterSim
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

ZONE, COUNTY = "522601-W-BEN01", "522601"
NODES, BARE = 10, (3, 6, 9)  # nodes after the meter; those without a gauge
GAUGES = NODES - len(BARE)
MINUTE_MS, DAY_MS = 60_000, 86_400_000
TICK_MS = 300_000
MONDAY_MS = 1_782_662_400_000  # 2026-06-29 00:00 in Asia/Shanghai: a Monday far from every feast
ROUGH = 2.0
HYDRANT = ("hydrant_flow",)
FULL = ("hydrant_flow", "hydrant", "pond_level", "level", "chlorine", "ph", "redox", "conductivity", "turbidity")
Overlay = Callable[["Town", I64, F64], F64]


def sensors(interval_s: float, extra: Sequence[str] = ()) -> list[Sensor]:
    """The zone's sensors: an inlet meter, pressure at every node (`told` leaves out the bare ones), `extra` kinds
    between them, those of quality at one station half-way."""
    kinds = ("flow", *("pressure",) * NODES, *extra)
    return [
        Sensor(
            id=f"{COUNTY}-W-SEN-{k + 1:06d}", domain="water", kind=kind, zone=ZONE, unit_code=COUNTY,
            lon=107.9 + 0.00154 * (5.5 if kind in QUALITY else k if k <= NODES else 2.0 * (k - NODES) - 0.5),
            lat=26.5, interval_s=interval_s,
            flow_sign={"flow": 1, "hydrant_flow": -1}.get(kind, 0),
        )
        for k, kind in enumerate(kinds)
    ]  # fmt: skip


def told(all_sensors: Sequence[Sensor]) -> list[Sensor]:
    """Those that exist for the city: without the pressures of the bare nodes."""
    return [s for k, s in enumerate(all_sensors) if k not in BARE]


class Town:
    """One zone with its detectors; `run` goes on in time, `branch` tries an incident and comes back.

    `overlay` changes the readings float64[T, S] of all sensors before they are told.
    """

    def __init__(self, seed: int, interval_s: float, extra: Sequence[str] = (), spread: float = 1.0) -> None:
        self.interval_ms = round(interval_s * 1000)
        self.sensors = sensors(interval_s, extra)
        self.sim = WaterSim(self.sensors, seed, flushing="hydrant_flow" in extra, spread=spread)
        self.told = told(self.sensors)
        self.columns = [k for k in range(len(self.sensors)) if k not in BARE]
        self.kernel = self._kernel()
        self.kernel.configure(self.told)
        self.seed, self.names = seed, [s.id for s in self.told]

    @staticmethod
    def _kernel() -> Kernel:
        return Kernel("water", run="bench", blind_ms=None)

    def twin(self) -> Kernel:
        """A kernel with the present state."""
        out = self._kernel()
        out.restore(self.kernel.snapshot())
        return out

    @property
    def dma(self) -> Dma:
        return self.sim.zones[0]

    def column(self, kind: str) -> int:
        """Place of the first sensor of a kind."""
        return next(k for k, s in enumerate(self.sensors) if s.kind == kind)

    def run(
        self, lo_ms: int, hi_ms: int, incidents: Sequence[Incident] = (), overlay: Overlay | None = None,
        interval_ms: int = 0,
    ) -> list[Detection]:  # fmt: skip
        """Readings in (lo, hi] through the kernel; every raise and update of a hazard."""
        out: list[Detection] = []
        step = interval_ms or self.interval_ms
        ts = np.arange(lo_ms + step, hi_ms + 1, step, dtype=np.int64)
        for first in range(0, len(ts), 10_000):
            part = ts[first : first + 10_000]
            values = self.sim.values(part, incidents)
            out += self._feed(part, values if overlay is None else overlay(self, part, values), step)
        return out

    def _feed(self, ts: I64, values: F64, step: int) -> list[Detection]:
        out: list[Detection] = []
        values = values[:, self.columns]
        per = max(1, TICK_MS // step)
        for first in range(0, len(ts), per):
            block, when = values[first : first + per], ts[first : first + per]
            rows, cols = np.nonzero(np.isfinite(block))
            one = Columns(self.names, cols.astype(np.int32), when[rows], np.ascontiguousarray(block[rows, cols]))
            found = self.kernel.process(one) + self.kernel.tick(int(when[-1]))
            out += [d for d in found if d.state != "clear" and d.cls == "hazard"]
        return out

    def branch(
        self, lo_ms: int, hi_ms: int, incidents: Sequence[Incident] = (), overlay: Overlay | None = None,
        interval_ms: int = 0,
    ) -> list[Detection]:  # fmt: skip
        """`run` from the present state, which stays as it is; what was raised after `lo_ms`."""
        kernel, self.kernel = self.kernel, self.twin()
        try:
            found = self.run(lo_ms, hi_ms, incidents, overlay, interval_ms)
            return [d for d in found if d.state == "raise" and d.ts_ms > lo_ms]
        finally:
            self.kernel = kernel

    def burst(self, share: float, start_ms: int, minutes: float, salt: str, of_flow: bool = False) -> Incident:
        """A burst that takes `share` of the zone's mean inflow (or of its flow at that time), at a node chosen by seed
        and salt."""
        nodes = [k for k, s in enumerate(self.dma.layout.sensors) if s.kind == "pressure"]
        at = nodes[int(fraction(self.seed, "burst", salt) * len(nodes))]
        demand = self.sim.demand_m3_s(self.dma, np.array([start_ms], np.int64))
        escape = share * (demand if of_flow else np.array([self.dma.mean_m3_s]))
        head = float(self.dma.pressures(demand, at, escape)[0, at])
        area = float(escape[0]) / (CD * np.sqrt(2.0 * G * max(head, 1.0)))
        return Incident(
            kind="burst", domain="water", zone=ZONE, sensors=(self.dma.layout.sensors[at].id,), start_ms=start_ms,
            end_ms=start_ms + round(minutes * MINUTE_MS), size=2000.0 * float(np.sqrt(area / np.pi)),
        )  # fmt: skip

    def bare(self, sensor: str) -> bool:
        """Whether a node has no gauge."""
        return sensor not in self.names
