"""A small city under chaos: deterministic input, real workers as processes, seeded kill -9, alert logs compared."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from geo.assets import Sensor, Zone
from streams import codec, topics
from streams.columns import Columns
from streams.kafka import aiokafka_kwargs, create_topics
from streams.registry import publish
from streams.settings import Settings

T0 = 1_763_884_800_000
WORKERS = ("packer", "detect", "alerts")


def settings_of(broker: str, name: str, **more: Any) -> Settings:
    return Settings({"broker": broker, "prefix": f"run.{name}.", "log_level": "WARNING", **more}, env={})


def registry(n: int) -> list[Zone | Sensor]:
    """One gas zone per county and n wells spread over them."""
    zones = [Zone(id=f"{c}-G-ZON01", domain="gas", county=c, partition=k % 4) for k, c in enumerate(topics.COUNTIES)]
    wells = [
        Sensor(
            id=f"{zones[k % 16].county}-G-CH4-{k:06d}",
            domain="gas",
            kind="methane",
            zone=zones[k % 16].id,
            unit_code=zones[k % 16].county,
            interval_s=1.0,
            params={"dropout.after_s": 0.0, "flatline.after_s": 0.0},
        )
        for k in range(n)
    ]
    return [*zones, *wells]


def readings(wells: list[str], steps: int, seed: int) -> Iterator[Columns]:
    """`steps` seconds of n wells: background, and seeded episodes at 15, 30 or 60 %LEL that begin and end."""
    rng = np.random.default_rng(seed)
    n = len(wells)
    level = np.zeros(n)
    until = np.zeros(n, np.int64)
    for t in range(steps):
        level[until <= t] = 0.0
        begin = (rng.random(n) < 0.004) & (until + 45 <= t)
        level[begin] = rng.choice([15.0, 30.0, 60.0], int(begin.sum()))
        until[begin] = t + rng.integers(20, 90, int(begin.sum()))
        values = np.round(1.0 + 0.2 * rng.standard_normal(n) + level, 3)
        yield Columns(wells, np.arange(n, dtype=np.int32), np.full(n, T0 + t * 1000, np.int64), values)


@dataclass
class Pipe:
    """The workers of one run as processes."""

    settings: Settings
    logs: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        log = (self.logs / f"{name}.log").open("ab")
        env = {**os.environ, **self.settings.environment()}
        command = [str(Path(sys.executable).parent / "cityops"), "worker", name.split("-")[0]]
        self.processes[name] = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        for p in self.processes.values():
            p.terminate()
        for p in self.processes.values():
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()


@dataclass
class Outcome:
    """What came out: every alert record as (id, version, trigger) -> text, and the counts."""

    records: list[str]
    kills: int = 0
    seconds: float = 0.0

    def lost(self, other: Outcome) -> int:
        return len(set(other.records) - set(self.records))

    def doubled(self) -> int:
        return len(self.records) - len(set(self.records))


async def play(
    settings: Settings, logs: Path, wells: int, steps: int, seed: int, kills: int, victims: tuple[str, ...] = WORKERS
) -> Outcome:
    """Send the input, kill `kills` times at seeded moments meanwhile, wait for the end, read the alerts."""
    began = time.monotonic()
    create_topics(settings)
    records = registry(wells + 16)
    publish(settings, records)
    pipe = Pipe(settings, logs)
    rnd = random.Random(seed)
    for name in WORKERS:
        pipe.start(name)
    try:
        feeding = asyncio.create_task(
            feed(settings, [r.id for r in records if isinstance(r, Sensor)], steps, seed, kills)
        )
        order = [name for _ in range(kills) for name in rnd.sample(victims, len(victims))][:kills]  # each in its turn
        for victim in order:
            await asyncio.sleep(rnd.uniform(1.0, 5.0))
            pipe.kill(victim)
            pipe.start(victim)
        await feeding
        found = await collect(settings, T0 + steps * 1000)
    finally:
        pipe.stop()
    return Outcome(found, kills, time.monotonic() - began)


async def feed(settings: Settings, wells: list[str], steps: int, seed: int, kills: int) -> None:
    """Packed messages to one raw partition (so that their order is one), spread over the time the kills take."""
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(enable_idempotence=True, linger_ms=5, **aiokafka_kwargs(settings))
    await producer.start()
    pause = kills * 3.0 / steps
    topic = settings.prefix + topics.raw("gas")
    for cols in readings(wells[:-16], steps, seed):
        await producer.send(topic, codec.pack(cols), partition=1)
        if pause:
            await asyncio.sleep(pause)
    # The wells that were silent so far, one a county, alarm at the end: then everything before has come through.
    for well in wells[-16:]:
        end = T0 + 1000 * (steps + 100 + np.arange(5))
        await producer.send(
            topic, codec.pack(Columns([well], np.zeros(5, np.int32), end, np.full(5, 99.0))), partition=1
        )
    await producer.flush()
    await producer.stop()


async def collect(settings: Settings, after_ms: int, limit_s: float = 120.0) -> list[str]:
    """Every alert record up to the end marks of all 16 counties, a line each (without ids: they contain the run)."""
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        settings.prefix + topics.ALERTS,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        **aiokafka_kwargs(settings),
    )
    await consumer.start()
    found: list[str] = []
    ended: set[str] = set()
    deadline = time.monotonic() + limit_s
    try:
        while len(ended) < 16:
            if time.monotonic() > deadline:
                raise AssertionError(f"after {limit_s:.0f} s only {len(ended)} of 16 counties came to the end")
            for batch in (await consumer.getmany(timeout_ms=300)).values():
                for record in batch:
                    value = json.loads(record.value)
                    alert, transition = value["alert"], value["transition"]
                    if _ms(alert["first_seen"]) > after_ms:
                        ended.add(alert["path"]["county"])
                    else:
                        found.append(_line(alert, transition))
    finally:
        await consumer.stop()
    return found


def _line(alert: dict[str, Any], transition: dict[str, Any]) -> str:
    shown = [*alert["assets"], *(alert[k] for k in ("kind", "first_seen", "version", "last_seen", "severity", "label"))]
    return " ".join(map(str, [*shown, transition["trigger"], alert["evidence"]["value"]]))


def _ms(text: str) -> int:
    import datetime as dt

    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)
