"""Alembic's entry: runs on the connection it is given, or on that of the settings (`alembic revision`)."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from api.models import metadata


def _run(connection: Connection) -> None:
    # SQLite changes a column by copying its table, which Alembic does in a batch
    batch = connection.dialect.name == "sqlite"
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=batch)
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    from streams.settings import Settings
    from streams.sql import engine

    with engine(Settings().db, "BEGIN IMMEDIATE", 1).begin() as tx:
        _run(tx)
