"""SQL databases of the processes: engines, offsets kept beside what was read, errors in one sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, update
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from streams.errors import CityopsError


class StoreError(CityopsError):
    """The database cannot be used; the text says which, why and what to do."""


def engine(url: str, begin: str, size: int) -> Engine:
    """A pool of `size` connections whose transactions start with `begin` (SQLite: BEGIN or BEGIN IMMEDIATE)."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=size, max_overflow=0, isolation_level="REPEATABLE READ")
    made = create_engine(url, pool_size=size, max_overflow=0, connect_args={"timeout": 10})

    @event.listens_for(made, "connect")
    def _connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves, so that reads are one snapshot too
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-8000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return made


_REASONS = (
    ("locked", "another program holds it for more than 10 s; stop that program"),
    ("disk is full", "the disk is full; free some space or name another folder with --data"),
    ("disk i/o", "the disk cannot be read or written; look at the system's log"),
    ("readonly", "it cannot be written; make it writable or name another folder with --data"),
    ("unable to open", "it cannot be opened; check that the folder exists and is writable"),
    (
        "malformed",
        "it is damaged; restore a copy, or move it away: the next start reads the alerts anew, not accounts and duty",
    ),
    ("not a database", "it is no database; move it away or name another folder with --data"),
)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn a database's error into a StoreError that says what to do."""
    try:
        yield
    except (DatabaseError, sqlite3.Error) as error:
        text = str(getattr(error, "orig", None) or error).lower()
        where = url.removeprefix("sqlite:///") if url.startswith("sqlite") else "the database"
        reason = next((fix for part, fix in _REASONS if part in text), text)
        raise StoreError(f"{where}: {reason}") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the database: {error}") from error


def save_offsets(tx: Connection, table: Table, offsets: Mapping[tuple[str, int], int]) -> None:
    """Keep the next offset to read of each (topic, partition) in a table with these three columns."""
    for (topic, partition), offset in offsets.items():
        here = (table.c.topic == topic) & (table.c.partition == partition)
        if not tx.execute(update(table).where(here).values(offset=offset)).rowcount:
            tx.execute(insert(table).values(topic=topic, partition=partition, offset=offset))
