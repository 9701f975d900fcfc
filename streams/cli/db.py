"""`cityops db`: the API's database: bring its tables up, copy it, put a copy back, make alerts anew from their log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option, require_broker, settings_from
from streams.folders import data_folder
from streams.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

_url = click.option(
    "--url", metavar="URL", help="The database (default: CITYOPS_DB, else cityops.db of the data folder)."
)
_data = click.option("--data", metavar="FOLDER", help="Data folder (default: the user's data folder).")
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group(help=(__doc__ or "").split(": ", 1)[1])
def command() -> None:
    pass


@command.command()
@_url
@_data
@json_option
def upgrade(url: str | None, data: str | None, as_json: bool) -> None:
    """Bring the tables to this program's version.

    SQLite needs it never: the API does it at its start. Make a backup first and stop all API processes.
    """
    from api import migrating
    from api.migrations import HEAD

    settings = settings_from(db=url, data=data)
    with _unused(settings) as made, made.begin() as tx:
        found = migrating.revision(tx)
        migrating.prepare(tx, automatic=True)
    facts = {"from": found, "to": HEAD}
    before = "none" if found is None else found or "one of before versions"
    _tell(facts, f"version {HEAD} (before: {before})", as_json)


@command.command()
@_file
@_url
@_data
@json_option
def backup(file: Path, url: str | None, data: str | None, as_json: bool) -> None:
    """Write one state of the database to FILE, while everything runs.

    FILE is a SQLite database, of PostgreSQL too. It holds hashes of passwords: keep it where only you can read it.
    """
    from api.backup import backup as write

    settings = settings_from(db=url, data=data)
    rows = write(_address(settings), file)
    _tell({"file": str(file), "rows": rows}, f"{file}: {_counted(rows)}", as_json)


@command.command()
@_file
@click.option("--force", is_flag=True, help="Replace what is there.")
@_url
@_data
@json_option
def restore(file: Path, force: bool, url: str | None, data: str | None, as_json: bool) -> None:
    """Put a backup into an empty database, of the same kind or the other.

    Stop all API processes first. What the log of alerts says since the backup is read when the API starts again.
    """
    from api.backup import restore as fill

    settings = settings_from(db=url, data=data)
    with _unused(settings) as made:
        rows = fill(file, made, force)
    _tell({"file": str(file), "rows": rows}, f"{_counted(rows)}", as_json)


@command.command()
@click.option("--prefix", metavar="RUN", help="Only the run of this topic prefix, run.<id>.")
@click.option("--force", is_flag=True, help="Also where the log has lost its beginning.")
@_url
@connection_options
@json_option
def rebuild(force: bool, as_json: bool, url: str | None, **options: Any) -> None:
    """Make alerts and timelines anew from the log of alerts, in a new epoch; accounts, tokens and duty stay.

    Stop all API processes first. Clients of the feed are told to read their lists again.
    """
    from api.rebuild import rebuild as replay
    from api.store import Store

    settings = settings_from(db=url, **options)
    require_broker(settings)
    with _unused(settings):
        store = Store(_address(settings))
        try:
            done = asyncio.run(replay(settings, store, force))
        finally:
            store.close()
    told = f"{done['alerts']} alerts, {done['transitions']} transitions; epoch {done['epoch']}"
    _tell(done, told + (f"; {done['skipped']} records cannot be read" if done["skipped"] else ""), as_json)


def _address(settings: Settings) -> str:
    return settings.db or f"sqlite:///{data_folder(settings) / 'cityops.db'}"


@contextmanager
def _unused(settings: Settings) -> Iterator[Engine]:
    """The database, while no API process uses it."""
    from api.offline import unused
    from streams.sql import engine

    made = engine(_address(settings), "BEGIN IMMEDIATE", 2)
    try:
        with unused(made, data_folder(settings)):
            yield made
    finally:
        made.dispose()


def _counted(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in rows.items() if count) or "no rows"


def _tell(facts: Mapping[str, Any], text: str, as_json: bool) -> None:
    click.echo(json.dumps(facts) if as_json else text)
