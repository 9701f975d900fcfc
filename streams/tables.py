"""Compacted topics as tables: written and waited for, read whole, followed. No consumer group is used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from streams.errors import CityopsError
from streams.kafka import aiokafka_kwargs, kafka_python_kwargs, unreachable
from streams.settings import Settings

log = logging.getLogger(__name__)

Apply = Callable[[str, bytes | None, bytes | None], None]  # topic without the run's prefix, key, value
Rows = Sequence[tuple[bytes, bytes | None]]


def write(settings: Settings, topic: str, rows: Rows) -> int:
    """Write (key, value or None) rows to a topic of this run and wait until the broker has them; returns how many.

    Raises:
        CityopsError: Kafka cannot be reached or refuses.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    name = settings.prefix + topic
    try:
        producer = KafkaProducer(
            acks="all", enable_idempotence=True, linger_ms=5, max_block_ms=15_000, delivery_timeout_ms=30_000,
            request_timeout_ms=10_000, **kafka_python_kwargs(settings),
        )  # fmt: skip
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    try:
        sent = [producer.send(name, key=key, value=value) for key, value in rows]
        producer.flush(timeout=30)
        for future in sent:
            future.get(timeout=30)
    except KafkaError as error:
        raise CityopsError(
            f"{len(rows)} records were not all written to {name} at {settings.broker}: "
            f"{type(error).__name__}: {error}; check `cityops topics`, then repeat: writing them again is safe"
        ) from None
    finally:
        producer.close(timeout=5)
    return len(rows)


def read(settings: Settings, topics: Sequence[str], apply: Apply) -> None:
    """Hand everything that is in these topics of this run now to `apply`, a topic's records in order.

    Raises:
        CityopsError: Kafka cannot be reached, or a topic is not there.
    """
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    try:
        consumer = KafkaConsumer(group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
                                 allow_auto_create_topics=False, **kafka_python_kwargs(settings))  # fmt: skip
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    try:
        there = consumer.topics()
        parts = []
        for topic in (settings.prefix + t for t in topics):
            if topic not in there:
                raise no_topic(settings, topic)
            parts += [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or {0})]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        consumer.seek_to_beginning(*parts)
        while any(consumer.position(tp) < ends[tp] for tp in parts):
            for tp, records in consumer.poll(timeout_ms=500).items():
                for record in records:
                    apply(tp.topic.removeprefix(settings.prefix), record.key, record.value)
    except KafkaError as error:
        names = ", ".join(settings.prefix + t for t in topics)
        raise CityopsError(f"{names} at {settings.broker} cannot be read: {type(error).__name__}: {error}") from None
    finally:
        consumer.close()


class Follower:
    """Follows tables in the running event loop: `start`, `await ready()`, then `apply` has had all that was there."""

    def __init__(self, settings: Settings, topics: Sequence[str], apply: Apply) -> None:
        self.settings, self.topics, self.apply = settings, [settings.prefix + t for t in topics], apply
        self.trouble = f"{', '.join(self.topics)} has not been read yet"  # "" when it follows
        self.moved = asyncio.Event()  # set when records came; each batch has one of its own
        self._complete = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._consumer: Any = None

    async def start(self) -> None:
        """Connect and begin to read; raises CityopsError where Kafka or a topic is not there."""
        from aiokafka import AIOKafkaConsumer, TopicPartition
        from aiokafka.errors import KafkaError

        consumer = AIOKafkaConsumer(
            group_id=None, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=200,
            **aiokafka_kwargs(self.settings),
        )  # fmt: skip
        try:
            await consumer.start()
            there, parts = await consumer.topics(), []
            for topic in self.topics:
                if topic not in there:
                    raise no_topic(self.settings, topic)
                parts += [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or {0})]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            ends = await consumer.end_offsets(parts)
        except (KafkaError, OSError) as error:
            await consumer.stop()
            raise unreachable(self.settings, error) from None
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        self._task = asyncio.create_task(self._follow(ends), name="tables")

    @property
    def running(self) -> asyncio.Task[None] | None:
        """The task that reads, None before `start` and after `stop`."""
        return self._task

    async def ready(self) -> None:
        """Wait until all that was in the topics at the start is here; raises what stopped the reading."""
        if self._task is None:
            raise RuntimeError("Follower.start() comes before ready()")
        complete = asyncio.ensure_future(self._complete.wait())
        try:
            await asyncio.wait([complete, self._task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            complete.cancel()
        if not self._complete.is_set():
            raise CityopsError(f"reading {', '.join(self.topics)} stopped: {self.trouble}")

    async def followed(self) -> None:
        """Returns after `stop`; raises CityopsError when the reading failed, after which nothing new comes.

        Whoever decides by these tables has to wait for this beside its own work, and end with it.
        """
        if self._task is None:
            raise RuntimeError("Follower.start() comes before followed()")
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            raise CityopsError(f"the registry is no longer read: {self.trouble}")

    async def stop(self) -> None:
        """End the reading and the connection. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])  # a failure was told by `followed`
            self._task = None
            await self._consumer.stop()
            self.trouble = "the registry is no longer read"

    async def _follow(self, ends: dict[Any, int]) -> None:
        from aiokafka.errors import KafkaError

        names = ", ".join(self.topics)
        while True:
            try:
                if not self._complete.is_set() and await self._reached(ends):
                    self.trouble = ""
                    self._complete.set()
                for tp, records in (await self._consumer.getmany(timeout_ms=500)).items():
                    for record in records:
                        self.apply(tp.topic.removeprefix(self.settings.prefix), record.key, record.value)
                    self.moved.set()
                    self.moved = asyncio.Event()
                if self._complete.is_set():
                    self.trouble = ""
            except KafkaError as error:
                self.trouble = f"{names} cannot be read: {type(error).__name__}: {error}"
                log.warning("registry: %s", self.trouble)
                await asyncio.sleep(1)
            except Exception as error:  # a fault of ours: readiness must show it, not hide it in the task
                self.trouble = f"reading {names} failed: {error!r}"
                log.exception("registry")
                raise

    async def _reached(self, ends: dict[Any, int]) -> bool:
        return all([await self._consumer.position(tp) >= end for tp, end in ends.items()])


def no_topic(settings: Settings, topic: str) -> CityopsError:
    return CityopsError(f"there is no topic {topic} at {settings.broker}; create it with `cityops topics create`")
