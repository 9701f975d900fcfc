"""Reading a recording in chunks: CSV, gzipped CSV or Parquet; wide (a column a sensor) or long (a row a reading).

Memory stays flat: a chunk is at most about a megabyte of CSV or 65,536 Parquet rows. `survey` reads the whole file once
before anything is sent, so that a fault in the last row is told before the first reading has gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from simulators import recording_lines
from simulators.mapping import LABEL_NAMES, SENSOR_NAMES, TIME_NAMES, VALUE_NAMES, ColumnMap
from simulators.noise import F64, I64
from simulators.recording_time import Clock
from streams.errors import UsageError, explain

BLOCK = 1 << 20
EMPTY_CELLS = ("", "nan", "na", "n/a", "null", "none", "-")
MAX_NAMES = 20_000


@dataclass(frozen=True)
class Chunk:
    """n readings, times not falling: `ts_ms` int64[n], `name` int32[n] into `names`, `value` float64[n] (finite).

    `until_ms` is the time of the last row, which may hold no reading.
    """

    names: list[str]
    ts_ms: I64
    name: np.ndarray
    value: F64
    until_ms: int


@dataclass
class Survey:
    """What is in the file: sensors in order of appearance, rows, readings, span, spacing.

    `first_ms` and `last_ms` are the first and last reading's; `until_ms` is the last row's, though it be empty.
    """

    names: list[str]
    rows: int = 0
    readings: int = 0
    gaps: int = 0
    first_ms: int = 0
    last_ms: int = 0
    until_ms: int = 0
    intervals_s: dict[str, float] = field(default_factory=dict)


class Recording:
    """One file and how it is read."""

    def __init__(self, path: Path, mapping: ColumnMap) -> None:
        self.path = path
        self.columns = _column_names(path)
        self.mapping = self._settle(mapping)
        self._names: list[str] = [] if self.long else list(self.mapping.value)
        self._index = {n: k for k, n in enumerate(self._names)}

    @property
    def long(self) -> bool:
        return self.mapping.format == "long"

    def chunks(self) -> Iterator[Chunk]:
        """All readings in the order of the file. Raises UsageError with the row at the first fault."""
        m = self.mapping
        clock = Clock(self.path.name, m.time_column, m.time_format, m.timezone)
        wanted = [m.time_column, *([m.sensor] if self.long else []), *m.value]
        row, last = 1, -(2**63)
        for batch in _batches(self.path, wanted):
            if not batch.num_rows:
                continue
            ts = clock.milliseconds(batch.column(m.time_column), row)
            back = np.flatnonzero(np.diff(ts, prepend=max(last, int(ts[0])) if row == 1 else last) < 0)
            if len(back):
                raise UsageError(
                    f"{self.path.name}: row {row + int(back[0])} is earlier than the row before it; "
                    f"sort the file by {m.time_column}"
                )
            last = int(ts[-1])
            yield self._long(batch, ts, row) if self.long else self._wide(batch, ts, row)
            row += batch.num_rows
        if row == 1:
            raise UsageError(f"{self.path.name}: has no rows")

    def survey(self) -> Survey:
        """Read everything once."""
        out = Survey([])
        gaps: dict[str, list[float]] = {}
        for chunk in self.chunks():
            out.until_ms = chunk.until_ms
            if len(chunk.ts_ms):
                out.first_ms = out.first_ms if out.readings else int(chunk.ts_ms[0])
                out.last_ms = int(chunk.ts_ms[-1])
                out.readings += len(chunk.ts_ms)
            if len(gaps) < len(chunk.names) or out.readings < 200_000:
                _spacing(chunk, gaps)
        out.names = list(self._names)
        if not out.readings:
            raise UsageError(f"{self.path.name}: has no values in {', '.join(self.mapping.value)}")
        out.intervals_s = {n: float(np.median(d)) for n, d in gaps.items() if d}
        return out

    def _wide(self, batch: pa.RecordBatch, ts: I64, row: int) -> Chunk:
        values = np.column_stack([self._numbers(batch.column(c), c, row) for c in self.mapping.value])
        at, name = np.nonzero(np.isfinite(values))
        return Chunk(self._names, ts[at], name.astype(np.int32), np.ascontiguousarray(values[at, name]), int(ts[-1]))

    def _long(self, batch: pa.RecordBatch, ts: I64, row: int) -> Chunk:
        value = self._numbers(batch.column(self.mapping.value[0]), self.mapping.value[0], row)
        coded = pc.dictionary_encode(pc.cast(batch.column(self.mapping.sensor), pa.string()))
        here = coded.dictionary.to_pylist()
        for n in here:
            if n not in self._index:
                self._index[n] = len(self._names)
                self._names.append(n)
        if len(self._names) > MAX_NAMES:
            raise UsageError(f"{self.path.name}: more than {MAX_NAMES} names in column {self.mapping.sensor}")
        known = np.array([self._index[n] for n in here] or [0], np.int32)
        index = coded.indices.fill_null(0).to_numpy(zero_copy_only=False)
        good = np.isfinite(value) & coded.indices.is_valid().to_numpy(zero_copy_only=False)
        return Chunk(self._names, ts[good], known[index][good], value[good], int(ts[-1]))

    def _numbers(self, column: pa.Array, name: str, row: int) -> F64:
        """float64[n], NaN for empty cells; an infinite value is a gap too."""
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            try:
                return _as_float(pc.cast(column, pa.float64(), safe=False))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                raise UsageError(f"{self.path.name}: column {name} holds {column.type}, not numbers") from None
        text = pc.utf8_trim_whitespace(column)
        empty = pc.is_in(pc.utf8_lower(text), pa.array(EMPTY_CELLS))
        text = pc.if_else(empty, pa.scalar(None, pa.string()), text)
        try:
            return _as_float(pc.cast(text, pa.float64()))
        except pa.ArrowInvalid:
            for k, cell in enumerate(text):
                if not _is_number(cell.as_py()):
                    raise UsageError(
                        f"{self.path.name}: row {row + k}, column {name}: {cell.as_py()[:40]!r} is not a number; "
                        "correct the cell, or leave the column out with --value-column"
                    ) from None
            raise

    def _settle(self, m: ColumnMap) -> ColumnMap:
        """The mapping with everything found out that was left open."""
        time_column = m.time_column or _named(self.columns, TIME_NAMES)
        if not time_column:
            raise UsageError(
                f"{self.path.name}: no column looks like a time; name it with --time-column ({_listed(self.columns)})"
            )
        self._exists([time_column, *([m.sensor] if m.sensor else []), *m.value, *m.ignore])
        sensor = m.sensor or _named(self.columns, SENSOR_NAMES)
        value = _named(self.columns, VALUE_NAMES)
        long = m.format == "long" or (not m.format and bool(sensor) and (bool(m.sensor) or bool(value)))
        if long:
            values = m.value or ((value,) if value else ())
            if not sensor or len(values) != 1:
                missing = "--sensor-column" if not sensor else "one --value-column"
                raise UsageError(f"{self.path.name}: a long file needs {missing} ({_listed(self.columns)})")
            return msgspec.structs.replace(
                m, format="long", time_column=time_column, sensor=sensor, value=tuple(values)
            )
        values = m.value or self._numeric([time_column, *m.ignore])
        if not values:
            raise UsageError(f"{self.path.name}: no column holds numbers ({_listed(self.columns)})")
        self._exists(m.columns)
        return msgspec.structs.replace(m, format="wide", time_column=time_column, value=tuple(values))

    def _exists(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.columns:
                raise UsageError(f"{self.path.name}: has no column {name!r}; it has {_listed(self.columns)}")

    def _numeric(self, leave: Sequence[str]) -> tuple[str, ...]:
        """Columns that hold only numbers in the first block, without labels."""
        wanted = [c for c in self.columns if c not in leave and c.lower() not in LABEL_NAMES]
        first = next(_batches(self.path, wanted), None)
        if first is None:
            raise UsageError(f"{self.path.name}: has no rows")
        return tuple(c for c in wanted if _holds_numbers(first.column(c)))


def _spacing(chunk: Chunk, gaps: dict[str, list[float]]) -> None:
    """Add the seconds between readings of each sensor, up to 5,000 a sensor."""
    order = np.argsort(chunk.name, kind="stable")
    name, ts = chunk.name[order], chunk.ts_ms[order]
    steps = np.diff(ts)
    same = np.flatnonzero((np.diff(name) == 0) & (steps > 0))
    for k in np.unique(name):
        seen = gaps.setdefault(chunk.names[k], [])
        if len(seen) < 5_000:
            seen += (steps[same[name[same] == k]][: 5_000 - len(seen)] / 1000.0).tolist()


def _as_float(column: pa.Array) -> F64:
    out: F64 = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return out


def _is_number(text: str | None) -> bool:
    try:
        return text is None or float(text) is not None
    except ValueError:
        return False


def _holds_numbers(column: pa.Array) -> bool:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return any(is_(column.type) for is_ in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal))
    cells = [c for c in pc.utf8_trim_whitespace(column).to_pylist() if c is not None and c.lower() not in EMPTY_CELLS]
    return bool(cells) and all(_is_number(c) for c in cells[:5_000])


def _named(columns: Sequence[str], names: Sequence[str]) -> str:
    by_lower = {c.strip().lower(): c for c in reversed(columns)}
    return next((by_lower[n] for n in names if n in by_lower), "")


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:40])
    return f"columns: {shown}{', …' if len(columns) > 40 else ''}"


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _column_names(path: Path) -> list[str]:
    try:
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; name a CSV, gzipped CSV or Parquet file")
        if path.stat().st_size == 0:
            raise UsageError(f"{path.name}: has no rows")
        if recording_lines.is_lines(path):
            names = recording_lines.COLUMNS
        elif _is_parquet(path):
            names = list(pyarrow.parquet.ParquetFile(path).schema_arrow.names)
        else:
            names = _csv(path, None).schema.names
    except OSError as error:
        raise _unreadable(path, error) from None
    except (pa.ArrowInvalid, UnicodeDecodeError, EOFError) as error:
        raise _unreadable(path, error) from None
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise UsageError(f"{path.name}: two columns are named {twice!r}; rename one")
    return names


def _csv(path: Path, columns: list[str] | None) -> pyarrow.csv.CSVStreamingReader:
    """A streaming reader that takes every cell as text."""
    with path.open("rb") as raw:
        gz = raw.read(2) == b"\x1f\x8b"
    source = pa.input_stream(str(path), compression="gzip" if gz else None)
    header = pyarrow.csv.open_csv(source, read_options=pyarrow.csv.ReadOptions(block_size=BLOCK))
    names = header.schema.names
    header.close()
    source = pa.input_stream(str(path), compression="gzip" if gz else None)
    return pyarrow.csv.open_csv(
        source,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK, use_threads=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={n: pa.string() for n in names}, include_columns=columns, strings_can_be_null=False
        ),
    )


def _batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        if recording_lines.is_lines(path):
            yield from recording_lines.batches(path)
        elif _is_parquet(path):
            yield from pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=65_536, columns=columns)
        else:
            yield from _csv(path, columns)
    except OSError as error:
        raise _unreadable(path, error) from None
    except (pa.ArrowInvalid, EOFError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> UsageError:
    if isinstance(error, OSError) and error.errno:
        return UsageError(str(explain(OSError(error.errno, error.strerror or "", str(path)))))
    text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return UsageError(f"{path.name}: cannot be read as CSV, gzipped CSV or Parquet: {text}")
