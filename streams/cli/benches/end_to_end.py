"""One detect worker process end to end: packed messages in a real Kafka to committed detections, snapshots on.

The messages are written first, so that the worker alone is measured; its rate is taken from the group's committed
offsets between its first seconds and the end. The detections are compared, id by id, with those of the kernel alone.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.cli.benches import costs
from streams.cli.benches.bed import Worker, committed, kafka, run_of
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.load import ROWS, Due, Load, detections, prefill
from streams.errors import CityopsError
from streams.settings import Settings

SECONDS, QUICK_SECONDS = 60, 8
GUESS = 3_000_000  # readings/s for which messages are written, before a first run has told better
BYTES = 45 * ROWS  # of a message in Kafka
FEWEST = 150  # readings of each sensor: it has learned, and some incidents have begun
SKIP = 0.08  # share of the messages that is start-up and warming
GOALS = {10_000: ">= 2000000", 100_000: ">= 1500000"}


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `stream.e2e_*` figures. Raises CityopsError when detections are missing, doubled or foreign."""
    seconds = QUICK_SECONDS if quick else SECONDS
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder, kafka(Path(folder), say) as base:
        say("costs of each step…")
        yield from steps(base)
        one = {}
        for sensors, name, memory in (
            (10_000, "stream.e2e_readings_per_s", "stream.e2e_rss_mb"),
            (100_000, "stream.e2e_100k_sensors_readings_per_s", "stream.e2e_100k_rss_mb"),
        ):
            rate = GUESS if quick else measure(base, Load(sensors), QUICK_SECONDS, say, f"first{sensors}").rate * 1.15
            seen = measure(base, Load(sensors), seconds, say, f"e2e{sensors}", rate=rate)
            one[sensors] = seen.rate
            yield Figure(name, seen.rate, "readings/s", GOALS[sensors], seen.messages, seen.detail())
            yield Figure(memory, seen.rss[-1], "MB", "<= 800", len(seen.rss), seen.memory())
        seen = measure(base, Load(10_000, mixed=True), QUICK_SECONDS, say, "mixed")
        yield Figure("stream.e2e_mixed_readings_per_s", seen.rate, "readings/s", "", seen.messages, seen.detail())
        seen = measure(base, Load(10_000), seconds / 2, say, "two", workers=2)
        detail = {"readings_per_s": round(seen.rate), **seen.detail()}
        yield Figure("stream.two_workers_ratio", seen.rate / one[10_000], "x", "", seen.messages, detail)


def steps(base: Settings) -> Iterator[Figure]:
    """Costs by step, over repeated lists of 10,000 sensors."""
    from streams.kafka import delete_topics

    settings, load = run_of(base, "steps"), Load(10_000)
    prefill(settings, load, costs.MESSAGES)
    yield from costs.run(settings, load)
    delete_topics(settings, settings.prefix)


@dataclass
class Seen:
    """Samples of one measurement: seconds, messages committed and resident MB at each, CPU seconds of the workers."""

    messages: int
    expected: int
    at: list[float] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def steady(self) -> int:
        """First sample after start-up."""
        return next(k for k, n in enumerate(self.done) if n >= self.messages * SKIP)

    @property
    def seconds(self) -> float:
        return self.at[-1] - self.at[self.steady]

    @property
    def rate(self) -> float:
        """Readings a second over the steady part."""
        return (self.done[-1] - self.done[self.steady]) * ROWS / max(self.seconds, 1e-9)

    def detail(self) -> dict[str, Any]:
        worst = min(
            (
                (self.done[b] - self.done[a]) * ROWS / (self.at[b] - self.at[a])
                for a in range(self.steady, len(self.at))
                for b in range(a + 1, len(self.at))
                if 5.0 <= self.at[b] - self.at[a] < 6.0
            ),
            default=self.rate,
        )
        readings = (self.done[-1] - self.done[self.steady]) * ROWS
        return {
            "seconds": round(self.seconds, 1),
            "worst_5_s": round(worst),
            "detections": self.expected,
            "cpu_ns_per_reading": round((self.cpu[-1] - self.cpu[self.steady]) / readings * 1e9, 1),
            "rows_a_message": ROWS,
        }

    def memory(self) -> dict[str, Any]:
        half = self.rss[(self.steady + len(self.rss)) // 2]
        return {"start": round(self.rss[self.steady]), "half": round(half), "end": round(self.rss[-1])}


def measure(
    base: Settings, load: Load, seconds: float, say: Say, name: str, workers: int = 1, rate: float = GUESS
) -> Seen:
    """Write `seconds` worth of messages at `rate`, let the workers work them off, compare the detections, delete the
    topics.

    Raises
    ------
    CityopsError
        detections differ, a worker ends or is too slow, or the disk has no room for the messages.
    """
    from streams.kafka import admin, delete_topics

    settings = run_of(base, name)
    messages = max(int(seconds * rate / ROWS), load.sensors // ROWS * FEWEST)
    _room(settings, messages)
    due = Due(settings, load.partitions)
    say(f"{name}: writing {messages:,} messages of {ROWS:,} rows…")
    prefill(settings, load, messages, due)
    seen = Seen(messages, due.ids.total())
    say(f"{name}: {workers} detect worker(s) over {load.sensors:,} sensors…")
    crew = [Worker(settings, "detect", f"{name}-{k}") for k in range(workers)]
    try:
        with admin(settings) as client:
            _watch(client, settings, crew, seen)
    finally:
        for worker in crew:
            worker.stop()
    compare(due, settings)
    delete_topics(settings, settings.prefix)
    return seen


def _room(settings: Settings, messages: int) -> None:
    free = shutil.disk_usage(settings.data).free
    if free < messages * BYTES * 1.2:
        raise CityopsError(
            f"{settings.data}: {messages * BYTES / 1e9:.0f} GB of messages do not fit into {free / 1e9:.0f} GB: "
            "free some space, set TMPDIR to another disk, or use --quick"
        )


def _watch(client: Any, settings: Settings, crew: list[Worker], seen: Seen) -> None:
    deadline = time.monotonic() + 60 + seen.messages * ROWS / 200_000
    while not seen.done or seen.done[-1] < seen.messages:
        for worker in crew:
            if worker.process.poll() is not None:
                raise CityopsError(f"the detect worker ended while it was measured: {worker.last_words()}")
        if time.monotonic() > deadline:
            raise CityopsError(f"the detect worker worked off {seen.done[-1]:,} of {seen.messages:,} messages in time")
        seen.done.append(committed(client, settings, "detect"))
        seen.at.append(time.monotonic())
        seen.rss.append(max(worker.rss_mb() for worker in crew))
        seen.cpu.append(sum(worker.cpu_s() for worker in crew))
        time.sleep(0.2)


def compare(due: Due, settings: Settings) -> None:
    """Raises CityopsError unless the detections in Kafka are exactly those due."""
    got = detections(settings)
    lost, extra = (due.ids - got).total(), (got - due.ids).total()
    if lost or extra or not got:
        raise CityopsError(f"of {due.ids.total():,} detections due, {lost:,} are missing; {extra:,} were not due")
