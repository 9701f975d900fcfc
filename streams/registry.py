"""The registry of zones, assets and sensors: the compacted topic `assets`, published to and read whole.

One plain reader per process (no consumer group): it reads from the beginning, says when it has all
that was there at its start, and follows. A run has its own topic `run.<id>.assets`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from geo.assets import Asset, AssetError, Record, Sensor, Zone, check, encode
from streams import topics
from streams.assets.links import broken_links
from streams.errors import CityopsError, UsageError
from streams.kafka import aiokafka_kwargs, kafka_python_kwargs, unreachable
from streams.moves import moves
from streams.registry_table import Registry
from streams.settings import Settings

__all__ = ["Registry", "RegistryReader", "publish", "read_all", "send", "topic_of"]

log = logging.getLogger(__name__)


_ORDER: dict[type, int] = {Zone: 0, Asset: 1, Sensor: 2}


def topic_of(settings: Settings) -> str:
    """Name of the registry's topic in this run."""
    return f"{settings.prefix}{topics.ASSETS}"


def publish(
    settings: Settings, records: Iterable[Record], removed: Iterable[str] = (), known: Registry | None = None
) -> int:
    """Write records (and tombstones of `removed` ids) and wait until the broker has them; returns how many.

    Every record is checked before the first is sent, also against what is there (`known`; read when not given).

    Raises:
        UsageError: a record is not valid, names what is not there, or would take a sensor to another partition.
        CityopsError: Kafka cannot be reached or refuses.
    """
    wanted = list(records)
    try:
        check(wanted)
    except AssetError as error:
        raise UsageError(f"registry record {error}") from None
    there = read_all(settings) if known is None else known
    for id_, field, reason in (*moves(there, wanted, settings.partitions), *broken_links(there, wanted)):
        raise UsageError(f"registry record {id_}: {field}: {reason}")
    return send(settings, wanted, removed)


def send(settings: Settings, records: Iterable[Record], removed: Iterable[str] = ()) -> int:
    """Write records that were checked; see `publish`."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    wanted = sorted(records, key=lambda r: _ORDER[type(r)])  # a reader never sees a sensor without its zone
    rows: list[tuple[bytes, bytes | None]] = [(r.id.encode(), encode(r)) for r in wanted]
    rows += [(id_.encode(), None) for id_ in removed]
    try:
        producer = KafkaProducer(
            acks="all", enable_idempotence=True, linger_ms=5, max_block_ms=15_000, delivery_timeout_ms=30_000,
            request_timeout_ms=10_000, **kafka_python_kwargs(settings),
        )  # fmt: skip
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    try:
        sent = [producer.send(topic_of(settings), key=key, value=value) for key, value in rows]
        producer.flush(timeout=30)
        for future in sent:
            future.get(timeout=30)
    except KafkaError as error:
        raise CityopsError(
            f"{len(rows)} registry records were not all written to {topic_of(settings)} at {settings.broker}: "
            f"{type(error).__name__}: {error}; check `cityops topics`, then repeat: writing them again is safe"
        ) from None
    finally:
        producer.close(timeout=5)
    return len(rows)


def read_all(settings: Settings) -> Registry:
    """Everything in the registry now.

    Raises:
        CityopsError: Kafka cannot be reached, or the topic is not there.
    """
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    topic = topic_of(settings)
    registry = Registry()
    try:
        consumer = KafkaConsumer(group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
                                 allow_auto_create_topics=False, **kafka_python_kwargs(settings))  # fmt: skip
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    try:
        if topic not in consumer.topics():
            raise _no_topic(settings)
        parts = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or {0})]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        consumer.seek_to_beginning(*parts)
        while any(consumer.position(tp) < ends[tp] for tp in parts):
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    registry.apply(record.key, record.value)
    except KafkaError as error:
        raise CityopsError(f"{topic} at {settings.broker} cannot be read: {type(error).__name__}: {error}") from None
    finally:
        consumer.close()
    return registry


class RegistryReader:
    """Follows the registry in the running event loop: `start`, `await ready()`, then all tables are live."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = Registry()
        self.trouble = "the registry has not been read yet"  # "" when it follows
        self._complete = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._consumer: Any = None

    @property
    def sensors(self) -> dict[str, Sensor]:
        return self.registry.sensors

    @property
    def zones(self) -> dict[str, Zone]:
        return self.registry.zones

    @property
    def assets(self) -> dict[str, Asset]:
        return self.registry.assets

    @property
    def changes(self) -> int:
        """Counts what changed anything."""
        return self.registry.changes

    def changed_since(self, cursor: int) -> tuple[int, list[str]]:
        """See `Registry.changed_since`."""
        return self.registry.changed_since(cursor)

    async def start(self) -> None:
        """Connect and begin to read; raises CityopsError where Kafka or the topic is not there."""
        from aiokafka import AIOKafkaConsumer, TopicPartition
        from aiokafka.errors import KafkaError

        topic = topic_of(self.settings)
        consumer = AIOKafkaConsumer(
            group_id=None, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=200,
            **aiokafka_kwargs(self.settings),
        )  # fmt: skip
        try:
            await consumer.start()
            if topic not in await consumer.topics():
                raise _no_topic(self.settings)
            parts = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or {0})]
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
        self._task = asyncio.create_task(self._follow(ends), name="registry")

    async def ready(self) -> None:
        """Wait until all that was in the topic at the start is here; raises what stopped the reading."""
        if self._task is None:
            raise RuntimeError("RegistryReader.start() comes before ready()")
        complete = asyncio.ensure_future(self._complete.wait())
        try:
            await asyncio.wait([complete, self._task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            complete.cancel()
        if not self._complete.is_set():
            raise CityopsError(f"reading {topic_of(self.settings)} stopped: {self.trouble}")

    async def followed(self) -> None:
        """Returns after `stop`; raises CityopsError when the reading failed, after which nothing new comes.

        Whoever decides by the registry has to wait for this beside its own work, and end with it.
        """
        if self._task is None:
            raise RuntimeError("RegistryReader.start() comes before followed()")
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

        while True:
            try:
                if not self._complete.is_set() and await self._reached(ends):
                    self.trouble = ""
                    self._complete.set()
                for records in (await self._consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        self.registry.apply(record.key, record.value)
                if self._complete.is_set():
                    self.trouble = ""
            except KafkaError as error:
                self.trouble = f"{topic_of(self.settings)} cannot be read: {type(error).__name__}: {error}"
                log.warning("registry: %s", self.trouble)
                await asyncio.sleep(1)
            except Exception as error:  # a fault of ours: readiness must show it, not hide it in the task
                self.trouble = f"reading {topic_of(self.settings)} failed: {error!r}"
                log.exception("registry")
                raise

    async def _reached(self, ends: dict[Any, int]) -> bool:
        return all([await self._consumer.position(tp) >= end for tp, end in ends.items()])


def _no_topic(settings: Settings) -> CityopsError:
    return CityopsError(
        f"there is no topic {topic_of(settings)} at {settings.broker}; create it with `cityops topics create`"
    )
