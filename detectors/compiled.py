"""The one decorator that compiles detector loops, and where the machine code is kept between starts.

numba's file cache looks only at the file of the function itself: a loop that calls a changed function of another
file would run the old code. So the cache folder's name contains a hash of all sources of this package.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])
_HERE = Path(__file__).parent


def source_hash(folder: Path = _HERE) -> str:
    """Twelve hex characters over every Python file of the package."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def cache_folder() -> Path:
    """The first that can be written: NUMBA_CACHE_DIR, CITYOPS_CACHE/numba, the user's cache folder, a temporary one."""
    named = [
        os.environ.get("NUMBA_CACHE_DIR", ""),
        os.environ.get("CITYOPS_CACHE", "") and os.environ["CITYOPS_CACHE"] + "/numba",
    ]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    temporary = os.path.join(tempfile.gettempdir(), f"cityops-numba-{os.getuid()}")
    for base in [*filter(None, named), os.path.join(home, "cityops", "numba"), temporary]:
        folder = Path(base) / f"detectors-{source_hash()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="cityops-numba-"))


numba.config.CACHE_DIR = str(cache_folder())


def jit(function: F) -> F:
    """`numba.njit` with the settings of this package; `.py_func` is the readable twin."""
    # nogil: the thread that reads from Kafka goes on while a loop runs; only one thread ever holds a bank.
    compiled: F = numba.njit(cache=True, error_model="numpy", nogil=True)(function)
    return compiled
