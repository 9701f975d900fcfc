"""What a zone usually takes at this time of the day: a learned pattern for workdays and free days, and a fast level.

    expected(t) = pattern[type of day](time of day) * (1 + level)

The pattern has quarter hours, straight lines between their middles, and moves by 1/n of a day's value, at the least a
tenth (recent days). The level follows the last hour (weather, guests, a neighbour's tank), so that only what is
*sudden* is left over. Free days are weekends and the feasts of `water_calendar`. A free day that has not been seen
borrows the workday's pattern, but is not trusted by day. The idea of comparing with recent days of the same type:
Wu & Liu 2017, *A review of data-driven approaches for burst detection*, Urban Water Journal 14(9).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors import water_calendar as calendar
from detectors.group import F64

SLOTS = 96
SLOT_MIN = 1440.0 / SLOTS
FEWEST, SLOWEST = 2, 10  # days seen before a pattern is trusted; its memory in days
NIGHT_TO_MIN = 300.0
LEVEL_MS = 3_600_000.0
CLIP = 0.08  # a frame moves the level at most as if it were this far off
MOST = 0.6


class Profile:
    """Pattern float64[2, 96] in the unit of the balance, days seen int64[2, 96]."""

    def __init__(self) -> None:
        self.pattern = np.zeros((2, SLOTS))
        self.days = np.zeros((2, SLOTS), np.int64)
        self.level = 0.0
        self.open = np.array([-1.0, 0.0, 0.0])  # the slot being filled: local slot number, sum, n
        self.last_ms = 0

    def expected(self, ts_ms: int) -> tuple[float, bool]:
        """(expected value, trusted) at a time; (nan, False) while nothing is known."""
        kind = self._type(ts_ms)
        place = calendar.local_minute(ts_ms) / SLOT_MIN - 0.5
        low = int(np.floor(place))
        u = place - low
        a, b = low % SLOTS, (low + 1) % SLOTS
        night = calendar.local_minute(ts_ms) < NIGHT_TO_MIN
        own = self.days[kind]
        if own[a] < 1 or own[b] < 1:
            kind, own = 1 - kind, self.days[1 - kind]
            if own[a] < 1 or own[b] < 1:
                return float("nan"), False
            trusted = bool(night and min(own[a], own[b]) >= FEWEST)
        else:
            trusted = bool(min(own[a], own[b]) >= FEWEST or (night and self.days[:, a].sum() > FEWEST))
        usual = self.pattern[kind, a] * (1.0 - u) + self.pattern[kind, b] * u
        return float(usual * (1.0 + self.level)), trusted

    def learn(self, ts_ms: int, value: float, expected: float, calm: bool) -> None:
        """Take in a frame; one that is not `calm` teaches the pattern and the level nothing."""
        step_ms = min(max(ts_ms - self.last_ms, 0), LEVEL_MS) if self.last_ms else 0.0
        self.last_ms = ts_ms
        slot = (ts_ms + calendar.UTC_OFFSET_MS) // round(SLOT_MIN * 60_000)
        if slot != self.open[0]:
            self._close()
            self.open[:] = (slot, 0.0, 0.0)
        if not calm:
            return
        self.open[1] += value
        self.open[2] += 1.0
        if np.isfinite(expected) and expected > 0.0:
            off = value / expected - 1.0
            self.level += min(step_ms / LEVEL_MS, 1.0) * min(max(off, -CLIP), CLIP)
            self.level = min(max(self.level, -MOST), MOST)

    def _close(self) -> None:
        """A quarter of an hour is over: its mean moves the pattern."""
        slot, total, n = self.open
        if n <= 0.0:
            return
        when = int(slot * SLOT_MIN * 60_000) - calendar.UTC_OFFSET_MS
        kind, k = self._type(when), int(slot) % SLOTS
        if calendar.feast(calendar.local_day(when)) is not None and self.days[kind, k] > 0:
            return  # guests are no pattern
        self.days[kind, k] += 1
        self.pattern[kind, k] += max(1.0 / self.days[kind, k], 1.0 / SLOWEST) * (total / n - self.pattern[kind, k])

    def _type(self, ts_ms: int) -> int:
        return 0 if calendar.day_type(calendar.local_day(ts_ms)) == calendar.WORKDAY else 1

    def mean(self) -> float:
        """Mean of the pattern over a day, 0 while unknown."""
        seen: F64 = self.pattern[self.days > 0]
        return float(seen.mean()) if len(seen) else 0.0

    def dump(self) -> Any:
        return [self.pattern.tobytes(), self.days.tobytes(), self.level, self.open.tolist(), self.last_ms]

    def load(self, dumped: Any) -> None:
        pattern, days, self.level, opened, self.last_ms = dumped
        self.pattern = np.frombuffer(pattern).reshape(2, SLOTS).copy()
        self.days = np.frombuffer(days, np.int64).reshape(2, SLOTS).copy()
        self.open = np.array(opened)
