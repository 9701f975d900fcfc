"""Readings as JSON: one object, an array, or lines; each bad row has a reason, and good bodies take a fast way.

The fast way reads a whole body by one typed decoder and says None at the first thing that is not plain; the careful
way then goes row by row. Both give the same columns (tests compare them).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from streams.columns import BAD, EMPTY, GOOD, I32, UNCERTAIN, Columns
from streams.packed import MAX_ROWS, CodecError

QUALITY = {"good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}
NOT_FINITE = "value is not a finite number (NaN or infinite)"
MAX_TS = 2**62
_Decode = Callable[[bytes], list[Any]]
_WRONG = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Reading(msgspec.Struct, gc=False):
    sensor: str
    ts: int | float | str
    value: float
    metric: str | None = None
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    quality: str | None = None
    seq: int | None = None


class _Plain(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    sensor: str
    ts: int
    value: float


_many = msgspec.json.Decoder(list[_Reading])
_plain = msgspec.json.Decoder(list[_Plain])
_line = msgspec.json.Decoder(_Reading)
_plain_line = msgspec.json.Decoder(_Plain)
_any = msgspec.json.Decoder()


def decode_rows(value: bytes) -> tuple[Columns, I32, dict[str, list[int]]]:
    """(columns, row number of each, reason -> rows) of one body that is not blank; raises CodecError for all of it."""
    text = value.strip()
    fast = _fast(text)
    if fast is not None and len(fast) <= MAX_ROWS:
        return fast, np.arange(len(fast), dtype=np.int32), {}
    return _careful(text)


def decode_singles(values: Sequence[bytes]) -> Columns | None:
    """One row of each value where each is one good JSON object; else None."""
    if not values or any(v[:1] != b"{" for v in values):
        return None
    cols = _typed(b"[" + b",".join(values) + b"]", _plain.decode, _many.decode)
    return cols if cols is not None and len(cols) == len(values) else None


def _fast(text: bytes) -> Columns | None:
    if text[:1] == b"[":
        return _typed(text, _plain.decode, _many.decode)
    lines = text.count(b"\n") + 1
    cols = _typed(text, _plain_line.decode_lines, _line.decode_lines)
    return cols if cols is not None and (len(cols) == lines or not _spread(text, len(cols))) else None


def _spread(text: bytes, rows: int) -> bool:
    """Are there not as many lines with text as rows? The decoder of lines also takes `{…}{…}` in one line."""
    return sum(1 for line in text.split(b"\n") if line.strip()) != rows


def _typed(text: bytes, plain: _Decode, full: _Decode) -> Columns | None:
    """Columns of good readings, None for anything else."""
    try:
        rows = plain(text)
        if not rows:
            return None
        return _checked(_three([r.sensor for r in rows], [r.ts for r in rows], [r.value for r in rows]))
    except (*_WRONG, OverflowError):
        pass
    try:
        readings = full(text)
        return _checked(columns(readings)) if readings else None
    except (*_WRONG, CodecError):
        return None


def _checked(cols: Columns) -> Columns | None:
    inside = (cols.ts_ms < MAX_TS) & (cols.ts_ms > -MAX_TS)
    return cols if inside.all() and np.isfinite(cols.value).all() else None


def _three(sensors: list[str], ts: list[int], value: list[float]) -> Columns:
    names = list(dict.fromkeys(sensors))
    if len(names) == len(sensors):
        idx = np.arange(len(sensors), dtype=np.int32)
    else:
        where = {name: k for k, name in enumerate(names)}
        idx = np.array([where[s] for s in sensors], np.int32)
    return Columns(names, idx, np.array(ts, np.int64), np.array(value, np.float64))


def _careful(text: bytes) -> tuple[Columns, I32, dict[str, list[int]]]:
    items: list[Any] = []
    try:
        whole = _any.decode(text)
        items = whole if isinstance(whole, list) else [whole]
    except _WRONG:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 and text[:1] not in (b"{", b"["):
            raise CodecError("neither JSON nor a packed message") from None
        if len(lines) < 2:
            raise CodecError("bad JSON") from None
        for line in lines:
            try:
                items.append(_any.decode(line))
            except _WRONG:
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
    return (columns(good) if good else EMPTY), np.array(rows, np.int32), bad


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
        raise CodecError(NOT_FINITE) from None
    if not np.isfinite(reading.value):
        raise CodecError(NOT_FINITE)
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
    if not -MAX_TS < ts < MAX_TS:
        raise CodecError("ts is outside any calendar")
    return int(ts)


def columns(readings: list[_Reading]) -> Columns:
    """Columns of readings; raises CodecError for a time or quality that none can have."""
    stamps = [r.ts for r in readings]
    if not all(type(t) is int for t in stamps):
        stamps = [parse_ts(t) for t in stamps]
    try:
        cols = _three([r.sensor for r in readings], stamps, [r.value for r in readings])  # type: ignore[arg-type]
    except OverflowError:
        raise CodecError("ts is outside any calendar") from None
    extra: dict[str, Any] = {}
    for name, attr, dtype in (
        ("lon", "lon", np.float64),
        ("lat", "lat", np.float64),
        ("accuracy", "accuracy_m", np.float32),
    ):
        found = [getattr(r, attr) for r in readings]
        if any(v is not None for v in found):
            extra[name] = np.array([np.nan if v is None else v for v in found], dtype)
    quality = [r.quality for r in readings]
    if any(q is not None for q in quality):
        if not all(q in QUALITY for q in quality if q is not None):
            raise CodecError("quality is none of good, uncertain, bad")
        extra["quality"] = np.array([QUALITY[q or "good"] for q in quality], np.uint8)
    metric = [r.metric for r in readings]
    if any(metric):
        metrics: dict[str, int] = {}
        extra["metric_idx"] = np.array([metrics.setdefault(m, len(metrics)) if m else -1 for m in metric], np.int16)
        extra["metrics"] = list(metrics)
    return Columns(cols.sensors, cols.idx, cols.ts_ms, cols.value, **extra)
