"""Simulated water zones for the detection benchmark: one zone a seed, trained once, branched for every burst.

Everything goes through the kernel: the single-sensor detectors and those of the zone, as in operation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geo.assets import Sensor
from simulators.incidents import Incident
from simulators.noise import F64, I64, fraction
from simulators.water import CD, Dma, G, WaterSim
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

ZONE, COUNTY = "522601-W-BEN01", "522601"
GAUGES = 7
MINUTE_MS, DAY_MS = 60_000, 86_400_000
TICK_MS = 300_000
MONDAY_MS = 1_782_662_400_000  # 2026-06-29 00:00 in Asia/Shanghai: a Monday far from every feast
TYPES = (("FLW", "flow"), *(("PRS", "pressure"),) * GAUGES)


def sensors(interval_s: float, hydrant: bool = False) -> list[Sensor]:
    """The zone's sensors: an inlet meter, gauges along the main, and a metered hydrant where flushing is simulated."""
    types = (*TYPES, ("GEN", "hydrant_flow")) if hydrant else TYPES
    return [
        Sensor(
            id=f"{COUNTY}-W-{code}-{k + 1:06d}", domain="water", kind=kind, zone=ZONE, unit_code=COUNTY,
            lon=107.9 + 0.0022 * k, lat=26.5, interval_s=interval_s,
            flow_sign={"flow": 1, "hydrant_flow": -1}.get(kind, 0),
        )
        for k, (code, kind) in enumerate(types)
    ]  # fmt: skip


class Town:
    """One zone with its detectors; `run` goes on in time, `branch` tries an incident and comes back."""

    def __init__(self, seed: int, interval_s: float, hydrant: bool = False) -> None:
        self.interval_ms = round(interval_s * 1000)
        self.sensors = sensors(interval_s, hydrant)
        self.sim = WaterSim(self.sensors, seed, flushing=hydrant)
        self.kernel = Kernel("water", run="bench", blind_ms=None)
        self.kernel.configure(self.sensors)
        self.seed, self.names = seed, [s.id for s in self.sensors]

    @property
    def dma(self) -> Dma:
        return self.sim.zones[0]

    def run(self, lo_ms: int, hi_ms: int, incidents: Sequence[Incident] = ()) -> list[Detection]:
        """Readings in (lo, hi] through the kernel; the hazards that were raised."""
        out: list[Detection] = []
        ts = np.arange(lo_ms + self.interval_ms, hi_ms + 1, self.interval_ms, dtype=np.int64)
        for first in range(0, len(ts), 10_000):
            part = ts[first : first + 10_000]
            out += self._feed(part, self.sim.values(part, incidents))
        return out

    def _feed(self, ts: I64, values: F64) -> list[Detection]:
        out: list[Detection] = []
        per = max(1, TICK_MS // self.interval_ms)
        for first in range(0, len(ts), per):
            block, when = values[first : first + per], ts[first : first + per]
            rows, cols = np.nonzero(np.isfinite(block))
            one = Columns(self.names, cols.astype(np.int32), when[rows], np.ascontiguousarray(block[rows, cols]))
            found = self.kernel.process(one) + self.kernel.tick(int(when[-1]))
            out += [d for d in found if d.state == "raise" and d.cls == "hazard"]
        return out

    def branch(self, lo_ms: int, hi_ms: int, incidents: Sequence[Incident]) -> list[Detection]:
        """`run` from the present state, which stays as it is."""
        kernel = self.kernel
        self.kernel = Kernel("water", run="bench", blind_ms=None)
        self.kernel.restore(kernel.snapshot())
        try:
            return self.run(lo_ms, hi_ms, incidents)
        finally:
            self.kernel = kernel

    def burst(self, share: float, start_ms: int, minutes: float, salt: str) -> Incident:
        """A burst that takes `share` of the zone's mean inflow, at a gauge chosen by seed and salt."""
        nodes = [k for k, s in enumerate(self.dma.layout.sensors) if s.kind == "pressure"]
        at = nodes[int(fraction(self.seed, "burst", salt) * len(nodes))]
        ts = np.array([start_ms], np.int64)
        demand, escape = self.sim.demand_m3_s(self.dma, ts), np.array([share * self.dma.mean_m3_s])
        head = float(self.dma.pressures(demand, at, escape)[0, at])
        area = float(escape[0]) / (CD * np.sqrt(2.0 * G * max(head, 1.0)))
        return Incident(
            kind="burst", domain="water", zone=ZONE, sensors=(self.dma.layout.sensors[at].id,), start_ms=start_ms,
            end_ms=start_ms + round(minutes * MINUTE_MS), size=2000.0 * float(np.sqrt(area / np.pi)),
        )  # fmt: skip
