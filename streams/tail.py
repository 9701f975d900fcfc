"""Reading a topic of live operation and of every run, without a consumer group.

`TopicTail` keeps its own positions: the caller says where each partition begins (the projector: the
offset in its database; the command bus: the end). Topics of new runs are found by name.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.kafka import aiokafka_kwargs
from streams.settings import Settings
from streams.topic_watch import TopicIds, TopicWatch

log = logging.getLogger(__name__)

FIND_S = 3.0
Start = Callable[[Mapping[TopicPartition, tuple[int, int]]], dict[TopicPartition, int]]


def pattern(settings: Settings, names: str) -> re.Pattern[str]:
    """Topics that match `names` of live operation and of any run; with a prefix set, of that run alone.

    >>> bool(pattern(Settings(env={}), "alerts").fullmatch("run.storm1.alerts"))
    True
    """
    prefix = re.escape(settings.prefix) if settings.prefix else r"(?:run\.[^.]+\.)?"
    return re.compile(f"{prefix}(?:{names})")


class TopicTail:
    """A read_committed consumer of all partitions of the topics whose name matches.

    `start` is called with {partition: (first offset, end offset)} of partitions that are new and gives
    the offset to begin at for each. `watch` is shown the topics with their ids, each time before that.
    """

    def __init__(
        self, settings: Settings, names: str, start: Start, watch: TopicWatch | None = None, **options: Any
    ) -> None:
        self._settings = settings
        self._pattern = pattern(settings, names)
        self._start = start
        self._watch = watch
        self._ids = TopicIds(settings)
        self._options = options
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}
        self._targets: dict[TopicPartition, int] = {}
        self._found_at = 0.0

    @property
    def partitions(self) -> set[TopicPartition]:
        return set(self._next)

    async def open(self) -> None:
        """Connect; raises KafkaError or OSError where no broker answers."""
        await self.close()
        self._consumer = AIOKafkaConsumer(
            **aiokafka_kwargs(self._settings),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            **self._options,
        )
        try:
            await self._consumer.start()
        except BaseException:
            await self.close()
            raise
        self._next = {}
        self._targets = {}
        await self.find()

    async def find(self) -> None:
        """Look for topics that came or went and take them up; raises KafkaConnectionError where none is connected."""
        if self._consumer is None:
            raise KafkaConnectionError("not connected")
        cluster = await self._consumer._client.fetch_all_metadata()
        self._found_at = time.monotonic()
        names = [name for name in cluster.topics() if self._pattern.fullmatch(name)]
        now = {TopicPartition(name, p) for name in names for p in cluster.partitions_for_topic(name) or ()}
        if self._watch is not None:
            self._watch.look(await asyncio.to_thread(self._ids.of, names))
        if now == set(self._next):
            return
        fresh = sorted(now - set(self._next))
        begins: dict[TopicPartition, int] = {}
        if fresh:
            first = await self._consumer.beginning_offsets(fresh)
            end = await self._consumer.end_offsets(fresh)
            begins = self._start({tp: (first[tp], end[tp]) for tp in fresh})
            self._targets |= end
        self._next = {tp: self._next.get(tp, begins.get(tp, 0)) for tp in sorted(now)}
        self._consumer.assign(sorted(now))
        for tp, offset in self._next.items():
            self._consumer.seek(tp, offset)
        log.info("reading %d partitions of %d topics", len(now), len(names))

    async def batch(self, timeout_ms: int = 500, max_records: int = 500) -> list[ConsumerRecord]:
        """The next records, partition by partition in order; empty after the timeout."""
        assert self._consumer is not None
        if time.monotonic() - self._found_at > FIND_S:
            await self.find()
        if not self._next:
            await asyncio.sleep(timeout_ms / 1000)
            return []
        out: list[ConsumerRecord] = []
        for tp, records in (await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)).items():
            self._next[tp] = records[-1].offset + 1
            out += records
        return out

    async def lag(self) -> int:
        """Offsets between here and the ends that were there when the partitions were found."""
        assert self._consumer is not None
        behind = 0
        for tp, target in list(self._targets.items()):
            if tp not in self._next:
                del self._targets[tp]
                continue
            missing = target - await self._consumer.position(tp)
            if missing <= 0:
                del self._targets[tp]
            else:
                behind += missing
        return behind

    async def close(self) -> None:
        await asyncio.to_thread(self._ids.close)
        consumer, self._consumer = self._consumer, None
        if consumer is not None and not await quietly(consumer.stop()):
            await quietly(consumer._client.close())


async def quietly(stopping: Coroutine[Any, Any, None], timeout_s: float = 5.0) -> bool:
    """Run a client's stop in a task of its own; False where it failed.

    aiokafka's consumer lets the cancellation of its own fetches out of `stop` while the broker is away; awaited
    directly that would look as if we were cancelled.
    """
    task = asyncio.ensure_future(stopping)
    await asyncio.wait([task], timeout=timeout_s)
    if not task.done():
        task.cancel()
        return False
    return not task.cancelled() and task.exception() is None
