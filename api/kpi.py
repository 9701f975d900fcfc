"""Alarm figures of this process: fed by the projector, filled from the store at the start, asked by routes and metrics.

The projector's thread applies what it has stored; a question copies its rows under the lock and counts outside it.
Reading the store takes its time with many alerts: the projector goes on meanwhile, what it applies is kept and joins
afterwards (a transition that is in both counts once).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import func, or_, select

from api import schema
from api.records import Record
from api.store import Store, StoreError
from api.times import to_ms
from streams.kpi.facts import Fact, fact_of
from streams.kpi.figures import Question, of_view
from streams.kpi.gauges import FIELDS, gauges
from streams.kpi.journal import MOST, Journal
from streams.kpi.management import Period, Sensors, management
from streams.kpi.response import DEFAULT_LIMITS, Limits

log = logging.getLogger(__name__)
RETRY_S = 1.0


class AlarmFigures:
    """`ready` once the store was read; `limits` are of the policy in force."""

    def __init__(self, most: int = MOST, limits: Limits = DEFAULT_LIMITS) -> None:
        self._most = most
        self._journal = Journal(most)
        self._lock = threading.Lock()
        self._waiting: list[Fact] = []  # applied while not ready
        self._stale = asyncio.Event()
        self._stale.set()
        self._forgot = 0
        self._stopping = False
        self.limits = limits
        self.ready = False

    async def run(self, store: Store) -> None:
        """Read the store at the start and whenever it was told to `forget`, until cancelled."""
        try:
            while True:
                await self._stale.wait()
                self._stale.clear()
                try:
                    await asyncio.to_thread(self.load, store)
                except StoreError as error:
                    log.error("alarm figures: %s", error)
                    self._stale.set()
                    await asyncio.sleep(RETRY_S)
        finally:
            self._stopping = True

    def forget(self) -> None:
        """The store dropped alerts: read it again."""
        with self._lock:
            self.ready = False
            self._waiting = []  # what was applied before is in the store, or was dropped
            self._forgot += 1
        self._stale.set()

    def load(self, store: Store) -> None:
        """Begin anew from the transitions that the store holds. Raises StoreError."""
        forgot = self._forgot
        journal = Journal(self._most)
        journal.since_ms, stored = _stored(store, self._most)
        for fact in stored:
            if self._stopping:
                return
            journal.apply(fact)
        with self._lock:
            if forgot != self._forgot:
                return
            for fact in self._waiting:
                journal.apply(fact)
            self._waiting = []
            self._journal = journal
            self.ready = True

    def take(self, records: Iterable[Record]) -> None:
        """Records that made a transition, in their order."""
        self.take_facts([record.fact for record in records])

    def take_facts(self, facts: Sequence[Fact]) -> None:
        """Facts in their order; one whose version came before changes nothing."""
        with self._lock:
            if self.ready:
                for fact in facts:
                    self._journal.apply(fact)
            else:
                self._waiting += facts

    def ask(self, question: Question) -> dict[str, Any]:
        """The answer of `streams.kpi.figures`."""
        q = question
        with self._lock:
            view = self._journal.view(q.prefix, q.mode, q.cls, q.to_ms)
        return of_view(view, q, self.limits)

    def management(self, q: Question, depth: int, sensors: Sensors) -> dict[str, Any]:
        """The answer of `streams.kpi.management`."""
        with self._lock:
            hazards, equipment = (self._journal.view(q.prefix, q.mode, c, q.to_ms) for c in ("hazard", "equipment"))
        return management(hazards, equipment, Period(q.from_ms, q.to_ms), self.limits, depth, sensors)

    def gauges(self, units: tuple[str, ...], now_ms: int) -> dict[str, dict[str, float]]:
        """Gauge → unit → value, of actual hazards."""
        with self._lock:
            view = self._journal.view("", "actual", "hazard", now_ms + 1, FIELDS)
        return gauges(view, units, now_ms)


def _stored(store: Store, most: int) -> tuple[int, Iterator[Fact]]:
    """From when on the facts are complete, and the facts of all open and the newest closed alerts."""
    c = schema.alerts.c
    closed = c.handling == "CLOSED"
    with store.read() as tx:
        room = max(0, most - (tx.scalar(select(func.count()).where(~closed)) or 0))
        edge = tx.scalar(
            select(c.changed_ms).where(closed).order_by(c.changed_ms.desc()).offset(room).limit(1)
        )  # the newest that is left out
    since = 0 if edge is None else edge + 1
    return since, _facts(store, since)


def _facts(store: Store, since_ms: int) -> Iterator[Fact]:
    a, t = schema.alerts.c, schema.transitions.c
    query = select(a.id, a.json, t.version, t.json).join_from(schema.transitions, schema.alerts, a.id == t.alert)
    query = query.where(or_(a.handling != "CLOSED", a.changed_ms >= since_ms)).order_by(t.alert, t.version)
    known, alert = "", {}
    with store.read() as tx:
        for id_, text, version, step in tx.execute(query.execution_options(yield_per=1000)):
            if id_ != known:
                known, alert = id_, orjson.loads(text)
            transition = orjson.loads(step)
            yield fact_of(alert, transition, version, to_ms(str(transition["at"])))
