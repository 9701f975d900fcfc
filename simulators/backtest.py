"""A recording through the packer's order, the kernel, severity and the alert engine in this process, without Kafka.

Every step is the one that the workers take: `in_turn` and `check` of the packer, `judged` and the kernels of detect,
the alerts worker's own logic with its JSON in and out. So the alert log is byte for byte that of a replay, wherever a
replay has one order: where the detections of a county come from one domain and one partition. Where they come from
several, the broker gives them in any order; here it is time, then domain, then partition.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO

import msgspec
import numpy as np

from simulators.outcome import Outcome, Result
from simulators.plan import Plan
from streams import config, topics
from streams.alerting import AlertsLogic
from streams.columns import EMPTY, I32, Columns
from streams.detecting import judged, kernels, told
from streams.events import Detection
from streams.intake.announcing import Announcer, Registry
from streams.intake.checks import Limits, Routes, check, routes
from streams.intake.event_time import EventClock, Turn, in_turn, partitions_of, step_ms
from streams.intake.packing import Message
from streams.outbox import Outbox
from streams.packed import Names
from streams.settings import Settings

Progress = Callable[[str, float, int, int], None]  # phase, share, readings, time reached
Found = tuple[int, int, int, Detection]  # time told before it, number of its domain, partition
_detection = msgspec.json.Encoder()


class Desks:
    """The alerts worker's logic, one a partition. `write` is given each record of the alert log, in order."""

    def __init__(self, settings: Settings, write: Callable[[int, bytes], None]) -> None:
        self._settings, self._write = settings, write
        self._logics = [AlertsLogic(settings) for _ in range(settings.partitions)]
        self._offset = 0

    def configure(self, value: bytes) -> None:
        for partition in range(self._settings.partitions):
            self._take(topics.DETECTIONS, partition, config.KEY, value)

    def detection(self, d: Detection) -> None:
        partition = topics.county_partition(d.county, self._settings.partitions)
        self._take(topics.DETECTIONS, partition, d.county.encode(), _detection.encode(d))

    def _take(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        """One record, and the commands that follow from it."""
        out, prefix = Outbox("backtest", {}), self._settings.prefix
        message = Message(prefix + topic, partition, self._offset, 0, key, value, ())
        self._offset += 1
        self._logics[partition].apply(message, out)
        self._logics[partition].flush(out)
        for name, where, own_key, text, _ in out.records:
            if name == prefix + topics.ALERTS:
                self._write(where, text or b"")
            elif name == prefix + topics.COMMANDS:
                self._take(topics.COMMANDS, where, own_key or b"", text or b"")


class _List:
    """What is known of one list of sensors: `domains` int32[n] (of an unknown one the first, which refuses it)."""

    def __init__(self, of: Sequence[str], registry: Registry) -> None:
        self.of, self.names = of, Names(msgspec.msgpack.encode(list(of)))
        known = [registry.sensors.get(s) for s in of]
        self.domains = np.array([topics.DOMAINS.index(s.domain) if s else 0 for s in known], np.int32)
        self.present = np.unique(self.domains)
        self.routes: dict[str, Routes] = {}


class Backtest:
    """`feed` readings in the order of the recording, then `end`. `settings` are those of a run.

    `jobs` threads (0: one a core) share the partitions: the compiled loops let each other run.
    """

    def __init__(
        self, settings: Settings, registry: Registry, write: Callable[[int, bytes], None], jobs: int = 0
    ) -> None:
        self.settings, self.registry = settings, registry
        self.refused: dict[str, int] = {}  # reason -> readings
        self.detections = 0
        self._announcer = Announcer(registry, common=True)
        self._kernels = [kernels(settings) for _ in range(settings.partitions)]
        self._desks = Desks(settings, write)
        self._clocks: dict[str, EventClock] = {}
        self._time: dict[tuple[str, int], int] = {}  # last told to the partition of a domain
        self._list: _List | None = None
        threads = min(jobs or os.cpu_count() or 1, settings.partitions)
        self._map = ThreadPoolExecutor(threads, "backtest").map if threads > 1 else map
        self._begin()

    def _begin(self) -> None:
        """What is known before the first row goes before it."""
        for value in self._announcer.to_alerts():
            self._desks.configure(value)
        for records in self._announcer.common():
            for of_partition in self._kernels:
                for kernel in of_partition.values():
                    judged(kernel, told(records), EMPTY)

    def feed(self, cols: Columns) -> None:
        """Judge readings, whose list of sensors may be that of the whole recording."""
        if self._list is None or self._list.of is not cols.sensors:
            self._list = _List(cols.sensors, self.registry)
        cols, domains = replace(cols, sensors=self._list.names), self._list.domains[cols.idx]
        found: list[Found] = []
        for k in np.flatnonzero(np.bincount(domains)).tolist():
            whole = len(self._list.present) == 1
            found += self._domain(topics.DOMAINS[k], cols if whole else cols.pick(np.flatnonzero(domains == k)))
        self._tell(found)

    def end(self, until_ms: int) -> None:
        """The recording is over at this time: whoever is silent by then is found."""
        self._tell([f for domain in self._clocks for f in self._domain(domain, EMPTY, until_ms)])

    def _domain(self, domain: str, cols: Columns, end_ms: int = 0) -> list[Found]:
        """What the rows of one domain make."""
        zones = self.registry.zones
        cols, partition = self._checked(domain, cols)
        mine = [(p, np.flatnonzero(partition == p)) for p in partitions_of(zones.values(), domain)]
        own = {p: cols if len(rows) == len(cols) else cols.pick(rows) for p, rows in mine}
        topic = self.settings.prefix + topics.packed(domain)
        if domain not in self._clocks:
            sensors = self.registry.sensors.values()
            self._clocks[domain] = EventClock(step_ms(sensors, domain, self.settings.tick_s))
            for p in own:
                self._time[domain, p] = 0
                for records in self._announcer.run_sensors(domain, p):
                    judged(self._kernels[p][topic], told(records), EMPTY)
        turns: dict[int, list[Turn]] = {p: [] for p in own}
        for turn in in_turn(self._clocks[domain], cols.ts_ms, mine, end_ms):
            turns[turn.partition].append(turn)
        found = self._map(lambda p: self._partition(domain, p, own[p], turns[p]), own)
        return [f for of_partition in found for f in of_partition]

    def _partition(self, domain: str, p: int, cols: Columns, turns: Sequence[Turn]) -> list[Found]:
        """One partition's part: no other thread has its kernel."""
        kernel = self._kernels[p][self.settings.prefix + topics.packed(domain)]
        number, out, time_ms = topics.DOMAINS.index(domain), [], self._time[domain, p]
        for turn in turns:
            if turn.last > turn.first:
                found = judged(kernel, (), cols.pick(slice(turn.first, turn.last)))
                out += [(time_ms, number, p, d) for d in found]
            if turn.tick is not None:
                time_ms = turn.tick
                out += [(time_ms, number, p, d) for d in kernel.tick(time_ms)]
        self._time[domain, p] = time_ms
        return out

    def _checked(self, domain: str, cols: Columns) -> tuple[Columns, I32]:
        """The rows that the packer lets through, and their partitions."""
        if not len(cols) or self._list is None:
            return cols, cols.idx
        limits = Limits(None, self.settings.max_future_s, self.settings.max_age_s, self.settings.partitions)
        sensors, zones = self.registry.sensors, self.registry.zones
        known = self._list.routes.get(domain)
        if known is None:
            known = self._list.routes[domain] = routes(self._list.of, domain, sensors, zones, limits.partitions)
        checked = check(cols, domain, sensors, zones, limits, known)
        for refusal, rows in checked.refused.items():
            self.refused[refusal.reason] = self.refused.get(refusal.reason, 0) + len(rows)
        good = np.flatnonzero(checked.partition >= 0)
        if len(good) == len(cols):
            return cols, checked.partition
        return cols.pick(good), checked.partition[good]

    def _tell(self, found: list[Found]) -> None:
        self.detections += len(found)
        for *_, detection in sorted(found, key=lambda f: f[:3]):
            self._desks.detection(detection)


def run(settings: Settings, plan: Plan, log: BinaryIO | None = None, progress: Progress = lambda *_: None) -> Result:
    """A whole recording; `log` gets the alert log, a line a record. `settings` are the run's."""
    begun, outcome, readings = time.monotonic(), Outcome(), 0

    def write(partition: int, record: bytes) -> None:
        outcome.add(msgspec.json.decode(record))
        if log is not None:
            log.write(record + b"\n")

    test = Backtest(settings, plan.registry, write)
    total = max(plan.survey.readings, 1)
    for cols in plan.columns():
        if len(cols):
            test.feed(cols)
            readings += len(cols)
            progress("judging", readings / total, readings, int(cols.ts_ms[-1]))
    test.end(plan.survey.until_ms)
    return Result(
        run=settings.run, file=plan.path.name, readings=readings, first_ms=plan.survey.first_ms,
        last_ms=plan.survey.last_ms, seconds=round(time.monotonic() - begun, 3), rejected=test.refused,
        alerts=outcome.alerts(),
    )  # fmt: skip
