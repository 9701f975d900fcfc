"""The tables of a database and those of the program are the same, whatever way the database came there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import DBAPIError

import api
from api import migrating, models, schema
from api.migrations import HEAD, REVISIONS
from api.store import Store, StoreError
from streams.sql import engine
from tests.postgres import BOTH

DATABASES = BOTH
NEW = ("user_orgs", "ended_sessions", "api_tokens", "alert_orgs", "audit", "webhooks", "webhook_dead")  # of 0002
OLD = [t for t in schema.metadata.sorted_tables if t.name not in NEW]


@pytest.fixture
def db(database: str) -> Iterator[Engine]:
    made = engine(database, "BEGIN IMMEDIATE", 1)
    yield made
    made.dispose()


def differences(db: Engine) -> list[Any]:
    with db.begin() as tx:
        found = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(found, models.metadata))


def triggers(db: Engine) -> list[Any]:
    catalogue = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    if db.dialect.name == "postgresql":
        catalogue = (
            "SELECT tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
            "WHERE NOT tgisinternal AND relnamespace = CAST(current_schema() AS regnamespace) ORDER BY tgname"
        )
    with db.begin() as tx:
        return [tuple(" ".join(v.split()) for v in row) for row in tx.execute(text(catalogue))]


def test_migrations_lead_to_the_declared_tables(db: Engine) -> None:
    with db.begin() as tx:
        migrating.upgrade(tx)
        assert migrating.revision(tx) == HEAD
    assert differences(db) == []
    migrated = triggers(db)
    with db.begin() as tx:
        models.metadata.drop_all(tx)
        migrating.make(tx)
    assert differences(db) == []
    assert triggers(db) == migrated
    assert len(migrated) == {"sqlite": 2, "postgresql": 1}[db.dialect.name] * 6


def test_a_difference_is_found(db: Engine) -> None:
    with db.begin() as tx:
        migrating.upgrade(tx)
        tx.execute(text("ALTER TABLE users ADD COLUMN shoe_size INTEGER"))
        tx.execute(text("DROP INDEX alerts_open"))
    assert sorted(d[0] for d in differences(db)) == ["add_index", "remove_column"]


def test_a_database_of_before_versions_keeps_its_rows(db: Engine, database: str) -> None:
    with db.begin() as tx:
        schema.metadata.create_all(tx, tables=[t for t in OLD if t.name != "duty_answers"])
        tx.execute(insert(schema.meta).values(key="epoch", value="0a0b0c0d"))
        assert migrating.revision(tx) == migrating.UNVERSIONED
        migrating.prepare(tx, automatic=True)
        assert migrating.revision(tx) == HEAD
    store = Store(database)
    assert store.epoch == "0a0b0c0d"
    store.close()
    assert differences(db) == []


def test_a_newer_database_is_refused_and_left_alone(db: Engine, database: str) -> None:
    Store(database).close()
    with db.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        StoreError, match=rf"a newer cityops made its tables \(version 9999, .* up to {HEAD}\); install"
    ):
        Store(database)
    with db.begin() as tx:
        assert tx.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_an_older_one_is_brought_up_by_itself_on_sqlite_only(db: Engine, database: str) -> None:
    with db.begin() as tx:
        schema.metadata.create_all(tx, tables=OLD)  # before versions
    if db.dialect.name == "sqlite":
        Store(database).close()
    else:
        with pytest.raises(StoreError, match=r"^PostgreSQL .*: its tables have version 0000, .*`cityops db upgrade`$"):
            Store(database)
        with db.begin() as tx:
            assert migrating.revision(tx) == migrating.UNVERSIONED
            migrating.upgrade(tx)
    Store(database).close()


def test_a_migration_that_fails_changes_nothing(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(*_: object) -> list[str]:
        return ["CREATE TABLE half (a INTEGER)", "this is no SQL"]

    monkeypatch.setattr("api.append_only.statements", boom)
    with pytest.raises(DBAPIError), db.begin() as tx:
        migrating.upgrade(tx)
    with db.begin() as tx:
        assert migrating.revision(tx) is None


def test_rows_of_duty_are_only_added(db: Engine, database: str) -> None:
    Store(database).close()
    with db.begin() as tx:
        tx.execute(insert(schema.duty_log).values(unit="5226", at_ms=1, by="a", text="t", alert=""))
    for statement in ("UPDATE duty_log SET text = 'x'", "DELETE FROM duty_log", "TRUNCATE duty_log"):
        if db.dialect.name == "sqlite" and statement.startswith("TRUNCATE"):
            continue  # SQLite has no such statement
        with pytest.raises(DBAPIError, match="duty_log: rows are only added"), db.begin() as tx:
            tx.execute(text(statement))


def test_the_list_of_revisions_is_that_of_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", "api:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [HEAD], "two migrations follow the same one: let one follow the other"
    assert tuple(s.revision for s in scripts.walk_revisions())[::-1] == REVISIONS


def test_every_file_with_tables_is_named() -> None:
    """Else its tables would be neither made nor compared."""
    folder = Path(api.__file__).parent

    def declares(path: Path) -> bool:
        calls = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call))
        return any(
            getattr(c.func, "id", "") == "Table" and len(c.args) > 1 and "metadata" in ast.unparse(c.args[1])
            for c in calls
        )

    files = {path.stem for path in folder.rglob("*.py") if path.parent.name != "versions" and declares(path)}
    assert files == {m.__name__.rpartition(".")[2] for m in models.FILES}
