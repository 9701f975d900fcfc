"""The smoke benchmark: memory and latency of a whole `cityops up --demo`, and one detect worker at full speed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streams.cli.benches.demo import memory_mb, system
from streams.cli.benches.end_to_end import measure
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.load import Load
from streams.cli.benches.probes import latency
from streams.settings import Settings

RATE, SENSORS = 5_000, 5_000


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `smoke.*` figures. Raises CityopsError when the system does not come up or loses a probe."""
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder:
        say("starting cityops up --demo…")
        with system(Path(folder)) as ready:
            time.sleep(20 if quick else 45)
            say("measuring memory and latency…")
            yield Figure("smoke.rss_mb", memory_mb(ready["pid"]), "MB", "<= 1200")
            waits, did = latency(ready, 40 if quick else 200, RATE, SENSORS, say)
            detail = {"readings_per_s": RATE, "hops_ms": did["hops_ms"]}
            p50, p99 = np.percentile(waits, 50), np.percentile(waits, 99)
            yield Figure("smoke.latency_p50_ms", float(p50), "ms", "<= 150", len(waits), detail)
            yield Figure("smoke.latency_p99_ms", float(p99), "ms", "<= 1000", len(waits), detail)
            base = Settings({"broker": ready["broker"], "data": folder})
            seen = measure(base, Load(10_000), 2 if quick else 7, say, f"smoke{int(time.time())}")
            yield Figure("smoke.readings_per_s", seen.rate, "readings/s", ">= 500000", seen.messages, seen.detail())
