"""SQL databases of the processes: engines, offsets kept beside what was read, errors in one sentence."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, make_url, update
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from streams.errors import CityopsError, UsageError

WRITE_LOCK = 0x63697479  # number of the advisory lock that writers of a PostgreSQL database hold
# who waits for it longer, or goes to sleep with it (a stopped process), is ended by the server
_LIMITS = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=20s"


class StoreError(CityopsError):
    """The database cannot be used; the text says which, why and what to do."""


def engine(url: str, begin: str, size: int) -> Engine:
    """A pool of `size` connections whose transactions start with `begin` (SQLite: BEGIN or BEGIN IMMEDIATE).

    PostgreSQL does the same by its own means: readers (`begin` is BEGIN) see one state throughout, writers take one
    lock of the database and then see all that was committed before. So what is right on SQLite is right there.
    Raises UsageError for a URL that cannot be used, StoreError without the driver.
    """
    made = _sqlite(url, size) if url.startswith("sqlite") else _postgres(url, begin != "BEGIN", size)

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        if made.dialect.name == "sqlite":
            connection.exec_driver_sql(begin)
        elif begin != "BEGIN":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")

    return made


def _sqlite(url: str, size: int) -> Engine:
    made = create_engine(url, pool_size=size, max_overflow=0, connect_args={"timeout": 10})

    @event.listens_for(made, "connect")
    def _connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves, so that reads are one snapshot too
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-8000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return made


def _postgres(url: str, writes: bool, size: int) -> Engine:
    try:
        where = make_url(re.sub(r"^postgres(ql)?:", "postgresql+psycopg:", url))
        if where.get_backend_name() != "postgresql":
            raise ArgumentError("no SQLite and no PostgreSQL")
        options = f"{where.query.get('options', '')} {_LIMITS}".strip()
        return create_engine(
            where,
            pool_size=size,
            max_overflow=0,
            pool_pre_ping=True,  # the server may have been restarted
            isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
            connect_args={"connect_timeout": 10, "options": options},
        )
    except (ArgumentError, ValueError):
        raise UsageError(
            f"{hidden(url)}: no address of a database; want sqlite:///file or postgresql://user:password@host/database"
        ) from None
    except ModuleNotFoundError as error:
        raise StoreError(f"PostgreSQL needs the Python package {error.name}: pip install 'cityops[postgres]'") from None


def hidden(url: str) -> str:
    """The URL without its password."""
    return re.sub(r"(//[^:/@\s]*:)[^@\s]*@", r"\1***@", url)


def named(made: Engine | str) -> str:
    """What messages call a database: the file, or PostgreSQL's address without a password."""
    url = make_url(made) if isinstance(made, str) else made.url
    if url.get_backend_name() == "sqlite":
        return url.database or "the database"
    host = url.host or str(url.query.get("host", "localhost"))
    return f"PostgreSQL {host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


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
    ("lock timeout", "another program holds it for more than 10 s; look for it in pg_stat_activity"),
    ("password authentication", "it refuses the user or the password; correct the address"),
    ("no password supplied", "it wants a password; put one into the address"),
    ("fatal:  database", "it has no such database; make it with createdb, or correct the address"),
    ("fatal:  role", "it has no such role; make it with createuser, or correct the address"),
    ("connection refused", "it does not answer; start it, or correct the address"),
    ("no such file", "it does not answer; start it, or correct the address"),
    ("timeout expired", "it does not answer; start it, or correct the address"),
    ("resolve host", "its host is not known; correct the address"),
    ("terminating connection", "it ended the connection; it is tried again"),
    ("server closed the connection", "it ended the connection; it is tried again"),
)


def reason(error: Exception) -> str:
    """What is wrong and what to do, of an error of a database's driver."""
    text = str(getattr(error, "orig", None) or error).lower()
    return next((fix for part, fix in _REASONS if part in text), text)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn a database's error into a StoreError that says what to do."""
    try:
        yield
    except (DatabaseError, sqlite3.Error) as error:
        raise StoreError(f"{named(url)}: {reason(error)}") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the database: {error}") from error


def save_offsets(tx: Connection, table: Table, offsets: Mapping[tuple[str, int], int]) -> None:
    """Keep the next offset to read of each (topic, partition) in a table with these three columns."""
    for (topic, partition), offset in offsets.items():
        here = (table.c.topic == topic) & (table.c.partition == partition)
        if not tx.execute(update(table).where(here).values(offset=offset)).rowcount:
            tx.execute(insert(table).values(topic=topic, partition=partition, offset=offset))
