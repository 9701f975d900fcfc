"""Readings of a line's stations on one grid of time, in rings: pressure and flow of all stations side by side.

A second of the grid is handed out when every station that still reports has passed it, or `WAIT_S` after it at the
latest; what comes later is not used. So what is handed out is a function of the log, however it is cut into batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.group import F64, I32, I64, Member
from detectors.pipeline_stations import Station

WAIT_S, SILENT_S = 30.0, 60.0
HOLD_S = 3.0  # a lost reading is bridged so long


@jit
def store(member: Any, ts: Any, values: Any, cell: Any, dt: Any, done: Any, ring: Any, stamps: Any, last: Any) -> None:
    """ring float64[C, N] by cell and time; only what is not handed out yet and fits."""
    n = ring.shape[1]
    for k in range(len(member)):
        c = cell[member[k]]
        if c < 0:
            continue
        b = ts[k] // dt
        if b > done and b < done + n // 2:
            ring[c, b % n] = values[k]
            stamps[c, b % n] = ts[k]
            last[c] = max(last[c], b)


@jit
def bridge(ring: Any, lo: Any, hi: Any, hold: Any, held: Any, age: Any) -> None:
    """Fill lost readings of cells in [lo, hi) with the one before, `hold[c]` samples long; empty what is written next,
    half a turn of the ring ahead."""
    n = ring.shape[1]
    for c in range(ring.shape[0]):
        for b in range(lo, hi):
            v = ring[c, b % n]
            if v == v:
                held[c] = v
                age[c] = 0
            else:
                age[c] += 1
                if age[c] <= hold[c]:
                    ring[c, b % n] = held[c]
            ring[c, (b + n // 2) % n] = np.nan


@jit
def mean(x: Any) -> float:
    """Of what is known in float64[n]; NaN where nothing is."""
    total, n = 0.0, 0
    for v in x:
        if v == v:
            total += v
            n += 1
    return total / n if n > 0 else np.nan


@jit
def cut(ring: Any, cell: Any, lo: Any, hi: Any) -> Any:
    """Buckets [lo, hi) of a cell as float64[hi - lo]."""
    n = ring.shape[1]
    out = np.empty(hi - lo)
    for b in range(lo, hi):
        out[b - lo] = ring[cell, b % n]
    return out


@jit
def four(ring: Any, a: Any, b: Any, stations: Any, lo: Any, hi: Any) -> Any:
    """Pressure of stations a and b, flow of a and b: float64[4, hi - lo]."""
    out = np.empty((4, hi - lo))
    n = ring.shape[1]
    for t in range(lo, hi):
        out[0, t - lo], out[1, t - lo] = ring[a, t % n], ring[b, t % n]
        out[2, t - lo], out[3, t - lo] = ring[a + stations, t % n], ring[b + stations, t % n]
    return out


@jit
def keep(residual: Any, lo: Any, ra: Any, rb: Any, rows: Any) -> Any:
    """Both residuals into float64[2, N] at their buckets; means of r_a, r_b and the four rows."""
    n = residual.shape[1]
    for k in range(len(ra)):
        residual[0, (lo + k) % n], residual[1, (lo + k) % n] = ra[k], rb[k]
    return mean(ra), mean(rb), mean(rows[0]), mean(rows[1]), mean(rows[2]), mean(rows[3])


@jit
def due(used: Any, last: Any, now: Any, silent: Any, latest: Any, done: Any, per: Any) -> int:
    """Steps until the newest bucket that all living cells have passed, or `latest`."""
    ready = -1
    for c in range(len(last)):
        if used[c] and last[c] >= now - silent and (ready < 0 or last[c] < ready):
            ready = last[c]
    return int(max(0, (max(ready, latest) - done) // per))


class Frames:
    """`ring` float64[2 S, N]: pressures, then flows, at bucket % N; `stamps` int64 ms of the readings there.

    `done`: newest bucket handed out, -1: nothing came yet. `memory_s`: how far back the ring must reach.
    """

    def __init__(
        self, members: Sequence[Member], line: Sequence[Station], memory_s: float, step_s: float = 1.0
    ) -> None:
        fastest = min(members[s.pressure].interval_s for s in line)
        self.dt_ms = max(50, round(fastest * 1000))
        self.per = max(1, round(1000 * step_s / self.dt_ms))  # samples of a step
        self.step_s = self.per * self.dt_ms / 1000.0
        self.n = 1 << int(np.ceil(np.log2(2.0 * memory_s * 1000 / self.dt_ms)))  # half back, half ahead
        self.stations = len(line)
        cells = 2 * self.stations
        self.cell = np.full(len(members), -1, np.int64)
        self.hold = np.zeros(cells, np.int64)
        for s, station in enumerate(line):
            for c, k in ((s, station.pressure), (s + self.stations, station.flow)):
                if k >= 0:
                    self.cell[k] = c
                    longest = max(HOLD_S, 2.5 * members[k].interval_s)
                    self.hold[c] = round(longest * 1000 / self.dt_ms)
        self.used = np.zeros(cells, bool)
        self.used[self.cell[self.cell >= 0]] = True
        self.done = -1
        self._empty()

    def _empty(self) -> None:
        cells = 2 * self.stations
        self.ring = np.full((cells, self.n), np.nan)
        self.stamps = np.zeros((cells, self.n), np.int64)
        self.last = np.full(cells, -1, np.int64)
        self.held, self.age = np.full(cells, np.nan), np.full(cells, 1 << 30, np.int64)

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        if self.done < 0:
            mine = self.cell[member] >= 0
            if not mine.any():
                return
            first = int(ts_ms[mine][0]) // self.dt_ms
            self.done = (first // self.per) * self.per - 1
        store(member, ts_ms, values, self.cell, self.dt_ms, self.done, self.ring, self.stamps, self.last)

    def steps(self, now_ms: int) -> tuple[int, bool]:
        """(steps of `per` samples that are due, whether a gap was jumped over). The caller takes them with `take`."""
        if self.done < 0:
            return 0, False
        now = now_ms // self.dt_ms
        latest = now - round(WAIT_S * 1000 / self.dt_ms)
        if now - self.done > self.n // 2:  # nothing came for long, or the clock of the first reading was wrong
            self.done = (latest // self.per) * self.per - 1
            self._empty()
            return 0, True
        silent = round(SILENT_S * 1000 / self.dt_ms)
        return int(due(self.used, self.last, now, silent, latest, self.done, self.per)), False

    def take(self) -> tuple[int, int]:
        """The next step as buckets [lo, hi): lost readings bridged, its place of a turn of the ring ago emptied."""
        lo, hi = self.done + 1, self.done + 1 + self.per
        bridge(self.ring, lo, hi, self.hold, self.held, self.age)
        self.done = hi - 1
        return lo, hi

    def window(self, cell: int, lo: int, hi: int) -> F64:
        """Readings of a cell in buckets [lo, hi): float64[hi - lo]."""
        out: F64 = cut(self.ring, cell, lo, hi)
        return out

    def when(self, station: int, bucket: float) -> float:
        """Time in ms of a place on the grid, by the stamps of the station's pressure."""
        b = int(np.floor(bucket))
        phase = self.stamps[station, b % self.n] - b * self.dt_ms
        return bucket * self.dt_ms + (phase if 0 <= phase < self.dt_ms else 0)

    def dump(self) -> dict[str, Any]:
        return {"dt": self.dt_ms, "n": self.n, "done": self.done, **{k: getattr(self, k).tobytes() for k in _ARRAYS}}

    def load(self, dumped: dict[str, Any]) -> None:
        if (dumped["dt"], dumped["n"]) != (self.dt_ms, self.n):
            raise ValueError("pipeline: state is of another interval")
        self.done = dumped["done"]
        for name in _ARRAYS:
            own = getattr(self, name)
            setattr(self, name, np.frombuffer(dumped[name], own.dtype).reshape(own.shape).copy())


_ARRAYS = ("ring", "stamps", "last", "held", "age")
