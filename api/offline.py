"""A database that no API process uses while something is done to all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from streams.errors import UsageError
from streams.folders import alone, writable
from streams.sql import explained, named

PROJECTOR_LOCK = 0x6C656164  # number of PostgreSQL's advisory lock that the projecting process holds
STOP = "an API process uses it; stop all API processes first"


@contextmanager
def unused(made: Engine, folder: Path) -> Iterator[None]:
    """Keep API processes away meanwhile; raises UsageError where one runs on the database (SQLite: the data folder)."""
    if made.dialect.name == "sqlite":
        with alone(writable(folder, "--data") / "api.lock", f"{folder}: {STOP}"):
            yield
        return
    url = made.url.render_as_string(hide_password=False)
    with explained(url), made.connect() as connection:
        held = connection.execution_options(isolation_level="AUTOCOMMIT")
        if not held.scalar(text(f"SELECT pg_try_advisory_lock({PROJECTOR_LOCK})")):
            raise UsageError(f"{named(made)}: {STOP}")
        try:
            yield
        finally:
            held.execute(text(f"SELECT pg_advisory_unlock({PROJECTOR_LOCK})"))
