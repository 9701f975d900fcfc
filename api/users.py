"""Accounts: names, argon2 hashes, roles, units and organisations, kept in the store."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import ColumnElement, delete, insert, select, true, update

from api import schema, units
from api.account_tables import user_orgs
from api.roles import ROLES
from api.store import Store
from streams.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
MIN_PASSWORD = 8
MAX_PASSWORD = 256
MAX_ORG = 200

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
    orgs: tuple[str, ...] = ()

    def public(self) -> dict[str, Any]:
        """Without the hash."""
        return {"user": self.name, "role": self.role, "unit": self.unit, "orgs": list(self.orgs), "demo": self.demo}


def get(store: Store, name: str) -> User | None:
    if not NAME.fullmatch(name):
        return None
    found = _found(store, schema.users.c.name == name)
    return found[0] if found else None


def everyone(store: Store) -> list[User]:
    return _found(store, true())


def _found(store: Store, which: ColumnElement[bool]) -> list[User]:
    c, o = schema.users.c, user_orgs.c
    with store.read() as tx:
        rows = tx.execute(
            select(c.name, c.hash, c.role, c.unit, c.demo, c.generation, o.org)
            .outerjoin(user_orgs, o.name == c.name).where(which).order_by(c.name, o.org)
        ).all()  # fmt: skip
    out: dict[str, User] = {}
    for r in rows:
        known = out.get(r.name)
        orgs = (*(known.orgs if known else ()), *((r.org,) if r.org else ()))
        out[r.name] = User(r.name, r.hash, r.role, r.unit, bool(r.demo), r.generation, orgs)
    return list(out.values())


def put(
    store: Store, name: str, password: str, role: str, unit: str, demo: bool = False, orgs: Sequence[str] = ()
) -> None:
    """Make an account, or give it a new password, role, unit and organisations (which ends its tokens).

    Raises UsageError.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise UsageError(f"the password of {name}: want {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    put_known(store, name, _hasher.hash(password), role, unit, demo, orgs)


def put_known(
    store: Store, name: str, hash_: str, role: str, unit: str, demo: bool = False, orgs: Sequence[str] = ()
) -> None:
    """The same with a password's hash, or with an identity that no password has (an OpenID provider's account)."""
    if not NAME.fullmatch(name):
        raise UsageError(f"user {name!r}: want 1 to 64 letters, digits or _ . @ -")
    if role not in ROLES:
        raise UsageError(f"role {role!r}: want one of {', '.join(ROLES)}")
    try:
        units.prefix(unit)
    except ValueError as error:
        raise UsageError(str(error)) from None
    for org in orgs:
        if not 1 <= len(org.strip()) <= MAX_ORG:
            raise UsageError(f"organisation {org[:40]!r}: want 1 to {MAX_ORG} characters, as the assets name it")
    c = schema.users.c
    values = {"hash": hash_, "role": role, "unit": unit, "demo": int(demo)}
    with store.write() as tx:
        done = tx.execute(update(schema.users).where(c.name == name).values(**values, generation=c.generation + 1))
        if not done.rowcount:
            tx.execute(
                insert(schema.users).values(name=name, **values, created_ms=int(time.time() * 1000), generation=1)
            )
        tx.execute(delete(user_orgs).where(user_orgs.c.name == name))
        if rows := [{"name": name, "org": org} for org in dict.fromkeys(o.strip() for o in orgs)]:
            tx.execute(insert(user_orgs), rows)


def remove(store: Store, name: str) -> bool:
    """Delete an account and its tokens; False where there is none."""
    with store.write() as tx:
        tx.execute(delete(schema.refresh_tokens).where(schema.refresh_tokens.c.name == name))
        tx.execute(delete(user_orgs).where(user_orgs.c.name == name))
        return bool(tx.execute(delete(schema.users).where(schema.users.c.name == name)).rowcount)


def verify(user: User | None, password: str) -> bool:
    """Is it the password? Takes as long for a name that is not there."""
    try:
        _hasher.verify(user.hash if user else _NOBODY, password[:MAX_PASSWORD])
    except (Argon2Error, InvalidHashError):
        return False
    return user is not None
