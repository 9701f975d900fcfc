"""Device tokens: machine callers that may send readings of one zone or one unit and nothing else.

A token is random and shown once; the database has its SHA-256 and keeps revoked ones, so that it can be told later who
sent. The API holds all of them in memory and looks for changes every two seconds, so that a device costs no query.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from api import schema, units
from api.roles import DEVICE, Principal
from api.store import Store
from api.tokens import hashed
from api.users import NAME
from geo.assets import AssetError, parse_zone_id
from streams.errors import UsageError

PREFIX = "cod_"
CHECK_S = 2.0
_RECHECK_S = 0.2
_CHANGES = "device_tokens"  # key in `meta`: counts changes


@dataclass(frozen=True, slots=True)
class Device:
    """A token without the secret; `zone` or `unit` is what it may send, the other is ""."""

    name: str
    zone: str
    unit: str
    created_ms: int
    revoked_ms: int | None

    @property
    def scope(self) -> str:
        return f"zone {self.zone}" if self.zone else f"unit {self.unit}"


def create(store: Store, name: str, zone: str = "", unit: str = "") -> str:
    """Make a token of a zone or a unit and return it, the only time it is seen; raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(f"token {name!r}: want a name of 1 to 64 letters, digits or _ . @ -")
    if bool(zone) == bool(unit):
        raise UsageError(f"token {name}: want either a zone or a unit")
    try:
        if zone:
            parse_zone_id(zone)
        else:
            units.prefix(unit)
    except (AssetError, ValueError) as error:
        raise UsageError(str(error)) from None
    token = PREFIX + secrets.token_urlsafe(32)
    table = schema.device_tokens
    with store.write() as tx:
        active = select(table.c.name).where((table.c.name == name) & table.c.revoked_ms.is_(None))
        if tx.execute(active).first() is not None:
            raise UsageError(f"token {name}: is there already; revoke it first, or take another name")
        tx.execute(
            insert(table).values(
                hash=hashed(token), name=name, zone=zone, unit=unit, created_ms=int(time.time() * 1000), revoked_ms=None
            )
        )
        _changed(tx)
    return token


def revoke(store: Store, name: str) -> bool:
    """End a token; False where none of this name is active."""
    table = schema.device_tokens
    here = (table.c.name == name) & table.c.revoked_ms.is_(None)
    with store.write() as tx:
        done = tx.execute(update(table).where(here).values(revoked_ms=int(time.time() * 1000))).rowcount
        if done:
            _changed(tx)
    return bool(done)


def everyone(store: Store) -> list[Device]:
    """All tokens, revoked ones too, by name and time."""
    c = schema.device_tokens.c
    with store.read() as tx:
        rows = tx.execute(select(c.name, c.zone, c.unit, c.created_ms, c.revoked_ms).order_by(c.name, c.created_ms))
        return [Device(*row) for row in rows]


def _changed(tx: object) -> None:
    meta = schema.meta
    value = tx.scalar(select(meta.c.value).where(meta.c.key == _CHANGES))  # type: ignore[attr-defined]
    if value is None:
        tx.execute(insert(meta).values(key=_CHANGES, value="1"))  # type: ignore[attr-defined]
    else:
        tx.execute(  # type: ignore[attr-defined]
            update(meta).where(meta.c.key == _CHANGES).values(value=str(int(value) + 1))
        )


class DeviceTokens:
    """The active tokens in memory. `now` is a monotonic time in seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._principals: dict[str, Principal] = {}
        self._changes: str | None = ""
        self._checked = float("-inf")

    def at_once(self, token: str, now: float) -> tuple[bool, Principal | None]:
        """(is this the answer?, caller): without touching the database; not the answer where it must be asked."""
        age = now - self._checked
        if age > CHECK_S:
            return False, None
        found = self._principals.get(hashed(token))
        return found is not None or age < _RECHECK_S, found

    def find(self, token: str, now: float) -> Principal | None:
        """The caller of a token, after a look for changes; blocks shortly."""
        with self._lock:
            if now - self._checked >= _RECHECK_S:
                self._refresh()
                self._checked = now
        return self._principals.get(hashed(token))

    def _refresh(self) -> None:
        table = schema.device_tokens
        with self._store.read() as tx:
            changes = tx.scalar(select(schema.meta.c.value).where(schema.meta.c.key == _CHANGES))
            if changes == self._changes:
                return
            rows = tx.execute(select(table.c.hash, table.c.name, table.c.zone, table.c.unit).where(
                table.c.revoked_ms.is_(None))).all()  # fmt: skip
        self._principals = {row.hash: _principal(row.name, row.zone, row.unit) for row in rows}
        self._changes = changes


def _principal(name: str, zone: str, unit: str) -> Principal:
    place = parse_zone_id(zone)[0] if zone else unit
    return Principal(f"device:{name}", DEVICE, place, units.prefix(place), zone)
