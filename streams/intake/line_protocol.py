"""InfluxDB line protocol as readings: `measurement[,tag=value…] field=value[,field=value…] [timestamp]`.

The sensor is the tag `sensor`, else the measurement. Each numeric field is one reading: the field `value` without a
metric, any other with its name as metric. Escapes, comments, quoted text and its line breaks are as in InfluxDB's
"Line protocol" reference (v2). Pure: the time for lines without one is an argument.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from streams.columns import EMPTY, F64, I32, I64, Columns
from streams.json_rows import MAX_TS, NOT_FINITE
from streams.packed import MAX_ROWS, CodecError

# nanoseconds, microseconds, milliseconds, seconds: (multiply, divide) to milliseconds; n and u as InfluxDB 1 has them
PRECISIONS: Mapping[str, tuple[int, int]] = {
    "ns": (1, 1_000_000), "n": (1, 1_000_000), "us": (1, 1_000), "u": (1, 1_000), "ms": (1, 1), "s": (1_000, 1),
}  # fmt: skip
MAX_METRICS = 32_767
_FORM = "want `measurement[,tag=value…] field=value[,…] [timestamp]`"
_WORD = r"(?:\\[,= ]|[^,= \n])++"  # possessive: a long bad line costs one pass
_SERIES = rf"((?:\\[, ]|[^, \n])++)((?:,{_WORD}={_WORD})*+)"
_TEXT = r'"(?:\\.|[^"\\])*+"'
_FIELDS = rf'({_WORD}=(?:{_TEXT}|[^, "\r\n]++)(?:,{_WORD}=(?:{_TEXT}|[^, "\r\n]++))*+)'
_LINE = re.compile(rf"[ \t]*+(?!#){_SERIES} ++{_FIELDS}(?: ++(-?\d++))?[ \t\r]*+(?:\n|\Z)", re.DOTALL)
_BLANK = re.compile(r"[ \t\r]*+(?:#[^\n]*+)?(?:\n|\Z)")
_FIELD = re.compile(rf'({_WORD})=({_TEXT}|[^, "\r\n]++)', re.DOTALL)
_TAG = re.compile(rf",({_WORD})=({_WORD})")
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[iu])", re.ASCII)
# a line as most devices send it: no escapes or quotes, one numeric field. The fast way takes a body of only these
_PLAIN = re.compile(
    r'^([^,= \n\\"#]++(?:,[^,= \n\\"]++=[^,= \n\\"]++)*+) ([^,= \n\\"]++)='
    r"([+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?)(?: (-?\d{1,19}))?\r?$",
    re.MULTILINE | re.ASCII,
)
_ESCAPE = re.compile(r"\\([,= ])")
_BOOLEANS = frozenset({"t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"})


@dataclass
class _Rows:
    """What is gathered while the lines are read."""

    sensor: list[str] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    metric: list[str] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    bad: dict[str, list[int]] = field(default_factory=dict)

    def refuse(self, line: int, reason: str) -> None:
        self.bad.setdefault(reason, []).append(line)


def parse(body: bytes, now_ms: int, precision: str = "ns") -> tuple[Columns, I32, dict[str, list[int]]]:
    """(columns, line number of each row, reason -> lines), lines counted from 0 with comments and empty ones.

    Raises
    ------
    CodecError
        for the whole body: no UTF-8, no rows, too many.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start)
        raise CodecError(f"line {line + 1} is not UTF-8 text") from None
    fast = _fast(text, now_ms, *PRECISIONS[precision])
    return fast if fast is not None else _careful(text, now_ms, *PRECISIONS[precision])


def _fast(text: str, now_ms: int, multiply: int, divide: int) -> tuple[Columns, I32, dict[str, list[int]]] | None:
    """The rows of a body of plain lines only, None for any other."""
    found = _PLAIN.findall(text)
    lines = text.count("\n") + (not text.endswith("\n"))
    if len(found) != lines or not 0 < lines <= MAX_ROWS:
        return None
    series, keys, values, stamps = zip(*found, strict=True)
    value = np.array([float(v) for v in values])
    try:
        ts = np.array([int(t) if t else 0 for t in stamps], np.int64)
    except OverflowError:
        return None
    if not np.isfinite(value).all() or (np.abs(ts) >= MAX_TS // multiply).any():
        return None
    ts = np.where([t == "" for t in stamps], now_ms, ts * multiply // divide)
    sensor = {s: _sensor(*_split(s)) for s in dict.fromkeys(series)}
    metric = ["" if k == "value" else k for k in keys]
    return _columns([sensor[s] for s in series], ts, value, metric), np.arange(lines, dtype=np.int32), {}


def _split(series: str) -> tuple[str, str]:
    name, comma, tags = series.partition(",")
    return name, comma + tags


def _careful(text: str, now_ms: int, multiply: int, divide: int) -> tuple[Columns, I32, dict[str, list[int]]]:
    rows = _Rows()
    at = line = 0
    while at < len(text):
        match = _LINE.match(text, at)
        if match is not None:
            series, tags, fields, stamp = match.groups()
            ts = now_ms if stamp is None else int(stamp) * multiply // divide if len(stamp) < 24 else MAX_TS
            if -MAX_TS < ts < MAX_TS:
                _take(rows, line, _sensor(series, tags), fields, ts)
            else:
                rows.refuse(line, "timestamp is outside any calendar")
            line += 1 if '"' not in fields else 1 + fields.count("\n")
            at = match.end()
        else:
            blank = _BLANK.match(text, at)
            end = blank.end() if blank else (text.find("\n", at) + 1 or len(text))
            if blank is None:
                rows.refuse(line, _why(text[at:end].strip()))
            line += 1
            at = end
        if len(rows.sensor) > MAX_ROWS:
            raise CodecError(f"message has more than {MAX_ROWS} rows; send smaller batches")
    if not rows.sensor and not rows.bad:
        raise CodecError("empty batch: no rows")
    cols = _columns(rows.sensor, np.array(rows.ts, np.int64), np.array(rows.value, np.float64), rows.metric)
    return cols, np.array(rows.line, np.int32), rows.bad


def _sensor(series: str, tags: str) -> str:
    if "sensor" in tags:
        for key, value in _TAG.findall(tags):
            if key == "sensor":
                return _plain(value)
    return _plain(series)


def _plain(text: str) -> str:
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def _take(rows: _Rows, line: int, sensor: str, fields: str, ts: int) -> None:
    """Each numeric field becomes a row, any other a refusal."""
    simple = '"' not in fields and "\\" not in fields
    for key, text in (f.split("=", 1) for f in fields.split(",")) if simple else _FIELD.findall(fields):
        if not _NUMBER.fullmatch(text):
            rows.refuse(line, f"field {_plain(key)[:64]} {_not_a_number(text)}")
            continue
        value = float(text[:-1] if text[-1] in "iu" else text)
        if not math.isfinite(value):
            rows.refuse(line, NOT_FINITE)
            continue
        rows.sensor.append(sensor)
        rows.ts.append(ts)
        rows.value.append(value)
        rows.metric.append("" if key == "value" else _plain(key))
        rows.line.append(line)


def _not_a_number(text: str) -> str:
    if text[0] == '"':
        return "is text, not a number"
    return "is true/false, not a number" if text in _BOOLEANS else f"has no number: {text[:32]!r}"


def _why(line: str) -> str:
    """What keeps a line from being read."""
    series = re.match(_SERIES, line)
    if series is None or " " not in line:
        return f"no field: {_FORM}"
    rest = line[series.end() :]
    if rest[:1] != " ":
        return f"a tag cannot be read near {rest[:32]!r}: {_FORM}"
    fields = re.match(_FIELDS, rest.lstrip(" "), re.DOTALL)
    if fields is None:
        return f"fields cannot be read near {rest.strip()[:32]!r}: {_FORM}"
    after = rest.lstrip(" ")[fields.end() :]
    if after[:1] != " ":
        return f"fields cannot be read near {after[:32]!r}: {_FORM}"
    return f"timestamp {after.strip()[:32]!r} is not a whole number"


def _columns(sensors: list[str], ts: I64, value: F64, metric: list[str]) -> Columns:
    if not sensors:
        return EMPTY
    where = {name: k for k, name in enumerate(dict.fromkeys(sensors))}
    idx = np.array([where[s] for s in sensors], np.int32)
    metrics = {name: k for k, name in enumerate(dict.fromkeys(filter(None, metric)))}
    if len(metrics) > MAX_METRICS:
        raise CodecError(f"message has {len(metrics)} different fields; at most {MAX_METRICS} are taken")
    if not metrics:
        return Columns(list(where), idx, ts, value)
    metric_idx = np.array([metrics.get(m, -1) for m in metric], np.int16)
    return Columns(list(where), idx, ts, value, list(metrics), metric_idx)
