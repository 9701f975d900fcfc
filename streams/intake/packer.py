"""`cityops worker packer`: raw topics in batches to the packer's ledgers. Not a Faust agent: one raw topic may carry
200,000 single readings a second, a hundred times what a Faust stream moves."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Collection
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from streams import topics
from streams.agents import FENCED_EXIT, Ledgers, leave_with, partitions_of
from streams.chunk import WHOLE
from streams.intake.packing import PackLogic
from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs
from streams.registry import RegistryReader
from streams.settings import Settings

log = logging.getLogger(__name__)
COMMON = 0  # the raw partition whose packer tells fences and profiles to everybody


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._ledgers.revoked()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._ledgers.assign(partitions_of(assigned, self._ledgers.sources))


class Packer:
    """A group member that feeds ledgers and starts each partition where its ledger stands."""

    def __init__(self, settings: Settings, registry: RegistryReader) -> None:
        self.settings, self.registry = settings, registry
        self.sources = tuple(settings.prefix + topics.raw(d) for d in topics.DOMAINS)
        self.ledgers = Ledgers(settings, "packer", self.sources, self._logic)
        self.consumer = AIOKafkaConsumer(
            group_id=settings.app_id("packer"),
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            fetch_max_wait_ms=100,
            value_deserializer=WHOLE,
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_500,
            **aiokafka_kwargs(settings),
        )

    def _logic(self, partition: int) -> PackLogic:
        return PackLogic(self.settings, self.registry, lambda: self.caught_up(partition), common=partition == COMMON)

    def caught_up(self, partition: int) -> bool:
        """Nothing of this raw partition waits on the broker or in the ledger."""
        ledger = self.ledgers.open.get(partition)
        if ledger is None or ledger.waiting:
            return False
        for topic in self.sources:
            tp = TopicPartition(topic, partition)
            high = self.consumer.highwater(tp) if tp in self.consumer.assignment() else None
            if high is None:
                return False
            state = self.consumer._subscription.subscription.assignment.state_value(tp)
            if not state.has_valid_position or state.position < high:
                return False
        return True

    async def feed(self) -> None:
        """Read for ever. The group's committed offsets are the ledgers' own: they go into the same transactions."""
        while True:
            got = await self.consumer.getmany(timeout_ms=200)
            for tp, records in got.items():
                await self.ledgers.deliver(tp.partition, records)


async def serve(settings: Settings) -> int:
    """Run until SIGINT/SIGTERM (0) or until fenced (75)."""
    registry = RegistryReader(settings)
    await registry.start()
    await registry.ready()
    packer = Packer(settings, registry)
    await packer.consumer.start()
    packer.consumer.subscribe(packer.sources, listener=_Listener(packer.ledgers))
    stop = asyncio.Event()
    for sig in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sig, stop.set)
    feed = asyncio.create_task(packer.feed())
    watched = asyncio.create_task(registry.followed(), name="registry")
    events = (asyncio.create_task(e.wait()) for e in (stop, packer.ledgers.fenced))
    waits: list[asyncio.Task[Any]] = [feed, watched, *events]
    ready = asyncio.create_task(packer.ledgers.ready())
    await asyncio.wait([ready, *waits], return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        print(json.dumps({"ready": True, "app": "packer", "partitions": sorted(packer.ledgers.open)}), flush=True)
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if feed.done() and not stop.is_set():
        log.error("packer: reading stopped: %r", feed.exception())
        return 1
    if watched.done() and not stop.is_set():
        log.error("packer: %s", watched.exception())
        return 1
    if packer.ledgers.fenced.is_set():
        return FENCED_EXIT
    feed.cancel()
    await packer.ledgers.close()
    try:
        await asyncio.wait_for(packer.consumer.stop(), 5)
        await registry.stop()
    except (TimeoutError, KafkaError) as e:
        log.warning("packer: closing: %s", e)
    return 0


def run(settings: Settings) -> None:
    """Entry of `cityops worker packer`; ends the process."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(leave_with(serve(settings)))
