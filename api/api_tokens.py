"""API tokens: machine callers with a role, a unit or organisations, scopes and an end. Kept as hashes, shown once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import insert, select, update

from api import units
from api.account_tables import api_tokens
from api.roles import ROLES, Principal
from api.scopes import SCOPES
from api.store import Store
from api.tokens import hashed
from api.users import NAME
from streams.errors import UsageError

PREFIX = "coa_"
MAX_DAYS = 3660
DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class ApiToken:
    """A token without the secret."""

    name: str
    role: str
    unit: str
    orgs: tuple[str, ...] = ()
    scopes: tuple[str, ...]
    created_ms: int = 0
    expires_ms: int = 0
    revoked_ms: int | None = None


def create(store: Store, wanted: ApiToken, days: int) -> str:
    """Make a token and return it, the only time it is seen; raises UsageError."""
    _checked(wanted, days)
    token, now = PREFIX + secrets.token_urlsafe(32), int(time.time() * 1000)
    c = api_tokens.c
    with store.write() as tx:
        active = select(c.name).where((c.name == wanted.name) & c.revoked_ms.is_(None) & (c.expires_ms > now))
        if tx.execute(active).first() is not None:
            raise UsageError(f"token {wanted.name}: is there already; revoke it first, or take another name")
        tx.execute(
            insert(api_tokens).values(
                hash=hashed(token), name=wanted.name, role=wanted.role, unit=wanted.unit, orgs=_json(wanted.orgs),
                scopes=_json(wanted.scopes), created_ms=now, expires_ms=now + days * DAY_MS, revoked_ms=None,
            )
        )  # fmt: skip
    return token


def revoke(store: Store, name: str) -> bool:
    """End a token; False where none of this name is active. It is refused within two seconds."""
    here = (api_tokens.c.name == name) & api_tokens.c.revoked_ms.is_(None)
    with store.write() as tx:
        return bool(tx.execute(update(api_tokens).where(here).values(revoked_ms=int(time.time() * 1000))).rowcount)


def everyone(store: Store) -> list[ApiToken]:
    """All tokens, ended ones too, by name and time."""
    with store.read() as tx:
        rows = tx.execute(select(api_tokens).order_by(api_tokens.c.name, api_tokens.c.created_ms))
        return [_token(r._mapping) for r in rows]


def find(store: Store, token: str) -> Principal | None:
    """The caller of a token, None where it is unknown, over or revoked."""
    with store.read() as tx:
        row = tx.execute(select(api_tokens).where(api_tokens.c.hash == hashed(token))).first()
    if row is None or row.revoked_ms is not None or row.expires_ms <= time.time() * 1000:
        return None
    t = _token(row._mapping)
    return Principal(
        f"token:{t.name}", t.role, t.unit, units.prefix(t.unit), orgs=frozenset(t.orgs), scopes=frozenset(t.scopes)
    )


def _checked(wanted: ApiToken, days: int) -> None:
    if not NAME.fullmatch(wanted.name):
        raise UsageError(f"token {wanted.name!r}: want a name of 1 to 64 letters, digits or _ . @ -")
    if wanted.role not in ROLES:
        raise UsageError(f"role {wanted.role!r}: want one of {', '.join(ROLES)}")
    if unknown := [s for s in wanted.scopes if s not in SCOPES]:
        raise UsageError(f"scope {unknown[0]!r}: want one of {', '.join(SCOPES)}")
    if not wanted.scopes:
        raise UsageError(f"token {wanted.name}: want at least one scope of {', '.join(SCOPES)}")
    if not 1 <= days <= MAX_DAYS:
        raise UsageError(f"token {wanted.name}: want 1 to {MAX_DAYS} days")
    try:
        units.prefix(wanted.unit)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _token(row: Any) -> ApiToken:
    return ApiToken(
        name=row["name"], role=row["role"], unit=row["unit"], orgs=tuple(orjson.loads(row["orgs"])),
        scopes=tuple(orjson.loads(row["scopes"])), created_ms=row["created_ms"], expires_ms=row["expires_ms"],
        revoked_ms=row["revoked_ms"],
    )  # fmt: skip


def _json(items: Sequence[str]) -> str:
    return orjson.dumps(list(items)).decode()
