"""The clock of the alerts worker: where a deadline has passed it asks for a tick, and changes nothing itself.

The tick is a record of the partition's own log, so that the order of what happened is the log's. What was asked for and
not done within `AGAIN_S` is asked for again; a tick too many finds nothing due.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from streams import topics
from streams.events import Command
from streams.kafka import aiokafka_kwargs
from streams.settings import Settings

log = logging.getLogger(__name__)
LOOK_S, AGAIN_S = 0.1, 2.0
TICK = "tick"
AUDITOR = "auditor"  # sends ticks of the wall clock, see `streams.notify.auditor`


class Waits(Protocol):
    @property
    def ticks(self) -> int: ...  # that were done

    def next_due_ms(self) -> int: ...


def tick(at_ms: int, by: str = "timer", county: str = "") -> Command:
    """What asks a partition to do what is due. `county`: one of the partition's, where the sender finds it by that."""
    return Command(
        id=uuid.uuid4().hex, alert="", county=county, command=TICK, version=None, by=by, role="system", unit=county,
        at_ms=at_ms,
    )  # fmt: skip


class Timers:
    """`run` until cancelled. `waiting` gives what is open now: partition -> its logic."""

    def __init__(
        self, settings: Settings, waiting: Callable[[], Mapping[int, Waits]], now: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._waiting, self._now = settings, waiting, now
        self._asked: dict[int, tuple[int, int, float]] = {}  # partition -> (due, ticks done until then, when)

    async def run(self) -> None:
        """A broker that is away is tried again: deadlines are absolute, nothing is lost by waiting."""
        from aiokafka import AIOKafkaProducer

        while True:
            producer = AIOKafkaProducer(acks="all", linger_ms=0, **aiokafka_kwargs(self._settings))
            try:
                await producer.start()
                await self._ask(producer)
            except Exception as error:
                log.warning("timers: %s: %s", type(error).__name__, error)
            finally:
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(producer.stop(), 5)
            await asyncio.sleep(1)

    async def _ask(self, producer: Any) -> None:
        topic = self._settings.prefix + topics.COMMANDS
        while True:
            for partition in self.due():
                value = msgspec.json.encode(tick(int(self._now() * 1000)))
                await producer.send_and_wait(topic, value, partition=partition)
            await asyncio.sleep(LOOK_S)

    def due(self) -> list[int]:
        """Partitions to ask now."""
        now = self._now()
        out = []
        for partition, logic in self._waiting().items():
            due = logic.next_due_ms()
            *asked, when = self._asked.get(partition, (0, 0, 0.0))
            if due and due <= now * 1000 and (asked != [due, logic.ticks] or now - when >= AGAIN_S):
                self._asked[partition] = due, logic.ticks, now
                out.append(partition)
        return out
