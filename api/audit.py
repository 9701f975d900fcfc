"""The audit log in the store: adding rows to the chain, reading them, and what is in a page.

Rows are added in a transaction that holds the one write lock of the database (`streams.sql`), so that the chain has no
fork, whichever process adds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, insert, or_, select, true

from api import audit_chain
from api.audit_chain import ZERO, Entry, Verdict
from api.audit_table import audit
from api.store import Store
from streams.errors import CityopsError

log = logging.getLogger(__name__)
AT_ONCE = 1000


def append(store: Store, entries: Sequence[Entry]) -> str:
    """Add entries in their order; the hash of the last."""
    with store.write() as tx:
        seq, prev = head(tx)
        rows = []
        for entry in entries:
            seq += 1
            rows.append(audit_chain.row(seq, prev, entry))
            prev = rows[-1]["hash"]
        tx.execute(insert(audit), rows)
    return prev


def head(tx: Connection) -> tuple[int, str]:
    """(seq, hash) of the last row."""
    last = tx.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, ZERO)


def everything(store: Store) -> Iterator[dict[str, Any]]:
    """All rows from the first on, as one state of the table."""
    seq = 0
    with store.read() as tx:
        while rows := tx.execute(select(audit).where(audit.c.seq > seq).order_by(audit.c.seq).limit(AT_ONCE)).all():
            yield from (dict(r._mapping) for r in rows)
            seq = rows[-1].seq


def verify(store: Store, known_head: str = "") -> Verdict:
    """Look at the whole chain; blocks."""
    return audit_chain.check(everything(store), known_head)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which rows: `prefix` is the unit of who did it, or of what it was done to; a prefecture sees all."""

    prefix: str
    by: str = ""
    action: str = ""
    since_ms: int | None = None
    until_ms: int | None = None


def listed(store: Store, asked: Asked, limit: int, before: int | None) -> tuple[list[dict[str, Any]], int | None]:
    """(items, where the next page begins), newest first."""
    c = audit.c
    whole = len(asked.prefix) <= 4
    inside = [column.startswith(asked.prefix, autoescape=True) for column in (c.unit, c.place)]
    query = select(c.json, c.seq, c.prev, c.hash).where(true() if whole else or_(*inside))
    if asked.by:
        query = query.where(c.by == asked.by)
    if asked.action:
        query = query.where(c.action.contains(asked.action, autoescape=True))
    if asked.since_ms is not None:
        query = query.where(c.at_ms >= asked.since_ms)
    if asked.until_ms is not None:
        query = query.where(c.at_ms <= asked.until_ms)
    if before is not None:
        query = query.where(c.seq < before)
    with store.read() as tx:
        rows = tx.execute(query.order_by(c.seq.desc()).limit(limit + 1)).all()
    items = [{**orjson.loads(r.json), "prev": r.prev, "hash": r.hash} for r in rows[:limit]]
    return items, rows[limit - 1].seq if len(rows) > limit else None


class Journal:
    """Adds rows from the event loop; those that wait go into one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._waiting: list[Entry] = []
        self.failures = 0

    async def add(self, entry: Entry) -> None:
        """Returns when the row is kept. Where it cannot be, it is told in the process's log and counted: an alert that
        has to be acknowledged does not wait for a full disk."""
        self._waiting.append(entry)
        async with self._lock:
            batch, self._waiting = self._waiting, []
            if not batch:  # somebody before took ours along
                return
            try:
                await asyncio.to_thread(append, self._store, batch)
            except CityopsError as error:
                self.failures += len(batch)
                for lost in batch:
                    log.error("audit row not kept (%s): %s", error, audit_chain.canonical(lost.public(0)))
