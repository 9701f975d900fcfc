"""Time in a run: told by the recording's own clock, between its rows, the same however the rows are cut into messages.

Live, the packer tells the time every `tick_s`, so a sensor that falls silent is found while it is silent. A replay has
no clock but the rows. Here time is told on a grid: whenever the newest row passes into the next step, before that row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from geo.assets import Sensor
from streams.columns import I64, Columns
from streams.packed import CodecError, unpack

FINE = 64  # steps of a silence that are all told; after that each is twice as long as the one before


class EventClock:
    """Time reached in one domain of a run, in steps of `step_ms`."""

    def __init__(self, step_ms: int) -> None:
        self.step_ms = step_ms
        self._slot: int | None = None

    def turns(self, ts_ms: I64) -> Iterator[tuple[int, int, list[int]]]:
        """(first row, end row, times to tell before them) for rows in the order of the log.

        >>> list(EventClock(10).turns(np.array([101, 105, 104, 131])))
        [(0, 3, [100]), (3, 4, [110, 120, 130])]
        """
        if not len(ts_ms):
            return
        slots = np.maximum.accumulate(ts_ms) // self.step_ms
        if self._slot is not None:
            slots = np.maximum(slots, self._slot)
        edges = [0, *(np.flatnonzero(np.diff(slots)) + 1).tolist(), len(ts_ms)]
        for first, end in pairwise(edges):
            yield first, end, self._advance(int(slots[first]))

    def close(self, ts_ms: int) -> list[int]:
        """Times to tell at the end of the recording, which is at `ts_ms`."""
        if not ts_ms:
            return []
        ticks = self._advance(ts_ms // self.step_ms)
        return ticks if ticks[-1:] == [ts_ms] else [*ticks, ts_ms]

    def _advance(self, slot: int) -> list[int]:
        before, self._slot = self._slot, slot if self._slot is None else max(slot, self._slot)
        if before is None:
            return [slot * self.step_ms]
        n = slot - before
        steps = list(range(1, min(n, FINE) + 1))
        while steps and steps[-1] < n:
            steps.append(min(steps[-1] * 2, n))
        return [(before + k) * self.step_ms for k in steps]


def step_ms(sensors: Iterable[Sensor], domain: str, least_s: float) -> int:
    """The shortest interval of the domain's sensors: nobody is silent for less. At least `least_s` seconds."""
    shortest = min((s.interval_s for s in sensors if s.domain == domain), default=least_s)
    return max(1, round(max(shortest, least_s) * 1000))


def section(cols: Columns, first: int, last: int) -> Columns:
    """Rows first..last-1. A short list of sensors is kept whole: finding those in use would cost more than it saves."""
    if last - first == len(cols):
        return cols
    if len(cols.sensors) > 8 + 2 * (last - first):
        return cols.take(np.arange(first, last))

    def cut(column: Any) -> Any:
        return None if column is None else column[first:last]

    return Columns(
        cols.sensors, cols.idx[first:last], cols.ts_ms[first:last], cols.value[first:last], cols.metrics,
        cut(cols.metric_idx), cut(cols.lon), cut(cols.lat), cut(cols.accuracy), cut(cols.quality),
    )  # fmt: skip


def closing(value: bytes) -> int:
    """The time (ms) that a message without rows tells as the end of a recording; 0 for any other message."""
    try:
        packed = unpack(value)
    except CodecError:
        return 0
    return packed.tick or 0 if not len(packed.cols) else 0
