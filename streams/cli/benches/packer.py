"""The packer at full speed: single JSON readings wait in Kafka, one `cityops worker packer`, rows counted after."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geo.assets import Sensor, Zone
from streams import codec, topics
from streams.cli.benches import bed
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError
from streams.settings import Settings

SENSORS = 10_000
BEGIN_MS = 1_763_884_800_000


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `stream.packer_msgs_per_s`. Raises CityopsError where rows are lost or doubled."""
    messages = 400_000 if quick else 4_000_000
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder, bed.kafka(Path(folder), say) as kafka:
        settings = bed.run_of(kafka, "packer")
        register(settings)
        say(f"writing {messages:,} single readings…")
        asyncio.run(write(settings, messages))
        say("packing…")
        with bed.Worker(settings, "packer") as worker:
            worker.ready()
            rate, cpu_s = follow(settings, messages, worker)
            rss = worker.rss_mb()
        rows = asyncio.run(count(settings))
        if rows != messages:
            raise CityopsError(f"{messages} readings were sent, {rows} packed")
    detail = {"cpu_us_per_message": round(cpu_s / messages * 1e6, 2), "rss_mb": round(rss), "rows": rows}
    yield Figure("stream.packer_msgs_per_s", rate, "messages/s", ">= 200000", messages, detail)


def register(settings: Settings) -> None:
    from streams.registry import publish

    zones = [
        Zone(id=f"{c}-W-DMA01", domain="water", county=c, partition=k % settings.partitions)
        for k, c in enumerate(topics.COUNTIES)
    ]
    publish(settings, [*zones, *(_sensor(k) for k in range(SENSORS))])


def sensor_name(k: int) -> str:
    return f"{topics.COUNTIES[k % len(topics.COUNTIES)]}-W-PRS-{k:06d}"


def _sensor(k: int) -> Sensor:
    name, county = sensor_name(k), topics.COUNTIES[k % len(topics.COUNTIES)]
    zone = f"{county}-W-DMA01"
    return Sensor(id=name, domain="water", kind="pressure", zone=zone, unit_code=county, interval_s=1.0)


async def write(settings: Settings, messages: int) -> None:
    """Each reading a message of its own, sensors in turn, batches of 1,000 to the partitions in turn."""
    from aiokafka import AIOKafkaProducer

    from streams.kafka import aiokafka_kwargs

    producer = AIOKafkaProducer(max_batch_size=1 << 20, **aiokafka_kwargs(settings))
    await producer.start()
    topic = settings.prefix + topics.raw("water")
    names = [sensor_name(k) for k in range(SENSORS)]
    for first in range(0, messages, 1000):
        batch = producer.create_batch()
        for k in range(first, min(first + 1000, messages)):
            second, which = divmod(k, SENSORS)
            value = b'{"sensor":"%s","ts":%d,"value":%.3f}' % (
                names[which].encode(), BEGIN_MS + second * 1000, 30 + k % 97 / 100,
            )  # fmt: skip
            batch.append(key=None, value=value, timestamp=None)
        await producer.send_batch(batch, topic, partition=first // 1000 % settings.partitions)
    await producer.stop()


def follow(settings: Settings, messages: int, worker: bed.Worker) -> tuple[float, float]:
    """(messages/s from the first commit seen to the last, processor seconds over all)."""
    from kafka import KafkaAdminClient

    from streams.kafka import kafka_python_kwargs

    admin = KafkaAdminClient(**kafka_python_kwargs(settings))
    first: tuple[float, int] | None = None
    deadline = time.monotonic() + 300
    try:
        while time.monotonic() < deadline:
            done = raw_committed(admin, settings)
            now = time.monotonic()
            if done and first is None:
                first = (now, done)
            if done >= messages and first is not None:
                return (done - first[1]) / max(now - first[0], 1e-9), worker.cpu_s()
            time.sleep(0.05)
    finally:
        admin.close()
    raise CityopsError("the packer did not work off the benchmark's readings within 300 s")


def raw_committed(admin: Any, settings: Settings) -> int:
    """Sum of the packer's committed offsets of the raw topic."""
    from kafka.errors import KafkaError

    topic, group = settings.prefix + topics.raw("water"), settings.app_id("packer")
    try:
        offsets = admin.list_group_offsets(group)[group]
    except (KafkaError, KeyError):
        return 0
    return sum(max(meta.offset, 0) for tp, meta in offsets.items() if tp.topic == topic)


async def count(settings: Settings) -> int:
    """Rows of readings.water, read committed."""
    from aiokafka import TopicPartition

    from streams.ledger_io import read_range

    rows = 0
    for p in range(settings.partitions):
        async for record in read_range(settings, TopicPartition(settings.prefix + topics.packed("water"), p), 0, 2**62):
            rows += len(codec.unpack(record.value).cols)
    return rows
