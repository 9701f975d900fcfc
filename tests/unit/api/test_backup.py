"""Backup and restore between SQLite and PostgreSQL; what is refused, and that it changes nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from api import duty_store, migrating, models, tokens, users
from api.migrations import HEAD
from api.records import parse
from api.store import Store
from streams.cli import run
from streams.sql import engine
from tests.postgres import BOTH, Postgres
from tests.unit.api.conftest import T0, record

DATABASES = BOTH
KEPT = ("alerts", "transitions", "offsets", "topics", "users", "device_tokens", "duty_log", "duty_handovers")


@pytest.fixture
def full(database: str) -> str:
    """The URL of a database with something of everything."""
    store = Store(database)
    store.apply([parse(record("a")), parse(record("a", 2, T0 + 1, "ack")), parse(record("b"))], {("alerts", 1): 9})
    store.keep_topics({"alerts": "id"})
    users.put(store, "anna", "long enough", "viewer", "522600")
    user = users.get(store, "anna")
    assert user is not None
    tokens.refresh_token(store, user, "family")
    for n in range(3):
        duty_store.add_entry(store, "522601", n, "anna", f"第{n}条", "")
    store.close()
    return database


def dump(url: str) -> dict[str, list[Any]]:
    made = engine(url, "BEGIN", 1)
    try:
        with made.begin() as tx:
            return {
                t.name: sorted(tuple(r) for r in tx.execute(select(t)))
                for t in models.metadata.sorted_tables
                if t.name in KEPT
            }
    finally:
        made.dispose()


def cityops(*args: object) -> int:
    return run(["db", *map(str, args)])


@pytest.mark.parametrize("into", BOTH)
def test_there_and_back(full: str, into: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    file, data = tmp_path / "copy.backup", tmp_path / "other"
    target = f"sqlite:///{data}/cityops.db"
    if into == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        target = server.database()
    assert cityops("backup", file, "--url", full) == 0
    assert file.stat().st_mode & 0o077 == 0
    assert [p.name for p in tmp_path.glob("copy.*")] == ["copy.backup"], "one file"
    assert cityops("restore", file, "--url", target, "--data", data) == 0
    assert dump(target) == dump(full)
    before = Store(full)
    after = Store(target)
    assert after.epoch != before.epoch, "cursors of after the backup are not those of before"
    assert (before.seq, after.seq) == (3, 0)
    with after.read() as tx:
        assert tx.scalar(text("SELECT count(*) FROM refresh_tokens")) == 0
    assert duty_store.add_entry(after, "522601", 9, "anna", "下一条", "") == 4, "numbers go on"
    assert after.apply([parse(record("c"))], {("alerts", 1): 10}).events[0].seq == 1
    before.close()
    after.close()


def test_a_database_with_rows_is_replaced_only_when_told(
    full: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "copy.backup"
    assert cityops("backup", file, "--url", full, "--json") == 0
    assert json.loads(capfd.readouterr().out)["rows"]["alerts"] == 2
    store = Store(full)
    users.put(store, "late", "long enough", "viewer", "522600")
    store.close()
    changed = dump(full)
    assert cityops("restore", file, "--url", full, "--data", tmp_path) == 2
    assert "has rows already (alerts, " in capfd.readouterr().err
    assert dump(full) == changed
    assert cityops("restore", file, "--url", full, "--data", tmp_path, "--force") == 0
    assert [row[0] for row in dump(full)["users"]] == ["anna"]
    assert cityops("backup", file, "--url", full) == 2
    assert "is there already; name another file" in capfd.readouterr().err


def test_what_fails_in_the_middle_changes_nothing(
    full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file, before = tmp_path / "copy.backup", dump(full)
    assert cityops("backup", file, "--url", full) == 0

    def boom(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("api.backup.begin", boom)
    assert cityops("restore", file, "--url", full, "--data", tmp_path, "--force") == 1
    assert "the disk is full" in capfd.readouterr().err
    assert dump(full) == before


def test_it_is_left_alone_while_an_api_process_uses_it(
    full: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from api.offline import unused

    file = tmp_path / "copy.backup"
    made = engine(full, "BEGIN IMMEDIATE", 1)
    with unused(made, tmp_path):  # as an API process does
        assert cityops("backup", file, "--url", full, "--data", tmp_path) == 0
        for words in (("restore", file, "--force"), ("upgrade",)):
            assert cityops(*words, "--url", full, "--data", tmp_path) == 2
            assert "an API process uses it; stop all API processes first" in capfd.readouterr().err
    made.dispose()


def test_upgrade(database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = engine(database, "BEGIN IMMEDIATE", 1)
    with made.begin() as tx:
        migrating.upgrade(tx, "0001")
        tx.execute(text("DROP TABLE alembic_version"))  # of before versions
        tx.execute(text("INSERT INTO meta VALUES ('epoch', '0a0b0c0d')"))
    words = ("upgrade", "--url", database, "--data", tmp_path, "--json")
    assert cityops(*words) == 0
    assert json.loads(capfd.readouterr().out) == {"from": "", "to": HEAD}
    assert cityops(*words) == 0
    assert json.loads(capfd.readouterr().out) == {"from": HEAD, "to": HEAD}
    with made.begin() as tx:
        assert migrating.revision(tx) == HEAD
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert cityops(*words) == 1
    assert "a newer cityops made its tables" in capfd.readouterr().err
    made.dispose()


@pytest.mark.parametrize("content", ["nothing", "not a database", "another database", "cut off"])
def test_what_is_no_backup_is_refused(
    full: str, tmp_path: Path, content: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file, before = tmp_path / "x.backup", dump(full)
    if content == "not a database":
        file.write_bytes(b"no database " * 1000)
    elif content == "another database":
        with sqlite3.connect(file) as db:
            db.execute("CREATE TABLE meta (a)")
    elif content == "cut off":
        assert cityops("backup", tmp_path / "good.backup", "--url", full) == 0
        file.write_bytes((tmp_path / "good.backup").read_bytes()[:-8192])
    assert cityops("restore", file, "--url", full, "--data", tmp_path, "--force") == 2
    err = capfd.readouterr().err
    assert "no such file or folder" in err if content == "nothing" else "is no backup of cityops, or a damaged" in err
    assert dump(full) == before


def test_a_backup_of_before_versions_is_brought_up(full: str, tmp_path: Path) -> None:
    old = tmp_path / "old.backup"
    made = engine(f"sqlite:///{old}", "BEGIN IMMEDIATE", 1)
    with made.begin() as tx:
        migrating.upgrade(tx, "0001")
        tx.execute(text("DROP TABLE alembic_version"))
        tx.execute(text("INSERT INTO meta VALUES ('epoch', '0a0b0c0d')"))
    made.dispose()
    assert cityops("restore", old, "--url", full, "--data", tmp_path, "--force") == 0
    Store(full).close()


def test_no_database_no_backup(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cityops("backup", tmp_path / "b", "--data", tmp_path / "nowhere") == 2
    assert "cityops.db: there is no database; name its folder with --data" in capfd.readouterr().err
    assert not (tmp_path / "nowhere").exists()
