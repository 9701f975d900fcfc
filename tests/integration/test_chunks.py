"""Chunks of a real broker hold exactly the records that a plain consumer gets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.chunk import WHOLE, Chunk
from streams.kafka import aiokafka_kwargs, create_topics
from streams.settings import Settings

pytestmark = pytest.mark.integration


async def settled(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    """The end once the last transaction's marker is there: 200 of four producers, two of 20 with their markers."""
    while (end := (await consumer.end_offsets([tp]))[tp]) < 242:  # noqa: ASYNC110 - nobody tells us
        await asyncio.sleep(0.02)
    return int(end)


async def read(settings: Settings, tp: TopicPartition, start: int, **more: Any) -> list[Any]:
    consumer = AIOKafkaConsumer(isolation_level="read_committed", **more, **aiokafka_kwargs(settings))
    await consumer.start()
    try:
        consumer.assign([tp])
        consumer.seek(tp, start)
        end = await settled(consumer, tp)
        out: list[Any] = []
        while await consumer.position(tp) < end:
            out += (await consumer.getmany(tp, timeout_ms=200)).get(tp, [])
        return out
    finally:
        await consumer.stop()


async def fill(settings: Settings, topic: str) -> None:
    """Batches, compressed in four ways; a transaction that is committed and one that is aborted."""
    for k, kind in enumerate((None, "gzip", "lz4", "zstd")):
        producer = AIOKafkaProducer(compression_type=kind, linger_ms=50, **aiokafka_kwargs(settings))
        await producer.start()
        sent = [await producer.send(topic, b"%d-%d" % (k, j), key=b"k", partition=0) for j in range(50)]
        for future in sent:
            await future
        await producer.stop()
    producer = AIOKafkaProducer(transactional_id=f"{topic}-tx", **aiokafka_kwargs(settings))
    await producer.start()
    for k, ends in enumerate((producer.abort_transaction, producer.commit_transaction)):
        await producer.begin_transaction()
        for j in range(20):
            await producer.send_and_wait(topic, b"tx%d-%d" % (k, j), partition=0)
        await ends()
    await producer.stop()


@pytest.mark.parametrize("start", [0, 7, 120])
async def test_chunks_are_the_records(broker: str, start: int) -> None:
    settings = Settings({"broker": broker, "prefix": f"run.chunks{start}."}, env={})
    create_topics(settings)
    topic = settings.prefix + "readings.raw.gas"
    await fill(settings, topic)
    tp = TopicPartition(topic, 0)
    plain = await read(settings, tp, start)
    chunks = await read(settings, tp, start, value_deserializer=WHOLE)
    assert all(isinstance(c, Chunk) for c in chunks)
    assert len(chunks) < len(plain) / 2
    assert len(plain) == 220 - start
    assert [(r.offset, r.key, r.value) for c in chunks for r in c.records] == [
        (r.offset, r.key, r.value) for r in plain
    ]
    assert all(c.offset == c.records[0].offset and c.next_offset == c.records[-1].offset + 1 for c in chunks)
    assert all(c.size == sum(len(r.value) for r in c.records) and c.timestamp for c in chunks)
