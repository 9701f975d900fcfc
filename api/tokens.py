"""Access and refresh tokens.

An access token is a JWT (HS256) of the user's name and generation, short-lived; role and unit are looked
up, so that a change is felt at once. A refresh token is random, kept as a hash, used once: the next one
comes with it, and using a spent one again ends all of that sign-in (its family), as signing out does: its access
tokens are refused from then on, too.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from sqlalchemy import Connection, delete, insert, select, update

from api import schema
from api.account_tables import ended_sessions
from api.store import Store
from api.users import User
from streams.errors import UsageError, explain
from streams.settings import Settings

ALGORITHM = "HS256"
REFRESH_S = 14 * 24 * 3600
MIN_SECRET = 32
LEEWAY_S = 2


def signing_key(settings: Settings, folder: Path) -> str:
    """The key from the settings, or the one made once in `<folder>/secret.key` (mode 0600)."""
    if settings.secret:
        if len(settings.secret) < MIN_SECRET:
            raise UsageError(f"CITYOPS_SECRET has {len(settings.secret)} characters; want at least {MIN_SECRET}")
        return str(settings.secret)
    path = folder / "secret.key"
    try:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_text().strip()
            if len(key) < MIN_SECRET:
                raise UsageError(f"{path}: holds no key; delete it, a new one is made") from None
            return key
        with os.fdopen(handle, "w") as file:
            key = secrets.token_urlsafe(48)
            file.write(key + "\n")
        return key
    except OSError as error:
        raise explain(error) from None


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says and is believed of it."""

    name: str
    generation: int
    family: str


@dataclass(frozen=True, slots=True)
class Spent:
    """A refresh token that was used; `again`: it was used before, and its sign-in is ended."""

    name: str
    generation: int
    family: str
    again: bool = False


def new_family() -> str:
    """Names one sign-in."""
    return secrets.token_hex(8)


def access_token(key: str, user: User, life_s: int, family: str = "") -> str:
    now = int(time.time())
    claims = {"sub": user.name, "gen": user.generation, "iat": now, "exp": now + life_s, "use": "access"}
    claims["sid"] = family
    claims |= {"role": user.role, "unit": user.unit}  # for showing only; what counts is looked up
    return jwt.encode(claims, key, ALGORITHM)


def read_access_token(key: str, token: str, over: bool = False) -> Claims | None:
    """None for a token that is forged, no access token, or expired (`over`: expired ones, too)."""
    try:
        options: Any = {"require": ["exp", "sub"], "verify_exp": not over}
        claims: dict[str, Any] = jwt.decode(token, key, [ALGORITHM], options=options, leeway=LEEWAY_S)
    except jwt.InvalidTokenError:
        return None
    if claims.get("use") != "access":
        return None
    return Claims(str(claims["sub"]), int(claims.get("gen", 0)), str(claims.get("sid", "")))


def refresh_token(store: Store, user: User, family: str) -> str:
    """A new refresh token of a sign-in."""
    token = secrets.token_urlsafe(32)
    now = int(time.time() * 1000)
    table = schema.refresh_tokens
    with store.write() as tx:
        tx.execute(delete(table).where(table.c.expires_ms < now))
        tx.execute(
            insert(table).values(
                hash=hashed(token), name=user.name, generation=user.generation,
                family=family, spent=0, expires_ms=now + REFRESH_S * 1000,
            )
        )  # fmt: skip
    return token


def spend(store: Store, token: str, life_s: int) -> Spent | None:
    """Use a refresh token up; None where it is unknown or old. `life_s`: of access tokens."""
    table = schema.refresh_tokens
    with store.write() as tx:
        row = tx.execute(select(table).where(table.c.hash == hashed(token))).first()
        if row is None:
            return None
        if row.spent:  # a thief or the owner had it first: both begin anew
            _end(tx, row.family, life_s)
            return Spent(row.name, row.generation, row.family, again=True)
        if row.expires_ms < time.time() * 1000:
            return None
        tx.execute(update(table).where(table.c.hash == row.hash).values(spent=1))
    return Spent(row.name, row.generation, row.family)


def end(store: Store, family: str, life_s: int) -> None:
    """End a sign-in: its refresh tokens are gone, its access tokens are refused."""
    with store.write() as tx:
        _end(tx, family, life_s)


def ended(store: Store, family: str) -> bool:
    """Was this sign-in ended?"""
    c = ended_sessions.c
    with store.read() as tx:
        return tx.execute(select(c.family).where(c.family == family)).first() is not None


def _end(tx: Connection, family: str, life_s: int) -> None:
    now = int(time.time() * 1000)
    c = ended_sessions.c
    tx.execute(delete(schema.refresh_tokens).where(schema.refresh_tokens.c.family == family))
    tx.execute(delete(ended_sessions).where((c.until_ms < now) | (c.family == family)))
    tx.execute(insert(ended_sessions).values(family=family, until_ms=now + (life_s + LEEWAY_S) * 1000))


def hashed(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
