"""The detectors alone on one core: default profile, one moving average only, and peers on the same alerts.

10,000 sensors, batches of 1,000 rows that are already decoded; each variant in turn, several rounds, the best one
counts (what disturbs a round only makes it slower).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from detectors.catalog import Catalog
from detectors.params import DEFAULTS
from streams import codec
from streams.cli.benches import peers
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.load import ROWS, Load
from streams.cli.benches.peers_bytewax import bytewax_flow
from streams.columns import Columns
from streams.errors import CityopsError
from streams.kernel import Kernel

SENSORS = 10_000
PEERS: dict[str, Callable[[peers.Readings], peers.Contender]] = {
    "orjson_loop": peers.orjson_loop,
    "river": peers.river_loop,
    "bytewax": bytewax_flow,
}


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `stream.kernel_*` figures. Raises CityopsError where alerts differ or a peer is not installed."""
    say("kernel: default profile and one moving average…")
    yield from speeds(800 if quick else 3_000, 3 if quick else 8)
    say("kernel: peers on the same alerts…")
    yield from ratios(100 if quick else 300, 2 if quick else 5)


def ewma_only() -> Catalog:
    """Pressure with one moving average: no limits, range, rate, flat-line, clock or drop-out."""
    base = Catalog.default().get("water.pressure")
    return Catalog({base.key: replace(base, params={**DEFAULTS, "adaptive.only": 1.0, "dropout.intervals": 0.0})})


def speeds(messages: int, rounds: int) -> Iterator[Figure]:
    """Readings a second of one core by variant; interleaved rounds, each on the readings that follow."""
    steady, mixed = Load(SENSORS, partitions=1), Load(SENSORS, partitions=1, mixed=True)
    kernels = {"default": _kernel(steady, None), "ewma": _kernel(steady, ewma_only()), "mixed": _kernel(mixed, None)}
    best = dict.fromkeys([*kernels, "unpack"], float("inf"))
    found = dict.fromkeys(kernels, 0)
    loads = {"default": steady, "ewma": steady, "mixed": mixed}
    for _ in range(rounds + 1):  # the first warms
        batches = {id(load): list(load.take(messages)) for load in (steady, mixed)}
        for name, kernel in kernels.items():
            part = batches[id(loads[name])]
            seconds, n = _timed(kernel, [codec.unpack(codec.pack(m.cols), trusted=True).cols for m in part])
            best[name] = min(best[name], seconds / len(part))
            found[name] += n
        packed = [codec.pack(m.cols) for m in batches[id(steady)]]
        begin = time.perf_counter()
        for value in packed:
            codec.unpack(value, trusted=True)
        best["unpack"] = min(best["unpack"], (time.perf_counter() - begin) / len(packed))
    for name, kernel in kernels.items():
        if any(kernel.counters.values()) or not found[name]:
            raise CityopsError(f"kernel {name}: {found[name]} detections, rows not judged: {kernel.counters}")
    ns = {name: round(seconds / ROWS * 1e9, 1) for name, seconds in best.items()}
    both = ROWS / (best["default"] + best["unpack"])
    detail = {"ns_per_reading": ns["default"], "mixed_lists_ns": ns["mixed"], "unpack_ns": ns["unpack"]}
    n = messages * ROWS
    yield Figure("stream.kernel_readings_per_s", ROWS / best["default"], "readings/s", ">= 10000000", n, detail)
    yield Figure("stream.kernel_ewma_readings_per_s", ROWS / best["ewma"], "readings/s", ">= 40000000", n,
                 {"ns_per_reading": ns["ewma"]})  # fmt: skip
    yield Figure("stream.kernel_ewma_ratio", best["default"] / best["ewma"], "x", "", n)
    yield Figure("stream.kernel_mixed_readings_per_s", ROWS / best["mixed"], "readings/s", "", n)
    yield Figure("stream.kernel_unpack_readings_per_s", both, "readings/s", "", n)


def _kernel(load: Load, catalog: Catalog | None) -> Kernel:
    kernel = Kernel("water", run="bench", blind_ms=None, catalog=catalog)
    kernel.configure(load.sensor(name) for part in load.names for name in part)
    return kernel


def _timed(kernel: Kernel, batches: list[Columns]) -> tuple[float, int]:
    """(seconds, detections) of the kernel over unpacked messages, whose ids are bytes as in the worker."""
    found = 0
    begin = time.perf_counter()
    for cols in batches:
        found += len(kernel.process(cols))
    return time.perf_counter() - begin, found


def ratios(messages: int, rounds: int) -> Iterator[Figure]:
    """How many times faster the kernel is, bytes to alerts, than each peer with the same alerts."""
    data = peers.readings(messages)
    contenders = {"ours": peers.ours(data), **{name: make(data) for name, make in PEERS.items()}}
    best = dict.fromkeys(contenders, float("inf"))
    alerts: dict[str, set[peers.Alert]] = {}
    for _ in range(rounds):
        for name, contender in contenders.items():
            go = contender()
            begin = time.perf_counter()
            alerts[name] = go()
            best[name] = min(best[name], time.perf_counter() - begin)
    for name in PEERS:
        if alerts[name] != alerts["ours"] or not alerts["ours"]:
            raise CityopsError(
                f"{name} has {len(alerts[name])} alerts, the kernel {len(alerts['ours'])}, "
                f"{len(alerts[name] ^ alerts['ours'])} differ: speeds of different answers are not compared"
            )
    for name in PEERS:
        detail = {
            "alerts": len(alerts["ours"]),
            "ours_per_s": round(data.rows / best["ours"]),
            "peer_per_s": round(data.rows / best[name]),
        }
        yield Figure(f"stream.kernel_vs_{name}", best[name] / best["ours"], "x", "", rounds, detail)
