"""How many wrong passwords are taken: for a name from one address, from one address, and for a name from anywhere.

Counts are of this process alone: behind several API processes each gives as many tries.
"""

from __future__ import annotations

from collections import defaultdict, deque

TRIES, WINDOW_S = 8, 60.0
_MAX_TRACKED = 10_000


class Throttle:
    """At most `tries` failures in `window_s` for a key; time is an argument.

    >>> t = Throttle(2, 60.0); t.failed("a", 0); t.failed("a", 1); t.wait_s("a", 2)
    58.0
    """

    def __init__(self, tries: int = TRIES, window_s: float = WINDOW_S) -> None:
        self._tries = tries
        self._window_s = window_s
        self._failures: dict[str, deque[float]] = defaultdict(deque)

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until the next try, 0 when it may be now."""
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        while failures and failures[0] <= now - self._window_s:
            failures.popleft()
        if not failures:
            del self._failures[key]
            return 0.0
        return failures[0] + self._window_s - now if len(failures) >= self._tries else 0.0

    def failed(self, key: str, now: float) -> None:
        if len(self._failures) >= _MAX_TRACKED:
            self._failures.pop(next(iter(self._failures)))
        self._failures[key].append(now)

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)


class SignInLimits:
    """The three limits of a sign-in; time is an argument, in seconds."""

    def __init__(self) -> None:
        self._pair = Throttle()
        self._address = Throttle(60, 60.0)  # many names from one place; a duty room shares an address
        self._name = Throttle(100, 3600.0)  # one name from many places (NIST SP 800-63B: at most 100 in a row)

    def wait_s(self, name: str, address: str, now: float) -> float:
        """Seconds until the next try, 0 when it may be now."""
        return max(
            self._pair.wait_s(f"{name}|{address}", now),
            self._address.wait_s(address, now),
            self._name.wait_s(name, now),
        )

    def failed(self, name: str, address: str, now: float) -> bool:
        """Count a wrong password; is this the one after which the next has to wait?"""
        self._pair.failed(f"{name}|{address}", now)
        self._address.failed(address, now)
        self._name.failed(name, now)
        return self.wait_s(name, address, now) > 0

    def succeeded(self, name: str, address: str) -> None:
        self._pair.succeeded(f"{name}|{address}")
        self._name.succeeded(name)
