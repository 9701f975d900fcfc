"""Events that another API process has written: read from the database and told here in the same order."""

from __future__ import annotations

import asyncio

import orjson

from api import queries
from api.arrivals import Arrivals
from api.cursor import Cursor
from api.kpi import AlarmFigures
from api.store import Event, Store
from api.times import to_ms
from streams.kpi.facts import Fact, fact_of


class Follower:
    """`catch_up` whenever something may be new."""

    def __init__(self, store: Store, arrivals: Arrivals, alarms: AlarmFigures) -> None:
        self._store = store
        self._arrivals = arrivals
        self._alarms = alarms
        self.events = 0

    async def catch_up(self) -> None:
        """Tell all events after the last that was told; where they are gone, clients read anew. Raises StoreError."""
        while True:
            told = self._arrivals.head
            now, oldest, events = await asyncio.to_thread(queries.events_after, self._store, told)
            if now.epoch != told.epoch or not oldest - 1 <= told.seq <= now.seq:
                self._store.seen(now)
                self._alarms.forget()
                self._arrivals.restart(now)
                return
            if events:
                self._store.seen(Cursor(now.epoch, events[-1].seq))
                self._alarms.take_facts([_fact(e) for e in events])
                self._arrivals.publish(now.epoch, events)
                self.events += len(events)
            if len(events) < queries.PAGE:
                return


def _fact(event: Event) -> Fact:
    data = orjson.loads(event.data)
    return fact_of(data["alert"], data["transition"], event.version, to_ms(event.at))
