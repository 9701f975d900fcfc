"""Reading back: a compacted state partition to its end, and a range of a source partition. Always `read_committed`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs
from streams.settings import Settings

STALL_S = 30.0


@asynccontextmanager
async def reader(settings: Settings, tp: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without group, assigned to one partition."""
    consumer = AIOKafkaConsumer(
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        **aiokafka_kwargs(settings),
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        yield consumer
    finally:
        await consumer.stop()


async def read_range(settings: Settings, tp: TopicPartition, start: int, end: int) -> AsyncIterator[Any]:
    """Records of `tp` with start ≤ offset < end, in order. Raises TimeoutError when the broker is mute."""
    async with reader(settings, tp) as consumer:
        first = (await consumer.beginning_offsets([tp]))[tp]
        last = (await consumer.end_offsets([tp]))[tp]
        start, end = max(start, first), min(end, last)
        consumer.seek(tp, start)
        async for record in _until(consumer, tp, end):
            yield record


async def read_state(settings: Settings, tp: TopicPartition) -> dict[bytes, bytes]:
    """Newest value of each key of a compacted partition."""
    state: dict[bytes, bytes] = {}
    async with reader(settings, tp) as consumer:
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        async for record in _until(consumer, tp, end):
            if record.key is None:
                continue
            if record.value is None:
                state.pop(record.key, None)
            else:
                state[record.key] = record.value
    return state


async def _until(consumer: AIOKafkaConsumer, tp: TopicPartition, end: int) -> AsyncIterator[Any]:
    loop = asyncio.get_running_loop()
    moved, last = loop.time(), -1
    while (position := await consumer.position(tp)) < end:
        if position != last:
            moved, last = loop.time(), position
        elif loop.time() - moved > STALL_S:
            raise TimeoutError(f"{tp.topic}-{tp.partition} stands at {position}, wanted {end}")
        for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, []):
            if record.offset >= end:
                return
            yield record
