"""The profiles in force: those that ship, with a folder of one's own over them (CITYOPS_PROFILES)."""

from __future__ import annotations

from pathlib import Path

from detectors.catalog import Catalog, ProfileError
from streams.errors import UsageError
from streams.settings import Settings


def catalog(settings: Settings) -> Catalog:
    """The catalog of these settings.

    Raises:
        UsageError: the folder cannot be used, with file, key and reason; nothing of it is taken.
    """
    base = Catalog.default()
    if not settings.profiles:
        return base
    try:
        return base.over(Path(settings.profiles).expanduser())
    except ProfileError as error:
        raise UsageError(f"CITYOPS_PROFILES: {error}") from None
