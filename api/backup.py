"""A copy of the API's database in one file, and the way back.

A backup is a SQLite database with the same tables, whatever it was made of: it can be restored into SQLite and into
PostgreSQL, which is also the way from one to the other. It has the version of the database; what is older than the
program is brought up when it is restored.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, Table, delete, func, insert, select

from api import migrating, schema
from api.applying import begin
from api.cursor import new_epoch
from api.migrations import REVISIONS
from api.models import metadata
from streams.errors import UsageError, explain
from streams.sql import engine, explained, named

PAGE = 1000


def backup(url: str, file: Path) -> dict[str, int]:
    """Write one consistent state of the database to a new file; returns the rows by table.

    Raises UsageError where the file is there already or there is no database, StoreError where either cannot be used.
    """
    if file.exists():
        raise UsageError(f"{file}: is there already; name another file")
    source = engine(url, "BEGIN", 1)
    part = file.with_name(file.name + ".part")
    try:
        if source.dialect.name == "sqlite":
            path = Path(source.url.database or "")
            if not path.is_file():
                raise UsageError(f"{path}: there is no database; name its folder with --data or its address with --url")
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))  # it holds hashes of passwords
        with explained(url):
            if source.dialect.name == "sqlite":
                with closing(sqlite3.connect(source.url.database or "")) as a, closing(sqlite3.connect(part)) as b:
                    a.backup(b)
            else:
                _dump(source, part)
        rows = _finished(part)
        part.replace(file)
        return rows
    except OSError as error:
        raise explain(error) from None
    finally:
        part.unlink(missing_ok=True)
        source.dispose()


def _dump(source: Engine, part: Path) -> None:
    with _opened(part) as target, source.begin() as here, target.begin() as there:
        version = migrating.revision(here)
        if version is None:
            raise UsageError(f"{named(source)}: has no tables of cityops; correct the address")
        migrating.upgrade(there, version or REVISIONS[0])
        tables = MetaData()
        tables.reflect(there)  # those of its version, which may not be today's
        copy(here, there, [t for t in tables.sorted_tables if t.name != "alembic_version"])


def _finished(part: Path) -> dict[str, int]:
    """Make it one file that needs no other beside it; its rows by table."""
    with closing(sqlite3.connect(part)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        if "meta" not in names:
            raise UsageError("the database has no tables of cityops; correct the address or the folder")
        return {n: db.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names if n != "alembic_version"}


def restore(file: Path, target: Engine, force: bool) -> dict[str, int]:
    """Fill the database with a backup, in one transaction; returns the rows by table.

    The feed begins a new epoch and everybody signs in again: neither events nor tokens of after the backup may be taken
    for those of before. Raises UsageError for what is no backup, and for a database with rows without `force`.
    """
    url = target.url.render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory(prefix="cityops-") as folder, _opened(_checked(file, Path(folder))) as source:
        with source.begin() as tx:
            migrating.prepare(tx, automatic=True)
        with explained(url), source.begin() as here, target.begin() as there:
            if migrating.revision(there) is not None:
                if not force and (full := _with_rows(there)):
                    raise UsageError(
                        f"{named(target)}: has rows already ({', '.join(full)}); name an empty database, or --force to "
                        "replace all of them"
                    )
                metadata.drop_all(there)
            migrating.make(there)
            rows = copy(here, there, metadata.sorted_tables)
            begin(there, new_epoch())
            there.execute(delete(schema.refresh_tokens))
            if target.dialect.name == "postgresql":
                _count_on(there)
    return rows | {"events": 0, "refresh_tokens": 0}


def _checked(file: Path, folder: Path) -> Path:
    """A copy of the backup that may be changed; raises UsageError for what is none."""
    work = folder / "backup.db"
    try:
        shutil.copyfile(file, work)
        with closing(sqlite3.connect(work)) as db:
            found = db.execute(
                "SELECT count(*) FROM sqlite_master WHERE name IN ('meta', 'alerts', 'users')"
            ).fetchone()
            sound = db.execute("PRAGMA quick_check").fetchone()
    except OSError as error:
        raise explain(error) from None
    except sqlite3.DatabaseError:
        found, sound = (0,), ("",)
    if found != (3,) or sound != ("ok",):
        raise UsageError(f"{file}: is no backup of cityops, or a damaged one; name a file of `cityops db backup`")
    return work


@contextmanager
def _opened(file: Path) -> Iterator[Engine]:
    made = engine(f"sqlite:///{file}", "BEGIN IMMEDIATE", 1)
    try:
        yield made
    finally:
        made.dispose()


def copy(source: Connection, target: Connection, tables: Iterable[Table]) -> dict[str, int]:
    """Copy all rows of the tables; returns how many by table."""
    rows = {}
    for table in tables:
        rows[table.name] = 0
        found = source.execute(select(table).execution_options(yield_per=PAGE))
        for page in found.mappings().partitions(PAGE):
            target.execute(insert(table), [dict(row) for row in page])
            rows[table.name] += len(page)
    return rows


def _with_rows(tx: Connection) -> list[str]:
    there = MetaData()
    there.reflect(tx)
    names = [t for t in there.sorted_tables if t.name not in ("alembic_version", "meta")]
    return [t.name for t in names if tx.scalar(select(func.count()).select_from(t))]


def _count_on(tx: Connection) -> None:
    """PostgreSQL numbers new rows on from those that were copied."""
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None and (top := tx.scalar(select(func.max(column)))) is not None:
            tx.execute(select(func.setval(func.pg_get_serial_sequence(f'"{table.name}"', column.name), top)))
