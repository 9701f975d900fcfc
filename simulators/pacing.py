"""Pacing without drift: each step is due at start + n x period, never at "now + period"."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_S = 0.1  # how often a pause is looked at


class Pacer:
    """Maps event time to wall time: an event at `event_ms` is due at `wall0 + (event_ms - event0_ms) / speed`.

    `speed` 0 means as fast as it goes. `clock` (seconds) and `sleep` can be replaced, so tests need no waiting; a
    `sleep` that answers True ends the wait early.
    """

    def __init__(
        self,
        event0_ms: int,
        speed: float = 1.0,
        *,
        wall0: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if speed < 0:
            raise ValueError(f"speed {speed} is negative")
        self.event0_ms, self.speed = event0_ms, speed
        self.clock, self.sleep = clock, sleep
        self.wall0 = clock() if wall0 is None else wall0
        self.worst_late_s = 0.0
        self._paused: float | None = None

    def due(self, event_ms: int) -> float:
        """Wall time of an event, on the pacer's clock."""
        return self.wall0 + ((event_ms - self.event0_ms) / 1000.0 / self.speed if self.speed else 0.0)

    def pause(self) -> None:
        """Hold, or go on: the events that follow are due later by the time of the pause."""
        if self._paused is None:
            self._paused = self.clock()
        else:
            self.wall0 += self.clock() - self._paused
            self._paused = None

    async def until(self, event_ms: int) -> float:
        """Wait until the event is due; returns how late it is in seconds (≥ 0)."""
        while self._paused is not None:
            if await self.sleep(LOOK_S) is True:
                return 0.0
        if not self.speed:
            return 0.0
        due = self.due(event_ms)
        while (left := due - self.clock()) > 0:
            if await self.sleep(left if self._paused is None else LOOK_S) is True:
                break
            due = self.due(event_ms) if self._paused is None else self.clock() + LOOK_S
        late = max(self.clock() - due, 0.0)
        self.worst_late_s = max(self.worst_late_s, late)
        return late
