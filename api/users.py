"""Accounts: names, argon2 hashes, roles and units, kept in the store."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import delete, insert, select, update

from api import schema, units
from api.roles import ROLES
from api.store import Store
from streams.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
MIN_PASSWORD = 8
MAX_PASSWORD = 256

# RFC 9106's second choice scaled to a small machine, as OWASP's password storage sheet has it: 19 MiB, 2 passes
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = _hasher.hash("nobody has this password")


@dataclass(frozen=True, slots=True)
class User:
    name: str
    hash: str
    role: str
    unit: str
    demo: bool
    generation: int


def get(store: Store, name: str) -> User | None:
    c = schema.users.c
    if not _NAME.fullmatch(name):
        return None
    with store.read() as tx:
        row = tx.execute(select(c.name, c.hash, c.role, c.unit, c.demo, c.generation).where(c.name == name)).first()
    return User(row.name, row.hash, row.role, row.unit, bool(row.demo), row.generation) if row else None


def everyone(store: Store) -> list[User]:
    c = schema.users.c
    with store.read() as tx:
        rows = tx.execute(select(c.name, c.hash, c.role, c.unit, c.demo, c.generation).order_by(c.name)).all()
    return [User(r.name, r.hash, r.role, r.unit, bool(r.demo), r.generation) for r in rows]


def put(store: Store, name: str, password: str, role: str, unit: str, demo: bool = False) -> None:
    """Make an account, or give it a new password, role and unit (which ends its tokens); raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"user {name!r}: want 1 to 64 letters, digits or _ . @ -")
    if role not in ROLES:
        raise UsageError(f"role {role!r}: want one of {', '.join(ROLES)}")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise UsageError(f"the password of {name}: want {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    try:
        units.prefix(unit)
    except ValueError as error:
        raise UsageError(str(error)) from None
    c = schema.users.c
    values = {"hash": _hasher.hash(password), "role": role, "unit": unit, "demo": int(demo)}
    with store.write() as tx:
        done = tx.execute(update(schema.users).where(c.name == name).values(**values, generation=c.generation + 1))
        if not done.rowcount:
            tx.execute(
                insert(schema.users).values(name=name, **values, created_ms=int(time.time() * 1000), generation=1)
            )


def remove(store: Store, name: str) -> bool:
    """Delete an account and its tokens; False where there is none."""
    with store.write() as tx:
        tx.execute(delete(schema.refresh_tokens).where(schema.refresh_tokens.c.name == name))
        return bool(tx.execute(delete(schema.users).where(schema.users.c.name == name)).rowcount)


def verify(user: User | None, password: str) -> bool:
    """Is it the password? Takes as long for a name that is not there."""
    try:
        _hasher.verify(user.hash if user else _NOBODY, password[:MAX_PASSWORD])
    except (Argon2Error, InvalidHashError):
        return False
    return user is not None
