"""Readings of a zone cut into frames of equal length: mean, smallest and largest value a member.

A frame is (end - step, end], so that a reading stamped with the full minute closes its own frame. It closes when every
key member (the meters of the balance) has told of its end or a later time, or at a tick `lateness` beyond the end once
somebody has told of it (bounded out-of-orderness, Akidau et al. 2015, *The Dataflow Model*). Within a frame a reading
of a member that is not newer than the member's newest is a repetition and does not count. Memory: `depth` frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.compiled import jit
from detectors.group import F64, I32, I64, Member

LATENESS_MS = 30_000
SLACK = 64  # frames beyond what lateness needs
CLOSED, NEWEST, LATE, AHEAD, PENDING = range(5)


class Frame(NamedTuple):
    """One closed frame: `mean`, `low`, `high` float64[M], NaN for members without a reading."""

    end_ms: int
    mean: F64
    low: F64
    high: F64


@jit
def store(member: Any, ts_ms: Any, values: Any, step: int, cells: Any, stamps: Any, newest: Any, state: Any) -> None:
    """cells float64[depth, M, 4] (sum, n, low, high), stamps int64[depth, M], newest int64[M], state int64[5]."""
    depth = cells.shape[0]
    for i in range(len(member)):
        m, ts, x = member[i], ts_ms[i], values[i]
        k = (ts - 1) // step
        if state[CLOSED] < 0 or (k > state[CLOSED] + depth and state[PENDING] == 0):
            state[CLOSED] = k - 1
        if k <= state[CLOSED]:
            state[LATE] += 1
            continue
        if k > state[CLOSED] + depth:
            state[AHEAD] += 1
            continue
        if ts > newest[m]:
            newest[m] = ts
        state[NEWEST] = max(state[NEWEST], k)
        slot = k % depth
        if ts <= stamps[slot, m]:
            continue
        stamps[slot, m] = ts
        c = cells[slot, m]
        if c[1] == 0:
            c[2] = c[3] = x
        c[0] += x
        c[1] += 1
        c[2] = min(c[2], x)
        c[3] = max(c[3], x)
        state[PENDING] += 1


class Frames:
    """Open frames of one zone.

    >>> f = Frames([Member("a", "flow", 60.0, 1)], 60_000)
    >>> f.add(np.zeros(3, np.int32), np.array([60_000, 120_000, 180_000]), np.array([5.0, 7.0, 8.0]))
    >>> [(x.end_ms, float(x.mean[0])) for x in f.due(180_000)]  # the first is not whole
    [(120000, 7.0), (180000, 8.0)]
    """

    def __init__(self, members: Sequence[Member], step_ms: int) -> None:
        self.step_ms = step_ms
        meters = [k for k, m in enumerate(members) if m.flow_sign]
        self.keys = np.array(meters or [k for k, m in enumerate(members) if m.kind == "pressure"], np.int64)
        upload_ms = max((members[k].upload_s for k in self.keys), default=0.0) * 1000.0
        self.lateness_ms = max(LATENESS_MS, round(upload_ms))
        depth, n = self.lateness_ms // step_ms + SLACK, len(members)
        self.cells, self.stamps = np.zeros((depth, n, 4)), np.zeros((depth, n), np.int64)
        self.newest, self.state = np.zeros(n, np.int64), np.array([-1, -1, 0, 0, 0], np.int64)

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        """As `GroupDetector.add`."""
        store(member, ts_ms, values, self.step_ms, self.cells, self.stamps, self.newest, self.state)

    def due(self, now_ms: int) -> list[Frame]:
        """The frames that close at tick `now_ms`, oldest first; empty ones are left out."""
        state, step = self.state, self.step_ms
        if state[CLOSED] < 0:
            return []
        told = int(self.newest[self.keys].min()) // step - 1 if len(self.keys) else -1  # frames all meters told of
        last = min(max(told, (now_ms - self.lateness_ms) // step - 1), int(state[NEWEST]))
        out = []
        for k in range(int(state[CLOSED]) + 1, last + 1):
            slot = k % len(self.cells)
            c = self.cells[slot]
            n = c[:, 1]
            if n.any():
                with np.errstate(invalid="ignore"):
                    mean = c[:, 0] / n
                none = n == 0
                out.append(
                    Frame((k + 1) * step, mean, np.where(none, np.nan, c[:, 2]), np.where(none, np.nan, c[:, 3]))
                )
                state[PENDING] -= int(n.sum())
                c[:] = 0.0
                self.stamps[slot] = 0
        state[CLOSED] = max(int(state[CLOSED]), last)
        if state[CLOSED] * step > now_ms + 3_600_000:  # a clock that runs ahead must not silence the zone
            self._clear(now_ms // step - 1)
        return out

    def _clear(self, closed: int) -> None:
        self.cells[:] = 0.0
        self.stamps[:] = 0
        self.newest[:] = 0
        self.state[CLOSED] = self.state[NEWEST] = closed
        self.state[PENDING] = 0

    def dump(self) -> Any:
        parts = (self.cells, self.stamps, self.newest, self.state)
        return [self.step_ms, *(part.tobytes() for part in parts)]

    def load(self, dumped: Any) -> None:
        step_ms, cells, stamps, newest, state = dumped
        if step_ms != self.step_ms or len(cells) != self.cells.nbytes or len(newest) != self.newest.nbytes:
            raise ValueError("the frames are of other members")
        self.cells = np.frombuffer(cells).reshape(self.cells.shape).copy()
        self.stamps = np.frombuffer(stamps, np.int64).reshape(self.stamps.shape).copy()
        self.newest, self.state = np.frombuffer(newest, np.int64).copy(), np.frombuffer(state, np.int64).copy()
