"""What the commands of reference data share (fences, profiles, policies): versioned records of compacted topics."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import settings_from

if TYPE_CHECKING:
    from streams.registry import Registry
    from streams.settings import Settings

prefix_option = click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")
by_option = click.option("--by", metavar="NAME", help="Who does this (default: the user of this machine).")


def who(by: str | None) -> str:
    """The name that a version is written under."""
    import getpass

    return by or getpass.getuser()


def now_ms() -> int:
    return int(time.time() * 1000)


def registry_now(connection: dict[str, Any]) -> tuple[Settings, Registry]:
    """The settings of these options, and everything in the registry now."""
    from streams.cli.common import require_topics
    from streams.registry import read_all

    settings = settings_from(**connection)
    require_topics(settings)
    return settings, read_all(settings)


def write(settings: Settings, topic: str, records: Iterable[tuple[str, int, bytes]]) -> None:
    """(id, version, value) of each."""
    from streams import tables, versions

    tables.write(settings, topic, versions.rows(records))
