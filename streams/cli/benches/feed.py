"""`cityops bench feed`: the live feed under many clients, a stuck one, a long absence, and a hundred lost connections.

Records go straight into the `alerts` topic: what is measured is projector and API, from the send to the client.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import numpy as np
import orjson
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from geo.divisions import Divisions
from streams import topics
from streams.alerts.engine import Engine
from streams.cli.benches.alerts_bed import Api, api, bed, load_average
from streams.cli.benches.alerts_load import detection
from streams.cli.benches.feed_clients import many, subscribed
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError
from streams.kafka import aiokafka_kwargs
from streams.settings import Settings
from streams.wire import compact, encode_record

CLIENTS, QUICK_CLIENTS = 1_000, 100
SECONDS, QUICK_SECONDS = 20, 5
MISSED, QUICK_MISSED = 10_000, 1_000
DROPS, QUICK_DROPS = 100, 10
STUCK = 20
Sent = dict[tuple[str, int], float]  # (alert, version) -> epoch seconds


class Publisher:
    """Writes alert records into the log at a pace; `sent` says when."""

    def __init__(self, settings: Settings) -> None:
        self.sent: Sent = {}
        self._settings, self._records = settings, _records()

    async def publish(self, n: int, per_s: float) -> None:
        """The next `n` records; per_s 0: as fast as it goes."""
        producer = AIOKafkaProducer(linger_ms=0, **aiokafka_kwargs(self._settings))
        await producer.start()
        try:
            began = time.monotonic()
            for k, (key, county, value) in enumerate(itertools.islice(self._records, n)):
                if per_s and (wait := began + k / per_s - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                self.sent[key] = time.time()
                where = topics.county_partition(county, self._settings.partitions)
                await producer.send(self._settings.prefix + topics.ALERTS, value, county.encode(), partition=where)
            await producer.flush()
        finally:
            await producer.stop()


def _records() -> Iterator[tuple[tuple[str, int], str, bytes]]:
    """(alert and version, county, record) without end, as the alerts app writes them."""
    engine, divisions = Engine(), Divisions.load()
    for k in itertools.count():
        d = detection(k, int(time.time() * 1000))
        d = replace(d, evidence=compact(d.evidence))
        for r in engine.on_detection(d, d.ts_ms):
            yield (r.alert.id, r.alert.version), r.alert.county, encode_record(r, divisions)


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `feed.p99_ms`, `.p99_fast_ms`, `.p99_stuck_ms`, `.reconnect_s`, `.lost`, `.doubled`.

    Raises CityopsError where an event does not come.
    """
    with bed(say) as settings, api(settings) as server:
        token = server.token("commander")
        publisher = Publisher(settings)
        n, seconds = (QUICK_CLIENTS, QUICK_SECONDS) if quick else (CLIENTS, SECONDS)

        def one(work: Callable[..., Coroutine[Any, Any, Figure]], *args: Any) -> Figure:
            return asyncio.run(work(server, token, publisher, *args))

        say(f"{n:,} clients at 10 alerts/s, 100 at 100/s, 100 beside {STUCK} stuck ones…")
        yield one(_delays, "feed.p99_ms", n, 10, seconds, 0)
        yield one(_delays, "feed.p99_fast_ms", 100, 100, seconds, 0)
        yield one(_delays, "feed.p99_stuck_ms", 100, 100, seconds, STUCK)
        say("a client that was away, a client that is cut off again and again…")
        yield one(_reconnected, QUICK_MISSED if quick else MISSED)
        yield from asyncio.run(_dropped(server, token, publisher, QUICK_DROPS if quick else DROPS))


async def _delays(
    server: Api, token: str, publisher: Publisher, name: str, n: int, per_s: int, seconds: int, stuck: int
) -> Figure:
    clients = await many(server, token, n)
    asleep = await many(server, token, stuck)
    for one in asleep:
        assert one.transport is not None
        one.transport.pause_reading()
    total = per_s * seconds
    await publisher.publish(total, per_s)
    await _until(lambda: all(len(c.events) >= total for c in clients), f"{total} events at {n} clients")
    sent = [publisher.sent[key] for key in map(_key, clients[0].frames)]
    delays = np.array([[at for _, at in c.events[:total]] for c in clients]) - np.array(sent[:total])
    for one in (*clients, *asleep):
        one.drop()
    p50, p99 = np.percentile(delays * 1000, (50, 99))
    detail = {"clients": n, "per_s": per_s, "stuck": stuck, "p50_ms": round(float(p50), 1), "load": load_average()}
    return Figure(name, float(p99), "ms", "<= 500", delays.size, detail)


async def _reconnected(server: Api, token: str, publisher: Publisher, missed: int) -> Figure:
    """Seconds from connecting with an old cursor until all that was missed is there."""
    watch = await subscribed(server, token)
    await publisher.publish(1, 0)
    await _until(lambda: bool(watch.events), "the first event")
    cursor = watch.events[0][0].decode()
    await publisher.publish(missed, 0)
    await _until(lambda: len(watch.events) > missed, f"{missed} events", 120)
    began = time.monotonic()
    late = await subscribed(server, token, cursor)
    await _until(lambda: len(late.events) >= missed, f"{missed} events after a cursor")
    took = time.monotonic() - began
    if [c for c, _ in late.events] != [c for c, _ in watch.events[1:]]:
        raise CityopsError("what was missed came otherwise than it was")
    return Figure("feed.reconnect_s", took, "s", "<= 3", missed, {"load": load_average()})


async def _dropped(server: Api, token: str, publisher: Publisher, drops: int) -> list[Figure]:
    """A client that goes on from its last cursor after each lost connection, beside one that is never cut off."""
    whole = await subscribed(server, token)
    flow = asyncio.create_task(publisher.publish(drops * 20, 100))
    had: list[bytes] = []
    client = await subscribed(server, token)
    await _until(lambda: bool(client.events), "the first event")
    for k in range(drops):
        await asyncio.sleep(0.05 + k % 7 * 0.03)
        client.drop()
        had += [c for c, _ in client.events]
        client = await subscribed(server, token, had[-1].decode())
    await flow
    await _until(lambda: len(whole.events) >= drops * 20, "all events at the client that stays")
    last = whole.events[-1][0]
    await _until(lambda: last in (had[-1], *(c for c, _ in client.events[-1:])), "the last event")
    had += [c for c, _ in client.events]
    wanted = [c for c, _ in whole.events]
    wanted = wanted[wanted.index(had[0]) :]
    lost, doubled = len(set(wanted) - set(had)), len(had) - len(set(had))
    detail = {"drops": drops, "events": len(wanted)}
    return [
        Figure("feed.lost", lost, "events", "<= 0", drops, detail),
        Figure("feed.doubled", doubled, "events", "<= 0", drops, detail),
    ]


def _key(frame: bytes) -> tuple[str, int]:
    alert = orjson.loads(frame[frame.index(b"data: ") + 6 :])["data"]["alert"]
    return alert["id"], alert["version"]


async def _until(done: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise CityopsError(f"{what} did not come within {seconds:.0f} s")
        await asyncio.sleep(0.02)
