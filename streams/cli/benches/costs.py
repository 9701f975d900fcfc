"""What one reading costs at each step of the detect worker: processor time of one thread, without waits for others.

The steps are run here one after the other over messages that are in Kafka: fetch, unpack, look-up of the sensors' rows,
detectors; then ticks, snapshots and detections, which are paid per sensor or per event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import codec, topics
from streams.cli.benches.figure import Figure
from streams.cli.benches.load import BEGIN_MS, ROWS, Load
from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs
from streams.kernel import Kernel
from streams.settings import Settings

MESSAGES = 3_000


def run(settings: Settings, load: Load) -> Iterator[Figure]:
    """Yield `stream.cost_*` from the messages of a load that stand in readings.water of a run."""
    fetched = asyncio.run(_fetch(settings, load.partitions, keep=True))[0]
    fetch_s = asyncio.run(_fetch(settings, load.partitions, keep=False))[1]
    kernels = [_kernel(load, p) for p in range(load.partitions)]
    warm = len(fetched) // 3
    for p, value in fetched[:warm]:
        kernels[p].process(codec.unpack(value, trusted=True).cols)
    n = (len(fetched) - warm) * ROWS
    clock, found, unpack_s, find_s, process_s = time.thread_time, 0, 0.0, 0.0, 0.0
    for p, value in fetched[warm:]:
        at = [clock()]
        cols = codec.unpack(value, trusted=True).cols
        at.append(clock())
        kernels[p]._rows.find(cols, 0)
        at.append(clock())
        found += len(kernels[p].process(cols))
        at.append(clock())
        unpack_s, find_s, process_s = unpack_s + at[1] - at[0], find_s + at[2] - at[1], process_s + at[3] - at[2]
    bytes_a_row = sum(len(value) for _, value in fetched) / len(fetched) / ROWS
    per_row: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("fetch", fetch_s / len(fetched) / ROWS, {"bytes_a_reading": round(bytes_a_row, 1)}),
        ("unpack", unpack_s / n, {}),
        ("lookup", find_s / n, {}),
        ("detect", (process_s - find_s) / n, {"detections": found}),
    )
    for name, seconds, detail in per_row:
        yield Figure(f"stream.cost_{name}_ns", seconds * 1e9, "ns/reading", "", n, detail)
    kernel = kernels[0]
    again = BEGIN_MS + 10_000_000
    kernel.tick(again)  # whoever is silent has been told of: the next ones cost what a calm tick costs
    tick_s = _best(lambda: kernel.tick(kernel._now_ms + 1))
    yield Figure("stream.cost_tick_ns", tick_s / len(kernel) * 1e9, "ns/sensor", "", len(kernel))
    size = len(kernel.snapshot())
    detail = {"bytes_a_sensor": round(size / len(kernel))}
    yield Figure("stream.cost_snapshot_ns", _best(kernel.snapshot) / len(kernel) * 1e9, "ns/sensor", "", len(kernel),
                 detail)  # fmt: skip
    fresh = _kernel(load, 0)
    for _, value in [x for x in fetched if x[0] == 0][:2]:
        fresh.process(codec.unpack(value, trusted=True).cols)
    begin = time.thread_time()
    silent = fresh.tick(again)  # every sensor heard so far has fallen silent: one detection each
    if silent:
        each = (time.thread_time() - begin) / len(silent)
        yield Figure("stream.cost_detection_us", each * 1e6, "us/detection", "", len(silent))


def _kernel(load: Load, partition: int) -> Kernel:
    kernel = Kernel("water", run="bench", blind_ms=None)
    kernel.configure(load.sensor(name) for name in load.names[partition])
    return kernel


def _best(what: Callable[[], object], rounds: int = 7) -> float:
    seconds = []
    for _ in range(rounds):
        begin = time.thread_time()
        what()
        seconds.append(time.thread_time() - begin)
    return min(seconds)


async def _fetch(settings: Settings, partitions: int, keep: bool) -> tuple[list[tuple[int, bytes]], float]:
    """(partition and value of the first messages where they are kept, processor seconds of a consumer that reads them).

    What is kept has to be given new memory, which is not what a worker pays: the costs are those of a second reading.
    """
    consumer = AIOKafkaConsumer(
        isolation_level="read_committed", enable_auto_commit=False, max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        **aiokafka_kwargs(settings),
    )  # fmt: skip
    await consumer.start()
    out: list[tuple[int, bytes]] = []
    n = 0
    try:
        where = [TopicPartition(settings.prefix + topics.packed("water"), p) for p in range(partitions)]
        consumer.assign(where)
        await consumer.seek_to_beginning(*where)
        begin = time.thread_time()
        while n < MESSAGES:
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                n += len(records)
                if keep:
                    out += [(tp.partition, r.value) for r in records]
        return out, time.thread_time() - begin
    finally:
        await consumer.stop()
