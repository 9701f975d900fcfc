"""Commands to the alerts app and their answers; readings from /ingest to Kafka.

One idempotent producer for both. Answers are read from the end of `command.results` (of live operation
and of every run) and handed to whoever waits for that command id.
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

from api.errors import Problem
from api.tail import TopicTail
from streams import topics
from streams.errors import CityopsError
from streams.events import Command
from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs, unreachable
from streams.settings import Settings

log = logging.getLogger(__name__)
RETRY_S = 1.0
IN_FLIGHT_BYTES = 32 * 1024 * 1024
SEND_S = 10.0


class KafkaBus:
    """`run` until cancelled; `trouble` says why commands cannot be sent, "" when they can."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tail = TopicTail(settings, topics.RESULTS, _at_end)
        self._producer: AIOKafkaProducer | None = None
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._in_flight = 0
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
            producer, self._producer = self._producer, None
            if producer is not None:
                await producer.stop()

    async def _connect(self) -> None:
        if self._producer is not None:
            return
        producer = AIOKafkaProducer(
            **aiokafka_kwargs(self._settings),
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=int(SEND_S * 1000),
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def _read(self) -> None:
        while True:
            if self._tail.partitions:
                self.trouble = ""
            else:
                self.trouble = (
                    f"topic {self._settings.prefix}{topics.RESULTS} is not there; make it with `cityops topics`"
                )
            for record in await self._tail.batch():
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
                if TopicPartition(prefix + topics.RESULTS, 0) not in self._tail.partitions:
                    await self._tail.find()
                await self._write(
                    prefix + topics.COMMANDS, msgspec.json.encode(command), command.county.encode(), partition
                )
                return await future
        except TimeoutError:
            self.counters["timeouts_total"] += 1
            return None
        finally:
            del self._waiting[command.id]

    async def write(self, topic: str, value: bytes) -> None:
        """Write readings; raises Problem 429 while too much waits, CityopsError where Kafka does not take them."""
        if self._in_flight + len(value) > IN_FLIGHT_BYTES:
            raise Problem(429, "too many readings wait for Kafka; try again shortly", {"Retry-After": "1"})
        self._in_flight += len(value)
        try:
            async with asyncio.timeout(SEND_S):
                await self._write(topic, value)
        except TimeoutError:
            raise CityopsError(f"Kafka at {self._settings.broker} did not take the readings in {SEND_S:g} s") from None
        finally:
            self._in_flight -= len(value)

    async def _write(self, topic: str, value: bytes, key: bytes | None = None, partition: int | None = None) -> None:
        if self._producer is None:
            raise CityopsError(self.trouble or f"no Kafka answers at {self._settings.broker}")
        try:
            await self._producer.send_and_wait(topic, value, key=key, partition=partition)
        except (KafkaError, OSError) as error:
            raise unreachable(self._settings, error) from None


class KafkaIntake:
    """The `Intake` of the routes over the bus's producer."""

    def __init__(self, bus: KafkaBus) -> None:
        self._bus = bus

    async def send(self, topic: str, value: bytes) -> None:
        await self._bus.write(topic, value)


def _at_end(ends: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, int]:
    return {tp: end for tp, (_, end) in ends.items()}
