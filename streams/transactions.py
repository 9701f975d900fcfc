"""The transactional producer of one ledger: outputs, state and offsets of a batch are written whole or not at all."""

from __future__ import annotations

import asyncio

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from streams import topics
from streams.closing import quietly
from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs
from streams.outbox import Applied, Outbox
from streams.settings import Settings

APPLIED = b"applied"
BATCH_BYTES = 1024 * 1024  # one request a partition at a time: with the client's 16 KB a transaction takes dozens
FAILURES = (TimeoutError, KafkaError, OSError, asyncio.CancelledError)  # of Kafka; see `closing.cancelled`


class Transactions:
    """`open()` fences whoever had this (app, partition) before; then one `commit()` a batch; `close()`."""

    def __init__(self, settings: Settings, app: str, partition: int) -> None:
        self._settings, self._app, self._partition = settings, app, partition
        self.id = f"{settings.app_id(app)}-{partition}"
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Start the producer; InitProducerId ends any transaction a predecessor left open."""
        self._producer = AIOKafkaProducer(
            transactional_id=self.id,
            transaction_timeout_ms=30_000,
            linger_ms=0,
            max_request_size=MAX_MESSAGE_BYTES,
            max_batch_size=BATCH_BYTES,
            **aiokafka_kwargs(self._settings),
        )
        await self._producer.start()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await quietly(producer.stop(), f"{self.id}: closing")

    async def commit(self, out: Outbox, applied: Applied) -> None:
        """Write outputs, changed state, `applied` and the group's offsets in one transaction.

        Raises ProducerFenced where another worker owns the partition now; anything else leaves nothing written.
        """
        producer = self._producer
        assert producer is not None
        state_topic = self._settings.prefix + topics.ledger(self._app)
        await producer.begin_transaction()
        try:
            sent = [
                await producer.send(topic, value, key, partition=partition, headers=headers)
                for topic, partition, key, value, headers in out.records
            ]
            out.state[APPLIED] = msgspec.msgpack.encode(applied)
            for key, value in out.state.items():
                sent.append(await producer.send(state_topic, value, key, partition=self._partition))
            await asyncio.gather(*sent)
            offsets = {TopicPartition(t, self._partition): o for t, o in applied.pos.items()}
            if offsets:
                await producer.send_offsets_to_transaction(offsets, self._settings.app_id(self._app))
            await producer.commit_transaction()
        except ProducerFenced:
            raise
        except BaseException:
            # The state in memory is ahead of what was stored: the ledger opens again from what was.
            await quietly(producer.abort_transaction(), f"{self.id}: abort")
            raise
