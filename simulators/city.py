"""All four domains together: sensors in, packed columns per zone out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geo.assets import Sensor
from simulators.base import Simulator
from simulators.gas import GasSim
from simulators.incidents import Incident
from simulators.noise import F64, I64
from simulators.pipeline import PipelineSim
from simulators.traffic import TrafficSim
from simulators.water import WaterSim
from streams.columns import Columns

SIMULATORS: dict[str, type[Simulator]] = {
    "water": WaterSim,
    "gas": GasSim,
    "pipeline": PipelineSim,
    "traffic": TrafficSim,
}
MAX_ROWS = 2000


@dataclass(frozen=True)
class Batch:
    """Rows of one zone, in the order of time, at most `MAX_ROWS`."""

    domain: str
    zone: str
    cols: Columns


class City:
    """The simulators of all sensors whose domain has one."""

    def __init__(self, sensors: Sequence[Sensor], seed: int = 0) -> None:
        self.seed = seed
        self.sensors = sorted((s for s in sensors if s.domain in SIMULATORS), key=lambda s: s.id)
        self.sims: dict[str, Simulator] = {}
        for domain, make in SIMULATORS.items():
            mine = [s for s in self.sensors if s.domain == domain]
            if mine:
                self.sims[domain] = make(mine, seed)
        self._zones: dict[str, dict[str, list[int]]] = {}
        for domain, sim in self.sims.items():
            members: dict[str, list[int]] = {}
            for k, s in enumerate(sim.sensors):
                members.setdefault(s.zone, []).append(k)
            self._zones[domain] = dict(sorted(members.items()))

    @property
    def zones(self) -> int:
        return sum(len(z) for z in self._zones.values())

    def batches(self, ts_ms: I64, incidents: Sequence[Incident] = ()) -> Iterator[Batch]:
        """The readings of these times (int64[T], rising), zone by zone; readings that are lost are left out."""
        for domain, sim in self.sims.items():
            values = sim.values(ts_ms, [i for i in incidents if i.domain == domain])
            for zone, cols in self._zones[domain].items():
                names = [sim.sensors[k].id for k in cols]
                step = max(1, MAX_ROWS // len(cols))
                for first in range(0, len(ts_ms), step):
                    batch = _columns(names, ts_ms[first : first + step], values[first : first + step, cols])
                    if len(batch):
                        yield Batch(domain, zone, batch)

    def touched(self, incident: Incident, least: float = 4.0) -> tuple[str, ...]:
        """Sensors whose true value an incident moves by at least `least` times their noise; its own place is first."""
        sim = self.sims[incident.domain]
        ts = np.linspace(incident.start_ms, incident.end_ms, 5).astype(np.int64)[1:]
        change = np.abs(sim.physics(ts, [incident]) - sim.physics(ts, []))
        moved = np.any(change > least * sim.noise_sd(ts), axis=0)
        own = incident.sensors[0]
        return (own, *(s.id for k, s in enumerate(sim.sensors) if moved[k] and s.id != own))


def _columns(names: list[str], ts_ms: I64, values: F64) -> Columns:
    """Rows of a block float64[T, S], time first, without NaN; only sensors that have a row are named."""
    heard = np.flatnonzero(np.any(~np.isnan(values), axis=0))
    if len(heard) < len(names):
        names, values = [names[k] for k in heard], values[:, heard]
    rows, cols = np.nonzero(~np.isnan(values))
    return Columns(names, cols.astype(np.int32), ts_ms[rows], np.ascontiguousarray(values[rows, cols]))
