"""From the `alerts` log into the database, then to the feed: the one writer of the projection.

Records and the offsets reached are one SQL transaction, so a restart neither loses nor doubles one.
Events get their sequence in commit order and only then go to the hub. A record that cannot be used is
counted, logged and skipped. Where a log is gone or is another one under the same name (a run that was deleted, or
deleted and made again), what was kept of that run is dropped and read anew, in a new epoch: clients see `resync`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from api.arrivals import Arrivals
from api.kpi import AlarmFigures
from api.records import PoisonError, Record, parse
from api.store import Applied, Store, StoreError
from streams import topics
from streams.kafka import unreachable
from streams.settings import Settings
from streams.tail import TopicTail
from streams.topic_watch import TopicWatch

log = logging.getLogger(__name__)
RETRY_S = 1.0


class Projector:
    """Runs until cancelled; `trouble` says why the projection is not up to date, "" when it is."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        arrivals: Arrivals,
        alarms: AlarmFigures,
        fence: str = "",
        counters: Counter[str] | None = None,
        poison: Counter[str] | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._arrivals = arrivals
        self._alarms = alarms
        self._fence = fence
        self._watch = TopicWatch(store.topics())
        self._tail = TopicTail(settings, topics.ALERTS, self._begin, self._watch)
        self.trouble = "the projection is starting"
        self.counters: Counter[str] = Counter() if counters is None else counters
        self.poison: Counter[str] = Counter() if poison is None else poison

    async def run(self) -> None:
        """Read for ever; a lost broker or a full disk is told in `trouble` and tried again.

        Raises StoreError of a database that others write too: it must be seen anew who projects, and what was written.
        """
        try:
            while True:
                try:
                    await self._tail.open()
                    await self._read()
                except (KafkaError, OSError) as error:
                    self.trouble = str(unreachable(self._settings, error))
                    log.warning("%s", self.trouble)
                except StoreError as error:
                    if self._store.shared:
                        raise
                    self.trouble = str(error)
                    log.error("%s", error)
                await asyncio.sleep(RETRY_S)
        finally:
            await self._tail.close()

    async def _read(self) -> None:
        while True:
            records = await self._tail.batch()
            if self._watch.stale:
                await self._drop(set(self._watch.stale))
                continue
            if self._watch.fresh:
                await asyncio.to_thread(self._store.keep_topics, self._watch.kept(), self._fence)
            if records:
                await self.apply(records)
            if not self._tail.partitions:
                self.trouble = (
                    f"topic {self._settings.prefix}{topics.ALERTS} is not there; make it with `cityops topics`"
                )
            elif self.trouble:
                behind = await self._tail.lag()
                self.trouble = f"the projection has {behind} records to read" if behind else ""

    async def _drop(self, runs: set[str]) -> None:
        """Forget these runs, tell the clients, and read what there is of them from the beginning."""
        told = ", ".join(f"run {run}" if run else "live operation" for run in sorted(runs))
        log.warning("the alerts log of %s is gone or another one: what was kept of it is dropped", told)
        await asyncio.to_thread(self._store.drop, runs, self._fence)
        self._alarms.forget()
        self._watch.forgotten(runs)
        self._arrivals.restart(self._store.cursor())
        self.counters["rebuilds"] += 1
        await self._tail.open()

    def _begin(self, ends: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, int]:
        saved = self._store.offsets()
        out = {}
        for tp, (first, end) in ends.items():
            at = saved.get((tp.topic, tp.partition), first)
            if at > end:
                self._watch.cut(tp.topic)
            out[tp] = min(max(at, first), end)
        return out

    async def apply(self, records: list[ConsumerRecord]) -> None:
        """Store one batch and publish its events; raises StoreError, nothing is lost then."""
        good, reached = readable(records, self.poison)
        done = await asyncio.to_thread(self._apply, good, reached)
        self.counters["records"] += len(records)
        self.counters["events"] += len(done.events)
        self.counters["stale"] += done.stale
        self.counters["duplicate"] += done.duplicate
        self._arrivals.publish(self._store.epoch, done.events)

    def _apply(self, records: list[Record], reached: dict[tuple[str, int], int]) -> Applied:
        done = self._store.apply(records, reached, self._fence)
        self._alarms.take(done.made)
        return done


def readable(records: list[ConsumerRecord], poison: Counter[str]) -> tuple[list[Record], dict[tuple[str, int], int]]:
    """The records that can be used, and the offsets after all of them; others are logged and counted in `poison`."""
    good: list[Record] = []
    reached: dict[tuple[str, int], int] = {}
    for r in records:
        reached[r.topic, r.partition] = r.offset + 1
        try:
            good.append(parse(r.value, r.key, r.topic))
        except PoisonError as error:
            poison[str(error)[:60]] += 1
            log.error("%s[%d]@%d is skipped: %s", r.topic, r.partition, r.offset, error)
    return good, reached
