"""The Faust shell: agents that only wire, and the ledgers of the partitions this worker holds. No arithmetic here."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Protocol

from streams import topics
from streams.app import CityApp, create_app
from streams.closing import quietly
from streams.ledger import Ledger
from streams.outbox import Logic, Record
from streams.settings import Settings
from streams.timers import Timers

log = logging.getLogger(__name__)

FENCED_EXIT = 75


class Host(Protocol):
    """Where an agent puts what it reads."""

    async def deliver(self, partition: int, records: Iterable[Record]) -> None: ...


class Ledgers:
    """The ledgers of this worker's partitions: opened on assignment, paused on revocation, closed when lost."""

    def __init__(self, settings: Settings, app: str, sources: tuple[str, ...], logic: Callable[[int], Logic]) -> None:
        self.settings, self.app, self.sources, self._logic = settings, app, frozenset(sources), logic
        self.open: dict[int, Ledger] = {}
        self.assigned = asyncio.Event()
        self.fenced = asyncio.Event()

    async def revoked(self) -> None:
        await asyncio.gather(*(ledger.pause() for ledger in self.open.values()))

    async def assign(self, partitions: set[int]) -> None:
        lost = [self.open.pop(p) for p in sorted(set(self.open) - partitions)]
        for p in sorted(partitions):
            if p in self.open:
                self.open[p].resume()
                continue
            made = Ledger(self.settings, self.app, p, partial(self._logic, p), self.fenced.set, self.sources)
            self.open[p] = made
            made.start()
        self.assigned.set()
        await asyncio.gather(*(ledger.stop() for ledger in lost))

    async def deliver(self, partition: int, records: Iterable[Record]) -> None:
        ledger = self.open.get(partition)
        if ledger is not None:  # else: read before a rebalance took the partition away
            await ledger.deliver(records)

    async def ready(self) -> None:
        """Every assigned partition has its state."""
        await self.assigned.wait()
        while waiting := [ledger.ready for ledger in self.open.values() if not ledger.ready.done()]:
            await asyncio.wait(waiting)

    async def close(self) -> None:
        await asyncio.gather(*(ledger.stop() for ledger in self.open.values()))
        self.open.clear()

    def working(self) -> dict[int, Any]:
        """Logic of the partitions that have their state."""
        return {p: ledger.logic for p, ledger in self.open.items() if ledger.ready.done() and hasattr(ledger, "logic")}


def partitions_of(assigned: Iterable[Any], sources: Iterable[str]) -> set[int]:
    """Partition numbers of the assigned source topics (the same for each: co-partitioned)."""
    wanted = frozenset(sources)
    return {tp.partition for tp in assigned if tp.topic in wanted}


def wire(app: CityApp, host: Host, name: str, sources: tuple[str, ...]) -> Any:
    """Register the one agent of a worker: it hands each batch to the ledger of its partition."""
    channel = app.topic(*sources, key_serializer="raw", value_serializer="raw", acks=False)

    @app.agent(channel, name=name)  # type: ignore[untyped-decorator, unused-ignore]
    async def agent(stream: Any) -> AsyncIterator[None]:
        async for event in stream.noack().events():
            try:
                await host.deliver(event.message.partition, event.value)
            except Exception:
                log.exception("%s: a batch of %s could not be handed on", name, event.message.topic)
            yield

    return agent


def sources_of(name: str, prefix: str) -> tuple[str, ...]:
    """Topics an app reads."""
    if name == "detect":
        return tuple(prefix + topics.packed(d) for d in topics.DOMAINS)
    return (prefix + topics.DETECTIONS, prefix + topics.COMMANDS)


def logic_of(name: str, settings: Settings) -> Callable[[int], Logic]:
    """Maker of the pure part for a partition."""
    if name == "detect":
        from streams.detecting import DetectLogic

        return lambda p: DetectLogic(settings)
    from streams.alerting import AlertsLogic

    return lambda p: AlertsLogic(settings)


async def serve(name: str, settings: Settings) -> int:
    """Run the worker until SIGINT/SIGTERM (0) or until another one fenced it (75)."""
    loading()
    app = create_app(settings, name)
    sources = sources_of(name, settings.prefix)
    ledgers = Ledgers(settings, name, sources, logic_of(name, settings))
    wire(app, ledgers, name, sources)

    @app.on_partitions_revoked.connect  # type: ignore[untyped-decorator, unused-ignore]
    async def on_revoked(app: CityApp, revoked: set[Any], **kwargs: Any) -> None:
        await ledgers.revoked()

    @app.on_partitions_assigned.connect  # type: ignore[untyped-decorator, unused-ignore]
    async def on_assigned(app: CityApp, assigned: set[Any], **kwargs: Any) -> None:
        await ledgers.assign(partitions_of(assigned, sources))

    stop = asyncio.Event()
    for sig in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sig, stop.set)
    app.finalize()
    starting, ended = asyncio.create_task(app.start()), asyncio.create_task(stop.wait())
    await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():  # no broker answers yet
        return 0
    await starting
    if name == "alerts" and not settings.event_clock:
        timers = asyncio.create_task(Timers(settings, ledgers.working).run(), name="timers")
        timers.add_done_callback(lambda done: log.info("timers ended"))
    waits = [ended, *(asyncio.create_task(e.wait()) for e in (ledgers.fenced, app._crashed))]
    ready = asyncio.create_task(ledgers.ready())
    await asyncio.wait([ready, *waits], return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        settled()
        print(json.dumps({"ready": True, "app": name, "partitions": sorted(ledgers.open)}), flush=True)
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if ledgers.fenced.is_set():
        return FENCED_EXIT
    if not stop.is_set():
        log.error("%s: Faust stopped reading: %r", name, app._crash_reason)
        return 1
    await ledgers.close()
    await quietly(app.stop(), f"{name}: stopping Faust", 8)
    return 0


def loading() -> None:
    """Much comes into memory that stays: the garbage collector is not to look through it again and again."""
    gc.set_threshold(100_000, 20, 20)


def settled() -> None:
    """What is in memory now is left alone by the garbage collector; what comes is looked at less often.

    Facts are frozen and hold no cycles, so that it finds little; with its own thresholds it took a fifth of the alerts
    worker's time.
    """
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


def run(name: str, settings: Settings) -> None:
    """Entry of `cityops worker detect|alerts`; ends the process."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(leave_with(serve(name, settings)))


async def leave_with(work: Coroutine[Any, Any, int]) -> None:
    """End the process with the exit code of `work`, at once; what `work` raises goes to the caller.

    Everything of ours is closed or fenced then. The loop's own end would wait for tasks and threads of Faust and of
    Kafka's client: a fenced worker that hung there kept its heartbeat, and with it partitions that nobody worked on.
    """
    try:
        code = await work
    except asyncio.CancelledError:
        code = 0
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)
