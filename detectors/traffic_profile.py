"""What is usual at this hour of the week: level and scale of many channels, by half hour and type of day.

Types of day: Monday to Friday, Saturday, Sunday (local time, UTC+8). Robust recursive M-estimates as in `adaptive.py`
(Huber 1964; Cipra 1992): an incident in the learning time moves the level little. Until a half hour has been seen
enough, the channel's level over all hours stands in, with its wider scale. 144 x 2 float32 a channel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import F64

UTC_MS = 8 * 3_600_000
BINS = 3 * 48
ENOUGH = 20.0  # values of a bin that are trusted
MEMORY = 400.0  # values a bin remembers
CLIP, SIGMA = 3.0, 1.2533


def bin_of(ts_ms: int) -> int:
    """The half hour and type of day of a time.

    >>> bin_of(1_763_856_000_000), bin_of(1_763_769_600_000), bin_of(1_763_942_400_000 + 1_800_000)
    (112, 64, 17)
    """
    local = ts_ms + UTC_MS
    weekday = (local // 86_400_000 + 3) % 7
    return int(48 * max(weekday - 4, 0) + local % 86_400_000 // 1_800_000)


class Profile:
    """`n` channels; `floor` float64[n] or a number: the least scale."""

    def __init__(self, n: int, floor: float) -> None:
        self.floor = floor
        self.level = np.zeros((BINS + 1, n), np.float32)  # the last row: all hours
        self.scale = np.zeros((BINS + 1, n), np.float32)
        self.seen = np.zeros((BINS + 1, n), np.float32)

    def usual(self, b: int) -> tuple[F64, F64]:
        """Level and scale (one sigma) float64[n] of a bin."""
        own = self.seen[b] >= ENOUGH
        level = np.where(own, self.level[b], self.level[BINS]).astype(np.float64)
        scale = np.where(own, self.scale[b], self.scale[BINS]).astype(np.float64)
        return level, np.maximum(SIGMA * scale, self.floor)

    def known(self, b: int) -> Any:
        """bool[n]: the bin has been seen enough."""
        return self.seen[b] >= ENOUGH

    def learn(self, b: int, x: F64, use: Any) -> None:
        """Take in x float64[n] where `use` bool[n]."""
        rows = [b, BINS]
        seen, level, scale = self.seen[rows], self.level[rows], self.scale[rows]
        gain = use / np.minimum(seen + 1.0, MEMORY)
        d = np.where(use, x - level, 0.0)
        bound = np.where(seen < ENOUGH, np.inf, CLIP * np.maximum(SIGMA * scale, self.floor))
        self.level[rows] = level + gain * np.clip(d, -bound, bound)
        self.scale[rows] = scale + np.where(seen > 0, gain, 0.0) * (np.minimum(np.abs(d), bound) - scale)
        self.seen[rows] = seen + use

    def dump(self) -> list[bytes]:
        return [a.tobytes() for a in (self.level, self.scale, self.seen)]

    def load(self, dumped: list[bytes]) -> None:
        shape = self.level.shape
        self.level, self.scale, self.seen = (np.frombuffer(a, np.float32).reshape(shape).copy() for a in dumped)
