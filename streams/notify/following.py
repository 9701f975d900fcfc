"""From the `alerts` logs of live operation and every run into the outbox."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams import topics
from streams.errors import CityopsError
from streams.kafka import unreachable
from streams.metrics import NOTICES, NOTIFY_POISON
from streams.notify.outbox import Incoming, Outbox
from streams.notify.people import People
from streams.notify.plan import Row
from streams.notify.records import RecordError, Seen, parse
from streams.settings import Settings
from streams.sql import StoreError
from streams.tail import TopicTail
from streams.topic_watch import TopicWatch

log = logging.getLogger(__name__)
RETRY_S = 1.0
TextOf = Callable[[Row, Seen], str]


class Following:
    """Runs until cancelled; `caught_up` is set when all that was there at the start has been read."""

    def __init__(
        self, settings: Settings, outbox: Outbox, people: People, text_of: TextOf, wake: asyncio.Event
    ) -> None:
        self._settings, self._outbox, self._people, self._wake = settings, outbox, people, wake
        self._text_of = text_of
        self._watch = TopicWatch(outbox.topics())
        self._tail = TopicTail(settings, topics.ALERTS, self._begin, self._watch)
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Read for ever; a lost broker or a full disk is told in the log and tried again."""
        told = ""
        try:
            while True:
                try:
                    await self._tail.open()
                    told = ""
                    await self._read()
                except (KafkaError, OSError) as error:
                    said: CityopsError = unreachable(self._settings, error)
                except StoreError as error:
                    said = error
                if str(said) != told:
                    told = str(said)
                    log.error("%s", told)
                await asyncio.sleep(RETRY_S)
        finally:
            await self._tail.close()

    async def _read(self) -> None:
        while True:
            records = await self._tail.batch()
            if self._watch.stale:
                runs = set(self._watch.stale)
                log.warning(
                    "the alerts log of %s is gone or another one", ", ".join(r or "live operation" for r in runs)
                )
                await asyncio.to_thread(self._outbox.forget, runs)
                self._watch.forgotten(runs)
                await self._tail.open()
                continue
            if self._watch.fresh:
                await asyncio.to_thread(self._outbox.keep_topics, self._watch.kept())
            if records:
                await self._apply(records)
            if not self.caught_up.is_set() and not await self._tail.lag():
                self.caught_up.set()

    def _begin(self, ends: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, int]:
        saved = self._outbox.offsets()
        for tp, (_, end) in ends.items():
            if saved.get((tp.topic, tp.partition), 0) > end:
                self._watch.cut(tp.topic)
        found = self._outbox.begin({(tp.topic, tp.partition): at for tp, at in ends.items()})
        return {tp: found[tp.topic, tp.partition] for tp in ends}

    async def _apply(self, records: list[ConsumerRecord]) -> None:
        good: list[Incoming] = []
        reached: dict[tuple[str, int], int] = {}
        for r in records:
            reached[r.topic, r.partition] = r.offset + 1
            try:
                change = parse(r.value)
            except RecordError as error:
                NOTIFY_POISON.inc()
                log.error("%s[%d]@%d is skipped: %s", r.topic, r.partition, r.offset, error)
                continue
            county = (r.key or b"").decode("ascii", "replace")[:6] or change.alert.county
            good.append(Incoming(change, r.topic, r.partition, r.offset, county))
        s = self._settings
        rows = await asyncio.to_thread(
            self._outbox.apply, good, reached, self._people.recipients, int(time.time() * 1000),
            int(s.notify_digest_s * 1000), s.partitions, self._text_of,
        )  # fmt: skip
        for row in rows:
            NOTICES.labels(row["channel"], row["state"]).inc()
        if rows:
            self._wake.set()
