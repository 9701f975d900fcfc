"""What a chaos run does to the system: each scenario is a function of the running parts and a seeded random source."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from streams import topics
from streams.cli.benches.chaos_input import RAW
from streams.cli.benches.chaos_outcome import Outcome, consumer_of
from streams.cli.benches.chaos_pipe import FENCED, Pipe
from streams.errors import CityopsError

Scenario = Callable[[Pipe, Outcome, random.Random], Awaitable[None]]
VICTIMS = ("packer", "detect", "alerts", "api", "broker")


async def calmly(pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
    """No harm: the run the others are compared with."""


@dataclass(frozen=True)
class Kills:
    """`n` kill -9 of the victims in turn, in seeded order at seeded moments; the second broker stays away `away_s`."""

    n: int
    victims: tuple[str, ...] = VICTIMS
    away_s: float = 0.0
    pause: tuple[float, float] = (0.5, 4.0)

    @property
    def lasts_s(self) -> float:
        return self.n * sum(self.pause) / 2 + self.away_s

    async def __call__(self, pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
        rounds = -(-self.n // len(self.victims))
        order = [name for _ in range(rounds) for name in rnd.sample(self.victims, len(self.victims))][: self.n]
        for victim in order:
            await asyncio.sleep(rnd.uniform(*self.pause))
            if victim == "broker":
                await pipe.kill_broker(self.away_s if out.kills["broker"] == 1 else 0.0)
            else:
                pipe.kill(victim)
                pipe.start(victim)
            out.kills[victim] += 1


def fed(pipe: Pipe, app: str) -> set[int]:
    """Partitions of an app that have something to do all the time: the load comes through one raw partition."""
    return {RAW} if app == "packer" else set(range(pipe.settings.partitions))


@dataclass(frozen=True)
class NodesLost:
    """Nodes of a cluster of three, one after the other: killed under load, away for a while, back in the cluster."""

    times: int = 2
    away_s: float = 10.0

    async def __call__(self, pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
        await asyncio.sleep(3)
        for k in range(self.times):
            await pipe.kill_broker(self.away_s, node=k % 3)
            out.kills["node"] += 1
            await asyncio.sleep(5)


def then(*scenarios: Scenario) -> Scenario:
    """One after the other, in the same run."""

    async def scenario(pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
        for one in scenarios:
            await one(pipe, out, rnd)

    return scenario


@dataclass
class Stall:
    """A worker sleeps past its session (SIGSTOP) while a second one of its app runs, and wakes up.

    The second one has taken over meanwhile; the first is fenced or has nothing left to write.
    """

    app: str = "detect"
    seconds: float = 11.0  # the session is 6 s

    async def __call__(self, pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
        second = f"{self.app}-2"
        pipe.start(second)
        await pipe.ready(second)
        await asyncio.sleep(4)  # the group is shared now
        pipe.freeze(self.app)
        async with commits(pipe, self.app) as seen:
            frozen = time.time()
            await asyncio.sleep(self.seconds)
        missing = fed(pipe, self.app) - {p for p, at in seen.items() if at > frozen}
        if missing:
            raise CityopsError(f"nobody took over partitions {sorted(missing)} of a frozen {self.app}")
        woken = time.monotonic()
        pipe.thaw(self.app)
        while time.monotonic() - woken < 8:
            if any(part == self.app for part, _ in pipe.exits):
                break
            await asyncio.sleep(0.1)
        if any(part == self.app and code not in (0, FENCED) for part, code in pipe.exits):
            raise CityopsError(f"a woken {self.app} ended with {dict(pipe.exits)}")
        out.kills["stall"] += 1
        await asyncio.sleep(2)
        await asyncio.to_thread(pipe.end, second)


@dataclass
class Takeover:
    """Two workers of an app share its partitions; one is killed, and all partitions have to go on."""

    app: str = "detect"
    times: int = 1

    async def __call__(self, pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
        second = f"{self.app}-2"
        for _ in range(self.times):
            known = len(pipe.readies(second))
            pipe.start(second)
            await pipe.ready(second, more_than=known)
            await asyncio.sleep(rnd.uniform(3, 5))
            async with commits(pipe, self.app) as seen:
                killed = time.time()
                pipe.kill(second)
                del pipe.processes[second]
                out.kills[second] += 1
                wanted = fed(pipe, self.app)
                while not wanted <= {p for p, at in seen.items() if at > killed}:
                    if time.time() - killed > 60:
                        raise CityopsError(f"60 s after a {self.app} was killed only partitions {sorted(seen)} go on")
                    await asyncio.sleep(0.1)
            out.took.setdefault("takeover", []).append(max(seen[p] for p in wanted) - killed)


async def rolling(pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
    """Every worker and the API is ended cleanly and started again, one after the other."""
    for name in ("packer", "detect", "alerts", "api"):
        before = len(pipe.readies(name))
        code = await asyncio.to_thread(pipe.end, name)
        if code:
            raise CityopsError(f"{name} ended with {code} when it was asked to stop")
        pipe.start(name)
        await pipe.ready(name, more_than=before)
        out.kills["restart"] += 1


@contextlib.asynccontextmanager
async def commits(pipe: Pipe, app: str) -> AsyncIterator[dict[int, float]]:
    """Partition → epoch seconds of the first commit of its ledger since the block began."""
    consumer = consumer_of(pipe.settings)
    await consumer.start()
    topic = pipe.settings.prefix + topics.ledger(app)
    from aiokafka import TopicPartition

    parts = [TopicPartition(topic, p) for p in range(pipe.settings.partitions)]
    consumer.assign(parts)
    await consumer.seek_to_end(*parts)
    for tp in parts:
        await consumer.position(tp)
    began = time.time()
    seen: dict[int, float] = {}

    async def follow() -> None:
        while True:
            for tp, records in (await consumer.getmany(timeout_ms=100)).items():
                for record in records:
                    at = record.timestamp / 1000
                    if at > began and tp.partition not in seen:
                        seen[tp.partition] = at

    task = asyncio.create_task(follow())
    try:
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await consumer.stop()
