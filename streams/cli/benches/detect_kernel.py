"""What detectors cost: each algorithm alone, the kernel with the default profile, and two peers in the same run.

10,000 sensors, batches of 1,000 decoded rows. Alone: the loop over the bank, nothing else, warmed up; best of
several rounds. The kernel's figure is that of `cityops bench stream --only kernel`, under the name of this benchmark.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from detectors.catalog import Catalog
from detectors.library import ENTRIES, Alone
from streams.cli.benches import kernel
from streams.cli.benches.figure import Figure, Say

STAGE = "kernel"
SENSORS, BATCH = kernel.SENSORS, 1_000
BLOCKS = ("seasonal.on", "cusum.on", "page_hinkley.on", "quantile.on", "drift.on", "variance.on")
PEERS = ("river", "orjson_loop")


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `detect.ns_per_reading.<algorithm>`, `detect.kernel_readings_per_s` and the ratios to peers."""
    say("kernel: each algorithm alone…")
    worst = 0.0
    for name in ENTRIES:
        ns = alone_ns(name, 40 if quick else 200, 3 if quick else 8)
        worst = max(worst, ns)
        yield Figure(f"detect.ns_per_reading.{name}", ns, "ns", "", BATCH * (40 if quick else 200),
                     {"state_bytes": ENTRIES[name].state_bytes})  # fmt: skip
    say("kernel: default profile, and with every optional detector…")
    for figure in kernel.speeds(400 if quick else 3_000, 3 if quick else 8):
        if figure.name == "stream.kernel_readings_per_s":
            yield replace(figure, name="detect.kernel_readings_per_s")
            yield Figure("detect.ns_per_reading", figure.detail["ns_per_reading"], "ns", "", figure.n)
    yield Figure("detect.ns_per_reading.all_blocks", blocks_ns(20 if quick else 100, 3), "ns", "", SENSORS * 10)
    say("kernel: peers on the same alerts…")
    for figure in kernel.ratios(60 if quick else 300, 2 if quick else 5):
        peer = figure.name.removeprefix("stream.kernel_vs_")
        if peer in PEERS:
            yield replace(figure, name=f"detect.kernel_vs_{peer}")


def alone_ns(name: str, batches: int, rounds: int) -> float:
    """ns a reading of one algorithm's own loop: 10,000 sensors, batches of 1,000, the best round."""
    one = Alone(name, None, 1.0, SENSORS)
    rng = np.random.default_rng(1)
    args = []
    for k in range(batches):
        rows = (np.arange(BATCH, dtype=np.int32) + k * BATCH) % SENSORS
        ts = np.full(BATCH, 1_700_000_000_000 + (k * BATCH // SENSORS) * 1000, np.int64)
        args.append((rows.astype(np.int32), ts, 40 + rng.normal(0, 0.2, BATCH)))
    scores, band = np.zeros(BATCH), np.zeros((BATCH, 3))
    best = float("inf")
    for _ in range(rounds + 1):  # the first compiles and warms
        begin = time.perf_counter()
        for rows, ts, x in args:
            one.entry.call(one.entry.module.run, one.bank, rows, ts, x, one.p, scores, band)
        best = min(best, time.perf_counter() - begin)
    return round(best / (batches * BATCH) * 1e9, 1)


def blocks_ns(batches: int, rounds: int) -> float:
    """ns a reading of the whole kernel where every sensor asks for every detector."""
    from streams.cli.benches.load import Load

    base = Catalog.default().get("water.pressure")
    params = {**base.params, **dict.fromkeys(BLOCKS, 1.0), "stuck.n": 60.0}
    load = Load(SENSORS, partitions=1)
    made = kernel._kernel(load, Catalog({base.key: replace(base, params=params)}))
    best = float("inf")
    for _ in range(rounds + 1):
        cols = [m.cols for m in load.take(batches)]
        begin = time.perf_counter()
        for c in cols:
            made.process(c)
        best = min(best, (time.perf_counter() - begin) / sum(len(c) for c in cols))
    return round(best * 1e9, 1)
