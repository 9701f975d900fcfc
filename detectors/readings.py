"""Readings of some members of a zone that wait until late ones can no longer come: then in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.group import F64, I32, I64, Member

LEAST_WAIT_S = 5.0


class Readings:
    """Readings of `members[k]` for k in `mine`, told as 0 .. len(mine) - 1, times their `scale`."""

    def __init__(self, members: Sequence[Member], mine: Sequence[int], scale: Sequence[float]) -> None:
        self.slot = np.full(len(members), -1, np.int32)
        self.slot[list(mine)] = np.arange(len(mine), dtype=np.int32)
        self.scale = np.array(scale, np.float64)
        waits = [max(2.0 * members[k].interval_s, members[k].upload_s, LEAST_WAIT_S) for k in mine]
        self.wait_ms = round(max(waits) * 1000)
        self.held: list[tuple[I32, I64, F64]] = []

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        """As `GroupDetector.add`."""
        who = self.slot[member]
        mine = who >= 0
        if mine.any():
            self.held.append((who[mine], ts_ms[mine], values[mine] * self.scale[who[mine]]))

    def due(self, now_ms: int) -> tuple[I32, I64, F64]:
        """(who, time, value) of all readings up to `wait_ms` before the tick, by time, member and value."""
        if not self.held:
            return np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0)
        who, ts, x = (np.concatenate([part[k] for part in self.held]) for k in range(3))
        order = np.lexsort((x, who, ts))
        who, ts, x = who[order], ts[order], x[order]
        n = int(np.searchsorted(ts, now_ms - self.wait_ms, "right"))
        self.held = [(who[n:], ts[n:], x[n:])] if n < len(ts) else []
        return who[:n], ts[:n], x[:n]

    def dump(self) -> Any:
        return [[a.tobytes() for a in part] for part in self.held]

    def load(self, dumped: Any) -> None:
        self.held = [(np.frombuffer(a, np.int32), np.frombuffer(b, np.int64), np.frombuffer(c)) for a, b, c in dumped]
