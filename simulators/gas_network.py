"""The regulators and meters of a gas zone: pressures that droop with the demand, flows in, and flows that are metered.

Demand is cooking by the hour and day of the week with slow noise. Regulators share it; their outlets droop with the
square of the flow, the network's pressure change is its line-pack. Meters have a bias and noise. It has no pipes: a
loss at one regulator reaches its neighbours as a share of the load, not through a network.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulators import noise
from simulators.gas import COOKING
from simulators.noise import F64, I64

DAY_MS, UTC_OFFSET_MS, HOUR_MS = 86_400_000, 28_800_000, 3_600_000
P_N = 101.325  # kPa


class Trouble(NamedTuple):
    """kind: regulator (size: share of the outlet pressure lost at `at`), supply (the same of all), or loss (share of
    the mean demand that escapes)."""

    kind: str
    size: float
    at: int
    start_ms: int
    end_ms: int


class Network:
    """K regulators and C consumers' meters. Pressures in kPa, flows in m3/h."""

    def __init__(self, seed: int, regulators: int = 3, meters: int = 3) -> None:
        def u(*names: object) -> float:
            return noise.fraction(seed, "net", *names)

        self.k, self.c = regulators, meters
        self.mean = 120.0 + 400.0 * u("mean")
        self.set_kpa = 2.8 if u("pressure") < 0.5 else 150.0  # low or medium pressure
        self.pack_m3 = 30.0 if self.set_kpa < 10.0 else 250.0  # pipes under each regulator
        self.droop = 0.015 + 0.03 * np.array([u("droop", k) for k in range(regulators)])
        self.share = np.array([0.6 + 0.8 * u("share", k) for k in range(regulators)])
        self.share /= self.share.sum()
        self.split = np.array([0.5 + u("split", k) for k in range(meters)])
        self.split /= self.split.sum()
        self.bias_in = np.array([1.0 + 0.01 * (2.0 * u("bias", k) - 1.0) for k in range(regulators)])
        self.unmetered = 0.01 + 0.02 * u("unmetered")
        names = [str(k) for k in range(max(regulators, meters))]
        self.slow, self.day = noise.keys(seed, ["all"], "demand"), noise.keys(seed, ["all"], "day")
        self.load, self.use = noise.keys(seed, names[:regulators], "load"), noise.keys(seed, names[:meters], "use")
        self.inlet, self.white = noise.keys(seed, names[:regulators], "inlet"), noise.keys(seed, names, "white")
        self.meter = noise.keys(seed, names, "meter")

    def demand(self, ts_ms: I64) -> F64:
        """Of the zone, m3/h, float64[T]."""
        cooking = noise.diurnal(COOKING, ts_ms)
        free = ((ts_ms + UTC_OFFSET_MS) // DAY_MS + 3) % 7 >= 5
        cooking = np.where(free, 0.25 + 0.85 * cooking, cooking)
        slow = (
            noise.smooth(self.slow, ts_ms, 3600.0)[:, 0] * 0.06 + noise.smooth(self.day, ts_ms, 86_400.0)[:, 0] * 0.05
        )
        return self.mean * cooking * (1.0 + slow)

    def go(self, ts_ms: I64, troubles: tuple[Trouble, ...] = ()) -> tuple[F64, F64, F64, F64]:
        """(outlet kPa [T, K], inlet kPa [T, K], inflow m3/h [T, K], metered m3/h [T, C])."""
        demand = self.demand(ts_ms)
        escape = np.zeros(len(ts_ms))
        factor, supply = np.ones((len(ts_ms), self.k)), np.ones(len(ts_ms))
        for t in troubles:
            on = np.clip((ts_ms - t.start_ms) / 30_000.0, 0.0, 1.0) * (ts_ms < t.end_ms)
            if t.kind == "loss":
                escape = escape + t.size * self.mean * on
            elif t.kind == "supply":
                supply, factor = supply * (1.0 - min(2.0 * t.size, 0.9) * on), factor * (1.0 - t.size * on)[:, None]
            else:
                lost = np.full(self.k, 0.12 * t.size)
                lost[t.at] = t.size
                factor = factor * (1.0 - lost * on[:, None])
        load = (demand + escape)[:, None] * self.share * (1.0 + 0.04 * noise.smooth(self.load, ts_ms, 2700.0))
        load *= ((demand + escape) / load.sum(axis=1))[:, None]
        relative = load / (self.mean * self.share)
        outlet = self.set_kpa * (1.0 - self.droop * np.minimum(relative, 3.0) ** 2 / 2.0) * factor
        inlet = (400.0 if self.set_kpa > 10.0 else 120.0) * (1.0 + 0.03 * noise.smooth(self.inlet, ts_ms, 7200.0))
        inlet = inlet * supply[:, None]
        step_h = (ts_ms[1] - ts_ms[0]) / HOUR_MS if len(ts_ms) > 1 else 1.0
        pack = np.gradient(outlet, axis=0) / step_h * self.pack_m3 / P_N if len(ts_ms) > 1 else 0.0
        flow = (load + pack) * self.bias_in * (1.0 + 0.006 * noise.normal(self.meter[: self.k], ts_ms))
        metered = demand[:, None] * (1.0 - self.unmetered) * self.split
        wander = 0.05 * noise.smooth(self.use, ts_ms, 5400.0)
        use = metered * (1.0 + wander)
        use *= metered.sum(axis=1, keepdims=True) / use.sum(axis=1, keepdims=True)
        use *= 1.0 + 0.01 * noise.normal(self.meter[: self.c] + np.uint64(1), ts_ms)
        outlet = outlet * (1.0 + 0.0015 * noise.normal(self.white[: self.k], ts_ms))
        return outlet, inlet, np.maximum(flow, 0.0), use
