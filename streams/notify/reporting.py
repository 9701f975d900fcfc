"""Commands of the notifier to the alerts app: results of messages from the outbox, ticks of the auditor."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy import delete, select

from streams import topics
from streams.closing import quietly
from streams.kafka import aiokafka_kwargs, unreachable
from streams.notify import schema
from streams.notify.outbox import Outbox
from streams.settings import Settings
from streams.sql import StoreError

log = logging.getLogger(__name__)
RETRY_S = 1.0
AT_ONCE = 500


class Reporting:
    """Runs until cancelled. A reply leaves the outbox when Kafka has it, so it may come twice: its id is its key."""

    def __init__(self, settings: Settings, outbox: Outbox, told: asyncio.Event) -> None:
        self._settings, self._outbox, self._told = settings, outbox, told
        self._producer: AIOKafkaProducer | None = None

    async def run(self) -> None:
        told = ""
        try:
            while True:
                self._told.clear()
                try:
                    await self._send_all()
                    told = ""
                except (KafkaError, OSError, StoreError) as error:
                    said = str(error if isinstance(error, StoreError) else unreachable(self._settings, error))
                    if said != told:
                        told = said
                        log.error("%s", said)
                    await self._disconnect()
                    await asyncio.sleep(RETRY_S)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S):  # wait_for of Python 3.11 may lose a cancellation
                        await self._told.wait()
        finally:
            await self._disconnect()

    async def _send_all(self) -> None:
        while rows := await asyncio.to_thread(_waiting, self._outbox):
            sent = [await self._send(r["run"], r["county"], r["json"].encode()) for r in rows]
            await asyncio.gather(*sent)
            await asyncio.to_thread(_drop, self._outbox, [r["id"] for r in rows])

    async def send(self, run: str, county: str, value: bytes) -> None:
        """One command to the partition of a county; raises KafkaError or OSError."""
        await (await self._send(run, county, value))

    async def _send(self, run: str, county: str, value: bytes) -> Any:
        producer = await self._connect()
        partition = topics.county_partition(county, self._settings.partitions)
        name = (f"run.{run}." if run else "") + topics.COMMANDS
        return await producer.send(name, value, key=county.encode(), partition=partition)

    async def _connect(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **aiokafka_kwargs(self._settings), acks="all", enable_idempotence=True, request_timeout_ms=10_000
            )
            try:
                await producer.start()
            except BaseException:
                await quietly(producer.stop(), "producer of commands")
                raise
            self._producer = producer
        return self._producer

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await quietly(producer.stop(), "producer of commands")


def _waiting(outbox: Outbox) -> list[dict[str, Any]]:
    with outbox.read() as tx:
        rows = tx.execute(select(schema.replies).order_by(schema.replies.c.created_ms).limit(AT_ONCE))
        return [dict(r._mapping) for r in rows]


def _drop(outbox: Outbox, ids: list[str]) -> None:
    with outbox.write() as tx:
        tx.execute(delete(schema.replies).where(schema.replies.c.id.in_(ids)))
