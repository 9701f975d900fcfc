"""What benchmarks run on: a real broker in a folder of its own, and worker processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams import topics
from streams.broker import EmbeddedBroker
from streams.cli.benches.figure import Say
from streams.errors import CityopsError
from streams.kafka import create_topics
from streams.settings import Settings

PROGRAM = [sys.executable, "-m", "streams.cli"]


@contextlib.contextmanager
def kafka(folder: Path, say: Say, **overrides: Any) -> Iterator[Settings]:
    """Settings of a fresh one-node Kafka whose data, and that of the workers, is in `folder`; no topics yet."""
    broker = EmbeddedBroker(folder, say=say)
    broker.start()
    try:
        yield Settings({"broker": broker.bootstrap, "data": str(folder), **overrides})
    finally:
        broker.stop()


def run_of(settings: Settings, name: str) -> Settings:
    """Settings of a run of its own on the same broker, with its topics."""
    out = settings.replace(prefix=f"run.{name}.")
    create_topics(out)
    return out


class Worker:
    """One `cityops worker APP` process; its log is `<data>/<name>.log`."""

    def __init__(self, settings: Settings, app: str, name: str = "") -> None:
        self.app, self.log = app, Path(settings.data) / f"{name or app}.log"
        self._env = {**os.environ, **settings.environment(), "CITYOPS_LOG_LEVEL": "INFO"}
        self._errors = self.log.open("wb")
        self._ready: dict[str, Any] | None = None
        self.process = subprocess.Popen(
            [*PROGRAM, "worker", app],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self) -> dict[str, Any]:
        """Wait for the readiness line; raises CityopsError when the worker ends before it."""
        assert self.process.stdout is not None
        if self._ready is None:
            line = self.process.stdout.readline()
            if not line:
                raise CityopsError(f"worker {self.app} ended before it was ready: {self.last_words()}")
            self._ready = json.loads(line)
        return self._ready

    def last_words(self) -> str:
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def rss_mb(self) -> float:
        import psutil

        return float(psutil.Process(self.pid).memory_info().rss) / 1e6

    def cpu_s(self) -> float:
        """Processor seconds it has used."""
        return cpu_s(self.pid)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(25)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self._errors.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def committed(admin: Any, settings: Settings, app: str, domain: str = "water") -> int:
    """Sum of an app's committed offsets of readings.<domain>; 0 where it has none yet."""
    from kafka.errors import KafkaError

    topic, group = settings.prefix + topics.packed(domain), settings.app_id(app)
    try:
        offsets = admin.list_group_offsets(group)[group]
    except (KafkaError, KeyError):
        return 0
    return sum(max(meta.offset, 0) for tp, meta in offsets.items() if tp.topic == topic)


def committed_records(settings: Settings, topic: str, since_ms: int = 0) -> Iterator[Any]:
    """All committed records of a topic with this stamp or a later one, up to its end of now."""
    from kafka import KafkaConsumer, TopicPartition

    from streams.kafka import kafka_python_kwargs

    consumer = KafkaConsumer(
        isolation_level="read_committed", enable_auto_commit=False, **kafka_python_kwargs(settings)
    )
    try:
        where = [TopicPartition(topic, p) for p in range(settings.partitions)]
        consumer.assign(where)
        consumer.seek_to_beginning(*where)
        ends = consumer.end_offsets(where)
        if since_ms:
            for tp, found in consumer.offsets_for_times(dict.fromkeys(where, since_ms)).items():
                consumer.seek(tp, found.offset if found is not None else ends[tp])
        while any(consumer.position(tp) < ends[tp] for tp in where):
            for records in consumer.poll(500).values():
                yield from records
    finally:
        consumer.close()


def wait_for(what: str, done: Any, seconds: float, every: float = 0.05) -> None:
    """Ask `done` until it is true; raises CityopsError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise CityopsError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(every)
