"""Derived files in the user's cache folder: read when there, made when not, never required.

A folder that cannot be written only costs the work again at the next start.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def folder(cache: str | Path = "") -> Path:
    """The geo cache: `cache`, else $CITYOPS_CACHE, else the user's cache folder; below it `geo`.

    >>> folder("/tmp/c").as_posix()
    '/tmp/c/geo'
    """
    chosen = str(cache) or os.environ.get("CITYOPS_CACHE", "")
    if chosen:
        return Path(chosen).expanduser() / "geo"
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "cityops" / "geo"


def fetch(name: str, make: Callable[[], bytes], usable: Callable[[bytes], bool], cache: str | Path = "") -> bytes:
    """Bytes of the cached file `name`; made, and kept where possible, when absent or not usable.

    The file appears whole or not at all (written beside, then renamed), so processes that start
    together never read half of it.
    """
    path = folder(cache) / name
    with contextlib.suppress(OSError):
        data = path.read_bytes()
        if usable(data):
            return data
    data = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(beside, path)
        except OSError:
            os.unlink(beside)
            raise
    return data
