"""The wire format of readings: packed version 1, and plain JSON (one reading, an array, NDJSON).

`pack`/`unpack` are the packed form, one msgpack map whose columns are little-endian bytes; `decode` turns any mix of
Kafka values into columns and rejects, each with a reason that a person can read. Nothing here knows the time or the
registry: see `streams.intake.checks`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from streams.columns import BAD, EMPTY, GOOD, I32, UNCERTAIN, Columns, concat, from_rows
from streams.packed import MAX_ROWS, CodecError, Packed, pack, unpack

__all__ = [
    "EMPTY",
    "CodecError",
    "Columns",
    "Decoded",
    "Packed",
    "Reject",
    "concat",
    "decode",
    "from_rows",
    "pack",
    "unpack",
]

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
QUALITY = {"good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}


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


class _Reading(msgspec.Struct):
    sensor: str
    ts: int | float | str
    value: float
    metric: str | None = None
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    quality: str | None = None
    seq: int | None = None


_many = msgspec.json.Decoder(list[_Reading])
_any = msgspec.json.Decoder()


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
    if not values or any(v[:1] != b"{" for v in values):
        return None
    try:
        readings = _many.decode(b"[" + b",".join(values) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(readings) != len(values):
        return None
    try:
        cols = _columns(readings)
    except CodecError:
        return None
    if not np.isfinite(cols.value).all():
        return None
    n = len(readings)
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
    return _decode_json(value)


def _good_rows(cols: Columns) -> tuple[Columns, I32, dict[str, list[int]]]:
    if not len(cols):
        raise CodecError("empty batch: no rows")
    finite = np.isfinite(cols.value)
    rows = np.arange(len(cols), dtype=np.int32)
    if finite.all():
        return cols, rows, {}
    return cols.take(finite), rows[finite], {_NOT_FINITE: rows[~finite].tolist()}


_NOT_FINITE = "value is not a finite number (NaN or infinite)"


def _decode_json(value: bytes) -> tuple[Columns, I32, dict[str, list[int]]]:
    text = value.strip()
    items: list[Any] = []
    try:
        whole = _any.decode(text)
        items = whole if isinstance(whole, list) else [whole]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 and text[:1] not in (b"{", b"["):
            raise CodecError("neither JSON nor a packed message") from None
        if len(lines) < 2:
            raise CodecError("bad JSON") from None
        for line in lines:
            try:
                items.append(_any.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                items.append(CodecError("bad JSON in this line"))
    if not items:
        raise CodecError("empty batch: no rows")
    if len(items) > MAX_ROWS:
        raise CodecError(f"message has {len(items)} rows; at most {MAX_ROWS} are taken")
    good: list[_Reading] = []
    rows: list[int] = []
    bad: dict[str, list[int]] = {}
    for r, item in enumerate(items):
        try:
            good.append(_reading(item))
            rows.append(r)
        except CodecError as e:
            bad.setdefault(str(e), []).append(r)
    return (_columns(good) if good else EMPTY), np.array(rows, np.int32), bad


def _reading(item: Any) -> _Reading:
    """One JSON object as a reading, or a CodecError that says what is wrong with which field."""
    if isinstance(item, CodecError):
        raise item
    if not isinstance(item, dict):
        raise CodecError(f"a reading is an object, not {_json_name(item)}")
    for name in ("sensor", "ts", "value"):
        if item.get(name) is None:
            raise CodecError(f"{name} is missing")
    if isinstance(item["value"], bool) or not isinstance(item["value"], int | float):
        raise CodecError(f"value is {_json_name(item['value'])}, not a number")
    try:
        reading = msgspec.convert(item, _Reading)
    except msgspec.ValidationError as e:
        raise CodecError(f"reading: {e}".replace(" - at `$.", " at `")) from None
    except OverflowError:
        raise CodecError(_NOT_FINITE) from None
    if not np.isfinite(reading.value):
        raise CodecError(_NOT_FINITE)
    reading.ts = parse_ts(reading.ts)
    if reading.quality is not None and reading.quality not in QUALITY:
        raise CodecError(f"quality {reading.quality!r} is none of good, uncertain, bad")
    return reading


def _json_name(value: Any) -> str:
    return {str: "text", bool: "true/false", list: "an array", dict: "an object", type(None): "null"}.get(
        type(value), "a number"
    )


def parse_ts(ts: int | float | str) -> int:
    """Epoch milliseconds of `ts`: already that, or RFC 3339 with a zone.

    >>> parse_ts("2026-01-01T08:00:00+08:00")
    1767225600000
    """
    if isinstance(ts, str):
        try:
            when = dt.datetime.fromisoformat(ts)
        except ValueError:
            raise CodecError(f"ts {ts[:40]!r} is neither epoch milliseconds nor RFC 3339") from None
        if when.tzinfo is None:
            raise CodecError(f"ts {ts[:40]!r} has no time zone: add Z or +08:00")
        return round(when.timestamp() * 1000)
    if isinstance(ts, float) and not np.isfinite(ts):
        raise CodecError("ts is not a finite number")
    if not -(2**62) < ts < 2**62:
        raise CodecError("ts is outside any calendar")
    return int(ts)


def _columns(readings: list[_Reading]) -> Columns:
    n = len(readings)
    names: dict[str, int] = {}
    idx = np.fromiter((names.setdefault(r.sensor, len(names)) for r in readings), np.int32, n)
    stamps = [r.ts for r in readings]
    if not all(type(t) is int for t in stamps):
        stamps = [parse_ts(t) for t in stamps]
    try:
        ts = np.array(stamps, np.int64)
    except OverflowError:
        raise CodecError("ts is outside any calendar") from None
    extra: dict[str, Any] = {}
    for name, attr, dtype in (
        ("lon", "lon", np.float64),
        ("lat", "lat", np.float64),
        ("accuracy", "accuracy_m", np.float32),
    ):
        if any(getattr(r, attr) is not None for r in readings):
            extra[name] = np.array([np.nan if (v := getattr(r, attr)) is None else v for r in readings], dtype)
    if any(r.quality is not None for r in readings):
        if not all(r.quality in QUALITY for r in readings if r.quality is not None):
            raise CodecError("quality is none of good, uncertain, bad")
        extra["quality"] = np.array([QUALITY[r.quality or "good"] for r in readings], np.uint8)
    if any(r.metric for r in readings):
        metrics: dict[str, int] = {}
        extra["metric_idx"] = np.array(
            [metrics.setdefault(r.metric, len(metrics)) if r.metric else -1 for r in readings], np.int16
        )
        extra["metrics"] = list(metrics)
    return Columns(list(names), idx, ts, np.fromiter((r.value for r in readings), np.float64, n), **extra)
