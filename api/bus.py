"""Commands to the alerts app and their answers; readings from /ingest to Kafka.

One idempotent producer (`acks=all`) for both; one that can send no more is replaced. Answers are read from
the end of `command.results` (of live operation and of every run) and handed to whoever waits for that
command id.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from api.intake_budget import Budget
from api.intake_writer import GroupWriter
from streams import topics
from streams.columns import I32, Columns
from streams.errors import CityopsError
from streams.events import Command, Detection
from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs, unreachable
from streams.settings import Settings
from streams.tail import TopicTail, quietly

log = logging.getLogger(__name__)
RETRY_S = 1.0
REQUEST_S = 10.0
BATCH_BYTES = 1024 * 1024  # what a partition may gather while the request before is on its way
STOP_S = 2.0


class KafkaBus:
    """`run` until cancelled; `trouble` says why commands cannot be sent, "" when they can."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tail = TopicTail(settings, topics.RESULTS, _at_end)
        self._producer: AIOKafkaProducer | None = None
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._spoilt = False  # the producer refuses everything from now on
        self.trouble = "commands: connecting to Kafka"
        self.counters: Counter[str] = Counter()

    async def run(self) -> None:
        """Keep the producer and the reader of results going; what fails is told and tried again."""
        try:
            while True:
                try:
                    await self._tail.open()
                    await self._connect()
                    await self._read()
                except (KafkaError, OSError) as error:
                    self.trouble = str(unreachable(self._settings, error))
                    log.warning("%s", self.trouble)
                await asyncio.sleep(RETRY_S)
        finally:
            await self._tail.close()
            await self._disconnect()

    async def _connect(self) -> None:
        if self._producer is not None and not self._spoilt:
            return
        await self._disconnect()
        producer = AIOKafkaProducer(
            **aiokafka_kwargs(self._settings),
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE_BYTES,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(REQUEST_S * 1000),
        )
        try:
            await producer.start()
        except BaseException:
            await quietly(producer.stop(), STOP_S)
            raise
        self._producer, self._spoilt = producer, False

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await quietly(producer.stop(), STOP_S)  # it would wait for ever for a broker that is away

    async def _read(self) -> None:
        while True:
            if self._tail.partitions:
                self.trouble = ""
            else:
                self.trouble = (
                    f"topic {self._settings.prefix}{topics.RESULTS} is not there; make it with `cityops topics`"
                )
            records = await self._tail.batch()
            await self._connect()
            for record in records:
                try:
                    result = orjson.loads(record.value or b"")
                    id_ = result["id"]
                except (orjson.JSONDecodeError, KeyError, TypeError):
                    self.counters["poison_total"] += 1
                    log.error("%s@%d is no command result", record.topic, record.offset)
                    continue
                self.counters["results_total"] += 1
                future = self._waiting.get(id_)
                if future is not None and not future.done():
                    future.set_result(result)

    async def send(self, command: Command, run: str, timeout_s: float) -> dict[str, Any] | None:
        """Send a command of an alert of `run` ("" live) and wait for its result; None after the timeout.

        Raises CityopsError where Kafka does not take it.
        """
        prefix = f"run.{run}." if run else self._settings.prefix
        partition = topics.county_partition(command.county, self._settings.partitions)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[command.id] = future
        self.counters["commands_total"] += 1
        try:
            async with asyncio.timeout(timeout_s):
                if self._producer is None:
                    raise CityopsError(self.trouble or f"no Kafka answers at {self._settings.broker}")
                if TopicPartition(prefix + topics.RESULTS, 0) not in self._tail.partitions:
                    await self._tail.find()
                await self._write(
                    prefix + topics.COMMANDS, msgspec.json.encode(command), command.county.encode(), partition
                )
                return await future
        except TimeoutError:
            self.counters["timeouts_total"] += 1
            return None
        except (KafkaError, OSError) as error:  # TimeoutError is an OSError: it comes first
            raise unreachable(self._settings, error) from None
        finally:
            del self._waiting[command.id]

    async def report(self, detection: Detection) -> None:
        """Write what a person reported into `detections` of live operation, at its county's partition.

        Raises CityopsError where Kafka does not take it.
        """
        county, topic = detection.county, self._settings.prefix + topics.DETECTIONS
        partition = topics.county_partition(county, self._settings.partitions)
        self.counters["reports_total"] += 1
        await self._write(topic, msgspec.json.encode(detection), county.encode(), partition)

    async def write(self, topic: str, partition: int, value: bytes) -> None:
        """Write one message of readings and wait for it, however long; raises CityopsError where it is refused."""
        await self._write(topic, value, partition=partition)

    async def _write(self, topic: str, value: bytes, key: bytes | None = None, partition: int | None = None) -> None:
        producer = self._producer
        if producer is None:
            raise CityopsError(self.trouble or f"no Kafka answers at {self._settings.broker}")
        try:
            await producer.send_and_wait(topic, value, key=key, partition=partition)
        except (KafkaError, OSError) as error:
            if getattr(error, "retriable", True):
                raise unreachable(self._settings, error) from None
            if producer is self._producer:
                self._spoilt = True  # a number of its sequence is missing now: Kafka takes nothing more from it
            raise CityopsError(f"Kafka at {self._settings.broker} refused {topic}: {error}") from None


class KafkaIntake:
    """The `Intake` of the routes over the bus's producer."""

    def __init__(self, bus: KafkaBus, settings: Settings) -> None:
        self.budget = Budget(settings.ingest_mb * 1024 * 1024)
        self._writer = GroupWriter(bus.write, self.budget, settings.broker, settings.ingest_wait_s)

    async def send(self, topic: str, cols: Columns, where: I32, who: str) -> None:
        await self._writer.send(topic, cols, where, who)


def _at_end(ends: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, int]:
    return {tp: end for tp, (_, end) in ends.items()}
