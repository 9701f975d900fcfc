"""What a sensor usually reads at this hour of the week: a mean a bin, an offset that follows slowly, and a scale.

    expected(t) = bin(hour of the week) + offset         z = (x - expected) / scale

A bin that has not been seen borrows the mean of the same hour on other days; with fewer than FEWEST days of it there
is no judgement. Bins move by 1/n of a visit's error, at the least a quarter; the offset (a new set point, the season)
has a memory of two days. The scale is a clipped mean absolute error, times 1.2533 for one sigma of a normal.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.group import F64

BINS = 168
HOUR_MS, UTC_OFFSET_MS = 3_600_000, 28_800_000
FEWEST, SLOWEST = 2, 4  # days of an hour, visits of a bin
OFFSET_MS, SCALE_MS = 2 * 86_400_000.0, 7 * 86_400_000.0
SIGMA = 1.2533141373155001
CLIP = 3.0


@jit
def usual_at(place: float, bins: Any, visits: Any, offset: Any, scale: Any, floor: float, out: Any) -> None:
    """out float64[n, 2]: expected value and sigma at `place` (hours of the week from the middle of bin 0)."""
    low = int(place)
    u = place - low
    for i in range(len(offset)):
        usual = 0.0
        for side in range(2):
            k = (low + side) % BINS
            days, twice, total = 0, 0, 0.0
            for j in range(k % 24, BINS, 24):
                if visits[i, j] > 0:
                    days += 1
                    total += bins[i, j]
                    twice = max(twice, 1 if visits[i, j] > 1 else 0)
            if days + twice < FEWEST:
                usual = math.nan
                break
            value = bins[i, k] if visits[i, k] > 0 else total / days
            usual += value * (u if side == 1 else 1.0 - u)
        out[i, 0] = usual + offset[i]
        out[i, 1] = max(scale[i] * SIGMA, floor * abs(out[i, 0]))


@jit
def take_in(
    hour: int, x: Any, expected: Any, calm: Any, step_ms: float, floor: float, bins: Any, visits: Any, filling: Any,
    offset: Any, scale: Any, seen: Any,
) -> None:  # fmt: skip
    """One reading of each sensor: x float64[n] (NaN: none), expected float64[n] (NaN: unknown), calm bool[n]."""
    for i in range(len(x)):
        f = filling[i]
        if f[0] != hour:
            if f[2] > 0.0:
                h = int(f[0]) % BINS
                visits[i, h] += 1
                bins[i, h] += max(1.0 / visits[i, h], 1.0 / SLOWEST) * (f[1] / f[2] - offset[i] - bins[i, h])
            f[0], f[1], f[2] = hour, 0.0, 0.0
        if not calm[i] or not math.isfinite(x[i]):
            continue
        f[1] += x[i]
        f[2] += 1.0
        if not math.isfinite(expected[i]):
            continue
        off = x[i] - expected[i]
        seen[i] += 1.0
        room = CLIP * max(scale[i] * SIGMA, floor * abs(expected[i]))
        size = min(abs(off), room) if seen[i] > 60 else abs(off)
        scale[i] += max(1.0 / seen[i], step_ms / SCALE_MS) * (size - scale[i])
        offset[i] += step_ms / OFFSET_MS * min(max(off, -room), room)


class WeekPattern:
    """Patterns of n sensors: bins float64[n, 168] in their unit, visits int64[n, 168]; `floor` least sigma float64[n]
    as a share of the level."""

    def __init__(self, n: int, step_ms: int, floor: float) -> None:
        self.step_ms, self.floor = step_ms, floor
        self.bins, self.visits = np.zeros((n, BINS)), np.zeros((n, BINS), np.int64)
        self.filling = np.zeros((n, 3))  # hour being filled, sum, n
        self.offset, self.scale, self.seen = np.zeros(n), np.zeros(n), np.zeros(n)

    def expected(self, ts_ms: int) -> tuple[F64, F64]:
        """(expected, sigma) float64[n] for readings at a time; NaN where nothing is known yet."""
        place = ((ts_ms + UTC_OFFSET_MS) / HOUR_MS - 0.5) % BINS
        out = np.empty((len(self.offset), 2))
        usual_at(place, self.bins, self.visits, self.offset, self.scale, self.floor, out)
        return out[:, 0], out[:, 1]

    def learn(self, ts_ms: int, x: F64, expected: F64, calm: Any) -> None:
        """Take in readings float64[n] (NaN: none); those that are not `calm` bool[n] teach nothing."""
        take_in(
            (ts_ms + UTC_OFFSET_MS) // HOUR_MS, x, expected, calm, float(self.step_ms), self.floor, self.bins,
            self.visits, self.filling, self.offset, self.scale, self.seen,
        )  # fmt: skip

    def settle(self, k: int, off: float) -> None:
        """A difference that has lasted is the new usual."""
        self.offset[k] += off

    def dump(self) -> Any:
        parts = (self.bins, self.visits, self.filling, self.offset, self.scale, self.seen)
        return [part.tobytes() for part in parts]

    def load(self, dumped: Any) -> None:
        n = len(self.offset)
        shapes = ((n, BINS), (n, BINS), (n, 3), (n,), (n,), (n,))
        types = (np.float64, np.int64, np.float64, np.float64, np.float64, np.float64)
        if len(dumped) != len(shapes) or len(dumped[0]) != self.bins.nbytes:
            raise ValueError("the pattern is of other members")
        parts = [np.frombuffer(d, t).reshape(s).copy() for d, s, t in zip(dumped, shapes, types, strict=True)]
        self.bins, self.visits, self.filling, self.offset, self.scale, self.seen = parts  # type: ignore[assignment]
