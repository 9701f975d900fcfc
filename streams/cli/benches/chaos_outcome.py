"""What a chaos run left behind: the alert log, answers to commands, the state of every ledger, the API's projection.

Set aside, because they tell how the work was cut and not what came out: source positions and message numbers of the
ledgers, the order of sensors within a partition's state, and the feed's epoch.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import topics
from streams.agents import logic_of, sources_of
from streams.errors import CityopsError
from streams.kafka import aiokafka_kwargs
from streams.ledger import Ledger
from streams.settings import Settings


@dataclass
class Outcome:
    """`log`: alert records by (alert id, version, count) with every text they came with; `order`: versions that went
    back; `results`: answers by command id; `state`: digests by name; `events`: the feed's, in order."""

    log: dict[tuple[str, int, int], list[str]] = field(default_factory=dict)
    order: int = 0
    results: Counter[str] = field(default_factory=Counter)
    state: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, int, int]] = field(default_factory=list)
    gaps: int = 0
    projection: dict[str, tuple[int, str]] = field(default_factory=dict)
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    exits: Counter[tuple[str, int]] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)  # to the probe's readings, by HTTP status
    accepted: dict[int, int] = field(default_factory=dict)  # reading answered 202 -> how often it is in Kafka
    took: dict[str, list[float]] = field(default_factory=dict)  # seconds a scenario measured, by name

    @property
    def transitions(self) -> int:
        return len({(alert, version) for alert, version, _ in self.log})

    def lost(self, calm: Outcome) -> int:
        """Records, answers and events of the uninterrupted run that are not here, and readings lost after their 202."""
        log, results = calm.log.keys() - self.log.keys(), calm.results.keys() - self.results.keys()
        events = Counter(calm.events) - Counter(self.events)
        return len(log) + len(results) + events.total() + sum(n == 0 for n in self.accepted.values())

    def doubled(self, calm: Outcome) -> int:
        """What is here more often than in the uninterrupted run, and versions that went back."""
        more = sum(max(0, len(texts) - len(calm.log.get(key, ()))) for key, texts in self.log.items())
        more += (self.results - calm.results).total() + (Counter(self.events) - Counter(calm.events)).total()
        return more + sum(n > 1 for n in self.accepted.values()) + self.order + self.gaps

    def differing(self, calm: Outcome) -> list[str]:
        """Names of what is not equal: texts of records, state of ledgers, rows of the projection."""
        out = [f"record {key}" for key, texts in calm.log.items() if key in self.log and self.log[key] != texts]
        for what, mine, theirs in (("state", self.state, calm.state), ("row", self.projection, calm.projection)):
            names = sorted(mine.keys() | theirs.keys())
            out += [f"{what} {name}" for name in names if mine.get(name) != theirs.get(name)]
        return out


async def drained(settings: Settings, app: str, topic: str, limit_s: float) -> None:
    """Wait until a group's committed positions have passed every record of `topic`; raises CityopsError.

    Positions can stand before the end: markers of transactions are no records.
    """
    parts = [TopicPartition(settings.prefix + topic, p) for p in range(settings.partitions)]
    deadline = time.monotonic() + limit_s
    while True:
        consumer = consumer_of(settings, group_id=settings.app_id(app))
        try:
            await consumer.start()
            consumer.assign(parts)
            ends = await consumer.end_offsets(parts)
            done = {tp: await consumer.committed(tp) or 0 for tp in parts}
            left = [tp for tp in parts if done[tp] < ends[tp] and await _records_from(consumer, tp, done[tp], ends[tp])]
        except Exception as error:  # the broker may be away just now
            left = [error]
        finally:
            await consumer.stop()
        if not left:
            return
        if time.monotonic() > deadline:
            raise CityopsError(f"{app} did not finish {topic} within {limit_s:.0f} s: {left}")
        await asyncio.sleep(0.3)


async def _records_from(consumer: AIOKafkaConsumer, tp: TopicPartition, start: int, end: int) -> bool:
    consumer.seek(tp, start)
    until = time.monotonic() + 5
    while await consumer.position(tp) < end and time.monotonic() < until:
        if (await consumer.getmany(tp, timeout_ms=200, max_records=1)).get(tp):
            return True
    return bool(await consumer.position(tp) < end)


def consumer_of(settings: Settings, **more: Any) -> AIOKafkaConsumer:
    """A `read_committed` consumer that commits nothing."""
    return AIOKafkaConsumer(
        enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed",
        **more, **aiokafka_kwargs(settings),
    )  # fmt: skip


async def records(settings: Settings, topic: str, partitions: int) -> AsyncIterator[Any]:
    """All committed records of a topic, partition by partition."""
    consumer = consumer_of(settings)
    await consumer.start()
    try:
        for p in range(partitions):
            tp = TopicPartition(settings.prefix + topic, p)
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            end = (await consumer.end_offsets([tp]))[tp]
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, []):
                    yield record
    finally:
        await consumer.stop()


async def read_log(settings: Settings, out: Outcome) -> None:
    """The alert log and the answers to commands."""
    newest: dict[str, int] = {}
    async for record in records(settings, topics.ALERTS, settings.partitions):
        try:
            alert = json.loads(record.value or b"")["alert"]
            alert["id"]
        except (ValueError, KeyError, TypeError):
            continue  # see chaos_poison
        key = (alert["id"], alert["version"], alert["count"])
        out.order += alert["version"] < newest.get(alert["id"], 0)
        newest[alert["id"]] = alert["version"]
        out.log.setdefault(key, []).append(record.value.decode())
    async for record in records(settings, topics.RESULTS, 1):
        with contextlib.suppress(ValueError, TypeError):
            told = json.loads(record.value or b"")
            out.results.update([told["id"]] if "alert_id" in told else [])


async def read_state(settings: Settings, out: Outcome) -> None:
    """State of detect and alerts as the next owner would have it: each ledger is opened, which replays, and closed."""
    for app in ("detect", "alerts"):
        found = await asyncio.gather(*(_ledger_state(settings, app, p) for p in range(settings.partitions)))
        for part in found:
            out.state |= part


async def _ledger_state(settings: Settings, app: str, p: int) -> dict[str, str]:
    make = partial(logic_of(app, settings), p)
    ledger = Ledger(settings, app, p, make, lambda: None, sources_of(app, settings.prefix))
    ledger.start()
    try:
        await asyncio.wait_for(asyncio.shield(ledger.ready), 60)
        logic: Any = ledger.logic
    finally:
        await ledger.stop()
    if app == "alerts":
        return {f"alerts/{p}/{k}": digest(msgspec.json.encode(a)) for k, a in logic.engine.alerts.items()}
    return {
        f"detect/{p}/{topic}/{name}": value
        for topic, kernel in logic.kernels.items()
        if not topic.endswith(".water")  # the probe's, see chaos_probe
        for name, value in kernel_state(kernel.snapshot()).items()
    }


def kernel_state(snapshot: bytes) -> dict[str, str]:
    """A kernel's snapshot as digests by sensor and by field, so that the order of rows does not count."""
    saved = msgspec.msgpack.decode(snapshot)
    bank, sensors = saved.pop("bank"), saved.pop("sensors")
    ids = bank.pop("ids")
    rows: dict[str, list[Any]] = {name: [] for name in ids}
    for name, column in sorted(bank.items()):
        if isinstance(column, bytes):
            width = len(column) // max(len(ids), 1)
            for k, sensor in enumerate(ids):
                rows[sensor].append((name, column[k * width : (k + 1) * width]))
    for row, kind in saved.pop("open"):
        rows[ids[row // 8]].append(("open", row % 8, kind))
    for sensor in sensors:
        rows[sensor["id"]].append(sorted(sensor.items(), key=str))
    out = {name: digest(repr(sorted(parts, key=repr)).encode()) for name, parts in rows.items()}
    return out | {f".{name}": repr(value) for name, value in saved.items()}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def read_projection(database: Path, out: Outcome) -> None:
    """The API's SQLite: alerts as shown, and the feed's events in their order."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        out.projection = {i: (v, digest(j.encode())) for i, v, j in db.execute("select id, version, json from alerts")}
        rows = list(db.execute("select seq, alert, version, data from events order by seq"))
    out.gaps = sum(seq != k + 1 for k, (seq, *_) in enumerate(rows))
    out.events = [(alert, version, json.loads(data)["alert"]["count"]) for _, alert, version, data in rows]
