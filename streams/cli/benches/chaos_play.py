"""One chaos run from an empty broker to its outcome: feed the load, let a scenario do its harm meanwhile, read all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec

from streams import topics
from streams.broker import EmbeddedBroker
from streams.broker_cluster import EmbeddedCluster
from streams.cli.benches import chaos_probe
from streams.cli.benches.chaos_harm import Scenario, calmly
from streams.cli.benches.chaos_input import COMMANDS, PARTITIONS, RAW, T0, Load
from streams.cli.benches.chaos_outcome import Outcome, drained, read_log, read_projection, read_state
from streams.cli.benches.chaos_pipe import PARTS, Pipe, settings_of
from streams.closing import quietly
from streams.errors import CityopsError
from streams.events import Command
from streams.kafka import aiokafka_kwargs, create_topics
from streams.registry import publish
from streams.settings import Settings

DRAIN_S = 180.0


async def play(
    folder: Path, load: Load, scenario: Scenario = calmly, lasts_s: float = 0.0, nodes: int = 1, seed: int = 7,
    broker: EmbeddedBroker | EmbeddedCluster | None = None,
) -> Outcome:  # fmt: skip
    """Feed `load` spread over about `lasts_s` while `scenario` runs, wait for the end, read everything.

    Raises CityopsError when a part does not come to the end.
    """
    broker = broker or (EmbeddedBroker(folder / "broker") if nodes == 1 else EmbeddedCluster(folder / "broker", nodes))
    out = Outcome()
    began = time.monotonic()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of each call of a broker that is away
    try:
        settings = settings_of(broker.start())
        create_topics(settings)
        publish(settings, [*load.records, *chaos_probe.registry()])
        pipe = Pipe(settings, folder, broker)
        probe = chaos_probe.Probe(pipe, answers=out.answers)
        await _run(settings, pipe, probe, load, scenario, lasts_s, seed, out)
        await read_log(settings, out)
        await chaos_probe.read_probe(settings, probe, out)
        await read_state(settings, out)
        read_projection(folder / "api" / "cityops.db", out)
    finally:
        broker.stop()
    out.seconds = time.monotonic() - began
    return out


async def _run(
    settings: Settings,
    pipe: Pipe,
    probe: chaos_probe.Probe,
    load: Load,
    scenario: Scenario,
    lasts_s: float,
    seed: int,
    out: Outcome,
) -> None:
    minding = asyncio.create_task(pipe.mind())
    try:
        for name in PARTS:
            pipe.start(name)
        for name in PARTS:
            await pipe.ready(name)
        probe.start()
        harm = asyncio.ensure_future(scenario(pipe, out, random.Random(seed)))
        try:
            await feed(settings, load, lasts_s, harm)
            await harm
        finally:
            harm.cancel()
            await asyncio.to_thread(probe.stop)
        await finish(settings, load, pipe)
    finally:
        minding.cancel()
        pipe.stop()
    out.exits = pipe.exits


async def feed(settings: Settings, load: Load, lasts_s: float, harm: asyncio.Future[None]) -> None:
    """All steps and commands, spread over the time of the harm (about `lasts_s`), then as fast as they are taken."""
    from aiokafka import AIOKafkaProducer

    # Idempotent, and patient enough for any time the broker is away: nothing is given up, nothing sent twice.
    producer = AIOKafkaProducer(
        enable_idempotence=True, linger_ms=5, request_timeout_ms=600_000, max_batch_size=1 << 20,
        **aiokafka_kwargs(settings),
    )  # fmt: skip
    await producer.start()
    try:
        await _send(producer, settings, load, lasts_s, harm)
    except BaseException:
        await quietly(producer.stop(), "the load's producer")
        raise
    await producer.stop()


async def _send(producer: Any, settings: Settings, load: Load, lasts_s: float, harm: asyncio.Future[None]) -> None:
    began, waiting = time.monotonic(), []
    for k, message in enumerate(load.messages()):
        waiting.append(await producer.send(settings.prefix + topics.raw("gas"), message, partition=RAW))
        if k % max(1, load.steps // COMMANDS) == 0:
            county = topics.COUNTIES[k % 16]
            where = topics.county_partition(county, PARTITIONS)
            value = msgspec.json.encode(_command(k, county))
            waiting.append(await producer.send(settings.prefix + topics.COMMANDS, value, partition=where))
        if len(waiting) > 400:
            await asyncio.gather(*waiting[:200])
            del waiting[:200]
        part = k / load.steps
        due = began + lasts_s / 2 * part / (1 - part)  # two thirds after `lasts_s`, ever slower: some is always left
        while not harm.done() and time.monotonic() < due:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        if harm.done():
            harm.result()  # a scenario that failed ends the run here
    await asyncio.gather(*waiting)


def _command(k: int, county: str) -> Command:
    """One that nobody can fulfil: exactly one answer, and no trace in the alert log."""
    return Command(
        id=f"chaos-{k}", alert="no-such-alert", county=county, command="ack", version=1, by="chaos", role="officer",
        unit=county, at_ms=T0 + 1000 * k,
    )  # fmt: skip


async def finish(settings: Settings, load: Load, pipe: Pipe, limit_s: float = DRAIN_S) -> None:
    """Send the last messages when all before are packed, and wait until every part has done everything."""
    from aiokafka import AIOKafkaProducer

    await drained(settings, "packer", topics.raw("gas"), limit_s)
    producer = AIOKafkaProducer(enable_idempotence=True, **aiokafka_kwargs(settings))
    await producer.start()
    await producer.send_and_wait(settings.prefix + topics.raw("gas"), load.last(), partition=RAW)
    await producer.stop()
    stages = [("packer", topics.raw(domain)) for domain in ("gas", chaos_probe.DOMAIN)]
    stages += [("detect", topics.packed("gas")), ("alerts", topics.DETECTIONS), ("alerts", topics.COMMANDS)]
    for app, topic in stages:
        await drained(settings, app, topic, limit_s)
    await projected(settings, pipe.folder / "api" / "cityops.db", limit_s)


async def projected(settings: Settings, database: Path, limit_s: float) -> None:
    """Wait until the API's database has the whole alert log; raises CityopsError."""
    from streams.cli.benches.chaos_outcome import records

    ends: dict[int, int] = {}
    async for record in records(settings, topics.ALERTS, settings.partitions):
        ends[record.partition] = record.offset + 1
    deadline = time.monotonic() + limit_s
    while True:
        done: dict[int, int] = {}
        with contextlib.suppress(sqlite3.Error), sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
            done = dict(db.execute("select partition, offset from offsets where topic like ?", ("%alerts",)))
        if all(done.get(p, 0) >= end for p, end in ends.items()):
            return
        if time.monotonic() > deadline:
            raise CityopsError(f"the projection stands at {done}, the alert log ends at {ends}")
        await asyncio.sleep(0.2)
