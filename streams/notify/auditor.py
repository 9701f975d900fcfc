"""Looks each 30 s for alerts whose deadline has passed and nothing happened, apart from the engine's own timers.

It knows deadlines from the public log alone. What it finds it tells the partition by a `tick`: the engine applies
what is due. An exercise is looked after like live operation; a test has a clock of its own and is not.
"""

from __future__ import annotations

import asyncio
import logging
import time

import msgspec
from aiokafka.errors import KafkaError
from sqlalchemy import select

from streams.kafka import unreachable
from streams.metrics import OVERDUE, TICKS
from streams.notify import schema
from streams.notify.outbox import Outbox
from streams.notify.reporting import Reporting
from streams.settings import Settings
from streams.sql import StoreError
from streams.timers import AUDITOR, tick

log = logging.getLogger(__name__)
EVERY_S = 30.0
OVERDUE_MS = 30_000
NAMED = 20  # ids in the log
_a = schema.alerts.c


class Auditor:
    """Runs until cancelled."""

    def __init__(self, settings: Settings, outbox: Outbox, reporting: Reporting, every_s: float = EVERY_S) -> None:
        self._settings, self._outbox, self._reporting, self._every_s = settings, outbox, reporting, every_s

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look(int(time.time() * 1000))
            except StoreError as error:
                log.error("%s", error)
            except (KafkaError, OSError) as error:
                log.error("%s", unreachable(self._settings, error))

    async def look(self, now_ms: int) -> int:
        """One look; returns how many ticks were sent. Raises StoreError, KafkaError or OSError."""
        found = await asyncio.to_thread(overdue, self._outbox, now_ms)
        for (run, partition), late in sorted(found.items()):
            ids = [id_ for id_, _ in late]
            named = ", ".join(ids[:NAMED]) + (" …" if len(ids) > NAMED else "")
            where = f"run {run}, " if run else ""
            log.warning("%spartition %d: %d alerts are past their deadline: %s", where, partition, len(ids), named)
            OVERDUE.inc(len(ids))
            await self._reporting.send(run, late[0][1], msgspec.json.encode(tick(now_ms, AUDITOR, late[0][1])))
            TICKS.inc()
        await asyncio.to_thread(self._outbox.tidy, now_ms)
        return len(found)


def overdue(outbox: Outbox, now_ms: int) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """(run, partition) → (id, county) of open alerts more than 30 s past their next deadline."""
    out: dict[tuple[str, int], list[tuple[str, str]]] = {}
    with outbox.read() as tx:
        rows = tx.execute(
            select(_a.run, _a.partition, _a.id, _a.county)
            .where(_a.closed == 0, _a.next_ms < now_ms - OVERDUE_MS, _a.mode != "test")
            .order_by(_a.next_ms)
        )
        for run, partition, id_, county in rows:
            out.setdefault((run, partition), []).append((id_, county))
    return out
