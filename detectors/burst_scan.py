"""Is there a sudden lasting rise? Means over several trailing windows, each in the scale learned for that window.

Page's CUSUM is the largest log likelihood ratio over all moments at which the change may have begun (Page 1954; Lorden
1971). Its usual thresholds hold for independent residuals; demand wanders for quarters of an hour, and an alarm rate
chosen for white noise is missed by orders of magnitude. So the moments are put on a grid (2, 4, 8, 15, 30 minutes ago)
and the scale of each window's mean is learned from the zone itself, by part of the day: what correlation there is,
is in it. A burst of any size is seen by the window that fits it: strong ones in the shortest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from detectors.group import F64

WINDOWS_MIN = (2.0, 4.0, 8.0, 15.0, 30.0)
PARTS = 4  # night, morning rise, day, evening
MEMORY_MS = 7 * 86_400_000.0 / PARTS
CLIP = 3.0
FEWEST = 60
SIGMA = 1.2533141373155001  # mean absolute deviation to sigma of a normal


class Peak(NamedTuple):
    """The window that stands out most: z in its own scale, its mean, its scale, length in frames."""

    z: float
    mean: float
    scale: float
    frames: int


def part_of_day(minute: float) -> int:
    """0 night (0-5 h), 1 morning (5-10 h), 2 day (10-17 h), 3 evening."""
    return 0 if minute < 300 else 1 if minute < 600 else 2 if minute < 1020 else 3


class Scan:
    """Residuals of one signal, newest last; `floor` is the least scale in the residual's unit."""

    def __init__(self, step_ms: int, floor: float) -> None:
        frames = sorted({max(1, round(w * 60_000 / step_ms)) for w in WINDOWS_MIN})
        self.windows = np.array([n for n in frames if n > 1 or step_ms > 60_000], np.int64)
        self.step_ms, self.floor = step_ms, floor
        self.ring: list[float] = []
        self.scale, self.n = np.full((PARTS, len(self.windows)), floor), np.zeros((PARTS, len(self.windows)))

    def push(self, residual: float) -> F64:
        """Take in a residual; the means float64[W] of the windows, NaN where too short."""
        self.ring.append(residual)
        del self.ring[: -int(self.windows[-1])]
        sums = np.cumsum(np.array(self.ring[::-1]))
        have = self.windows <= len(sums)
        out: F64 = np.where(have, sums[np.minimum(self.windows, len(sums)) - 1] / self.windows, np.nan)
        return out

    def sigma(self, part: int) -> F64:
        out: F64 = np.maximum(self.scale[part] * SIGMA, self.floor / np.sqrt(self.windows))
        return out

    def peak(self, means: F64, part: int) -> Peak:
        """The window with the largest z; z is 0 while the part of the day is new."""
        sigma = self.sigma(part)
        z = np.where((self.n[part] >= FEWEST) & np.isfinite(means), means / sigma, -np.inf)
        k = int(np.argmax(z))
        best = float(z[k]) if np.isfinite(z[k]) else 0.0
        return Peak(best, float(means[k]), float(sigma[k]), int(self.windows[k]))

    def learn(self, means: F64, part: int) -> None:
        """The means of a calm frame teach the scales."""
        on = np.isfinite(means)
        self.n[part] += on
        size = np.abs(np.where(on, means, 0.0))
        clipped = np.where(self.n[part] > FEWEST, np.minimum(size, CLIP * self.sigma(part)), size)
        rate = np.maximum(1.0 / np.maximum(self.n[part], 1.0), self.step_ms / MEMORY_MS)
        self.scale[part] += np.where(on, rate * (clipped - self.scale[part]), 0.0)

    def dump(self) -> Any:
        return [list(self.ring), self.scale.tobytes(), self.n.tobytes()]

    def load(self, dumped: Any) -> None:
        self.ring, scale, n = list(dumped[0]), dumped[1], dumped[2]
        self.scale = np.frombuffer(scale).reshape(self.scale.shape).copy()
        self.n = np.frombuffer(n).reshape(self.n.shape).copy()
