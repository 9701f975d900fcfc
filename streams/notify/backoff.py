"""When a destination is tried again: exponential waits with full jitter, a circuit breaker, a rate limit. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

FIRST_MS, LONGEST_MS = 1_000, 60_000
OPEN_AFTER = 5  # failures in a row
OPEN_MS, LONGEST_OPEN_MS = 30_000, 300_000


def ceiling_ms(attempts: int) -> int:
    """Longest wait after so many failed attempts: 1 s, 2 s, 4 s … 60 s.

    >>> [ceiling_ms(n) for n in (1, 2, 3, 7, 50)]
    [1000, 2000, 4000, 60000, 60000]
    """
    return min(LONGEST_MS, FIRST_MS << min(max(attempts - 1, 0), 10))


def wait_ms(attempts: int, draw: float) -> int:
    """Full jitter: `draw` in [0, 1) of the ceiling, at least 0.1 s, so that many who failed together come apart.

    Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.

    >>> wait_ms(3, 0.5), wait_ms(1, 0.0)
    (2000, 100)
    """
    return max(100, int(ceiling_ms(attempts) * draw))


@dataclass
class Breaker:
    """Of one destination: `closed` lets all through, `open` none, `half_open` one probe.

    >>> b = Breaker()
    >>> for _ in range(5): b.failed(1000)
    >>> b.state(2000), b.wait_ms(2000), b.state(31_000)
    ('open', 29000, 'half_open')
    >>> b.worked(); b.state(31_001)
    'closed'
    """

    failures: int = 0
    opened: int = 0  # times in a row that it opened
    until_ms: int = 0

    def state(self, now_ms: int) -> str:
        if self.failures < OPEN_AFTER:
            return "closed"
        return "open" if now_ms < self.until_ms else "half_open"

    def wait_ms(self, now_ms: int) -> int:
        """0: may be tried now."""
        return max(0, self.until_ms - now_ms) if self.failures >= OPEN_AFTER else 0

    def worked(self) -> None:
        self.failures = self.opened = self.until_ms = 0

    def failed(self, now_ms: int) -> None:
        self.failures += 1
        if self.failures >= OPEN_AFTER:
            self.until_ms = now_ms + min(LONGEST_OPEN_MS, OPEN_MS << min(self.opened, 8))
            self.opened += 1


@dataclass
class Rate:
    """At most `per_minute` in any minute; 0: no limit. Severity I and II count but never wait.

    >>> r = Rate(2)
    >>> r.take(0), r.take(10), r.wait_ms(20), r.wait_ms(60_000)
    (None, None, 59980, 0)
    """

    per_minute: int
    taken: deque[int] = field(default_factory=deque)

    def wait_ms(self, now_ms: int) -> int:
        while self.taken and self.taken[0] <= now_ms - 60_000:
            self.taken.popleft()
        if not self.per_minute or len(self.taken) < self.per_minute:
            return 0
        return self.taken[-self.per_minute] + 60_000 - now_ms

    def take(self, now_ms: int) -> None:
        self.taken.append(now_ms)
