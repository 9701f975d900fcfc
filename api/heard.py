"""When each sensor was last heard, and its newest reading: one row a sensor number, kept beside the history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEVER = -1


class Last(NamedTuple):
    """Epoch ms of the newest reading and of its arrival (None: before this process began), and its value."""

    ts_ms: int
    heard_ms: int | None
    value: float | None


class Heard:
    """`take` in one thread; `last` in any."""

    def __init__(self) -> None:
        self._ts = np.full(1024, NEVER, np.int64)
        self._heard = np.full(1024, NEVER, np.int64)
        self._value = np.full(1024, np.nan)

    def known(self, rows: Iterable[tuple[int, int]]) -> None:
        """(sensor number, ts_ms of the newest reading) of what was stored before."""
        for number, ts in rows:
            self._grow(number + 1)
            self._ts[number] = max(self._ts[number], ts)

    def take(self, sensor: NDArray[np.int64], ts: NDArray[np.int64], value: NDArray[np.float64], now_ms: int) -> None:
        """Readings int64[n], int64[n], float64[n] in their order of arrival; an older one moves only `heard`.

        >>> h = Heard(); h.take(np.array([3, 3]), np.array([20, 10]), np.array([2.0, 1.0]), 50); h.last(3)
        Last(ts_ms=20, heard_ms=50, value=2.0)
        """
        if not len(sensor):
            return
        self._grow(int(sensor.max()) + 1)
        order = np.argsort(ts, kind="stable")  # of equal sensors the newest is written last
        s, t, v = sensor[order], ts[order], value[order]
        fresh = t >= self._ts[s]
        self._ts[s[fresh]], self._value[s[fresh]] = t[fresh], v[fresh]
        self._heard[sensor] = now_ms

    def last(self, number: int) -> Last | None:
        """None for a sensor that was never heard."""
        if number >= len(self._ts) or self._ts[number] == NEVER:
            return None
        heard, value = int(self._heard[number]), float(self._value[number])
        return Last(int(self._ts[number]), None if heard == NEVER else heard, None if np.isnan(value) else value)

    def _grow(self, need: int) -> None:
        if need > len(self._ts):
            more = max(need, 2 * len(self._ts)) - len(self._ts)
            self._ts = np.append(self._ts, np.full(more, NEVER, np.int64))
            self._heard = np.append(self._heard, np.full(more, NEVER, np.int64))
            self._value = np.append(self._value, np.full(more, np.nan))
