"""What the alert benchmarks run on: a broker, an alerts worker that is started again when it dies, one API process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams import config, topics
from streams.cli.benches.alerts_load import announced, duty
from streams.cli.benches.bed import PROGRAM, Worker, kafka
from streams.cli.benches.figure import Say
from streams.errors import CityopsError
from streams.kafka import create_topics, kafka_python_kwargs
from streams.settings import Settings

BACKOFF_S = 1.0  # as the supervisor of `cityops up` begins


class Minded:
    """An alerts worker and who starts it again; `kill` is kill -9."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._starts, self._stopping = settings, 0, threading.Event()
        self.worker = self._started()
        self.worker.ready()
        self._minding = threading.Thread(target=self._mind, name="minding", daemon=True)
        self._minding.start()

    def _started(self) -> Worker:
        self._starts += 1
        return Worker(self._settings, "alerts", f"alerts-{self._starts}")

    @property
    def starts(self) -> int:
        return self._starts

    def _mind(self) -> None:
        while not self._stopping.wait(0.05):
            if self.worker.process.poll() is not None:
                if self._stopping.wait(BACKOFF_S):
                    return
                self.worker = self._started()

    def kill(self) -> None:
        self.worker.process.kill()

    def stop(self) -> None:
        self._stopping.set()
        self._minding.join(BACKOFF_S + 1)
        self.worker.stop()


@dataclass
class Api:
    """One `cityops api` process: `url`, and how to sign in and ask."""

    url: str
    accounts: list[dict[str, str]]
    pid: int

    def token(self, user: str) -> str:
        account = next(a for a in self.accounts if a["user"] == user)
        form = urllib.parse.urlencode({"username": user, "password": account["password"]}).encode()
        with urllib.request.urlopen(f"{self.url}/api/v1/auth/token", form, timeout=20) as answer:
            return str(json.load(answer)["access_token"])


@contextlib.contextmanager
def api(settings: Settings) -> Iterator[Api]:
    """An API process on its own data below the settings' folder."""
    own = settings.replace(port=0, data=str(Path(settings.data) / "api"))
    with (Path(settings.data) / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [*PROGRAM, "api", "--demo"],
            env={**os.environ, **own.environment()}, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CityopsError(f"the API did not start: {(Path(settings.data) / 'api.log').read_text()[-300:]}")
        ready = json.loads(line)
        yield Api(ready["url"].rstrip("/"), ready["accounts"], process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@contextlib.contextmanager
def bed(say: Say, prefix: str = "") -> Iterator[Settings]:
    """A fresh broker with topics (of a run where `prefix` is given) and duty in the alerts' own log."""
    with (
        tempfile.TemporaryDirectory(prefix="cityops-bench-", ignore_cleanup_errors=True) as folder,
        kafka(Path(folder), say) as base,
    ):
        settings = base.replace(prefix=prefix)
        create_topics(settings)
        tell_duty(settings)
        yield settings


def tell_duty(settings: Settings) -> None:
    """Rosters into every partition of the alerts app; policies are the default ones."""
    with sending(settings) as producer:
        for value in announced(list(duty())):
            for p in range(settings.partitions):
                producer.send(settings.prefix + topics.DETECTIONS, value, key=config.KEY, partition=p)


@contextlib.contextmanager
def sending(settings: Settings) -> Iterator[Any]:
    """A producer whose messages are all acknowledged at the end of the block."""
    from kafka import KafkaProducer

    producer = KafkaProducer(acks="all", linger_ms=2, **kafka_python_kwargs(settings))
    try:
        yield producer
        producer.flush(120)
    finally:
        producer.close()


def load_average() -> str:
    """The machine's load of the last minute, to stand beside a figure."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def paced(n: int, per_s: float) -> Iterator[int]:
    """0 … n-1, `per_s` a second; one that is late is given at once."""
    began = time.monotonic()
    for k in range(n):
        ahead = began + k / per_s - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        yield k
