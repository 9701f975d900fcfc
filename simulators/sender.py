"""One Kafka producer for simulators and replays: keeps order, counts, and knows when everything is acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from simulators.city import Batch
from streams import topics
from streams.codec import pack
from streams.columns import EMPTY
from streams.errors import CityopsError
from streams.kafka import aiokafka_kwargs, unreachable
from streams.settings import Settings

WAITING = 512  # messages under way at most


class Sender:
    """`async with Sender(settings, src)`: packed readings to `readings.raw.<domain>`, key = zone.

    `partition`: where all goes, None: where the key says.
    Raises CityopsError where the broker can't be reached or refuses.
    """

    def __init__(self, settings: Settings, src: str, partition: int | None = None) -> None:
        self.settings, self.src, self._partition = settings, src, partition
        self.messages = self.rows = 0
        self._producer = AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_batch_size=256 * 1024,
            max_request_size=8 * 1024 * 1024,
            **aiokafka_kwargs(settings),
        )
        self._waiting: deque[asyncio.Future[Any]] = deque()

    async def __aenter__(self) -> Sender:
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            await self._producer.stop()
            raise unreachable(self.settings, error) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if kind is None:
            await self.flush()
        await self._producer.stop()

    async def readings(self, batch: Batch) -> None:
        """Send one batch; the order per zone is kept."""
        value = pack(batch.cols, self.src, self.messages)
        await self.send(topics.raw(batch.domain), batch.zone.encode(), value)
        self.rows += len(batch.cols)

    async def end(self, domain: str, zone: str, at_ms: int) -> None:
        """Tell a run that its recording ends at `at_ms`: whoever is silent by then is found."""
        await self.send(topics.raw(domain), zone.encode(), pack(EMPTY, self.src, self.messages, tick=at_ms))

    async def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Queue one message; waits while `WAITING` are under way."""
        try:
            name = self.settings.prefix + topic
            self._waiting.append(await self._producer.send(name, value, key=key, partition=self._partition))
        except KafkaError as error:
            raise self._refused(error) from None
        self.messages += 1
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > WAITING):
            await self._acked(self._waiting.popleft())

    async def flush(self) -> None:
        """Return when all that was sent is acknowledged by the broker."""
        await self._producer.flush()
        while self._waiting:
            await self._acked(self._waiting.popleft())

    async def _acked(self, future: asyncio.Future[Any]) -> None:
        try:
            await future
        except KafkaError as error:
            raise self._refused(error) from None

    def _refused(self, error: KafkaError) -> CityopsError:
        return CityopsError(f"Kafka at {self.settings.broker} did not take readings: {error}; look at `cityops doctor`")
