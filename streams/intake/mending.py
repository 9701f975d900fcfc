"""Putting refused rows right: names, times, values. Pure; what still cannot be read comes back with its reason.

A mending is a TOML file, options of `cityops rejects replay`, or both:

    domain = "gas"                       # where the rows belong

    [fields]                             # JSON: our name = the device's
    sensor = "id"

    [sensors]                            # wrong id = right id
    "well-7" = "522601-G-CH4-000007"

    [ts]
    factor = 1000                        # 1000 for seconds
    shift_ms = -3600000                  # added after the factor
    timezone = "Asia/Shanghai"           # of times written without one

    [value]                              # value * factor + offset
    factor = 0.001

    [values."522601-G-CH4-000007"]       # of one sensor, by its right id
    offset = -4.0
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import math
import tomllib
import zoneinfo
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streams import codec
from streams.columns import I32, Columns
from streams.errors import UsageError, explain
from streams.intake.rejects import Rejected

FIELDS = ("sensor", "ts", "value", "metric", "lon", "lat", "accuracy_m", "quality")


class Scale(msgspec.Struct, forbid_unknown_fields=True):
    """value * factor + offset."""

    factor: float = 1.0
    offset: float = 0.0


class Times(msgspec.Struct, forbid_unknown_fields=True):
    """Times as numbers: ts * factor + shift_ms; texts without a zone are of `timezone`."""

    factor: float = 1.0
    shift_ms: int = 0
    timezone: str = ""


class Mend(msgspec.Struct, forbid_unknown_fields=True):
    """How rows are put right before they are sent again."""

    domain: str = ""
    fields: dict[str, str] = {}
    sensors: dict[str, str] = {}
    ts: Times = msgspec.field(default_factory=Times)
    value: Scale = msgspec.field(default_factory=Scale)
    values: dict[str, Scale] = {}


@dataclasses.dataclass(frozen=True)
class Mended:
    """Rows that can be sent, `row` int32[n] in their message; `left`: reason → rows that cannot."""

    cols: Columns
    row: I32
    left: Mapping[str, list[int]]


def read_mend(path: Path) -> Mend:
    """A mending from a TOML file. Raises UsageError that names the file and the field."""
    try:
        mend = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Mend)
    except OSError as error:
        raise explain(error) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is no TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}".replace(" - at `$.", ", at `")) from None
    return checked(mend, str(path))


def checked(mend: Mend, where: str) -> Mend:
    """The mending as it is; raises UsageError for what cannot be used."""
    from streams.topics import DOMAINS

    scales = {"value": mend.value, **{f"values.{name}": scale for name, scale in mend.values.items()}}
    for name, scale in scales.items():
        if not (math.isfinite(scale.factor) and math.isfinite(scale.offset) and scale.factor):
            raise UsageError(f"{where}: {name}: want a factor other than 0, and finite numbers")
    if not (math.isfinite(mend.ts.factor) and mend.ts.factor > 0):
        raise UsageError(f"{where}: ts.factor is {mend.ts.factor}; want a number above 0, 1000 for seconds")
    unknown = [name for name in mend.fields if name not in FIELDS]
    if unknown:
        raise UsageError(f"{where}: fields.{unknown[0]}: a reading has {', '.join(FIELDS)}")
    if mend.domain and mend.domain not in DOMAINS:
        raise UsageError(f"{where}: domain {mend.domain!r}: want one of {', '.join(DOMAINS)}")
    if mend.ts.timezone:
        _zone(mend.ts.timezone, where)
    return mend


def read_sensors(path: Path) -> dict[str, str]:
    """Wrong id → right id from a CSV file with the columns old and new. Raises UsageError."""
    import csv

    out: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            if "old" not in names or "new" not in names:
                raise UsageError(f"{path}, line 1: want the columns old and new, found {', '.join(names) or 'nothing'}")
            for row in reader:
                old, new = (row["old"] or "").strip(), (row["new"] or "").strip()
                if not old or not new:
                    raise UsageError(f"{path}, line {reader.line_num}: {'new' if old else 'old'} is empty")
                if out.setdefault(old, new) != new:
                    raise UsageError(f"{path}, line {reader.line_num}: {old} is there already, as {out[old]}")
    except OSError as error:
        raise explain(error) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 (byte {error.start}); save it as “CSV UTF-8”") from None
    except csv.Error as error:
        raise UsageError(f"{path}: {error}") from None
    return out


def mended(item: Rejected, mend: Mend, sent: Iterable[int] = ()) -> Mended:
    """The refused rows of a message that were not sent yet, put right."""
    if not item.value or item.value[0] >= 0x80:
        cols, row, left = _packed(item, mend)
    else:
        cols, row, left = _json(item, mend)
    done = np.isin(row, np.fromiter(sent, np.int64))
    if done.any():
        cols, row = cols.take(~done), row[~done]
    if len(cols):
        cols = _named(cols, mend)
    return Mended(cols, row, left)


def _packed(item: Rejected, mend: Mend) -> tuple[Columns, I32, dict[str, list[int]]]:
    decoded = codec.decode([item.value])
    cols, row = decoded.cols, decoded.row
    if item.rows:
        wanted = np.isin(row, item.rows)
        cols, row = cols.take(wanted), row[wanted]
    ts = np.round(cols.ts_ms * mend.ts.factor).astype(np.int64) + mend.ts.shift_ms
    left = {bad.reason: list(bad.rows) for bad in decoded.rejects}
    return _with(cols, ts_ms=ts), row, _of(item, left)


def _json(item: Rejected, mend: Mend) -> tuple[Columns, I32, dict[str, list[int]]]:
    """Row by row, since a row may be refused because of its names or because its value is a text."""
    rows, left = _items(item.value)
    wanted = [k for k in rows if not item.rows or k in set(item.rows)]
    put = [msgspec.json.encode(_reading(rows[k], mend)) for k in wanted]
    decoded = codec.decode(put)
    for bad in decoded.rejects:
        left.setdefault(bad.reason, []).append(wanted[bad.index])
    row = np.array([wanted[m] for m in decoded.message.tolist()], np.int32)
    return decoded.cols, row, _of(item, left)


def _items(value: bytes) -> tuple[dict[int, Any], dict[str, list[int]]]:
    """Row number → JSON value of an object, an array or lines, counted as the packer counts; and what is no JSON."""
    try:
        whole = msgspec.json.decode(value)
        return dict(enumerate(whole if isinstance(whole, list) else [whole])), {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    rows: dict[int, Any] = {}
    bad: list[int] = []
    lines = [line for line in value.strip().splitlines() if line.strip()]
    for k, line in enumerate(lines):
        try:
            rows[k] = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            bad.append(k)
    if not rows:
        return {}, {"neither JSON nor a packed message": []}
    return rows, {"bad JSON in this line": bad} if bad else {}


def _reading(row: Any, mend: Mend) -> Any:
    if not isinstance(row, dict):
        return row
    out = dict(row)
    for ours, theirs in mend.fields.items():
        if theirs in row:
            out.pop(theirs, None)
            out[ours] = row[theirs]
    if isinstance(value := out.get("value"), str):
        with contextlib.suppress(ValueError):  # it stays refused, with the reason
            out["value"] = float(value)
    ts = out.get("ts")
    if isinstance(ts, str) and ts.strip().isdigit():
        ts = int(ts)
    if isinstance(ts, str):
        with contextlib.suppress(codec.CodecError):
            out["ts"] = codec.parse_ts(_local(ts, mend.ts.timezone)) + mend.ts.shift_ms
    elif isinstance(ts, int | float) and not isinstance(ts, bool):
        out["ts"] = round(ts * mend.ts.factor) + mend.ts.shift_ms
    return out


def _local(ts: str, timezone: str) -> str:
    try:
        when = dt.datetime.fromisoformat(ts)
    except ValueError:
        return ts
    return ts if when.tzinfo or not timezone else when.replace(tzinfo=_zone(timezone, "ts.timezone")).isoformat()


def _zone(name: str, where: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"{where}: timezone {name!r} is unknown; want a name such as Asia/Shanghai") from None


def _named(cols: Columns, mend: Mend) -> Columns:
    names = [mend.sensors.get(s, s) for s in cols.sensors]
    scales = [mend.values.get(name, mend.value) for name in names]
    factor, offset = (np.array([getattr(s, part) for s in scales]) for part in ("factor", "offset"))
    return _with(cols, sensors=names, value=cols.value * factor[cols.idx] + offset[cols.idx])


def _with(cols: Columns, **changed: Any) -> Columns:
    return dataclasses.replace(cols, **changed)


def _of(item: Rejected, left: dict[str, list[int]]) -> dict[str, list[int]]:
    """Only rows that were refused in this record; others have a record of their own."""
    if not item.rows:
        return left
    mine = set(item.rows)
    return {reason: kept for reason, rows in left.items() if (kept := [r for r in rows if r in mine])}
