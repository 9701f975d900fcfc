"""A recording in, an alert log out, byte for byte.

`recording.csv.gz` is 20 minutes of 17 demo sensors with an incident in each domain (made once by `make_recording.py`).
The log goes through the same codec, kernel, engine and public JSON as live. After an intended change:
`CITYOPS_GOLDEN=write pytest tests/golden`, and read the difference before you commit it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from geo.assets import Sensor
from geo.demo import demo_registry
from geo.divisions import Divisions
from streams import codec, topics
from streams.alerts.engine import Engine
from streams.columns import from_rows
from streams.kernel import Kernel
from streams.wire import encode_record

HERE = Path(__file__).parent
TICK_MS = 2_000


def recording() -> list[tuple[str, int, float]]:
    lines = gzip.decompress((HERE / "recording.csv.gz").read_bytes()).decode().splitlines()[1:]
    return [(s, int(t), float(v)) for s, t, v in (line.split(",") for line in lines)]


def play(rows: list[tuple[str, int, float]], batch: int) -> list[bytes]:
    """Alert records of the rows, taken in messages of `batch` rows with a tick each two seconds of their time."""
    known = {r.id: r for r in demo_registry() if isinstance(r, Sensor)}
    kernels = {d: Kernel(d) for d in topics.DOMAINS}
    for d, kernel in kernels.items():
        kernel.configure([known[s] for s in dict.fromkeys(r[0] for r in rows) if known[s].domain == d])
    engine, divisions, out = Engine(), Divisions.load(), []
    parts: dict[tuple[int, str], list[tuple[str, int, float]]] = {}
    for row in rows:
        parts.setdefault((row[1] // TICK_MS, known[row[0]].domain), []).append(row)
    for slot in range(rows[0][1] // TICK_MS, rows[-1][1] // TICK_MS + 1):
        found = []
        for d in topics.DOMAINS:
            part = parts.get((slot, d), [])
            for k in range(0, len(part), batch):
                found += kernels[d].process(codec.unpack(codec.pack(from_rows(part[k : k + batch]))).cols)
            found += kernels[d].tick((slot + 1) * TICK_MS)
        for detection in sorted(found, key=lambda x: (x.ts_ms, x.sensor, x.kind, x.state)):
            out += [encode_record(record, divisions) for record in engine.on_detection(detection, detection.ts_ms)]
    return out


def shown(records: list[bytes]) -> str:
    """The log as it is kept: a line a record without the series, and the sum over everything."""
    lines = []
    for raw in records:
        record = json.loads(raw)
        del record["alert"]["evidence"]["series"]
        lines.append(json.dumps(record, ensure_ascii=False, sort_keys=True))
    total = hashlib.sha256(b"\n".join(records)).hexdigest()
    return "\n".join([*lines, f"sha256 of the whole log: {total}", ""])


@pytest.fixture(scope="module")
def slots() -> list[tuple[str, int, float]]:
    return recording()


def test_the_log_is_byte_identical(slots: list[tuple[str, int, float]]) -> None:
    log = shown(play(slots, 1_000))
    kept = HERE / "alerts.jsonl"
    if os.environ.get("CITYOPS_GOLDEN") == "write":
        kept.write_text(log, "utf-8")
    assert log == kept.read_text("utf-8")
    for domain in topics.DOMAINS:
        assert f'"domain": "{domain}"' in log
    assert '"trigger": "clear"' in log


def test_batches_do_not_matter(slots: list[tuple[str, int, float]]) -> None:
    assert play(slots, 7) == play(slots, 1_000)
