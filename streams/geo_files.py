"""The user's own tables of units, boundaries and seats: put in force at a process's start, read with a size limit."""

from __future__ import annotations

import os
from pathlib import Path

from geo import files
from geo.divisions import Divisions, UnitError
from streams.errors import UsageError, explain
from streams.folders import data_folder
from streams.settings import Settings

RESTART = "running processes take it up when they are started again"


def use_own(settings: Settings) -> files.Files:
    """Set the process's places of own tables (`geo.files`) from the settings.

    Raises:
        UsageError: an own table of units that cannot be used.
    """
    chosen = files.use(data_folder(settings), settings.divisions, settings.boundaries, settings.seats)
    if settings.divisions and not os.path.isfile(chosen.divisions):
        raise UsageError(f"CITYOPS_DIVISIONS={settings.divisions!r}: there is no such file")
    if os.path.isfile(chosen.divisions):
        try:
            Divisions.load()
        except UnitError as error:
            raise UsageError(str(error)) from None
    return chosen


def read_limited(path: Path, settings: Settings) -> bytes:
    """The file's bytes; raises UsageError before it is read where it is larger than `geo_file_mb`."""
    check_size(settings, path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain(error) from None


def check_size(settings: Settings, *paths: Path) -> None:
    """Raises UsageError for files that are larger together than the limit."""
    try:
        size = sum(path.stat().st_size for path in paths) / 1e6
    except OSError as error:
        raise explain(error) from None
    if size > settings.geo_file_mb:
        raise UsageError(
            f"{paths[0]}: {size:.0f} MB, the limit is {settings.geo_file_mb} MB; leave out what is not needed, "
            "simplify it, or raise CITYOPS_GEO_FILE_MB"
        )
