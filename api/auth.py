"""Signing in, and who is calling.

`Auth.sign_in` and `refresh` give tokens, `sign_out` ends them; `Auth.principal` is asked by the one middleware that
guards all of `/api/v1` (`api.guard`). After too many wrong passwords (`api.throttle`) a name and an address wait.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

from api import api_tokens, audit_note, devices, tokens, units, users
from api.errors import Problem
from api.oidc_claims import Account
from api.roles import Principal
from api.store import Store
from api.throttle import SignInLimits
from streams.errors import UsageError

_MAX_TRACKED = 10_000
_CACHE_S = 2.0


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
            "user": {k: v for k, v in self.user.public().items() if k != "demo"},
        }


class Auth:
    """Accounts and tokens of one store. Methods block shortly (argon2, SQL): call them in a thread."""

    def __init__(self, store: Store, key: str, life_s: int, demo: bool = False) -> None:
        self._store = store
        self._key = key
        self._life_s = life_s
        self._demo = demo
        self._limits = SignInLimits()
        self._seen: dict[str, tuple[float, Principal]] = {}
        self._devices = devices.DeviceTokens(store)
        self.failures = 0

    def sign_in(self, name: str, password: str, address: str) -> Tokens:
        """Raises Problem 401 for a wrong name or password, 429 after too many."""
        name, now = name[:64], time.monotonic()
        wait = self._limits.wait_s(name, address, now)
        if wait > 0:
            audit_note.nothing()  # the row of the failure before says that it is locked
            raise Problem(429, "too many wrong passwords; try again later", {"Retry-After": str(int(wait) + 1)})
        user = users.get(self._store, name)
        if not users.verify(user, password) or user is None or not self._allowed(user):
            locked = self._limits.failed(name, address, now)
            self.failures += 1
            # a name that nobody has may be a password in the wrong field: it is not kept
            known = (user.name, user.role, user.unit) if user else ("", "", "")
            audit_note.acting("sign-in failed, now locked" if locked else "sign-in failed", *known)
            raise Problem(401, "wrong user name or password", {"WWW-Authenticate": "Bearer"})
        self._limits.succeeded(name, address)
        audit_note.acting("sign-in", user.name, user.role, user.unit)
        return self.tokens_of(user)

    def refresh(self, token: str) -> Tokens:
        """Raises Problem 401 for a token that is unknown, old or used before."""
        spent = tokens.spend(self._store, token, self._life_s)
        user = users.get(self._store, spent.name) if spent else None
        if spent is not None and spent.again:
            audit_note.acting("refresh token used twice, sign-in ended", spent.name, *_standing(user))
        else:
            audit_note.nothing()  # each hour of each sign-in
        good = spent is not None and not spent.again and user is not None and user.generation == spent.generation
        if not good or spent is None or user is None or not self._allowed(user):
            raise Problem(401, "the refresh token is not valid; sign in again", {"WWW-Authenticate": "Bearer"})
        return self.tokens_of(user, spent.family)

    def sign_in_as(self, wanted: Account) -> Tokens:
        """Tokens for who an OpenID provider says it is; the account is made, or brought up to date.

        Raises UsageError where the name is another account's.
        """
        user = users.get(self._store, wanted.name)
        if user is not None and user.hash != wanted.identity:
            raise UsageError(f"the name {wanted.name} is another account's")
        if user is None or (user.role, user.unit, set(user.orgs)) != (wanted.role, wanted.unit, set(wanted.orgs)):
            users.put_known(self._store, wanted.name, wanted.identity, wanted.role, wanted.unit, orgs=wanted.orgs)
            user = users.get(self._store, wanted.name)
        assert user is not None
        audit_note.acting("sign-in (OpenID)", user.name, user.role, user.unit)
        return self.tokens_of(user)

    def sign_out(self, caller: Principal) -> None:
        """End the caller's sign-in: refresh tokens now, access tokens here now and in other processes within 2 s."""
        audit_note.acting("sign-out", caller.name, caller.role, caller.unit)
        if caller.session:
            tokens.end(self._store, caller.session, self._life_s)
        self._seen = {token: seen for token, seen in self._seen.items() if seen[1].session != caller.session}

    def tokens_of(self, user: users.User, family: str = "") -> Tokens:
        """Tokens for somebody who has shown who they are; without a family a new sign-in begins."""
        family = family or tokens.new_family()
        access = tokens.access_token(self._key, user, self._life_s, family)
        return Tokens(access, tokens.refresh_token(self._store, user, family), self._life_s, user)

    def secret_of(self, label: str) -> str:
        """A secret of something that this server signs, derived from its own key and kept nowhere."""
        return hmac.new(self._key.encode(), f"secret of {label}".encode(), hashlib.sha256).hexdigest()

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
        now = time.monotonic()
        caller = api_tokens.find(self._store, token) if token.startswith(api_tokens.PREFIX) else self._person(token)
        if caller is not None:
            if len(self._seen) > _MAX_TRACKED:
                self._seen.clear()
            self._seen[token] = (now, caller)
        return caller

    def still(self, token: str) -> bool:
        """May a stream that this token opened go on? It may outlive an access token, not the sign-in or the account."""
        if token.startswith((devices.PREFIX, api_tokens.PREFIX)):
            return self.principal(token) is not None
        return self._person(token, over=True) is not None

    def _person(self, token: str, over: bool = False) -> Principal | None:
        claims = tokens.read_access_token(self._key, token, over)
        if claims is None:
            return None
        user = users.get(self._store, claims.name)
        if user is None or user.generation != claims.generation or not self._allowed(user):
            return None
        if claims.family and tokens.ended(self._store, claims.family):
            return None
        prefix, orgs = units.prefix(user.unit), frozenset(user.orgs)
        return Principal(user.name, user.role, user.unit, prefix, orgs=orgs, session=claims.family)


def _standing(user: users.User | None) -> tuple[str, str]:
    return (user.role, user.unit) if user else ("", "")
