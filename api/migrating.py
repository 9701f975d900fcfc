"""Which version the tables of a database have, and bringing them to the program's.

An empty database gets today's tables at once. Everything here runs in the transaction of its caller: a change that
fails leaves the database as it was.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, inspect, select

from api.migrations import HEAD, REVISIONS
from api.models import metadata
from streams.sql import StoreError, named

UNVERSIONED = ""  # tables of a program before there were versions
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def revision(tx: Connection) -> str | None:
    """The version of the tables, UNVERSIONED for those of before versions, None where there are no tables.

    Raises StoreError for a version that this program does not know.
    """
    there = inspect(tx)
    if not there.has_table(_version.name):
        return UNVERSIONED if there.has_table("meta") else None
    found = tx.scalar(select(_version.c.version_num))
    if found is not None and found not in REVISIONS:
        raise StoreError(
            f"{named(tx.engine)}: a newer cityops made its tables (version {found}, this one knows up to {HEAD}); "
            "install that cityops, or restore a backup of before with `cityops db restore`"
        )
    return found


def prepare(tx: Connection, automatic: bool) -> None:
    """Make the tables of an empty database, and bring older ones to today's where that is `automatic`.

    Raises StoreError for a newer database, and for an older one that is not to be changed without being asked.
    """
    found = revision(tx)
    if found is None:
        make(tx)
    elif found != HEAD:
        if not automatic:
            raise StoreError(
                f"{named(tx.engine)}: its tables have version {found or '0000'}, this program needs {HEAD}; "
                "stop all API processes, make a backup (`cityops db backup`) and run `cityops db upgrade`"
            )
        upgrade(tx)


def make(tx: Connection) -> None:
    """Today's tables in a database that has none of them."""
    metadata.create_all(tx)
    _version.create(tx, checkfirst=True)
    tx.execute(delete(_version))
    tx.execute(insert(_version).values(version_num=HEAD))


def upgrade(tx: Connection, to: str = HEAD) -> None:
    """Run the migrations that are missing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "api:migrations")
    config.attributes["connection"] = tx
    command.upgrade(config, to)
