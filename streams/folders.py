"""Where cityops keeps things: the data folder of one installation and the user's cache folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from streams.errors import UsageError, explain
from streams.settings import Settings


def _folder(named: str, variable: str, home: str) -> Path:
    if named:
        return Path(named).expanduser().absolute()
    return Path(os.environ.get(variable) or Path.home() / home).expanduser().absolute() / "cityops"


def data_folder(settings: Settings) -> Path:
    """The data folder (not made here): setting `data`, else $XDG_DATA_HOME/cityops, else ~/.local/share/cityops."""
    return _folder(settings.data, "XDG_DATA_HOME", ".local/share")


def cache_folder(settings: Settings) -> Path:
    """The cache folder (not made here): setting `cache`, else $XDG_CACHE_HOME/cityops, else ~/.cache/cityops."""
    return _folder(settings.cache, "XDG_CACHE_HOME", ".cache")


def writable(folder: Path, option: str) -> Path:
    """Make `folder` and check that a file can be written there; raises UsageError naming `option`."""
    probe = folder / f".write-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"cityops")
    except OSError as error:
        raise UsageError(f"{option}: {explain(error)}") from None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return folder


@contextlib.contextmanager
def alone(lock: Path, taken: str) -> Iterator[None]:
    """Hold a lock file as the only process; raises UsageError `taken` where another holds it."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(taken) from None
        yield
