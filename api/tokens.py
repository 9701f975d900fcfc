"""Access and refresh tokens.

An access token is a JWT (HS256) of the user's name and generation, short-lived; role and unit are looked
up, so that a change is felt at once. A refresh token is random, kept as a hash, used once: the next one
comes with it, and using a spent one again ends all of that sign-in.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import Any

import jwt
from sqlalchemy import delete, insert, select, update

from api import schema
from api.store import Store
from api.users import User
from streams.errors import UsageError, explain
from streams.settings import Settings

ALGORITHM = "HS256"
REFRESH_S = 14 * 24 * 3600
MIN_SECRET = 32


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


def access_token(key: str, user: User, life_s: int) -> str:
    now = int(time.time())
    claims = {"sub": user.name, "gen": user.generation, "iat": now, "exp": now + life_s, "use": "access"}
    claims |= {"role": user.role, "unit": user.unit}  # for showing only; what counts is looked up
    return jwt.encode(claims, key, ALGORITHM)


def read_access_token(key: str, token: str) -> tuple[str, int] | None:
    """(user name, generation), None for a token that is forged, expired or no access token."""
    try:
        claims: dict[str, Any] = jwt.decode(token, key, [ALGORITHM], options={"require": ["exp", "sub"]}, leeway=2)
    except jwt.InvalidTokenError:
        return None
    if claims.get("use") != "access":
        return None
    return str(claims["sub"]), int(claims.get("gen", 0))


def refresh_token(store: Store, user: User, family: str = "") -> str:
    """A new refresh token; without a family it begins one."""
    token = secrets.token_urlsafe(32)
    now = int(time.time() * 1000)
    table = schema.refresh_tokens
    with store.write() as tx:
        tx.execute(delete(table).where(table.c.expires_ms < now))
        tx.execute(
            insert(table).values(
                hash=_hash(token), name=user.name, generation=user.generation,
                family=family or secrets.token_hex(8), spent=0, expires_ms=now + REFRESH_S * 1000,
            )
        )  # fmt: skip
    return token


def spend(store: Store, token: str) -> tuple[str, int, str] | None:
    """Use a refresh token up: (user name, generation, family); None where it is unknown, old or spent."""
    table = schema.refresh_tokens
    with store.write() as tx:
        row = tx.execute(select(table).where(table.c.hash == _hash(token))).first()
        if row is None:
            return None
        if row.spent or row.expires_ms < time.time() * 1000:
            tx.execute(delete(table).where(table.c.family == row.family))
            return None
        tx.execute(update(table).where(table.c.hash == row.hash).values(spent=1))
    return row.name, row.generation, row.family


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
