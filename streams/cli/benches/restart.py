"""A killed detect worker with 100,000 sensors starts again: time to detecting, and of that the restore of its state."""

from __future__ import annotations

import contextlib
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
SNAPSHOTS = 60  # that were written to the state topic before, as after ten minutes of operation
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
    """(seconds from the kill to the first commit of new readings, seconds to open the slowest ledger).

    The worker is killed a while after a snapshot, so that there is something to replay; the next one starts at once,
    while the group still waits for the one that was killed. The state topic has had as many snapshots as in operation.
    """
    from streams.kafka import admin

    load = Load(sensors)
    due = Due(settings, load.partitions)
    second = load.sensors // 1_000  # messages in a second of event time
    with admin(settings) as client:

        def work_off(seconds: int, how: Settings | None = None) -> None:
            """Write so many seconds of readings; a worker of other settings, or the one at work, takes them."""
            prefill(settings, load, seconds * second, due)
            with Worker(how, "detect", f"{settings.run}-first") if how else contextlib.nullcontext():
                wait_for("detecting", lambda: committed(client, settings, "detect") >= load.written, 600)

        say(f"restart: {sensors:,} sensors, {130 * second:,} messages, {SNAPSHOTS} snapshots…")
        often = max(130 * second // load.partitions // SNAPSHOTS, 1)
        work_off(130, settings.replace(snapshot_s=0.001, commit_messages=often))
        with Worker(settings, "detect", f"{settings.run}-before") as old:
            old.ready()
            time.sleep(settings.snapshot_s + 1)
            work_off(4)  # brings the snapshot that is due; the next one is 10 s away
            work_off(10)
            old.kill()
        done, begun = load.written, time.monotonic()
        with Worker(settings, "detect", f"{settings.run}-after") as new:
            prefill(settings, load, 10 * second, due)
            wait_for("detecting after the restart", lambda: committed(client, settings, "detect") > done, 120, 0.02)
            restart = time.monotonic() - begun
            wait_for("all readings", lambda: committed(client, settings, "detect") >= load.written, 120)
            restore = max(opened(new.log), default=0.0)
    compare(due, settings)
    return restart, restore


def opened(log: Path) -> list[float]:
    """Seconds each ledger took to open, from a worker's log."""
    found: list[Any] = OPENED.findall(log.read_text("utf-8", "replace"))
    return [float(seconds) for seconds in found]
