"""The wire format of readings: packed version 1, and plain JSON (one reading, an array, NDJSON).

`pack`/`unpack` are the packed form, one msgpack map whose columns are little-endian bytes; `decode` turns any mix of
Kafka values into columns and rejects, each with a reason that a person can read. Nothing here knows the time or the
registry: see `streams.intake.checks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streams.columns import EMPTY, I32, Columns, concat, from_rows
from streams.json_rows import NOT_FINITE, QUALITY, decode_rows, decode_singles, parse_ts
from streams.packed import CodecError, Packed, pack, unpack

__all__ = [
    "EMPTY",
    "QUALITY",
    "CodecError",
    "Columns",
    "Decoded",
    "Packed",
    "Reject",
    "concat",
    "decode",
    "from_rows",
    "pack",
    "parse_ts",
    "unpack",
]

MAX_MESSAGE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Reject:
    """Rows of message `index` that were refused; no rows: the whole message."""

    index: int
    rows: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Decoded:
    """Rows of all good messages; `message` and `row` (int32[n]) say where each row came from."""

    cols: Columns
    message: I32
    row: I32
    rejects: list[Reject]


def decode(values: Sequence[bytes]) -> Decoded:
    """Columns of a list of Kafka values; what cannot be read becomes rejects and stops nothing.

    Rows keep the order of the messages. A bad row in a good message rejects that row alone.
    """
    fast = _decode_singles(values)
    if fast is not None:
        return fast
    parts: list[Columns] = []
    message: list[np.ndarray] = []
    row: list[np.ndarray] = []
    rejects: list[Reject] = []
    for k, value in enumerate(values):
        try:
            cols, rows, bad = _decode_one(value)
        except CodecError as e:
            rejects.append(Reject(k, (), str(e)))
            continue
        rejects += [Reject(k, tuple(r), reason) for reason, r in bad.items()]
        if len(cols):
            parts.append(cols)
            message.append(np.full(len(cols), k, np.int32))
            row.append(rows)
    if not parts:
        none = np.empty(0, np.int32)
        return Decoded(EMPTY, none, none, rejects)
    return Decoded(concat(parts), np.concatenate(message), np.concatenate(row), rejects)


def _decode_singles(values: Sequence[bytes]) -> Decoded | None:
    """All values at once when each is one good JSON reading; else None."""
    cols = decode_singles(values)
    if cols is None:
        return None
    n = len(cols)
    return Decoded(cols, np.arange(n, dtype=np.int32), np.zeros(n, np.int32), [])


def _decode_one(value: bytes) -> tuple[Columns, I32, dict[str, list[int]]]:
    if len(value) > MAX_MESSAGE_BYTES:
        raise CodecError(
            f"message of {len(value):,} bytes; at most {MAX_MESSAGE_BYTES:,} are taken: send smaller batches"
        )
    head = value[:1]
    if not value.strip():
        raise CodecError("empty message")
    if head[0] in range(0x80, 0x90) or head in (b"\xde", b"\xdf"):
        return _good_rows(unpack(value).cols)
    return decode_rows(value)


def _good_rows(cols: Columns) -> tuple[Columns, I32, dict[str, list[int]]]:
    if not len(cols):
        raise CodecError("empty batch: no rows")
    finite = np.isfinite(cols.value)
    rows = np.arange(len(cols), dtype=np.int32)
    if finite.all():
        return cols, rows, {}
    return cols.take(finite), rows[finite], {NOT_FINITE: rows[~finite].tolist()}
