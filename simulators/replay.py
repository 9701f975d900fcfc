"""A recording as a run of its own: its topics, its registry, its workers, its clock; at the end its alerts.

Everything that can be wrong with the file is found before the first topic is made; whatever fails after that takes the
run's topics away again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from simulators import drain
from simulators.outcome import Outcome, Result
from simulators.pacing import Pacer
from simulators.plan import Plan
from simulators.sender import Sender
from streams import topics
from streams.errors import CityopsError, UsageError
from streams.folders import data_folder
from streams.kafka import admin, create_topics, delete_topics
from streams.ledger_io import read_range
from streams.settings import Settings
from streams.supervisor import Child, Supervisor

SLICE_S = 0.02  # rows due within this wall time go in one message
MAX_ROWS = 2000
READY_S = 240.0
PARTITION = 0  # of the raw topics: one packer partition sends a run's rows, in one order, after its fences and policies
WORKERS = ("packer", "detect", "alerts")


def run_id(now: float) -> str:
    """`replay-20260102T030405`."""
    return "replay-" + dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y%m%dT%H%M%S")


def run_settings(settings: Settings, run: str) -> Settings:
    """The settings of a run. Raises UsageError for a name that cannot be part of a topic's."""
    if not run or not all(c.isascii() and (c.isalnum() or c in "-_") for c in run) or len(run) > 60:
        raise UsageError(f"--run {run!r}: use up to 60 letters, digits, - and _")
    return settings.replace(prefix=f"run.{run}.", clock="auto", mode="auto")


def refuse_existing(settings: Settings) -> None:
    """Raises UsageError where the run is there already: nothing of it may be touched."""
    with admin(settings) as client:
        if any(name.startswith(settings.prefix) for name in client.list_topics()):
            raise UsageError(
                f"run {settings.run} is there already: give another --run, or delete it with "
                f"`cityops replay --delete {settings.run}`"
            )


def prepare(settings: Settings, plan: Plan) -> None:
    """Make the run's topics and write its registry."""
    from streams import tables
    from streams.registry import publish

    create_topics(settings)
    publish(settings, plan.registry)
    for topic in (topics.FENCES, topics.PROFILES, topics.POLICIES):
        rows = [(key, value) for name, key, value in plan.reference if name == topic]
        if rows:
            tables.write(settings, topic, rows)


def delete(settings: Settings, run: str) -> int:
    """Remove a run as a whole; returns how many topics it had. Raises UsageError for a run that is not there."""
    names = delete_topics(settings, run_settings(settings, run).prefix)
    if not names:
        raise UsageError(f"there is no run {run!r} at {settings.broker}; `cityops topics list` shows all topics")
    return len(names)


def start_workers(supervisor: Supervisor, settings: Settings) -> None:
    """The run's own packer, detect and alerts workers as children, ready."""
    env = {**os.environ, **settings.environment()}
    logs = data_folder(settings) / "logs" / settings.run
    children = []
    for app in WORKERS:
        child = Child(app, [sys.executable, "-P", "-m", "streams.cli", "worker", app], logs, env)
        supervisor.add(child)
        children.append(child)
    supervisor.wait_ready(children, READY_S)


async def send(settings: Settings, plan: Plan, speed: float, progress: Callable[[int, int], None]) -> Pacer:
    """Send every reading, paced; `progress` is told (readings sent, time reached in ms). Returns the pacer."""
    pacer = Pacer(plan.survey.first_ms, speed)
    slice_ms = max(1, round(SLICE_S * 1000 * speed)) if speed else 0
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, pacer.pause)
    async with Sender(settings, f"replay-{plan.path.name}", PARTITION) as sender:
        for cols in plan.columns():
            reached = np.maximum.accumulate(cols.ts_ms)
            for first, last in slices(reached, slice_ms):
                await pacer.until(int(reached[last - 1]))
                for batch in plan.batches(cols.pick(slice(first, last))):
                    await sender.readings(batch)
                progress(sender.rows, int(reached[last - 1]))
        await pacer.until(plan.survey.until_ms)
        for domain in plan.domains:
            await sender.end(domain, "", plan.survey.until_ms)
    return pacer


def slices(ts_ms: np.ndarray, slice_ms: int) -> list[tuple[int, int]]:
    """Row ranges of one message each: at most `MAX_ROWS`, and within `slice_ms` of event time (0: any).

    >>> slices(np.array([0, 10, 20, 60_000]), 1000)
    [(0, 3), (3, 4)]
    """
    cuts = [0, len(ts_ms)]
    if slice_ms and len(ts_ms):
        slot = ts_ms // slice_ms
        cuts += (np.flatnonzero(np.diff(slot)) + 1).tolist()
    edges = sorted(set(cuts))
    return [(k, min(k + MAX_ROWS, b)) for a, b in pairwise(edges) for k in range(a, b, MAX_ROWS)]


def run(
    settings: Settings,
    plan: Plan,
    supervisor: Supervisor,
    speed: float = 0.0,
    progress: Callable[[str, float, int, int], None] = lambda phase, share, readings, ts_ms: None,
) -> Result:
    """The whole way: topics, registry, workers, readings, until the last alert is written. `settings` are the run's.

    Raises CityopsError; the run's topics are then gone, as after an interruption.
    """
    refuse_existing(settings)
    try:
        begun = time.monotonic()
        with supervisor.whole():  # the broker would go on with a request that was left: topics after the clean-up
            prepare(settings, plan)
        progress("starting workers", 0.0, 0, 0)
        start_workers(supervisor, settings)
        total = max(plan.survey.readings, 1)
        pacer = asyncio.run(send(settings, plan, speed, lambda rows, ts: progress("sending", rows / total, rows, ts)))
        progress("detecting", 1.0, plan.survey.readings, plan.survey.last_ms)
        drain.wait(settings, lambda left: check_alive(supervisor))
        result = Result(
            run=settings.run,
            file=plan.path.name,
            readings=plan.survey.readings,
            first_ms=plan.survey.first_ms,
            last_ms=plan.survey.last_ms,
            seconds=round(time.monotonic() - begun, 3),
            worst_late_s=round(pacer.worst_late_s, 4),
        )
        result.rejected, result.alerts = asyncio.run(outcome(settings))
    except BaseException:
        supervisor.hold()
        supervisor.stop()
        delete_topics(settings, settings.prefix)
        raise
    return result


def check_alive(supervisor: Supervisor) -> None:
    """Raises CityopsError with the last words of a worker that ended."""
    for service in supervisor.services:
        if not service.alive():
            raise CityopsError(f"{service.name} ended: {service.last_words()}")


async def outcome(settings: Settings) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """(reason → rejected messages, last state of each alert with `ended`), read from the run's topics."""
    from aiokafka import TopicPartition

    rejected: dict[str, int] = {}
    async for record in read_range(settings, TopicPartition(settings.prefix + topics.REJECTED, 0), 0, 2**62):
        reason = dict(record.headers).get("reason", b"").decode("utf-8", "replace")
        rejected[reason] = rejected.get(reason, 0) + 1
    found = Outcome()
    for p in range(settings.partitions):
        tp = TopicPartition(settings.prefix + topics.ALERTS, p)
        async for record in read_range(settings, tp, 0, 2**62):
            found.add(msgspec.json.decode(record.value))
    return rejected, found.alerts()
