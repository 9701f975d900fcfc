"""A file of InfluxDB line protocol (`.lp`, `.lp.gz`, times in ns) as a long table: time, sensor, value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from streams.errors import UsageError
from streams.intake.line_protocol import parse
from streams.packed import CodecError

COLUMNS = ["time", "sensor", "value"]
BLOCK = 1 << 20


def is_lines(path: Path) -> bool:
    """By its name alone.

    >>> is_lines(Path("a.lp")), is_lines(Path("a.lp.gz")), is_lines(Path("a.csv.gz"))
    (True, True, False)
    """
    return path.name.endswith((".lp", ".lp.gz"))


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The readings in blocks of about a megabyte. A field other than `value` is a sensor of its own, `sensor/field`.

    Raises UsageError with the line of the first that cannot be read, or that has no time.
    """
    rest, line = b"", 1
    with pa.input_stream(str(path), compression="gzip" if path.name.endswith(".gz") else None) as source:
        while block := source.read(BLOCK):
            body, newline, rest = (rest + block).rpartition(b"\n")
            yield from _table(path.name, body + newline, line)
            line += body.count(b"\n") + len(newline)
    yield from _table(path.name, rest, line)


def _table(file: str, body: bytes, first: int) -> Iterator[pa.RecordBatch]:
    if not any(t.strip() and not t.lstrip().startswith(b"#") for t in body.splitlines()):
        return
    try:
        cols, lines, bad = parse(body, -1, "ns")
    except CodecError as error:
        raise UsageError(f"{file}: from line {first} on: {error}") from None
    for reason, where in bad.items():
        raise UsageError(f"{file}: line {first + min(where)}: {reason}")
    if (cols.ts_ms < 0).any():
        raise UsageError(f"{file}: line {first + int(lines[cols.ts_ms < 0][0])}: has no time")
    names = [
        cols.sensors[s] if cols.metric_idx is None or cols.metric_idx[k] < 0
        else f"{cols.sensors[s]}/{(cols.metrics or [])[cols.metric_idx[k]]}"
        for k, s in enumerate(cols.idx.tolist())
    ]  # fmt: skip
    yield pa.RecordBatch.from_arrays(
        [pa.array(cols.ts_ms).cast(pa.timestamp("ms", "UTC")), pa.array(names, pa.string()), pa.array(cols.value)],
        names=COLUMNS,
    )
