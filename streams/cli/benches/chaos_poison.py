"""Poison: records that nobody can read, in every topic of a run, while the load flows. They may cost nothing else."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from streams import topics
from streams.cli.benches.chaos_outcome import Outcome, records
from streams.cli.benches.chaos_pipe import Pipe
from streams.errors import CityopsError
from streams.kafka import aiokafka_kwargs

DOSES: tuple[bytes | None, ...] = (
    None,
    b"",
    b"\x00",
    b"\xff\xfe" * 200,
    b"{",
    b"null",
    b"[]",
    b"[1, 2]",
    b'{"alert": 1, "transition": []}',
    b'{"id": "x"}',
    b'{"type": "sensor", "id": 7}',
    b"\x81\xa1v\x01",  # packed, without its columns
    b"\x85\xa1v\x01\xa1s\x91\xa1x\xa1i\xc4\x01\x00\xa1t\xc4\x01\x00\xa1x\xc4\x01\x00",  # columns of half a row
)
HEADERS: tuple[list[tuple[str, bytes]], ...] = ([], [("src", b"\xff"), ("seq", b"many")], [("rows", b"-1,x")])
REJECTS = (topics.raw("gas"), topics.packed("gas"), topics.DETECTIONS, topics.COMMANDS)  # what is read there is told
APART = {topics.ledger(app) for app in topics.LEDGERS}  # each is written by its ledger alone, in fenced transactions


@dataclass(frozen=True)
class Poison:
    """Every dose into every partition of every topic but the ledgers' own, `times` times under load."""

    times: int = 2

    async def __call__(self, pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
        from aiokafka import AIOKafkaProducer

        producer = AIOKafkaProducer(**aiokafka_kwargs(pipe.settings))
        await producer.start()
        try:
            for _ in range(self.times):
                await asyncio.sleep(rnd.uniform(1.0, 2.0))
                for spec in topics.specs(pipe.settings.partitions):
                    if spec.name in APART:
                        continue
                    for partition in range(spec.partitions):
                        for dose in rnd.sample(DOSES, len(DOSES)):
                            await producer.send(
                                pipe.settings.prefix + spec.name, dose, key=rnd.choice((b"", b"\xff", b"poison")),
                                partition=partition, headers=rnd.choice(HEADERS),
                            )  # fmt: skip
                            out.kills["poison"] += 1
                await producer.flush()
        finally:
            await producer.stop()
        await self.told(pipe)

    async def told(self, pipe: Pipe, limit_s: float = 60.0) -> None:
        """Wait until the rejects name each topic whose records are judged; raises CityopsError."""
        wanted = {pipe.settings.prefix + name for name in REJECTS}
        seen: set[str] = set()
        for _ in range(int(limit_s)):
            async for record in records(pipe.settings, topics.REJECTED, 1):
                seen.update(v.decode(errors="replace") for k, v in record.headers if k == "source")
            if wanted <= seen:
                return
            await asyncio.sleep(1.0)
        raise CityopsError(f"poison was not told of in {', '.join(sorted(wanted - seen))}")
