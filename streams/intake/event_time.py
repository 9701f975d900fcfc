"""Time in a run: told by the recording's own clock, between its rows, the same however the rows are cut into messages.

Live, the packer tells the time every `tick_s`, so a sensor that falls silent is found while it is silent. A replay has
no clock but the rows. Here time is told on a grid: whenever the newest row passes into the next step, before that row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from geo.assets import Sensor, Zone
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


class Turn(NamedTuple):
    """What a partition is given next: its rows first..last-1 (none where they are equal), then a time to tell."""

    partition: int
    first: int
    last: int
    tick: int | None = None


def in_turn(clock: EventClock, ts_ms: I64, parts: Sequence[tuple[int, I64]], end_ms: int = 0) -> Iterator[Turn]:
    """Rows and time of one domain of a run, in the order in which its partitions get them.

    `parts` are (partition, int64[k]: which of the rows are its own, rising); `first` and `last` of a turn count
    in them. Every partition is told every time. `end_ms`: the end of the recording, 0 before it.

    >>> [tuple(t) for t in in_turn(EventClock(10), np.array([101, 112]), [(0, np.array([0, 1]))], 112)]
    [(0, 0, 0, 100), (0, 0, 1, 110), (0, 1, 2, 112)]
    """
    rows = (0, 0)
    for first, last, ticks in [*clock.turns(ts_ms), (0, 0, clock.close(end_ms))]:
        for p, mine in parts:
            a, b = np.searchsorted(mine, rows).tolist()
            if b > a:
                yield Turn(p, a, b, ticks[0] if ticks else None)
            for tick in ticks[1:] if b > a else ticks:
                yield Turn(p, 0, 0, tick)
        rows = (first, last)


def step_ms(sensors: Iterable[Sensor], domain: str, least_s: float) -> int:
    """The shortest interval of the domain's sensors: nobody is silent for less. At least `least_s` seconds."""
    shortest = min((s.interval_s for s in sensors if s.domain == domain), default=least_s)
    return max(1, round(max(shortest, least_s) * 1000))


def partitions_of(zones: Iterable[Zone], domain: str) -> list[int]:
    """The detect partitions that have zones of a domain."""
    return sorted({z.partition for z in zones if z.domain == domain})


def section(cols: Columns, first: int, last: int) -> Columns:
    """Rows first..last-1. A short list of sensors is kept whole: finding those in use would cost more than it saves."""
    if last - first == len(cols):
        return cols
    if len(cols.sensors) > 8 + 2 * (last - first):
        return cols.take(np.arange(first, last))
    return cols.pick(slice(first, last))


def closing(value: bytes) -> int:
    """The time (ms) that a message without rows tells as the end of a recording; 0 for any other message."""
    try:
        packed = unpack(value)
    except CodecError:
        return 0
    return packed.tick or 0 if not len(packed.cols) else 0
