"""Latency from the send of a reading to its event on the feed, while 100,000 readings a second flow."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streams.cli.benches.demo import cpu_by_process, system
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.probes import latency

RATE, SENSORS = 100_000, 10_000


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `stream.latency_*`. Raises CityopsError when a probe is lost or the load was not reached."""
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder:
        say("starting cityops up --demo…")
        with system(Path(folder)) as ready:
            time.sleep(15 if quick else 45)
            before, began = cpu_by_process(ready["pid"]), time.monotonic()
            waits, did = latency(ready, 30 if quick else 200, RATE, SENSORS, say)
            seconds = time.monotonic() - began
            after = cpu_by_process(ready["pid"])
    detail = {
        "readings_per_s": round(did["rate"]),
        "hops_ms": did["hops_ms"],
        "sender_worst_delay_s": did["worst_delay_s"],
        "cores": {name: round((after[name] - before.get(name, 0.0)) / seconds, 2) for name in sorted(after)},
    }
    for q, goal in ((50, "<= 100"), (99, "<= 500")):
        value = float(np.percentile(waits, q))
        yield Figure(f"stream.latency_p{q}_ms", value, "ms", goal, len(waits), detail)
