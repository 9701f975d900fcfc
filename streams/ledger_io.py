"""Reading back: a compacted state partition to its end, and a range of a source partition. Always `read_committed`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.closing import quietly
from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs
from streams.settings import Settings

STALL_S = 30.0


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    """A consumer without group."""
    return AIOKafkaConsumer(
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        **aiokafka_kwargs(settings),
    )


async def read_range(settings: Settings, tp: TopicPartition, start: int, end: int) -> AsyncIterator[Any]:
    """Records of `tp` with start ≤ offset < end, in order. Raises TimeoutError when the broker is mute."""
    ranges = RangeReader(settings)
    try:
        async for record in ranges.read(tp, start, end):
            yield record
    finally:
        await ranges.close()


class RangeReader:
    """Reads ranges of partitions again and again; its consumer is made on the first use and kept until `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None

    async def read(self, tp: TopicPartition, start: int, end: int | None) -> AsyncIterator[Any]:
        """Records with start ≤ offset < end (None: that are there now), in order.

        Raises TimeoutError when the broker is mute.
        """
        consumer = await self._started()
        consumer.assign([tp])
        first = (await consumer.beginning_offsets([tp]))[tp]
        last = (await consumer.end_offsets([tp]))[tp]
        start, end = max(start, first), last if end is None else min(end, last)
        if start >= end:
            return
        consumer.seek(tp, start)
        async for record in _until(consumer, tp, end):
            yield record

    async def offset_at(self, tp: TopicPartition, time_ms: int) -> int:
        """The first offset whose record is of `time_ms` (epoch) or later; the end where there is none."""
        consumer = await self._started()
        consumer.assign([tp])
        found = (await consumer.offsets_for_times({tp: time_ms}))[tp]
        return int(found.offset) if found is not None else int((await consumer.end_offsets([tp]))[tp])

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = _consumer(self._settings)  # also closed where it does not come up
            await self._consumer.start()
        return self._consumer

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await quietly(consumer.stop(), "closing a reader")


async def read_state(settings: Settings, tp: TopicPartition) -> dict[bytes, bytes]:
    """Newest value of each key of a compacted partition."""
    state: dict[bytes, bytes] = {}
    async for record in read_range(settings, tp, 0, 2**62):
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
