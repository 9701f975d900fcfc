"""The notifier on a real Kafka: killed in the middle, it loses nothing and makes no second row."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from geo.moments import rfc3339
from streams import tables, topics, versions
from streams.duty.records import Contact, Person
from streams.kafka import create_topics, kafka_python_kwargs
from streams.notify.outbox import Outbox
from streams.settings import Settings
from tests.unit.notify.conftest import Box, notice, now_ms, record, server, until

pytestmark = pytest.mark.integration
N = 40


@pytest.fixture
def live(broker: str, tmp_path: Path) -> Settings:
    made = Settings(
        {"broker": broker, "prefix": f"run.n{uuid.uuid4().hex[:8]}.", "data": str(tmp_path / "data"),
         "notify_allow": "127.0.0.1", "notify_sms_url": "file", "notify_digest_s": 1.0}
    )  # fmt: skip
    create_topics(made)
    return made


class Notifier:
    """The worker as a process."""

    def __init__(self, settings: Settings, log: Path) -> None:
        env = {**os.environ, **settings.environment()}
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "streams.cli", "worker", "notify"], env=env, stdout=subprocess.PIPE,
                stderr=stderr, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, log.read_text("utf-8")
        assert json.loads(line) == {"ready": True, "app": "notify"}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(15)


@pytest.fixture
def started() -> Iterator[list[Notifier]]:
    made: list[Notifier] = []
    yield made
    for one in made:
        if one.process.poll() is None:
            one.kill()


def people(settings: Settings, *persons: Person) -> None:
    rows = [(p.id, p.version, msgspec.json.encode(p)) for p in persons]
    tables.write(settings, topics.DUTY, versions.rows(rows))


def write(settings: Settings, values: list[bytes]) -> None:
    producer = KafkaProducer(**kafka_python_kwargs(settings))
    for value in values:
        producer.send(settings.prefix + topics.ALERTS, value, key=b"522601", partition=0).get(timeout=10)
    producer.close()


def commands(settings: Settings) -> list[dict[str, Any]]:
    consumer = KafkaConsumer(group_id=None, enable_auto_commit=False, **kafka_python_kwargs(settings))
    place = TopicPartition(settings.prefix + topics.COMMANDS, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    end, found = consumer.end_offsets([place])[place], []
    while consumer.position(place) < end:
        for records in consumer.poll(timeout_ms=500).values():
            found += [json.loads(r.value) for r in records]
    consumer.close()
    return found


async def test_killed_in_the_middle_everybody_is_told_once(
    live: Settings, started: list[Notifier], tmp_path: Path
) -> None:
    log, slow = tmp_path / "notify.log", asyncio.Event()
    async with server(lambda n: 200 if slow.is_set() or n < 8 else 0) as hook:
        people(live, *(Person(id=f"p{k}", name="x", place="522601", contacts=(Contact("webhook", hook.url),))
                       for k in range(4)))  # fmt: skip
        due = rfc3339(now_ms() + 60_000)
        first = await asyncio.to_thread(Notifier, live, log)
        started.append(first)
        memory_mb = psutil.Process(first.process.pid).memory_info().rss / 2**20
        assert memory_mb < 120
        await asyncio.to_thread(write, live, [record(f"a{k}", notice(people=[f"p{k % 4}"], due=due)) for k in range(N)])
        await until(lambda: len(hook.got) >= 8, 30)  # some are told, one hangs, the rest waits
        first.kill()
        before = {headers["idempotency-key"] for headers, _ in hook.got}
        slow.set()
        started.append(await asyncio.to_thread(Notifier, live, log))
        outbox = Outbox(f"sqlite:///{Path(live.data) / 'outbox.db'}")
        box = Box(outbox)
        await until(lambda: len(box.rows(state="delivered")) == N, 30)
        await until(lambda: not box.replies(), 10)
        assert started[-1].stop() == 0
    rows = box.rows()
    outbox.close()
    got = [headers["idempotency-key"] for headers, _ in hook.got]
    assert len(rows) == N
    assert set(got) == {r["id"] for r in rows}
    assert before <= set(got)
    assert 1 <= len(got) - N <= 4  # what hung, and what was on its way, at most one of each person's destination
    told = [c for c in commands(live) if c["command"] == "delivered"]
    assert {(c["alert"], c["params"]["person"]) for c in told} == {(f"a{k}", f"p{k % 4}") for k in range(N)}
    assert {(c["by"], c["role"], c["county"]) for c in told} == {("notifier", "system", "522601")}


def _done(box: Box, alert: str) -> bool:
    return bool(box.states(alert=alert)) and set(box.states(alert=alert)) <= {"delivered", "dead"}


async def test_contacts_and_poison_while_it_runs(live: Settings, started: list[Notifier], tmp_path: Path) -> None:
    """SMS to a file with its code, a person without a way, poison in the log, a new contact while it runs."""
    started.append(await asyncio.to_thread(Notifier, live, tmp_path / "notify.log"))
    people(live, Person(id="li", name="x", place="522601", contacts=(Contact("sms", "13812345678"),)))
    outbox = Outbox(f"sqlite:///{Path(live.data) / 'outbox.db'}")
    box = Box(outbox)
    due = rfc3339(now_ms() + 60_000)
    sms = {"channels": ["voice", "sms"], "due": due}
    deadline = time.monotonic() + 20
    k, newest = 0, ""
    while not box.rows(state="delivered") and time.monotonic() < deadline:  # until the contact has arrived
        k += 1
        await asyncio.to_thread(write, live, [b"{", record(newest := f"a{k}", notice(**sms))])
        await until(partial(_done, box, newest))
    assert set(box.states()) <= {"delivered", "dead"}
    lines = (Path(live.data) / "notifications.jsonl").read_text("utf-8").splitlines()
    said = json.loads(lines[-1])
    assert said["address"] == "138****5678"
    assert f"回复{said['code']}" in said["text"]
    assert len(said["code"]) == 4
    assert "13812345678" not in (tmp_path / "notify.log").read_text("utf-8")
    outbox.close()
    assert started[-1].stop() == 0
