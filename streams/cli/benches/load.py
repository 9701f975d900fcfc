"""Deterministic readings as the packer would write them, and the detections that are due for them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from geo.assets import Sensor
from streams import codec, config, topics
from streams.cli.benches.bed import committed_records
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel
from streams.settings import Settings

BEGIN_MS = 1_763_884_800_000
ROWS = 1_000
POOL = 61  # noise blocks; prime, so that a sensor meets all of them
SICK_EVERY, CYCLE, SICK_FOR = 500, 400, 20  # every 500th sensor, 20 of every 400 readings


@dataclass(frozen=True)
class Message:
    """One message of readings.<domain> of a partition: rows, and what rides with them."""

    partition: int
    cols: Columns
    cfg: list[Sensor]
    tick: int | None
    seq: int


class Load:
    """Messages of 1,000 rows of `sensors` pressure sensors that report each second of event time.

    Partitions take turns. `mixed`: rows of a message in random order, so that no list of sensors comes twice (a packer
    fed by single messages); else the lists repeat (gateways that send what they have). The first message with a sensor
    announces it; a tick rides on the first message of every other second, as in a run.
    """

    def __init__(self, sensors: int, partitions: int = 4, mixed: bool = False, seed: int = 1) -> None:
        if sensors % partitions or sensors // partitions < ROWS:
            raise ValueError(f"{sensors} sensors on {partitions} partitions: want a multiple, at least {ROWS} each")
        self.sensors, self.partitions, self.mixed = sensors, partitions, mixed
        self.per = sensors // partitions
        self.names = [[f"522601-W-PRS-{p * self.per + k:06d}" for k in range(self.per)] for p in range(partitions)]
        self._rng = np.random.default_rng(seed)
        self._noise = 30.0 + 0.1 * self._rng.standard_normal((POOL, ROWS))
        self._sent = [0] * partitions
        self._at = 0

    @property
    def written(self) -> int:
        """Messages taken so far."""
        return self._at

    def sensor(self, name: str) -> Sensor:
        zone = "522601-W-DMA01"
        return Sensor(
            id=name, domain="water", kind="pressure", zone=zone, unit_code="522601", interval_s=1.0, demo=True
        )

    def take(self, n: int) -> Iterator[Message]:
        """The next n messages; a second call goes on where the first ended."""
        for _ in range(n):
            p = self._at % self.partitions
            self._at += 1
            yield self._message(p)

    def _message(self, p: int) -> Message:
        m = self._sent[p]
        self._sent[p] += 1
        rows = np.arange(m * ROWS, (m + 1) * ROWS)
        second, which = rows // self.per, rows % self.per
        if self.mixed:  # order among different sensors is free; a sensor has at most one row a message
            order = self._rng.permutation(ROWS)
            second, which = second[order], which[order]
        value = self._noise[(m * self.partitions + p) % POOL].copy()
        phase = (second - 110 + which // SICK_EVERY * 7) % CYCLE
        value[(which % SICK_EVERY == 7) & (second > 100) & (phase < SICK_FOR)] -= 15.0
        names = self.names[p]
        cols = Columns(
            [names[k] for k in which.tolist()],
            np.arange(ROWS, dtype=np.int32),
            BEGIN_MS + second * 1000,
            value,
        )
        new = [self.sensor(names[k]) for k in which[second == 0].tolist()]
        first, before = (m * ROWS // self.per) // 2, ((m - 1) * ROWS // self.per) // 2
        tick = BEGIN_MS + first * 2000 if first != before else None
        return Message(p, cols, new, tick, m)


class Due:
    """The detections that an uninterrupted detect worker makes of a load, by the kernel alone."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        self.ids: Counter[str] = Counter()
        self._kernels = [
            Kernel("water", run=settings.run, mode=settings.run_mode, blind_ms=None) for _ in range(partitions)
        ]

    def add(self, message: Message) -> None:
        kernel = self._kernels[message.partition]
        if message.cfg:
            kernel.configure(message.cfg)
        found = kernel.process(message.cols)
        if message.tick is not None:
            found = [*found, *kernel.tick(message.tick)]
        self.ids.update(d.id for d in found)


def prefill(settings: Settings, load: Load, messages: int, due: Due | None = None) -> None:
    """Write messages to readings.water, stamped as the packer stamps them; continue a load by calling it again.

    With aiokafka: kafka-python computes checksums in Python, 5 ms a message of this size.
    """
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # the leaders of new topics are told late; it tries again
    asyncio.run(_prefill(settings, load, messages, due))


async def _prefill(settings: Settings, load: Load, messages: int, due: Due | None) -> None:
    from aiokafka import AIOKafkaProducer

    from streams.kafka import aiokafka_kwargs

    producer = AIOKafkaProducer(
        acks=1, linger_ms=5, max_batch_size=1 << 20, max_request_size=12 << 20, **aiokafka_kwargs(settings)
    )
    topic = settings.prefix + topics.packed("water")
    await producer.start()
    try:
        waiting = []
        for message in load.take(messages):
            p, seq = message.partition, message.seq
            cfg = [msgspec.to_builtins(s) for s in message.cfg]
            value = codec.pack(message.cols, f"bench-{p}", seq, cfg, message.tick)
            headers = [("src", b"bench-%d" % p), ("seq", b"%d" % seq)]
            waiting.append(await producer.send(topic, value, partition=p, headers=headers))
            if due is not None:
                due.add(message)
            if len(waiting) == 200:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


def detections(settings: Settings) -> Counter[str]:
    """Ids of all committed detections of a run."""
    where = settings.prefix + topics.DETECTIONS
    found = (r.value for r in committed_records(settings, where) if r.key != config.KEY)
    return Counter(msgspec.json.decode(value, type=Detection).id for value in found)
