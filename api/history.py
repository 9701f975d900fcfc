"""The last hours of readings for charts, in a SQLite file of its own (`history.db`).

A thread with its own event loop reads `readings.<domain>` of live operation and of every run, holds the
newest rows in memory, and every few seconds writes one compressed chunk a sensor, with the offsets
reached, in one transaction: a restart neither loses nor doubles. It never slows the API down: above
`max_rows_s` it keeps the rows of some moments only (counted), the same for all sensors, and size and age
are bounded.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from api.chunks import ChunkFile, Rows
from api.heard import Heard, Last
from api.store import StoreError
from streams import topics
from streams.codec import CodecError, unpack
from streams.settings import Settings
from streams.tail import TopicTail
from streams.topic_watch import TopicWatch
from streams.topics import run_of

log = logging.getLogger(__name__)
FLUSH_S = 15.0
FLUSH_ROWS = 400_000
RETENTION_S = 24 * 3600.0
MAX_ROWS_S = 100_000
BURST_S = 10  # seconds of that rate that may come at once, as a back-fill does
KEEP_BEHIND = 2_000  # messages of a partition: more than that before our start are skipped
_FIND = "|".join(topics.packed(d).replace(".", r"\.") for d in topics.DOMAINS)


class History:
    """`start`, then ask `readings` from any thread; `stop` writes what is held."""

    def __init__(
        self, settings: Settings, folder: Path, max_rows_s: int = MAX_ROWS_S, retention_s: float = RETENTION_S
    ) -> None:
        self._settings = settings
        self._file = ChunkFile(folder / "history.db")
        self._watch = TopicWatch(self._file.topics())
        self._max_rows_s = max_rows_s
        self._retention_ms = int(retention_s * 1000)
        self._lock = threading.Lock()
        self._held: list[Rows] = []
        self._held_rows = 0
        self._reached: dict[tuple[str, int], int] = {}
        self._heard = Heard()
        self._heard.known(self._file.newest())
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._credit = (float(max_rows_s * BURST_S), time.monotonic())  # (rows that may be taken, when counted)
        self.counters: Counter[str] = Counter()

    def start(self) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="history", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        self._file.close()

    async def _run(self) -> None:
        names = f"(?:{_FIND})"
        tail = TopicTail(self._settings, names, self._begin, self._watch, fetch_max_bytes=8 * 1024 * 1024)
        while not self._stop.is_set():
            try:
                await tail.open()
                await self._read(tail)
            except (KafkaError, OSError) as error:
                log.warning("history: Kafka: %s; trying again", error)
            except StoreError as error:
                self.counters["errors_total"] += 1
                log.error("%s", error)
            with self._lock:
                self._held, self._held_rows, self._reached = [], 0, {}
            await asyncio.to_thread(self._stop.wait, 2.0)
        await tail.close()

    async def _read(self, tail: TopicTail) -> None:
        flushed = time.monotonic()
        while True:
            records = await tail.batch(timeout_ms=300, max_records=200)
            if self._watch.stale:  # a run was deleted, perhaps made again under its name
                self._drop(set(self._watch.stale))
                await tail.open()
                continue
            if self._watch.fresh:
                self._file.keep_topics(self._watch.kept())
            for record in records:
                self.take(record)
            now = time.monotonic()
            if self._held_rows > FLUSH_ROWS or now - flushed > FLUSH_S or self._stop.is_set():
                self.flush()
                flushed = now
            if self._stop.is_set():
                return

    def _drop(self, runs: set[str]) -> None:
        self.flush()  # what is held goes by run only in the file
        self._file.drop(runs)
        self._watch.forgotten(runs)

    def _begin(self, ends: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, int]:
        saved = self._file.offsets()
        out = {}
        for tp, (first, end) in ends.items():
            at = saved.get((tp.topic, tp.partition), first)
            at = first if at > end else max(at, first)
            if end - at > KEEP_BEHIND:
                self.counters["skipped_messages_total"] += end - KEEP_BEHIND - at
                at = end - KEEP_BEHIND
            out[tp] = at
        return out

    def take(self, record: ConsumerRecord) -> None:
        """Hold the rows of one message."""
        try:
            cols = unpack(record.value or b"").cols
        except CodecError:
            self.counters["poison_total"] += 1
            cols = None
        rows = None
        if cols is not None and len(cols):
            run = run_of(record.topic)
            ids = self._file.sensor_ids([f"{run}|{s}" for s in cols.sensors])
            rows = Rows(ids[cols.idx], np.asarray(cols.ts_ms, np.int64), np.asarray(cols.value))
            self._heard.take(rows.sensor, rows.ts, rows.value, record.timestamp)
            rows = self._thinned(rows)
        with self._lock:
            self._reached[record.topic, record.partition] = record.offset + 1
            if rows is not None:
                self._held.append(rows)
                self._held_rows += len(rows.ts)
                self.counters["rows_total"] += len(rows.ts)

    def _thinned(self, rows: Rows) -> Rows:
        """All rows, or those of each 8th or 64th moment while more come than are kept (a token bucket)."""
        credit, since = self._credit
        now = time.monotonic()
        n = len(rows.ts)
        credit = min(credit + (now - since) * self._max_rows_s, float(self._max_rows_s * BURST_S))
        out = rows
        if credit < n:
            one_in = 8 if credit >= n / 8 else 64
            # a hash of the time: a stride would lose whole sensors where they come in a fixed order
            keep = (rows.ts.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) % one_in == 0
            out = Rows(rows.sensor[keep], rows.ts[keep], rows.value[keep])
            self.counters["thinned_rows_total"] += n - len(out.ts)
        self._credit = (credit - len(out.ts), now)
        return out

    def flush(self) -> None:
        """Write what is held, and let go what is too old; raises StoreError."""
        with self._lock:
            held, reached = self._held, self._reached
        self._file.write(Rows.concat(held), reached, self._retention_ms)
        with self._lock:
            self._held = self._held[len(held) :]
            self._held_rows = sum(len(rows.ts) for rows in self._held)
            self._reached = {}
        self.counters["flushes_total"] += 1

    def last(self, sensor: str) -> Last | None:
        """Of live operation: when a sensor was heard and its newest reading; None for one that never was."""
        number = self._file.known(f"|{sensor}")
        return None if number is None else self._heard.last(number)

    def readings(
        self, sensor: str, from_ms: int, to_ms: int, step_ms: int = 0, agg: str = "mean", run: str = ""
    ) -> list[tuple[int, float]]:
        """Points (ts_ms, value) with from ≤ ts ≤ to, oldest first; with a step one point a bucket that has readings.

        A bucket is stamped with its begin. `agg`: mean, min, max, last, count.
        """
        key = f"{run}|{sensor}"
        with self._lock:
            held = list(self._held)
        number = self._file.known(key)
        if number is None:
            return []
        parts = self._file.read(number, from_ms, to_ms)
        for rows in held:
            mine = rows.sensor == number
            if mine.any():
                parts.append((rows.ts[mine], rows.value[mine]))
        if not parts:
            return []
        ts = np.concatenate([p[0] for p in parts])
        value = np.concatenate([p[1] for p in parts])
        inside = (ts >= from_ms) & (ts <= to_ms)
        ts, value = ts[inside], value[inside]
        order = np.argsort(ts, kind="stable")
        ts, value = ts[order], value[order]
        last = np.append(ts[1:] != ts[:-1], True) if len(ts) else np.zeros(0, bool)
        ts, value = ts[last], value[last]
        if step_ms > 0 and len(ts):
            ts, value = bucketed(ts, value, step_ms, agg)
        return list(zip(ts.tolist(), value.tolist(), strict=True))


def bucketed(ts: np.ndarray, value: np.ndarray, step_ms: int, agg: str) -> tuple[np.ndarray, np.ndarray]:
    """Reduce sorted points int64[n], float64[n] to one for each bucket of `step_ms` that has any.

    >>> bucketed(np.array([0, 400, 3000]), np.array([1.0, 3.0, 5.0]), 1000, "mean")
    (array([   0, 3000]), array([2., 5.]))
    """
    bucket = ts // step_ms
    starts = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    ends = np.append(starts[1:], len(ts))
    count = ends - starts
    if agg == "count":
        out = count.astype(np.float64)
    elif agg == "last":
        out = value[ends - 1]
    elif agg == "mean":
        out = np.add.reduceat(value, starts) / count
    else:
        out = (np.minimum if agg == "min" else np.maximum).reduceat(value, starts)
    return bucket[starts] * step_ms, out
