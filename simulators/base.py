"""What the four simulators share: physics plus instrument.

A subclass gives the true value at each sensor; this class adds what the instrument does to it: noise, resolution,
range, lost readings, and the labelled faults drop-out and flat-line.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geo.assets import Sensor
from simulators import noise
from simulators.incidents import Incident
from simulators.noise import F64, I64


@dataclass(frozen=True)
class Instrument:
    """White noise sd, slow noise sd (drift over `slow_s`), resolution and range, in the sensor's unit.

    `relative`: the two noises are fractions of the value.
    """

    white: float
    slow: float
    resolution: float
    low: float = 0.0
    high: float = np.inf
    relative: bool = False
    slow_s: float = 900.0


INSTRUMENTS: dict[str, Instrument] = {
    "pressure": Instrument(0.12, 0.15, 0.01, 0.0, 200.0),
    "flow": Instrument(0.010, 0.012, 0.1, 0.0, 20_000.0, relative=True),
    "chlorine": Instrument(0.004, 0.008, 0.001, 0.0, 10.0),
    "ph": Instrument(0.006, 0.015, 0.01, 0.0, 14.0),
    "turbidity": Instrument(0.003, 0.006, 0.001, 0.0, 100.0),
    "conductivity": Instrument(0.5, 1.5, 1.0, 0.0, 5000.0),
    "redox": Instrument(1.0, 2.5, 1.0, -1000.0, 1500.0),
    "temperature": Instrument(0.03, 0.06, 0.1, -40.0, 80.0),
    "methane": Instrument(0.05, 0.10, 0.1, 0.0, 100.0),
    "gas.pressure": Instrument(0.006, 0.008, 0.01, 0.0, 1000.0),
    "pipeline.pressure": Instrument(0.0015, 0.002, 0.001, 0.0, 20.0),
    "pipeline.flow": Instrument(0.003, 0.003, 0.1, 0.0, 20_000.0, relative=True),
    "occupancy": Instrument(0.6, 0.6, 0.1, 0.0, 100.0),
    "speed": Instrument(1.4, 1.4, 0.1, 0.0, 200.0),
    "traffic.flow": Instrument(0.05, 0.04, 1.0, 0.0, 20_000.0, relative=True),
    "generic": Instrument(0.1, 0.1, 0.01, -np.inf, np.inf),
}
LOST = 1e-4  # share of single readings that never arrive


def instrument(sensor: Sensor) -> Instrument:
    return INSTRUMENTS.get(f"{sensor.domain}.{sensor.kind}") or INSTRUMENTS.get(sensor.kind) or INSTRUMENTS["generic"]


class Simulator(ABC):
    """Readings of the sensors of one domain: a pure function of seed, time and incidents."""

    domain: str

    def __init__(self, sensors: Sequence[Sensor], seed: int = 0) -> None:
        wrong = [s.id for s in sensors if s.domain != self.domain]
        if wrong:
            raise ValueError(f"the {self.domain} simulator was given {wrong[0]}, a sensor of another domain")
        self.sensors = list(sensors)
        self.seed = seed
        ids = [s.id for s in sensors]
        self._column = {s: k for k, s in enumerate(ids)}
        self._white = noise.keys(seed, ids, "white")
        self._slow = noise.keys(seed, ids, "slow")
        self._lost = noise.keys(seed, ids, "lost")
        parts = [instrument(s) for s in sensors]
        self._sd_white = np.array([p.white for p in parts])
        self._sd_slow = np.array([p.slow for p in parts])
        self._relative = np.array([p.relative for p in parts], bool)
        self._low = np.array([p.low for p in parts])
        self._high = np.array([p.high for p in parts])
        self._per_unit = np.array([1.0 / p.resolution for p in parts])

    @abstractmethod
    def physics(self, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        """True values float64[T, S] at times int64[T], in the sensors' units."""

    def values(self, ts_ms: I64, incidents: Sequence[Incident] = ()) -> F64:
        """Readings float64[T, S] at times int64[T] (epoch ms); NaN where no reading arrives.

        The same times give the same values whatever else is asked, before or in the same call.
        """
        out = self._read(ts_ms, incidents)
        if len(ts_ms) and len(self.sensors):
            out[noise.uniform(self._lost, ts_ms) < LOST] = np.nan
            self._faults(out, ts_ms, incidents)
        return out

    def _read(self, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        if not len(ts_ms) or not self.sensors:
            return np.empty((len(ts_ms), len(self.sensors)))
        true = self.physics(ts_ms, incidents)
        error = noise.normal(self._white, ts_ms) * self._sd_white
        error += noise.smooth(self._slow, ts_ms, 900.0) * self._sd_slow
        error *= np.where(self._relative, np.abs(true), 1.0)
        out: F64 = np.clip(np.rint((true + error) * self._per_unit) / self._per_unit, self._low, self._high)
        return out

    def noise_sd(self, ts_ms: I64) -> F64:
        """Standard deviation of the instruments' noise: float64[T, S]."""
        sd = np.hypot(self._sd_white, self._sd_slow)
        out: F64 = np.where(self._relative, np.abs(self.physics(ts_ms, [])), 1.0) * sd
        return out

    def _faults(self, out: F64, ts_ms: I64, incidents: Sequence[Incident]) -> None:
        for fault in incidents:
            if not fault.fault:
                continue
            rows = np.flatnonzero((ts_ms >= fault.start_ms) & (ts_ms < fault.end_ms))
            cols = np.array([self._column[s] for s in fault.sensors if s in self._column], np.int64)
            if not len(rows) or not len(cols):
                continue
            if fault.kind == "dropout":
                out[np.ix_(rows, cols)] = np.nan
            else:
                stuck = self._read(np.array([fault.start_ms], np.int64), [i for i in incidents if not i.fault])
                out[np.ix_(rows, cols)] = stuck[0, cols]
