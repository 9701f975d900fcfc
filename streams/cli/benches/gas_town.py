"""Simulated gas zones for the detection benchmark: wells, regulators and meters of one zone a seed, through the kernel.

A zone is run in time once; every incident is tried from the state at its end (`branch`), which stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from geo.assets import Sensor
from simulators import noise
from simulators.gas_network import Network, Trouble
from simulators.gas_wells import Leak, WellField
from simulators.noise import F64, I64, fraction
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

ZONE, COUNTY = "522601-G-BEN01", "522601"
LON, LAT, METRES = 107.9, 26.5, 111_195.0
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
MONDAY_MS = 1_782_662_400_000  # 2026-06-29 00:00 in Asia/Shanghai
FLOW_S, PRESSURE_S = 300.0, 60.0
TICK_MS, FINE_TICK_MS, FINE_MS = 300_000, 20_000, 5_000
ETHANE = 0.03  # of natural gas here


class Fault(NamedTuple):
    """What an instrument does between two times: kind dropout, stuck, drift (to `size` %LEL) or calibration."""

    kind: str
    well: int
    start_ms: int
    end_ms: int
    size: float = 0.0


def _sensor(code: str, serial: int, kind: str, interval_s: float, **more: object) -> Sensor:
    base: dict[str, object] = {
        "id": f"{COUNTY}-G-{code}-{serial:06d}", "domain": "gas", "kind": kind, "zone": ZONE, "unit_code": COUNTY,
        "interval_s": interval_s,
    }  # fmt: skip
    return Sensor(**{**base, **more})  # type: ignore[arg-type]


class Town:
    """One zone with its detectors."""

    def __init__(
        self, seed: int, interval_s: float, sewer_lel: tuple[float, float] = (2.0, 4.5), ethane: bool = False,
        network: bool = True,
    ) -> None:  # fmt: skip
        self.seed, self.interval_ms = seed, round(interval_s * 1000)
        self.wells = WellField(seed, sewer_lel=sewer_lel)
        self.network = Network(seed) if network else None
        self.faults: list[Fault] = []
        self.ethane, self._trace_gas = ethane, noise.keys(seed, self.wells.names, "ethane")
        n = len(self.wells.names)
        east = METRES * float(np.cos(np.radians(LAT)))
        places = [{"lon": LON + float(x) / east, "lat": LAT + float(y) / METRES} for x, y in self.wells.xy]
        self.sensors = [_sensor("CH4", k + 1, "methane", interval_s, **places[k]) for k in range(n)]
        if ethane:
            self.sensors += [_sensor("ETH", k + 1, "ethane", interval_s, **places[k]) for k in range(n)]
        self.cols = {"methane": np.arange(n), "ethane": np.arange(n, 2 * n)}
        if self.network is not None:
            self._meters(self.network)
        self.names = [s.id for s in self.sensors]
        self.kernel = Kernel("gas", run="bench", blind_ms=None)
        self.kernel.configure(self.sensors)

    def _meters(self, net: Network) -> None:
        sites = [{"lon": LON + 0.01 * (k + 1), "lat": LAT + 0.01} for k in range(net.k)]
        pack = {"params": {"pack_m3": net.pack_m3}}
        for name, code, kind, n, step, more in (
            ("outlet", "GPO", "outlet_pressure", net.k, PRESSURE_S, [{**s, **pack} for s in sites]),
            ("inlet", "GPI", "inlet_pressure", net.k, PRESSURE_S, sites),
            ("inflow", "GFL", "flow", net.k, FLOW_S, [{"flow_sign": 1}] * net.k),
            ("metered", "GFL", "flow", net.c, FLOW_S, [{"flow_sign": -1}] * net.c),
        ):
            first, serial = len(self.sensors), net.k if name == "metered" else 0
            self.sensors += [_sensor(code, serial + k + 1, kind, step, **more[k]) for k in range(n)]
            self.cols[name] = np.arange(first, first + n)

    @property
    def tau_min(self) -> float:
        """Longest time constant of a well, minutes."""
        return 60.0 / float(self.wells.air0.min())

    def run(
        self, lo_ms: int, hi_ms: int, leaks: Sequence[Leak] = (), troubles: Sequence[Trouble] = (), fine: bool = False,
        tick_ms: int = TICK_MS,
    ) -> list[Detection]:  # fmt: skip
        """Readings in (lo, hi] through the kernel: all detections. `fine`: gas in steps of 5 s, ticks of 20 s."""
        out: list[Detection] = []
        step = min(self.interval_ms, FINE_MS) if fine else self.interval_ms
        tick = max(FINE_TICK_MS if fine else tick_ms, step)
        self.trace: list[tuple[I64, F64]] = []
        for first in range(lo_ms, hi_ms, DAY_MS):
            ts = np.arange(first + step, min(first + DAY_MS, hi_ms) + 1, step, dtype=np.int64)
            table = self._day(ts, tuple(leaks), tuple(troubles))
            for end in range(first + tick, int(ts[-1]) + 1, tick):
                lo, hi = np.searchsorted(table[0], (end - tick, end), "right")
                out += self._feed(table[0][lo:hi], table[1][lo:hi], table[2][lo:hi], table[3][lo:hi], end)
        return out

    def learn(self, lo_ms: int, hi_ms: int) -> None:
        """A `run` with a tick an hour."""
        self.run(lo_ms, hi_ms, tick_ms=HOUR_MS)

    def _day(self, ts: I64, leaks: tuple[Leak, ...], troubles: tuple[Trouble, ...]) -> tuple[I64, I64, F64, I64]:
        """Rows by time: (ts, sensor, value, quality)."""
        true, told = self.wells.go(ts, leaks)
        self.trace.append((ts, true))
        keep = ts % self.interval_ms == 0
        told, when = told[keep], ts[keep]
        quality = np.zeros(told.shape, np.int64)
        for fault in self.faults:
            self._spoil(fault, when, told, quality)
        blocks = [(when, self.cols["methane"], told, quality)]
        if self.ethane:
            fossil = np.clip(true[keep] - true[0], 0.0, None) if leaks else np.zeros_like(told)
            ppm = np.rint(fossil * 500.0 * ETHANE + np.abs(noise.normal(self._trace_gas, when)))
            blocks.append((when, self.cols["ethane"], ppm, np.zeros_like(quality)))
        if self.network is not None:
            for step, names in ((PRESSURE_S, ("outlet", "inlet")), (FLOW_S, ("inflow", "metered"))):
                grid = np.arange(-(-int(ts[0]) // round(step * 1000)), int(ts[-1]) // round(step * 1000) + 1)
                if not len(grid):
                    continue
                at = grid.astype(np.int64) * round(step * 1000)
                parts = dict(zip(("outlet", "inlet", "inflow", "metered"), self.network.go(at, troubles), strict=True))
                blocks += [(at, self.cols[n], parts[n], np.zeros(parts[n].shape, np.int64)) for n in names]
        rows = [np.repeat(t, len(c)) for t, c, _, _ in blocks], [np.tile(c, len(t)) for t, c, _, _ in blocks]
        when, who = np.concatenate(rows[0]), np.concatenate(rows[1])
        x, q = np.concatenate([b[2].ravel() for b in blocks]), np.concatenate([b[3].ravel() for b in blocks])
        order = np.argsort(when, kind="stable")
        order = order[np.isfinite(x[order])]
        return when[order], who[order], x[order], q[order]

    def _spoil(self, fault: Fault, ts: I64, told: F64, quality: I64) -> None:
        on = (ts >= fault.start_ms) & (ts < fault.end_ms)
        if not on.any():
            return
        if fault.kind == "dropout":
            told[on, fault.well] = np.nan
        elif fault.kind == "stuck":
            told[on, fault.well] = fault.size
        elif fault.kind == "calibration":  # test gas, and the instrument says so
            told[on, fault.well], quality[on, fault.well] = 50.0, 2
        else:
            told[on, fault.well] += fault.size * (ts[on] - fault.start_ms) / (fault.end_ms - fault.start_ms)

    def _feed(self, ts: I64, who: I64, x: F64, quality: I64, end: int) -> list[Detection]:
        cols = Columns(
            self.names, who.astype(np.int32), ts, np.ascontiguousarray(x), quality=quality.astype(np.uint8)
        )  # fmt: skip
        return self.kernel.process(cols) + self.kernel.tick(end)

    def branch(
        self, lo_ms: int, hi_ms: int, leaks: Sequence[Leak] = (), troubles: Sequence[Trouble] = (), fine: bool = True
    ) -> list[Detection]:
        """A `run` from the present state, which stays as it is; `trace` then holds the true gas."""
        kernel, wells = self.kernel, self.wells
        self.kernel, self.wells = Kernel("gas", run="bench", blind_ms=None), copy.copy(wells)
        self.kernel.restore(kernel.snapshot())
        try:
            return self.run(lo_ms, hi_ms, leaks, troubles, fine)
        finally:
            self.kernel, self.wells = kernel, wells

    def true_lel(self, well: int, ts_ms: int) -> float:
        """Gas in a well at a time of the newest run."""
        ts, true = next((t, x) for t, x in self.trace if t[-1] >= ts_ms)
        return float(true[int(np.searchsorted(ts, ts_ms)), well])

    def rose_ms(self, well: int, lel: float) -> float:
        """When the gas in a well of the newest run was first `lel` %LEL above its begin; NaN: never."""
        for ts, true in self.trace:
            above = np.flatnonzero(true[:, well] >= self.trace[0][1][0, well] + lel)
            if len(above):
                return float(ts[above[0]])
        return float("nan")

    def fraction(self, *names: object) -> float:
        return fraction(self.seed, "bench", *names)
