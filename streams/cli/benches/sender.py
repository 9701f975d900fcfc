"""A sender in a process of its own: packed readings at a steady rate until SIGTERM, then one line of what it did.

    python -m streams.cli.benches.sender RATE SENSORS

`probes.py` starts it; Kafka is that of the CITYOPS_* environment.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time

import numpy as np

from streams import codec, topics
from streams.cli.benches.registry import loaded
from streams.columns import Columns
from streams.settings import Settings

ROWS = 1_000  # a message, or a tenth of a second's rows where that is less


async def send(settings: Settings, rate: int, sensors: int) -> dict[str, float]:
    """Send `rate` readings a second of `sensors` pressure sensors; returns what was sent and the worst delay, s."""
    from aiokafka import AIOKafkaProducer

    from streams.kafka import aiokafka_kwargs

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    names = sorted(s.id for s in loaded(sensors))  # by county: a gateway's readings belong together
    rows = min(ROWS, rate // 10, sensors)
    idx = np.arange(rows, dtype=np.int32)
    noise = 30.0 + 0.1 * np.random.default_rng(1).standard_normal((61, rows))
    producer = AIOKafkaProducer(acks="all", linger_ms=0, max_request_size=1 << 23, **aiokafka_kwargs(settings))
    await producer.start()
    topic = settings.prefix + topics.raw("water")
    begun, sent, late = time.time(), 0, 0.0
    try:
        while not stop.is_set():
            due = begun + sent * rows / rate
            wait = due - time.time()
            late = max(late, -wait)
            if wait > 0:
                await asyncio.sleep(wait)
            first = sent * rows % sensors
            part = [names[(first + k) % sensors] for k in range(rows)]
            now = np.full(rows, int(time.time() * 1000), np.int64)
            value = codec.pack(Columns(part, idx, now, noise[sent % 61]))
            await producer.send(topic, value, partition=sent % settings.partitions)
            sent += 1
    finally:
        seconds = time.time() - begun
        await producer.stop()
    return {"readings": sent * rows, "rate": sent * rows / seconds, "worst_delay_s": round(late, 3)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(send(Settings(), int(sys.argv[1]), int(sys.argv[2])))), flush=True)
