"""Sends what is due: a task for each destination that has something, so that a slow one never delays another."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from sqlalchemy import Connection

from geo.moments import rfc3339
from streams.alert_parts import Text
from streams.events import SEVERITIES
from streams.metrics import ATTEMPTS, BREAKERS, NOTIFY_SECONDS
from streams.notify import claims, plan, standing, states
from streams.notify.backoff import Breaker, Rate
from streams.notify.channels.base import Channel, Envelope, Outcome
from streams.notify.claims import Claim, Limits
from streams.notify.compose import Composed, PlaceOf, compose
from streams.notify.options import Options
from streams.notify.outbox import Outbox
from streams.notify.plan import Row
from streams.notify.records import Seen
from streams.notify.standing import Standing
from streams.notify.writing import Writer
from streams.sql import StoreError

log = logging.getLogger(__name__)
GATHER_S = 0.05
LOOK_S = 1.0  # what others put into the outbox (a resend) is seen after so long
OF_ALL = ("voice", "sms")  # the limit is the gateway's


class Delivering:
    """Runs until cancelled. `wake`: something new may be due; `told`: results wait to go to Kafka."""

    def __init__(
        self, outbox: Outbox, channel: Channel, options: Options, limits: Limits, place_of: PlaceOf,
        wake: asyncio.Event, told: asyncio.Event,
    ) -> None:  # fmt: skip
        self._outbox, self._channel, self._options, self._limits = outbox, channel, options, limits
        self._place_of, self._wake, self._told = place_of, wake, told
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._breakers: dict[str, Breaker] = {}
        self._rates: dict[str, Rate] = {}
        self._writer = Writer(outbox)

    async def run(self) -> None:
        """What was being sent when the process before ended is sent first."""
        again = await asyncio.to_thread(claims.restart, self._outbox, _now())
        if again:
            log.warning("%d messages were being sent when the notifier ended: sent again", again)
        self._breakers = await asyncio.to_thread(standing.breakers, self._outbox)
        writing = asyncio.create_task(self._writer.run(), name="writer")
        try:
            while True:
                await asyncio.sleep(GATHER_S)  # many wake it at once in a storm
                self._wake.clear()
                wait_s = await self._start()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):  # wait_for of Python 3.11 may lose a cancellation
                        await self._wake.wait()
        finally:
            tasks = [*self._tasks.values(), writing]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=2)

    async def _start(self) -> float:
        try:
            due, later = await asyncio.to_thread(claims.due, self._outbox, _now())
        except StoreError as error:
            log.error("%s", error)
            return LOOK_S
        for found in due:
            dest = found["dest"]
            if dest not in self._tasks:
                task = asyncio.create_task(self._drain(found), name=f"send-{dest}")
                self._tasks[dest] = task
                task.add_done_callback(lambda t, dest=dest: self._ended(dest, t))  # type: ignore[misc]
        return LOOK_S if later is None else min(LOOK_S, max(0.02, (later - _now()) / 1000))

    def _ended(self, dest: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(dest, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("sending to one destination failed; it is tried again", exc_info=error)
        else:
            self._wake.set()  # something may have come while it ended

    async def _drain(self, found: Row) -> None:
        """Send one after the other until nothing is due there."""
        dest, channel, drill = found["dest"], found["channel"], found["mode"] != "actual"
        breaker = self._breakers.setdefault(dest, Breaker())
        limit = self._options.rates.get(channel, 0)
        rate = self._rates.setdefault(f"{channel}/{drill}" if channel in OF_ALL else dest, Rate(limit))
        rank = found["rank"] + (10 if drill else 0)
        while True:
            now = _now()
            if wait := breaker.wait_ms(now):
                await self._hold(dest, now + wait, states.broken(now + wait), now, broken=True)
                return
            wait = rate.wait_ms(now)
            if wait and await self._writer.do(partial(claims.only_mild, dest=dest, now_ms=now), rank):
                await self._hold(dest, now + wait, states.limited(channel, limit), now, broken=False)
                return
            step = partial(claims.claim, dest=dest, compose=self._compose, limits=self._limits, now_ms=now)
            taken = await self._writer.do(step, rank)
            if taken is None:
                self._told.set()
                return
            rank = SEVERITIES.index(taken.composed.severity) + (10 if drill else 0)
            rate.take(now)
            try:
                outcome = await self._channel.send(self._envelope(taken))
            except Exception as error:  # a fault of a channel must not leave its message in flight
                log.exception("channel %s", channel)
                outcome = Outcome(False, type(error).__name__)
            await self._finish(taken, outcome, breaker, rank)

    async def _hold(self, dest: str, until_ms: int, why: Text, now: int, *, broken: bool) -> None:
        reason, limits = plan.reason(why), self._limits
        await self._writer.do(lambda tx: claims.hold(tx, dest, until_ms, reason, limits, now, broken))
        self._wake.set()
        self._told.set()

    def _compose(self, rows: Sequence[Row], alerts: Sequence[Seen], code: str) -> Composed:
        o = self._options
        return compose(rows, alerts, o.templates, self._place_of, o.lang, code, _now())

    def text_of(self, row: Row, alert: Seen) -> str:
        """What would go out for a row alone: kept with a stub."""
        return self._compose([row], [alert], "").text

    def _envelope(self, taken: Claim) -> Envelope:
        row, made = taken.first, taken.composed
        facts = [
            {"alert": a.id, "version": a.version, "severity": a.severity, "unit": a.unit.code, "title": a.title,
             "reason": a.reason, "value": a.evidence.value, "unit_of_value": a.evidence.unit}
            for a in taken.alerts
        ]  # fmt: skip
        return Envelope(
            key=taken.key, channel=row["channel"], address=row["address"], text=made.text, subject=made.subject,
            severity=made.severity, mode=made.mode, why=row["why"] if len(taken.rows) == 1 else "digest",
            lang=self._options.lang, code=taken.code, due=None if made.due_ms is None else rfc3339(made.due_ms),
            alerts=made.alerts, person=row["person"], run=row["run"], at=rfc3339(row["at_ms"]), more={"alerts": facts},
        )  # fmt: skip

    async def _finish(self, taken: Claim, outcome: Outcome, breaker: Breaker, rank: int) -> None:
        now, row = _now(), taken.first
        ATTEMPTS.labels(row["channel"], "taken" if outcome.ok else "refused").inc()
        if outcome.ok:
            breaker.worked()
            for one in taken.rows:
                NOTIFY_SECONDS.labels(one["channel"], one["severity"]).observe(max(0, now - one["at_ms"]) / 1000)
        else:
            log.warning("%s %s: attempt %d failed: %s", row["channel"], taken.key, row["attempts"] + 1, outcome.why)
            if not outcome.final:  # a message that is not wanted says nothing of the destination
                breaker.failed(now)
                if breaker.state(now) == "open":
                    BREAKERS.labels(row["channel"]).inc()
        stands = Standing.of(row, breaker, outcome.ok, outcome.why, now)

        def step(tx: Connection) -> None:
            if outcome.ok:
                claims.succeeded(tx, taken, outcome.arrived, now)
            else:
                claims.failed(tx, taken, outcome.why, outcome.final, self._limits, random.random(), now)
            standing.keep(tx, stands)

        await self._stored(step, rank)
        self._told.set()
        self._wake.set()

    async def _stored(self, step: Callable[[Connection], None], rank: int) -> None:
        """Keep what came of an attempt, also where the database cannot be written for a while."""
        while True:
            try:
                return await self._writer.do(step, rank)
            except StoreError as error:
                log.error("%s", error)
                await asyncio.sleep(LOOK_S)


def _now() -> int:
    return int(time.time() * 1000)
