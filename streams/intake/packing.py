"""The packer's logic: raw readings of any form in, packed rows of one partition out, rejects with reasons.

It stamps `src` and a contiguous `seq`, announces a sensor's registry record (`cfg`) before the first row it sends of
that sensor and again whenever the record changes, and writes the ticks that carry time into each partition's order.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams import codec, config, topics
from streams.chunk import Chunk, chunk_of
from streams.columns import EMPTY, Columns
from streams.intake.announcing import Announcer, Registry
from streams.intake.checks import Limits, check
from streams.intake.event_time import EventClock, closing, in_turn, partitions_of, section, step_ms
from streams.metrics import READINGS, REJECTS
from streams.outbox import Outbox, Record, reject
from streams.settings import Settings

log = logging.getLogger(__name__)


@dataclass
class Message:
    """One message of a chunk, as a `Record`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def message(chunks: Iterable[Chunk], index: int) -> Message:
    """The message with this index over all chunks."""
    for c in chunks:
        if index < len(c.records):
            r = c.records[index]
            return Message(c.topic, c.partition, r.offset, r.timestamp or 0, r.key, r.value, ())
        index -= len(c.records)
    raise IndexError(index)


def arrival(chunks: Sequence[Chunk]) -> int:
    """When the batch arrived, epoch ms; 0 where it arrived over more than a second (a backlog)."""
    newest, oldest = max(c.timestamp for c in chunks), min(c.timestamp for c in chunks)
    return newest if newest - oldest <= 1000 else 0


class PackLogic:
    """Ledger logic of one raw partition over all domains."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        caught_up: Callable[[], bool],
        now: Callable[[], float] = time.time,
        common: bool = True,
    ) -> None:
        self.settings, self.registry, self._caught_up, self._now = settings, registry, caught_up, now
        self._announcer = Announcer(registry, common)
        self.linger_ms: int = settings.pack_ms
        self._batch: dict[str, list[Chunk]] = {}
        self._tick_ms = 0
        self._clocks: dict[str, EventClock] = {}  # of a run
        self._domain = {settings.prefix + topics.raw(d): d for d in topics.DOMAINS}

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        return None

    def snapshot(self, out: Outbox, pos: Mapping[str, int]) -> None:
        return None

    def apply(self, record: Record, out: Outbox) -> None:
        self._batch.setdefault(self._domain[record.topic], []).append(chunk_of(record))

    def flush(self, out: Outbox) -> None:
        batch, self._batch = self._batch, {}
        self._tell_all(out)  # what is known when rows come goes before them
        for domain, some in batch.items():
            try:
                self._pack(domain, some, out)
            except Exception:
                log.exception("packing %d batches of %s; trying the messages one by one", len(some), domain)
                self._pack_singly(domain, some, out)
        arrived = max((c.timestamp for some in batch.values() for c in some), default=0)
        self._ticks(int(self._now() * 1000) if self._caught_up() else arrived, out)

    def idle(self, out: Outbox) -> None:
        if self._caught_up():
            self._ticks(int(self._now() * 1000), out)

    def _ticks(self, time_ms: int, out: Outbox) -> None:
        """Tell every partition how far this source is: the wall clock, or the arrival time reached in a backlog.

        A replay tells the time of its rows, see `_in_turn`.
        """
        if self.settings.event_clock or time_ms - self._tick_ms < self.settings.tick_s * 1000:
            return
        self._tick_ms = time_ms
        gone = self._announcer.retired()
        self._announcer.forget(self.settings.tick_s)
        self._tell_all(out)
        for domain in topics.DOMAINS:
            for partition in range(self.settings.partitions):
                self._send(domain, partition, EMPTY, out, tick=time_ms, more=gone.get((domain, partition), []))

    def _tell_all(self, out: Outbox) -> None:
        """What is new: fences and profiles for all detectors; assets, policies and duty for all of the alerts."""
        for value in self._announcer.to_alerts():
            for partition in range(self.settings.partitions):
                out.send(self.settings.prefix + topics.DETECTIONS, partition, value, config.KEY)
        for records in self._announcer.common():
            for domain in topics.DOMAINS:
                for partition in range(self.settings.partitions):
                    self._put(domain, partition, EMPTY, records, out)

    def _pack_singly(self, domain: str, some: list[Chunk], out: Outbox) -> None:
        for record in (message(some, k) for k in range(sum(len(c.records) for c in some))):
            mark = len(out.records)
            try:
                self._pack(domain, [chunk_of(record)], out)
            except Exception as e:
                if len(out.records) > mark:
                    raise
                REJECTS.labels("poison").inc()
                reject(out, self.settings, record, f"cannot be packed: {type(e).__name__}")

    def _pack(self, domain: str, some: list[Chunk], out: Outbox) -> None:
        decoded = codec.decode([r.value or b"" for c in some for r in c.records])
        limits = Limits(
            None if self.settings.event_clock else int(self._now() * 1000),
            self.settings.max_future_s,
            self.settings.max_age_s,
            self.settings.partitions,
        )
        checked = check(decoded.cols, domain, self.registry.sensors, self.registry.zones, limits)
        end = 0
        for bad in decoded.rejects:
            if self.settings.event_clock and (told := closing(message(some, bad.index).value or b"")):
                end = max(end, told)
                continue
            REJECTS.labels("unreadable").inc(max(len(bad.rows), 1))
            reject(out, self.settings, message(some, bad.index), bad.reason, bad.rows)
        refused: dict[tuple[int, str], tuple[list[str], list[int]]] = {}
        for refusal, rows in checked.refused.items():
            REJECTS.labels(refusal.code).inc(len(rows))
            for k in rows.tolist():
                reasons, in_message = refused.setdefault((int(decoded.message[k]), refusal.code), ([], []))
                in_message.append(int(decoded.row[k]))
                if refusal.reason not in reasons[-1:]:
                    reasons.append(refusal.reason)
        for (m, _), (reasons, in_message) in refused.items():  # one copy of a message a cause, however many sensors
            more = f" (and {len(reasons) - 1} more like it)" if len(reasons) > 1 else ""
            reject(out, self.settings, message(some, m), reasons[0] + more, sorted(in_message))
        READINGS.labels(domain).inc(int((checked.partition >= 0).sum()))
        if self.settings.event_clock:
            self._in_turn(domain, decoded.cols, checked.partition, end, out)
            return
        for p in np.unique(checked.partition[checked.partition >= 0]):
            self._rows(domain, int(p), decoded.cols.take(checked.partition == p), out, at=arrival(some))

    def _in_turn(self, domain: str, cols: Columns, partition: NDArray[np.int32], end: int, out: Outbox) -> None:
        """A run's rows and its time in turn; `end` (ms) is the end of the recording, 0 before it."""
        if domain not in self._clocks:
            sensors = self.registry.sensors.values()
            self._clocks[domain] = EventClock(step_ms(sensors, domain, self.settings.tick_s))
        clock, good = self._clocks[domain], partition >= 0
        if not good.all():
            cols, partition = cols.take(good), partition[good]
        mine = {p: np.flatnonzero(partition == p) for p in partitions_of(self.registry.zones.values(), domain)}
        own = {p: cols if len(rows) == len(cols) else cols.take(rows) for p, rows in mine.items()}
        self._tell_all(out)
        self._tell_sensors(domain, mine, out)
        for p, first, last, tick in in_turn(clock, cols.ts_ms, list(mine.items()), end):
            if last > first:
                self._rows(domain, p, section(own[p], first, last), out, tick)
            else:
                self._send(domain, p, EMPTY, out, tick)

    def _tell_sensors(self, domain: str, partitions: Iterable[int], out: Outbox) -> None:
        """In a run its sensors are told before the first row: the same order, however the rows are cut."""
        for p in partitions:
            for records in self._announcer.run_sensors(domain, p):
                self._put(domain, p, EMPTY, records, out)

    def _rows(
        self, domain: str, partition: int, cols: Columns, out: Outbox, tick: int | None = None, at: int = 0
    ) -> None:
        size = self.settings.pack_rows
        for start in range(0, len(cols), size):
            part = cols if len(cols) <= size else cols.take(np.arange(start, min(start + size, len(cols))))
            last = start + size >= len(cols)
            self._send(domain, partition, part, out, tick if last else None, at)

    def _send(
        self,
        domain: str,
        partition: int,
        cols: Columns,
        out: Outbox,
        tick: int | None,
        at: int = 0,
        more: Sequence[str] = (),
    ) -> None:
        cfg = self._announcer.sensors([*cols.sensors, *more], partition)
        self._put(domain, partition, cols, cfg, out, tick, at)

    def _put(
        self,
        domain: str,
        partition: int,
        cols: Columns,
        cfg: list[dict[str, Any]],
        out: Outbox,
        tick: int | None = None,
        at: int = 0,
    ) -> None:
        topic = self.settings.prefix + topics.packed(domain)
        value = codec.pack(cols, out.src, out.next_seq(topic, partition), cfg, tick, at)
        out.send(topic, partition, value)
