"""A recording as `cityops record` writes it: Parquet, a row a reading in the order in which it arrived, and in the
file's own metadata the registry that the sensors need (zones, sensors, assets, fences, profiles, policies).

Nothing half written is ever seen under the file's name: it is written beside it and renamed when it is whole.
People and rosters stay out: a recording is handed around.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from simulators.recording import Survey
from streams import topics, versions
from streams.columns import Columns
from streams.errors import UsageError, explain
from streams.registry_table import Registry

KEY = b"cityops.recording"
FORMAT = 1
GROUP = 262_144  # rows of a row group
BATCH = 131_072  # rows read at once
TOPICS = (topics.ASSETS, topics.FENCES, topics.PROFILES, topics.POLICIES)
TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([
    ("ts", pa.timestamp("ms", "UTC")), ("sensor", TEXT), ("value", pa.float64()), ("quality", pa.uint8()),
    ("metric", TEXT), ("lon", pa.float64()), ("lat", pa.float64()), ("accuracy_m", pa.float32()),
    ("arrived", pa.timestamp("ms", "UTC")),
])  # fmt: skip
Row = tuple[str, bytes, bytes]  # topic, key, value of a registry record


class Writer:
    """Rows in, a Parquet file out. `close(rows)` makes it whole; `abandon()` leaves nothing."""

    def __init__(self, path: Path) -> None:
        self.path, self.total = path, 0
        self.sensors: set[str] = set()
        self._part = path.with_name(path.name + ".part")
        try:
            self._out = pyarrow.parquet.ParquetWriter(self._part, SCHEMA, compression="zstd")
        except OSError as error:
            raise explain(error) from None
        self._waiting: list[pa.Table] = []
        self._n = 0

    def add(self, cols: Columns, arrived_ms: int = 0) -> None:
        """Readings that arrived at `arrived_ms` (0: nobody knows)."""
        if not len(cols):
            return
        self._waiting.append(_table(cols, arrived_ms))
        self._n += len(cols)
        self.total += len(cols)
        self.sensors.update(cols.sensors)
        if self._n >= GROUP:
            self._group()

    def _group(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting).unify_dictionaries()
            self._out.write_table(table, row_group_size=GROUP)
        self._waiting, self._n = [], 0

    def close(self, registry: Sequence[Row]) -> None:
        """Write what is left and the registry, and give the file its name."""
        self._group()
        plain = [[t, k.decode(), v.decode()] for t, k, v in registry]
        packed = zlib.compress(json.dumps({"format": FORMAT, "registry": plain}, ensure_ascii=False).encode())
        self._out.add_key_value_metadata({KEY.decode(): base64.b64encode(packed).decode()})
        self._out.close()
        os.replace(self._part, self.path)

    def abandon(self) -> None:
        """Take everything away."""
        self._out.close()
        self._part.unlink(missing_ok=True)


def _table(cols: Columns, arrived_ms: int) -> pa.Table:
    n = len(cols)
    metric = pa.nulls(n, pa.int32()) if cols.metric_idx is None else pa.array(cols.metric_idx, mask=cols.metric_idx < 0)
    arrived = pa.array([arrived_ms], pa.int64()).take(pa.array(np.zeros(n, np.int64))) if arrived_ms else None

    def floats(column: Any, kind: pa.DataType) -> pa.Array:
        return pa.nulls(n, kind) if column is None else pa.array(column, kind, mask=np.isnan(column))

    return pa.table(
        [
            pa.array(cols.ts_ms).cast(SCHEMA.field("ts").type),
            pa.DictionaryArray.from_arrays(pa.array(cols.idx), pa.array(list(cols.sensors), pa.string())),
            pa.array(cols.value),
            pa.nulls(n, pa.uint8()) if cols.quality is None else pa.array(cols.quality),
            pa.DictionaryArray.from_arrays(metric.cast(pa.int32()), pa.array(cols.metrics or [], pa.string())),
            floats(cols.lon, pa.float64()),
            floats(cols.lat, pa.float64()),
            floats(cols.accuracy, pa.float32()),
            pa.nulls(n, SCHEMA.field("arrived").type)
            if arrived is None
            else arrived.cast(SCHEMA.field("arrived").type),
        ],
        schema=SCHEMA,
    )


def is_native(path: Path) -> bool:
    """Whether `cityops record` wrote it. Raises UsageError where the file cannot be opened."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return False
        return KEY in (pyarrow.parquet.read_metadata(path).metadata or {})
    except OSError as error:
        raise explain(error) from None
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path.name}: cannot be read as Parquet: {error}") from None


class NativeRecording:
    """One file; `domain`: only its sensors."""

    def __init__(self, path: Path, domain: str = "") -> None:
        if domain and domain not in topics.DOMAINS:
            raise UsageError(f"domain {domain!r} is unknown: give --domain {', '.join(topics.DOMAINS)}")
        self.path, self.domain = path, domain
        self._file = pyarrow.parquet.ParquetFile(path, read_dictionary=["sensor", "metric"])
        missing = [n for n in ("ts", "sensor", "value") if n not in self._file.schema_arrow.names]
        if missing:
            raise UsageError(f"{path.name}: has no column {missing[0]!r}; it is no recording of `cityops record`")
        try:
            told = json.loads(zlib.decompress(base64.b64decode(pyarrow.parquet.read_metadata(path).metadata[KEY])))
            rows = [(t, k.encode(), v.encode()) for t, k, v in told["registry"]]
        except (ValueError, KeyError, TypeError, zlib.error):
            raise UsageError(f"{path.name}: its registry cannot be read; record it anew") from None
        if told.get("format") != FORMAT:
            raise UsageError(
                f"{path.name}: has format {told.get('format')}, this program reads {FORMAT}; record it anew"
            )
        self._registry = rows
        self.names: list[str] = []
        self._index: dict[str, int] = {}

    def survey(self) -> Survey:
        """Read times and sensors once."""
        out = Survey([])
        for batch in self._file.iter_batches(BATCH, columns=["ts", "sensor"]):
            ts, idx = _millis(batch.column("ts")), self._ids(batch.column("sensor"))
            keep = self._mine()[idx]
            ts = ts[keep]
            if len(ts):
                out.first_ms = out.first_ms if out.readings else int(ts[0])
                out.last_ms = max(out.last_ms, int(ts.max()))
                out.readings += len(ts)
            out.rows += batch.num_rows
        if not out.readings:
            raise UsageError(f"{self.path.name}: has no readings{f' of {self.domain}' if self.domain else ''}")
        mine = self._mine()
        out.names = [n for n, own in zip(self.names, mine, strict=True) if own]
        out.until_ms = out.last_ms
        return out

    def registry(self, names: Sequence[str]) -> list[Row]:
        """Records for these sensors: the others of the file's registry have no reading here and stay out."""
        wanted = set(names)
        known = self.table(self._registry).sensors
        unknown = wanted - set(known)
        if unknown:
            raise UsageError(f"{self.path.name}: its registry has no sensor {min(unknown)}; record it anew")
        return [
            r for r in self._registry if r[0] != topics.ASSETS or r[1].decode() in wanted or r[1].decode() not in known
        ]

    @staticmethod
    def table(rows: Sequence[Row]) -> Registry:
        """The registry that these records make."""
        out = Registry()
        for topic, key, value in rows:
            if not versions.is_old(key.decode()):
                out.apply(topic, key, value)
        return out

    def columns(self) -> Iterator[Columns]:
        """All readings in the order in which they arrived, over one list of sensors (that of the survey before)."""
        for batch in self._file.iter_batches(BATCH):
            idx = self._ids(batch.column("sensor"))
            metric = batch.column("metric")
            cols = Columns(
                self.names, idx, _millis(batch.column("ts")),
                batch.column("value").to_numpy(zero_copy_only=False).astype(np.float64),
                *((None, None) if metric.null_count == len(metric) else _metrics(metric)),
                *(_optional(batch.column(n), kind) for n, kind in (
                    ("lon", np.float64), ("lat", np.float64), ("accuracy_m", np.float32), ("quality", np.uint8))),
            )  # fmt: skip
            keep = self._mine()[idx]
            yield cols if keep.all() else cols.pick(np.flatnonzero(keep))

    def _ids(self, column: pa.DictionaryArray) -> Any:
        if column.null_count:
            raise UsageError(f"{self.path.name}: column sensor has an empty cell; record it anew")
        for name in column.dictionary.to_pylist():
            if name not in self._index:
                self._index[name] = len(self.names)
                self.names.append(name)
        known = np.array([self._index[n] for n in column.dictionary.to_pylist()] or [0], np.int32)
        return known[column.indices.to_numpy(zero_copy_only=False)]

    def _mine(self) -> Any:
        if not self.domain:
            return np.ones(len(self.names), bool)
        letter = topics.DOMAIN_LETTER[self.domain]
        return np.array([n[7:8] == letter for n in self.names], bool)


def _millis(column: pa.Array) -> Any:
    return pc.cast(column, pa.int64()).to_numpy(zero_copy_only=False)


def _metrics(column: pa.DictionaryArray) -> tuple[list[str], Any]:
    index = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int16)
    return column.dictionary.to_pylist(), index


def _optional(column: pa.Array, kind: Any) -> Any:
    if column.null_count == len(column):
        return None
    empty = 0 if kind is np.uint8 else np.nan
    return column.fill_null(empty).to_numpy(zero_copy_only=False).astype(kind)
