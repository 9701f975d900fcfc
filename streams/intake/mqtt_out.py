"""The bridge's way into Kafka: packed rows and rejects, sent until Kafka has them."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams import codec, topics
from streams.columns import Columns
from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs, unreachable
from streams.outbox import REJECT_BYTES, REJECT_ROWS
from streams.settings import Settings

log = logging.getLogger(__name__)
RETRY_S = 1.0


class Record(NamedTuple):
    topic: str
    partition: int | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class KafkaOut:
    """An idempotent producer that waits for Kafka as long as it takes; what it is given it delivers at least once."""

    def __init__(self, settings: Settings, src: str) -> None:
        self._settings, self._src, self._seq = settings, src, 0
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; says so and tries again while no Kafka answers or topics are missing."""
        told = ""
        while self._producer is None:
            trouble = await self._connect()
            if trouble and trouble != told:
                log.warning("%s; trying again", trouble)
            told = trouble
            if trouble:
                await asyncio.sleep(RETRY_S)
        if told:
            log.warning("Kafka answers at %s", self._settings.broker)

    async def _connect(self) -> str:
        """Make the producer; returns why it cannot be used, "" when it can."""
        producer = AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=1024 * 1024,
            max_request_size=MAX_MESSAGE_BYTES,
            **aiokafka_kwargs(self._settings),
        )
        try:
            await producer.start()
            cluster = await producer.client.fetch_all_metadata()
            wanted = {self._settings.prefix + t for t in (*map(topics.raw, topics.DOMAINS), topics.REJECTED)}
            if missing := wanted - cluster.topics():
                await producer.stop()
                return f"topics are missing at {self._settings.broker} ({min(missing)}, …): run `cityops topics create`"
        except (KafkaError, OSError) as error:
            await producer.stop()
            return str(unreachable(self._settings, error))
        self._producer = producer
        return ""

    async def readings(self, domain: str, cols: Columns) -> list[Record]:
        """Packed messages of at most `pack_rows` rows. A sensor's rows always go to the same partition, in order."""
        topic = self._settings.prefix + topics.raw(domain)
        count = len(await self._require().partitions_for(topic))
        where = np.array([zlib.crc32(s.encode()) % count for s in cols.sensors], np.int32)[cols.idx]
        out = []
        for partition in np.unique(where).tolist():
            mine = cols if (where == partition).all() else cols.take(where == partition)
            for part in _pieces(mine, self._settings.pack_rows):
                out.append(Record(topic, partition, codec.pack(part, self._src, self._seq)))
                self._seq += 1
        return out

    def reject(self, topic: str, payload: bytes, size: int, reason: str, rows: Sequence[int]) -> Record:
        """The original with its reason, for `readings.rejected`."""
        payload = payload[:REJECT_BYTES]
        cut = [("truncated", b"%d" % size)] if size > len(payload) else []
        headers = (
            *cut,
            ("reason", reason.encode("utf-8", "replace")),
            ("rows", ",".join(map(str, rows[:REJECT_ROWS])).encode()),
            ("source", b"mqtt:" + topic.encode("utf-8", "replace")),
            ("offset", b""),
        )
        return Record(self._settings.prefix + topics.REJECTED, 0, payload, headers)

    async def send(self, records: list[Record]) -> None:
        """Return when Kafka has acknowledged all of them, however long that takes."""
        while records:
            failed: list[Record] = []
            why: BaseException | None = None
            waiting = []
            for r in records:
                try:
                    producer = self._require()
                    future = await producer.send(r.topic, r.value, partition=r.partition, headers=list(r.headers))
                    waiting.append((r, future))
                except (KafkaError, OSError) as error:
                    failed, why = [*failed, r], error
            for r, future in waiting:
                try:
                    await future
                except (KafkaError, OSError) as error:
                    failed, why = [*failed, r], error
            records = failed
            if records:
                log.warning("Kafka did not take %d messages (%r); sending them again", len(records), why)
                await asyncio.sleep(RETRY_S)
                await self._renew()

    async def _renew(self) -> None:
        """A new producer: an idempotent one that met a fatal error takes nothing more."""
        await self.close()
        await self.start()

    def _require(self) -> AIOKafkaProducer:
        assert self._producer is not None, "start() comes first"
        return self._producer

    async def close(self, wait_s: float = 3.0) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            await asyncio.wait_for(producer.stop(), wait_s)
        except (TimeoutError, KafkaError, OSError) as error:
            log.warning("closing the Kafka producer: %r", error)


def _pieces(cols: Columns, size: int) -> Iterator[Columns]:
    for start in range(0, len(cols), size):
        yield cols if len(cols) <= size else cols.take(np.arange(start, min(start + size, len(cols))))
