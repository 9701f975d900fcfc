"""The golden recording as a file of `cityops record`, with the demo's registry."""

from __future__ import annotations

import gzip
from pathlib import Path

from geo.assets import encode
from geo.demo import demo_registry
from simulators.native import Writer
from streams import topics
from streams.columns import from_rows

HERE = Path(__file__).parent


def golden_recording(path: Path) -> Path:
    lines = gzip.decompress((HERE / "recording.csv.gz").read_bytes()).decode().splitlines()[1:]
    rows = [(s, int(t), float(v)) for s, t, v in (line.split(",") for line in lines)]
    writer = Writer(path)
    for k in range(0, len(rows), 3000):
        writer.add(from_rows(rows[k : k + 3000]), rows[k][1])
    writer.close([(topics.ASSETS, r.id.encode(), encode(r)) for r in demo_registry()])
    return path
