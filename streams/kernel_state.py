"""What a kernel's snapshot holds, and how one of an older program becomes one of this program.

Formats: 3 (layout 2 of the detectors' records: no clock slot, no balances, no metrics' rows), 4 (no fences, no profiles
of its own), 5 (this one). A format
that is not known, or another domain or run, is refused; the caller rebuilds from the readings instead.
"""

from __future__ import annotations

from typing import Any

import msgspec

from detectors import catalog
from detectors.bank import StateError
from detectors.profile_file import ProfileFile
from geo.assets import Sensor
from geo.fences import Fence
from streams.moving import Saved as Moving

FORMAT = 5
OLDEST = 3


class Saved(msgspec.Struct):
    format: int
    version: int
    domain: str
    run: str
    mode: str
    now_ms: int
    counts: list[int]
    open: list[tuple[int, str]]
    sensors: list[Sensor]  # by row
    bank: dict[str, Any]
    metrics: dict[str, list[str]] = {}
    sums: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    fences: list[Fence] = []
    profiles: ProfileFile | None = None
    moving: Moving | None = None


encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Saved)


def decode(data: bytes, domain: str, run: str, mode: str) -> tuple[Saved, list[str]]:
    """(the snapshot in this program's format, what was migrated).

    Raises:
        StateError: no snapshot, a format that cannot be migrated, or of another domain, run or mode.
    """
    try:
        saved = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise StateError(f"snapshot cannot be read: {error}") from None
    if not OLDEST <= saved.format <= FORMAT:
        raise StateError(f"snapshot has format {saved.format}, this version reads {OLDEST} to {FORMAT}")
    if saved.version > catalog.VERSION:
        raise StateError(f"snapshot is of detectors {saved.version}, this version has {catalog.VERSION}")
    if (saved.domain, saved.run, saved.mode) != (domain, run, mode):
        raise StateError(f"snapshot is of {saved.domain}/{saved.run}/{saved.mode}, not {domain}/{run}/{mode}")
    notes = []
    if saved.format < FORMAT:
        notes.append(f"format {saved.format} became {FORMAT}")
    if saved.version < catalog.VERSION:
        notes.append(f"what detectors {saved.version} learned is used by detectors {catalog.VERSION}")
    return saved, notes
