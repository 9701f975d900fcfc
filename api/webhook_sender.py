"""Delivers the feed's events to webhook subscriptions, in order, at least once.

A task each, so that a slow receiver delays no other. An event that fails is tried again after growing waits while those
behind it wait; it is given up after a day, or after three refusals that say that the event itself is not wanted (400,
410, 413, 422, or an address in our own network). After a rebuild of the projection a receiver gets one `resync`, and no
old event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from api import hub, queries, webhook_store as kept, workorders
from api.cursor import Cursor
from api.store import Event, Store
from api.webhook_store import Webhook
from streams.notify import signing
from streams.notify.backoff import wait_ms
from streams.notify.channels.base import Outcome
from streams.sql import StoreError

if TYPE_CHECKING:
    from streams.notify.channels.http import Poster

log = logging.getLogger(__name__)
LOOK_S = 0.5
GIVE_UP_MS = 24 * 3600 * 1000
REFUSALS = 3
MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"


class WebhookSender:
    """Runs until cancelled. `secret_of`: the signing secret of a subscription's id.

    `poster` makes what goes through the guard, when it is first needed: an HTTP client with its certificates has 20 MB.
    """

    def __init__(self, store: Store, poster: Callable[[], Poster], secret_of: Callable[[str], str]) -> None:
        self._store, self._secret_of = store, secret_of
        self._make = poster
        self._poster: Poster | None = None
        self._me = secrets.token_hex(8)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self.start_due()
                except StoreError as error:
                    log.error("webhooks: %s", error)
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            if self._poster is not None:
                await self._poster.close()
            with contextlib.suppress(StoreError):
                kept.release(self._store, self._me)

    async def start_due(self) -> None:
        """A task for each subscription that has something to send and has none."""
        now, hooks = _now(), await asyncio.to_thread(kept.everyone, self._store)
        if not hooks:
            return
        head, _ = await asyncio.to_thread(queries.position, self._store)
        for hook in hooks:
            behind = (hook.epoch, hook.seq) != (head.epoch, head.seq)
            if behind and hook.next_ms <= now and hook.id not in self._tasks:
                task = asyncio.create_task(self._drain(hook.id), name=f"webhook-{hook.id}")
                self._tasks[hook.id] = task
                task.add_done_callback(lambda t, id_=hook.id: self._ended(id_, t))  # type: ignore[misc]

    def _ended(self, id_: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(id_, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("webhook %s: %s; it is tried again", id_, error)

    async def idle(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks.values())

    async def _drain(self, id_: str) -> None:
        """Send what waits, until an event fails or nothing is left."""
        hook = await asyncio.to_thread(kept.lease, self._store, id_, self._me, _now())
        if hook is None:
            return
        head, oldest = await asyncio.to_thread(queries.position, self._store)
        if hook.epoch != head.epoch or hook.seq < oldest - 1 or hook.seq > head.seq:
            if await self._deliver(hook, hub.resync(head).text, str(head), ""):
                await self._reached(hook, head, True)
            return
        w, scope = hook.wanted, hook.scope
        asked = (scope.prefix, w.severity, w.domain, scope.orgs)
        pages = queries.events_between(self._store, hook.seq, head.seq, *asked)
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            for event in page:
                if not await self._event(hook, Cursor(head.epoch, event.seq), event):
                    return
                hook = replace(hook, attempts=0, first_ms=0)
        await self._reached(hook, head, False)

    async def _event(self, hook: Webhook, at: Cursor, event: Event) -> bool:
        """Send one event in its forms; True when it is done with and the subscription is still ours."""
        bodies = await asyncio.to_thread(bodies_of, hook, at, event)
        for name, text in bodies:
            if not await self._deliver(hook, text, name, event.alert):
                return False
        return await self._reached(hook, at, bool(bodies))

    async def _reached(self, hook: Webhook, at: Cursor, sent: bool) -> bool:
        return await asyncio.to_thread(kept.reached, self._store, hook.id, self._me, at, _now(), sent)

    async def _deliver(self, hook: Webhook, text: str, event: str, alert: str) -> bool:
        """True when the receiver has it or it is given up."""
        outcome = await self.post(hook, text, event)
        if outcome.ok:
            return True
        now, attempts = _now(), hook.attempts + 1
        first = hook.first_ms or now
        log.warning("webhook %s (%s): attempt %d of %s failed: %s", hook.id, hook.name, attempts, event, outcome.why)
        if (outcome.final and attempts >= REFUSALS) or now - first >= GIVE_UP_MS:
            await asyncio.to_thread(kept.bury, self._store, hook.id, event, alert, text, attempts, outcome.why, now)
            return True
        later = now + wait_ms(attempts, random.random())
        await asyncio.to_thread(kept.failed, self._store, hook.id, attempts, first, later, outcome.why)
        return False

    async def post(self, hook: Webhook, text: str, event: str) -> Outcome:
        """One attempt: a CloudEvent in structured mode, signed; `event` is its id and the idempotency key."""
        body = text.encode()
        headers = {"Content-Type": MEDIA_TYPE, "Idempotency-Key": event, "X-Cityops-Webhook": hook.id}
        headers |= signing.headers(self._secret_of(hook.id), time.time(), body)
        if self._poster is None:
            self._poster = self._make()
        return await self._poster.post(hook.url, body, headers, arrived=True)


def bodies_of(hook: Webhook, at: Cursor, event: Event) -> list[tuple[str, str]]:
    """(id, CloudEvent) of an event for a subscription; [] where it is not wanted."""
    data = orjson.loads(event.data)
    mode = data["alert"].get("mode") or "actual"
    if hook.wanted.mode not in ("all", mode):
        return []
    out = []
    if "alert" in hook.wanted.events:
        out.append((str(at), hub.message(at.epoch, event).text))
    if "workorder" in hook.wanted.events and workorders.is_dispatch(data["transition"]):
        order = workorders.cloud_event(data["alert"], data["transition"])
        out.append((order["id"], orjson.dumps(order).decode()))
    return out


def _now() -> int:
    return int(time.time() * 1000)
