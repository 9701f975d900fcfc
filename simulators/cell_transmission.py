"""A road direction as cells: Daganzo 1994, *The cell transmission model* (Transportation Research B 28(4)).

Each 62.5 m cell sends min(v k, Q) and receives min(Q, w (kj - k)) vehicles; what passes is the smaller of both. A
bottleneck (fewer vehicles pass at one place) makes the recurring rush-hour jam, a blocked lane lets only a share of
the capacity pass (HCM 2000, exhibit 22-6: 1 of 2 lanes blocked leaves 35 %, 1 of 3 leaves 49 %, 2 of 3 leave 17 %),
and a standing queue discharges less than the capacity (capacity drop; Hall & Agyemang-Duah 1991). On- and off-ramps,
demand by hour and day of the week with noise at 3 s to 1 h, rain, and short disturbances that become moving waves.

Pure function of (road, seed, time, incidents): a local day is computed from 45 min before its midnight, so a queue
that stands longer than that at midnight is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from detectors.compiled import jit
from simulators import noise
from simulators.noise import F64, I64

DT_S = 2.5
CELL_M = 62.5
FREE_KM_H, WAVE_KM_H, JAM_PER_KM = 90.0, 18.0, 130.0  # of a lane
CAPACITY = FREE_KM_H * WAVE_KM_H * JAM_PER_KM / (FREE_KM_H + WAVE_KM_H)  # vehicles an hour and lane
EFFECTIVE_M = 6.5  # vehicle and loop
DROP = 0.07  # of the capacity behind a standing queue
LEFT = {(1, 2): 0.35, (1, 3): 0.49, (2, 3): 0.17}  # (blocked, lanes): share of the capacity that is left
DAY_MS, SPIN_MS, UTC_MS = 86_400_000, 2_700_000, 8 * 3_600_000
WORKDAY = (
    0.16, 0.11, 0.09, 0.09, 0.12, 0.26, 0.55, 0.93, 1.00, 0.82, 0.70, 0.70,
    0.72, 0.70, 0.71, 0.76, 0.86, 0.99, 0.96, 0.72, 0.55, 0.45, 0.34, 0.24,
)  # fmt: skip
RESTDAY = (
    0.20, 0.15, 0.11, 0.10, 0.11, 0.17, 0.29, 0.43, 0.57, 0.70, 0.79, 0.80,
    0.77, 0.74, 0.75, 0.79, 0.82, 0.81, 0.74, 0.63, 0.53, 0.45, 0.36, 0.26,
)  # fmt: skip


class LaneBlock(NamedTuple):
    """Lanes blocked at `chainage_m` for a time; `left` is the share of the capacity that can pass."""

    chainage_m: float
    start_ms: int
    end_ms: int
    left: float


@dataclass(frozen=True)
class Road:
    """One direction. `peak` is the rush-hour demand as a share of the capacity; ramps are (chainage_m, share)."""

    name: str
    stations_m: tuple[float, ...]
    lanes: int = 3
    length_m: float = 8000.0
    peak: float = 0.8
    bottleneck_m: float = -1.0  # < 0: none
    bottleneck: float = 0.84  # share of the capacity that passes there
    on_ramps: tuple[tuple[float, float], ...] = ()
    off_ramps: tuple[tuple[float, float], ...] = ()
    disturbances_per_day: float = 6.0
    rain_days: float = 0.15


@dataclass
class Loops:
    """Readings of all stations: ts_ms int64[T] (end of the interval); occupancy %, km/h, veh/h of all lanes [T, S]."""

    ts_ms: I64
    occupancy: F64
    speed: F64
    flow: F64
    density: F64 = field(repr=False)  # the truth, vehicles a km and lane


@jit
def _run(
    inflow: F64, capacity: F64, ramp_in: F64, ramp_out: F64, squeeze: F64, at: I64, free: float, kept: I64,
    counts: F64, dens: F64,
) -> None:  # fmt: skip
    """Steps: inflow float64[T] veh a step; capacity float64[N+1] veh a step of each border; ramp_in float64[N] share of
    the inflow, ramp_out float64[N] share of the passing flow; squeeze float64[T, B] share of the capacity at border
    at[B]; kept int64[S] cells of the stations; writes counts and dens float64[T, S] (veh a step, veh in a cell)."""
    n = len(ramp_in)
    cells = np.zeros(n)
    out = np.zeros(n + 1)
    cap = np.zeros(n + 1)
    most = capacity[0]
    jam = most * (1.0 / free + 1.0 / WAVE_CELLS)
    waiting = 0.0
    for t in range(len(inflow)):
        cap[:] = capacity
        for b in range(len(at)):
            cap[at[b]] = min(cap[at[b]], capacity[at[b]] * squeeze[t, b])
        waiting += inflow[t]
        out[0] = min(waiting, min(cap[0], WAVE_CELLS * (jam - cells[0])))
        waiting -= out[0]
        for c in range(n):
            limit = cap[c + 1]
            if limit < most * 0.999 and cells[c] > 1.15 * most / free:
                limit *= 1.0 - DROP
            room = WAVE_CELLS * (jam - cells[c + 1]) if c + 1 < n else most
            out[c + 1] = max(min(min(free * cells[c], limit), room), 0.0)
        for c in range(n):
            enters = min(ramp_in[c] * inflow[t], max(WAVE_CELLS * (jam - cells[c]) - out[c], 0.0))
            cells[c] += out[c] * (1.0 - ramp_out[c]) + enters - out[c + 1]
        for s in range(len(kept)):
            counts[t, s] = out[kept[s] + 1]
            dens[t, s] = cells[kept[s]]


WAVE_CELLS = WAVE_KM_H / 3.6 * DT_S / CELL_M  # cells a step


class CellTransmission:
    """Readings of one road's loop stations.

    >>> road = Road("R", (500.0, 1000.0), length_m=1500.0)
    >>> CellTransmission(road, seed=1).loops(1_763_884_800_000, 1_763_884_860_000, 30.0).flow.shape
    (2, 2)
    """

    def __init__(self, road: Road, seed: int = 0) -> None:
        self.road, self.seed = road, seed
        self._cache: dict[tuple[int, tuple[LaneBlock, ...]], tuple[F64, F64, float]] = {}

    def demand(self, ts_ms: I64) -> F64:
        """Vehicles an hour that want to enter: float64[T], before the noise of arrivals."""
        local = ts_ms + UTC_MS
        weekday = (local // DAY_MS + 3) % 7
        shape = np.where(weekday < 5, noise.diurnal(WORKDAY, ts_ms), noise.diurnal(RESTDAY, ts_ms))
        days, inverse = np.unique(local // DAY_MS, return_inverse=True)
        factor = np.array([1.0 + 0.09 * (noise.fraction(self.seed, "day", self.road.name, int(d)) - 0.5) for d in days])
        wander = np.zeros(len(ts_ms))
        for period, sd in ((3600.0, 0.03), (600.0, 0.03), (120.0, 0.05)):
            wander += sd * noise.smooth(self._key(f"wander{period}"), ts_ms, period)[:, 0]
        out: F64 = self.road.peak * CAPACITY * self.road.lanes * shape * factor[inverse] * (1.0 + wander)
        return out

    def loops(self, start_ms: int, end_ms: int, interval_s: float, blocks: Sequence[LaneBlock] = ()) -> Loops:
        """Readings stamped start < ts <= end at multiples of `interval_s` (a multiple of 2.5 s that divides a day)."""
        step = round(interval_s * 1000)
        per = round(interval_s / DT_S)
        parts = []
        first, last = (start_ms + UTC_MS) // DAY_MS, (end_ms - 1 + UTC_MS) // DAY_MS
        for day in range(first, last + 1):
            midnight = day * DAY_MS - UTC_MS
            near = tuple(b for b in blocks if b.start_ms < midnight + DAY_MS and b.end_ms > midnight - SPIN_MS)
            counts, dens, free = self._day(day, near)
            ends = midnight + step * np.arange(1, DAY_MS // step + 1, dtype=np.int64)
            keep = (ends > start_ms) & (ends <= end_ms)
            shape = (len(ends), per, counts.shape[1])
            parts.append(self._measure(
                ends[keep], counts.reshape(shape).sum(axis=1)[keep], dens.reshape(shape).mean(axis=1)[keep],
                interval_s, free,
            ))  # fmt: skip
        return Loops(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _key(self, what: str) -> np.ndarray:
        return np.array([noise.key(self.seed, what, self.road.name)], np.uint64)

    def _day(self, day: int, blocks: tuple[LaneBlock, ...]) -> tuple[F64, F64, float]:
        """(vehicles a step, vehicles in the cell) [T, S] of one local day and the free speed in km/h."""
        if (day, blocks) in self._cache:
            return self._cache[day, blocks]
        road, midnight = self.road, day * DAY_MS - UTC_MS
        dt = round(DT_S * 1000)
        ts = np.arange(midnight - SPIN_MS, midnight + DAY_MS, dt, dtype=np.int64)
        wet = noise.fraction(self.seed, "rain", road.name, day) < road.rain_days
        free_km_h, share = (FREE_KM_H * 0.92, 0.92) if wet else (FREE_KM_H, 1.0)  # HCM 2000, rain
        mean = np.maximum(self.demand(ts), 0.0) * DT_S / 3600.0
        inflow = np.maximum(mean + np.sqrt(mean) * noise.normal(self._key("arrivals"), ts // dt)[:, 0], 0.0)
        n = int(np.ceil(road.length_m / CELL_M))
        most = CAPACITY * road.lanes * DT_S / 3600.0 * share
        capacity = np.full(n + 1, most)
        if road.bottleneck_m >= 0:
            capacity[int(road.bottleneck_m / CELL_M)] *= road.bottleneck
        ramp_in, ramp_out = np.zeros(n), np.zeros(n)
        for chainage, part in road.on_ramps:
            ramp_in[int(chainage / CELL_M)] = part
        for chainage, part in road.off_ramps:
            ramp_out[int(chainage / CELL_M)] = part
        holds = [*blocks, *self._disturbances(day, midnight)]
        at = np.array([min(int(b.chainage_m / CELL_M), n) for b in holds], np.int64)
        squeeze = np.ones((len(ts), len(holds)))
        for k, b in enumerate(holds):
            squeeze[(ts >= b.start_ms) & (ts < b.end_ms), k] = b.left
        kept = np.array([min(int(x / CELL_M), n - 1) for x in road.stations_m], np.int64)
        counts, dens = np.empty((len(ts), len(kept))), np.empty((len(ts), len(kept)))
        free = free_km_h / 3.6 * DT_S / CELL_M
        _run(inflow, capacity, ramp_in, ramp_out, squeeze, at, free, kept, counts, dens)
        spin = SPIN_MS // dt
        got = (counts[spin:], dens[spin:], free_km_h)
        if len(self._cache) > 8:
            self._cache.clear()
        self._cache[day, blocks] = got
        return got

    def _disturbances(self, day: int, midnight: int) -> list[LaneBlock]:
        """Short brakings that are no incident: 40 % of the capacity is gone for 40 to 80 s."""
        out = []
        for k in range(int(self.road.disturbances_per_day)):
            u = [noise.fraction(self.seed, "brake", self.road.name, day, k, part) for part in range(3)]
            start = midnight + int(u[0] * DAY_MS)
            out.append(LaneBlock(u[1] * self.road.length_m, start, start + int((40 + 40 * u[2]) * 1000), 0.6))
        return out

    def _measure(self, ts: I64, count: F64, cell: F64, interval_s: float, free: float) -> tuple[Any, ...]:
        """What the loops say: whole vehicles, 5 % miscounting variance, speeds of single drivers, mixed lengths."""
        names = [f"{self.road.name}/{k}" for k in range(count.shape[1])]
        ticks = ts // 2500
        z = [noise.normal(noise.keys(self.seed, names, what), ticks) for what in ("count", "drivers", "lengths")]
        u = noise.uniform(noise.keys(self.seed, names, "phase"), ticks)
        seen = np.maximum(np.floor(count + u) + np.rint(np.sqrt(0.05 * count) * z[0]), 0.0)
        density = cell / (CELL_M / 1000.0) / self.road.lanes
        flow = count * 3600.0 / interval_s / self.road.lanes
        full = np.minimum(flow / CAPACITY, 1.0)
        true = np.minimum(free * (1.0 - 0.12 * full**2), flow / np.maximum(density, 1e-6))
        n = np.maximum(seen, 1.0)
        speed = np.where(seen > 0, np.clip(true + (4.0 + 0.05 * true) * z[1] / np.sqrt(n), 2.0, 180.0), np.nan)
        part = np.where(count > 0.5, np.minimum(seen / np.maximum(count, 0.5), 2.0), seen)
        wide = np.where(density > 45.0, 1.0, part)  # a standing queue covers the loop whether or not a car is counted
        occupancy = np.clip(density * EFFECTIVE_M / 10.0 * wide * (1.0 + 0.25 * z[2] / np.sqrt(n + 3.0)), 0.0, 100.0)
        return ts, np.round(occupancy, 1), np.round(speed, 1), seen * 3600.0 / interval_s, density
