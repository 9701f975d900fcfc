"""Real MQTT brokers for tests: mosquitto where it is installed, amqtt (MQTT 3.1.1 only) always; and the bridge."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streams import codec, topics
from streams.broker import free_port
from streams.cli.benches.mqtt import mosquitto
from streams.intake.rejects import Rejected, read
from streams.kafka import kafka_python_kwargs
from streams.settings import Settings

NO_MOSQUITTO = "mosquitto is not installed (apt-get install mosquitto): MQTT 5, sharing, TLS and restarts go untested"
# (broker, MQTT version) of the tests that run everywhere
KINDS = [("mosquitto", "5"), ("mosquitto", "3.1.1"), ("amqtt", "3.1.1")]
# ... and of those that need a broker which keeps its promise to send again what was not acknowledged
KEEPING = [
    *KINDS[:2],
    pytest.param(*KINDS[2], marks=pytest.mark.skip("amqtt forgets what was sent and not acknowledged")),
]


class Broker:
    """One broker process on a port of its own; `more`: lines of mosquitto's configuration."""

    def __init__(self, kind: str, folder: Path, more: str = "") -> None:
        self.kind, self.folder, self.port = kind, folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "mosquitto":
            program = mosquitto()
            if program is None:
                pytest.skip(NO_MOSQUITTO)
            login = "" if "allow_anonymous" in more else "allow_anonymous true\n"
            conf = folder / "mosquitto.conf"
            conf.write_text(
                f"listener {self.port} 127.0.0.1\n{login}{more}\nmax_queued_messages 0\nmax_inflight_messages 0\n"
                f"persistence true\npersistence_location {folder}/\n" + ("user root\n" if os.geteuid() == 0 else "")
            )
            self.command = [program, "-c", str(conf)]
        else:
            conf = folder / "amqtt.yaml"
            conf.write_text(
                f"listeners:\n  default:\n    type: tcp\n    bind: 127.0.0.1:{self.port}\n"
                "plugins:\n  amqtt.plugins.authentication.AnonymousAuthPlugin:\n    allow_anonymous: true\n"
            )
            self.command = [str(Path(sys.executable).parent / "amqtt"), "-c", str(conf)]

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = (self.folder / "broker.log").open("ab")
        self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"{self.kind} did not come up: {(self.folder / 'broker.log').read_text()[-500:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def broker_of(kind: str, folder: Path, more: str = "") -> Iterator[Broker]:
    broker = Broker(kind, folder, more)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Bridge:
    """`cityops intake mqtt` as a process."""

    def __init__(self, settings: Settings, mapping: str, folder: Path, name: str = "bridge", **more: Any) -> None:
        file = folder / f"{name}.toml"
        file.write_text(mapping)
        self.settings = settings.replace(data=str(folder / "data"), mqtt_mapping=str(file), mqtt_client_id=name, **more)
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, ready_s: float = 20.0) -> dict[str, Any]:
        """Start it and wait for its ready line; {} where it is not ready in time (0: don't wait)."""
        env = {**os.environ, **self.settings.environment()}
        command = [sys.executable, "-m", "streams.cli", "intake", "mqtt"]
        begin = self.log.stat().st_size if self.log.exists() else 0
        out = self.log.open("ab")
        self.process = subprocess.Popen(command, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + ready_s
        while time.monotonic() < deadline:
            for line in self.log.read_bytes()[begin:].decode().splitlines():
                if line.startswith('{"ready": true'):
                    answer: dict[str, Any] = json.loads(line)
                    return answer
            assert self.process.poll() is None, self.told()
            time.sleep(0.05)
        assert not ready_s, self.told()
        return {}

    def told(self) -> str:
        return self.log.read_text()

    def waits_to_tell(self, text: str, seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.told():
            assert time.monotonic() < deadline, f"did not say {text!r}:\n{self.told()}"
            time.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(12)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextmanager
def running(*bridges: Bridge) -> Iterator[None]:
    try:
        for bridge in bridges:
            bridge.start()
        yield
    finally:
        for bridge in bridges:
            if bridge.process is not None and bridge.process.poll() is None:
                bridge.kill()


Row = tuple[str, int, float]


def rows_in_kafka(
    settings: Settings, domain: str, n: int, seconds: float = 15.0, senders: tuple[str, ...] = ()
) -> tuple[list[Row], dict[str, list[Row]]]:
    """Rows of the raw topic until `n` different ones are there, from each of `senders` where named (or time is up);
    all of them, and those of each sender."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(group_id=None, **kafka_python_kwargs(settings))
    topic = settings.prefix + topics.raw(domain)
    consumer.assign([TopicPartition(topic, p) for p in range(settings.partitions)])
    consumer.seek_to_beginning()
    rows: list[Row] = []
    sources: dict[str, list[Row]] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(len(set(part)) >= n for part in ([sources.get(s, []) for s in senders] or [rows])):
            break
        for batch in consumer.poll(timeout_ms=200).values():
            for record in batch:
                packed = codec.unpack(record.value)
                c = packed.cols
                found = [(c.sensors[i], int(t), float(x)) for i, t, x in zip(c.idx, c.ts_ms, c.value, strict=True)]
                sources.setdefault(packed.src, []).extend(found)
                rows += found
    consumer.close()
    return rows, sources


def rejects_in_kafka(settings: Settings, n: int, seconds: float = 10.0) -> list[Rejected]:
    deadline = time.monotonic() + seconds
    while len(found := list(read(settings))) < n and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
