"""Where the user's own tables and polygons lie: one place for the whole process.

`use` sets it at the start of a process (every `cityops` command does). Until then, and in other programs, the
environment says it, as it does for child processes: CITYOPS_DIVISIONS, CITYOPS_BOUNDARIES and CITYOPS_SEATS, else files
in the folder `geo` of the data folder (CITYOPS_DATA, else $XDG_DATA_HOME/cityops, else ~/.local/share/cityops).
A file that is not there means: what ships with cityops.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import NamedTuple


class Files(NamedTuple):
    """Paths of the user's own data; none of them need exist."""

    divisions: str  # CSV of `geo.division_table`
    boundaries: str  # folder with <level>.json of `geo.own`
    seats: str  # CSV of `geo.seat_table`


_chosen: Files | None = None


def use(data: str | Path = "", divisions: str = "", boundaries: str = "", seats: str = "") -> Files:
    """Set the paths for this process; "" is the default below the data folder."""
    global _chosen
    _chosen = _named(str(data), divisions, boundaries, seats)
    return _chosen


def forget() -> None:
    """Back to what the environment says."""
    global _chosen
    _chosen = None


def current() -> Files:
    """The paths in force."""
    if _chosen is not None:
        return _chosen
    env = os.environ.get
    return _named(
        env("CITYOPS_DATA", ""),
        env("CITYOPS_DIVISIONS", ""),
        env("CITYOPS_BOUNDARIES", ""),
        env("CITYOPS_SEATS", ""),
    )


def _named(data: str, divisions: str, boundaries: str, seats: str) -> Files:
    if not data:
        data = os.path.join(os.environ.get("XDG_DATA_HOME") or "~/.local/share", "cityops")
    home = os.path.join(os.path.expanduser(data), "geo")
    return Files(
        os.path.expanduser(divisions) or os.path.join(home, "divisions.csv"),
        os.path.expanduser(boundaries) or os.path.join(home, "boundaries"),
        os.path.expanduser(seats) or os.path.join(home, "seats.csv"),
    )


def stamp(*paths: str) -> str:
    """Twelve hex digits that change with the files' bytes; "" where none of them is there."""
    found = [Path(path) for path in paths if os.path.isfile(path)]
    if not found:
        return ""
    digest = hashlib.sha256()
    for path in found:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def write_whole(path: str | Path, data: bytes) -> None:
    """Write beside, then rename: a reader finds the old file or the new one, never half of one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except OSError:
        os.unlink(beside)
        raise
