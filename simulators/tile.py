"""A city of any size out of one simulated zone: its readings of a week, laid side by side.

A block of sensors is the whole zone, so that what belongs together moves together; each sensor of a block has its own
gain, offset and noise. A pure function of seed and time: the same rows however they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geo.assets import Sensor, Zone
from simulators import noise
from simulators.noise import F64, I64
from simulators.water import WaterSim
from streams.columns import Columns
from streams.registry_table import Registry
from streams.topics import COUNTIES

NODES = 24  # pressures of a zone; its inlet flow is one more
POOL = 61  # steps of noise that are made once; prime, so that a time of day meets all of them
GAIN, OFFSET_M, SD = 0.03, 2.0, 0.002


class Tile:
    """`sensors` of water at `interval_s` from `begin_ms` on, in zones of `NODES` + 1."""

    def __init__(self, sensors: int, interval_s: float, begin_ms: int, steps: int, seed: int = 1) -> None:
        self.begin_ms, self.step_ms, self.steps = begin_ms, round(interval_s * 1000), steps
        zones = -(-sensors // (NODES + 1))
        self.registry = Registry(_records(zones, sensors, interval_s))
        self.names = list(self.registry.sensors)
        first = list(self.registry.sensors.values())[: NODES + 1]
        sim = WaterSim(first, seed)
        times = begin_ms + self.step_ms * np.arange(steps, dtype=np.int64)
        self._zone = np.nan_to_num(sim.values(times), nan=30.0)
        keys = noise.keys(seed, self.names, "tile")
        unit = noise.uniform(keys, np.array([0, 1], np.int64))
        self._gain = 1.0 + GAIN * (unit[0] - 0.5)
        self._offset = OFFSET_M * (unit[1] - 0.5)
        self._column = np.arange(sensors) % (NODES + 1)
        self._noise = 1.0 + SD * noise.normal(keys, np.arange(POOL, dtype=np.int64))

    def columns(self, steps: int = 40) -> Iterator[Columns]:
        """Everything, `steps` times of all sensors at once, over one list of sensors."""
        n = len(self.names)
        every = np.tile(np.arange(n, dtype=np.int32), steps)
        for k in range(0, self.steps, steps):
            at = np.arange(k, min(k + steps, self.steps))
            value = self._values(at)
            ts = np.repeat(self.begin_ms + self.step_ms * at.astype(np.int64), n)
            yield Columns(self.names, every[: value.size], ts, value.reshape(-1))

    def _values(self, at: I64) -> F64:
        """float64[len(at), sensors]"""
        out: F64 = self._zone[at][:, self._column]
        out *= self._gain
        out += self._offset
        out *= self._noise[at % POOL]
        return out


def _records(zones: int, sensors: int, interval_s: float) -> Iterator[Zone | Sensor]:
    for z in range(zones):
        county = COUNTIES[z % len(COUNTIES)]
        yield Zone(id=f"{county}-W-DMA{z:03d}", domain="water", county=county, partition=z % 4)
    for k in range(sensors):
        z, node = divmod(k, NODES + 1)
        county = COUNTIES[z % len(COUNTIES)]
        kind, code = ("flow", "FLW") if node == 0 else ("pressure", "PRS")
        yield Sensor(id=f"{county}-W-{code}-{k:06d}", domain="water", kind=kind, zone=f"{county}-W-DMA{z:03d}",
                     unit_code=county, interval_s=interval_s)  # fmt: skip
