"""Signing in, and who is calling.

`Auth.sign_in` and `refresh` give tokens; `Auth.principal` is asked by the one middleware that guards all of
`/api/v1` (`api.guard`). After too many wrong passwords for a name from one address both wait.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

from api import devices, tokens, units, users
from api.errors import Problem
from api.roles import Principal
from api.store import Store

TRIES = 8
WINDOW_S = 60.0
_MAX_TRACKED = 10_000
_CACHE_S = 2.0


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


@dataclass(frozen=True)
class Tokens:
    """The answer of a sign-in."""

    access_token: str
    refresh_token: str
    expires_in: int
    user: users.User

    def public(self) -> dict[str, Any]:
        return {
            "access_token": self.access_token,
            "token_type": "bearer",
            "expires_in": self.expires_in,
            "refresh_token": self.refresh_token,
            "user": {"user": self.user.name, "role": self.user.role, "unit": self.user.unit},
        }


class Auth:
    """Accounts and tokens of one store. Methods block shortly (argon2, SQL): call them in a thread."""

    def __init__(self, store: Store, key: str, life_s: int, demo: bool = False) -> None:
        self._store = store
        self._key = key
        self._life_s = life_s
        self._demo = demo
        self._throttle = Throttle()
        self._cache: dict[str, tuple[float, users.User | None]] = {}
        self._seen: dict[str, tuple[float, Principal]] = {}
        self._devices = devices.DeviceTokens(store)
        self.failures = 0

    def sign_in(self, name: str, password: str, address: str) -> Tokens:
        """Raises Problem 401 for a wrong name or password, 429 after too many."""
        key = f"{name[:64]}|{address}"
        now = time.monotonic()
        wait = self._throttle.wait_s(key, now)
        if wait > 0:
            raise Problem(429, "too many wrong passwords; try again later", {"Retry-After": str(int(wait) + 1)})
        user = users.get(self._store, name[:64])
        if not users.verify(user, password) or user is None or not self._allowed(user):
            self._throttle.failed(key, now)
            self.failures += 1
            raise Problem(401, "wrong user name or password", {"WWW-Authenticate": "Bearer"})
        self._throttle.succeeded(key)
        return self._tokens(user)

    def refresh(self, token: str) -> Tokens:
        """Raises Problem 401 for a token that is unknown, old or used before."""
        spent = tokens.spend(self._store, token)
        user = users.get(self._store, spent[0]) if spent else None
        if spent is None or user is None or user.generation != spent[1] or not self._allowed(user):
            raise Problem(401, "the refresh token is not valid; sign in again", {"WWW-Authenticate": "Bearer"})
        return self._tokens(user, spent[2])

    def _tokens(self, user: users.User, family: str = "") -> Tokens:
        access = tokens.access_token(self._key, user, self._life_s)
        return Tokens(access, tokens.refresh_token(self._store, user, family), self._life_s, user)

    def _allowed(self, user: users.User) -> bool:
        return self._demo or not user.demo

    def at_once(self, token: str) -> tuple[bool, Principal | None]:
        """(is this the answer?, caller) from memory alone; where it is not the answer, ask `principal` in a thread."""
        now = time.monotonic()
        if token.startswith(devices.PREFIX):
            return self._devices.at_once(token, now)
        seen = self._seen.get(token)
        return (True, seen[1]) if seen is not None and seen[0] > now - _CACHE_S else (False, None)

    def principal(self, token: str) -> Principal | None:
        """The caller of an access or device token; None where it is not (or no longer) good."""
        if token.startswith(devices.PREFIX):
            return self._devices.find(token, time.monotonic())
        claims = tokens.read_access_token(self._key, token)
        if claims is None:
            return None
        name, generation = claims
        now = time.monotonic()
        seen = self._cache.get(name)
        if seen is None or seen[0] < now - _CACHE_S:
            if len(self._cache) > _MAX_TRACKED:
                self._cache.clear()
            seen = self._cache[name] = (now, users.get(self._store, name))
        user = seen[1]
        if user is None or user.generation != generation or not self._allowed(user):
            return None
        caller = Principal(user.name, user.role, user.unit, units.prefix(user.unit))
        if len(self._seen) > _MAX_TRACKED:
            self._seen.clear()
        self._seen[token] = (seen[0], caller)
        return caller
