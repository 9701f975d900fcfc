"""A killed detect worker with 100,000 sensors starts again: time to detecting, and of that the restore of its state."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams.cli.benches.bed import Worker, committed, kafka, run_of, wait_for
from streams.cli.benches.end_to_end import compare
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.load import Due, Load, prefill
from streams.settings import Settings

SENSORS, QUICK_SENSORS = 100_000, 20_000
OPENED = re.compile(r"ledger.*: open after ([0-9.]+) s")


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `stream.restart_s` and `.restore_s`. Raises CityopsError when detections differ from those due."""
    sensors = QUICK_SENSORS if quick else SENSORS
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder, kafka(Path(folder), say) as base:
        restarts, restores = [], []
        for k in range(1 if quick else 3):
            restart, restore = once(run_of(base, f"restart{k}"), sensors, say)
            restarts.append(restart)
            restores.append(restore)
    n = len(restarts)
    worst = {"each": [round(s, 2) for s in restarts], "sensors": sensors}
    yield Figure("stream.restart_s", max(restarts), "s", "<= 15", n, worst)
    detail = {"each": [round(s, 2) for s in restores], "sensors": sensors}
    yield Figure("stream.restore_s", max(restores), "s", "<= 8", n, detail)


def once(settings: Settings, sensors: int, say: Say) -> tuple[float, float]:
    """(seconds from the start of the new worker to its first commit of new readings, seconds to open its ledgers).

    The worker is killed a while after a snapshot, so that there is something to replay; then more readings are written,
    and the worker comes back at once, while the group still waits for the one that was killed.
    """
    from streams.kafka import admin

    load = Load(sensors)
    due = Due(settings, load.partitions)
    round_ = load.sensors // 1_000
    first = round_ * 130  # seconds of event time
    say(f"restart: {sensors:,} sensors, {first:,} messages…")
    prefill(settings, load, first, due)
    with admin(settings) as client, Worker(settings, "detect", f"{settings.run}-before") as old:
        wait_for("the first readings", lambda: committed(client, settings, "detect") >= first, 300)
        time.sleep(settings.snapshot_s + 1)
        prefill(settings, load, round_ * 4, due)  # this batch brings the snapshot that is due, the next is after it
        done = first + round_ * 4
        wait_for("the snapshot's readings", lambda: committed(client, settings, "detect") >= done, 60)
        prefill(settings, load, round_ * 10, due)
        done += round_ * 10
        wait_for("the readings after the snapshot", lambda: committed(client, settings, "detect") >= done, 60)
        old.kill()
        prefill(settings, load, round_ * 10, due)
        begun = time.monotonic()
        with Worker(settings, "detect", f"{settings.run}-after") as new:
            wait_for("detecting after the restart", lambda: committed(client, settings, "detect") > done, 120, 0.02)
            restart = time.monotonic() - begun
            done += round_ * 10
            wait_for("all readings", lambda: committed(client, settings, "detect") >= done, 120)
            restore = max(opened(new.log), default=0.0)
    compare(due, settings)
    return restart, restore


def opened(log: Path) -> list[float]:
    """Seconds each ledger took to open, from a worker's log."""
    found: list[Any] = OPENED.findall(log.read_text("utf-8", "replace"))
    return [float(seconds) for seconds in found]
