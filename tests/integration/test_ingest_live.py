"""The HTTP intake on a real broker: what was accepted is there, through a stalled broker, refusals and revocations."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition

from api import devices
from api.store import Store
from geo.assets import Sensor, Zone
from streams import codec, topics
from streams.broker import EmbeddedBroker
from streams.cli import run as cityops
from streams.kafka import admin, create_topics, kafka_python_kwargs
from streams.registry import publish
from streams.settings import Settings
from tests.integration.test_api_live import Server, until

pytestmark = pytest.mark.integration
ZONES = [Zone(id=f"522601-W-DMA0{k}", domain="water", county="522601", partition=k) for k in (1, 2)]
SENSORS = [
    Sensor(id=f"522601-W-PRS-{k:06d}", domain="water", kind="pressure", zone=ZONES[k % 2].id, unit_code="522601")
    for k in range(100)
]
URL = "/api/v1/ingest?domain=water"


@pytest.fixture
def settings(broker: str, tmp_path: Path) -> Settings:
    prefix = f"run.i{uuid.uuid4().hex[:8]}."
    return Settings({"broker": broker, "prefix": prefix, "data": str(tmp_path / "data"), "port": 0})


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def started(settings: Settings, servers: list[Server]) -> Server:
    create_topics(settings)
    publish(settings, [*ZONES, *SENSORS])
    servers.append(Server(settings))
    return servers[0]


def held(settings: Settings) -> Counter[tuple[str, int]]:
    """(sensor, ts) → how often Kafka has it."""
    consumer = KafkaConsumer(group_id=None, enable_auto_commit=False, **kafka_python_kwargs(settings))
    parts = [TopicPartition(settings.prefix + topics.raw("water"), p) for p in range(settings.partitions)]
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    ends = consumer.end_offsets(parts)
    found: Counter[tuple[str, int]] = Counter()
    while any(consumer.position(tp) < ends[tp] for tp in parts):
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                cols = codec.unpack(record.value).cols
                found.update(zip((cols.sensors[i] for i in cols.idx), cols.ts_ms.tolist(), strict=True))
    consumer.close()
    return found


def rows(k: int, n: int) -> list[dict[str, object]]:
    return [{"sensor": SENSORS[j % 100].id, "ts": 1_763_884_800_000 + k * 10_000 + j, "value": 1.5} for j in range(n)]


async def test_every_form_reaches_kafka_and_tokens_end(settings: Settings, servers: list[Server]) -> None:
    server = started(settings, servers)
    store = Store.in_folder(Path(settings.data))
    token = devices.create(store, "gw", zone=ZONES[0].id)  # the even sensors
    async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        data = rows(0, 4)
        lines = "\n".join(f"m,sensor={r['sensor']} value=1.5 {int(str(r['ts'])) + 10}" for r in data)
        for body, url, headers in (
            (json.dumps(data).encode(), URL, {}),
            (gzip.compress(lines.encode()), URL + "&precision=ms", {"Content-Encoding": "gzip"}),
        ):
            answer = await client.post(url, content=body, headers=headers)
            assert answer.status_code == 202, answer.text
            assert answer.json()["accepted"] == 2
            assert [r["index"] for r in answer.json()["rejected"]] == [1, 3]
            assert "outside the token's zone" in answer.json()["rejected"][0]["reason"]
        assert len(held(settings)) == 4
        assert (await client.get("/api/v1/alerts")).status_code == 403
        assert cityops(["tokens", "revoke", "gw", "--data", settings.data]) == 0

        async def refused() -> bool:
            return (await client.post(URL, json=data)).status_code == 401

        began = time.perf_counter()
        await until(refused, 5)
        assert time.perf_counter() - began < 3
    store.close()


async def test_single_readings_share_messages_and_answers_are_quick(settings: Settings, servers: list[Server]) -> None:
    server = started(settings, servers)
    client = await server.client()
    took: list[float] = []

    async def one(k: int) -> None:
        for j in range(10):
            began = time.perf_counter()
            answer = await client.post(URL, json=rows(k * 10 + j, 1)[0])
            took.append(time.perf_counter() - began)
            assert answer.json() == {"accepted": 1, "rejected": []}, answer.text

    await one(99)
    assert min(took) < 0.035, "a delayed ACK of 40 ms holds up every answer"
    await asyncio.gather(*(one(k) for k in range(30)))
    assert sum(held(settings).values()) == 310
    consumer = KafkaConsumer(group_id=None, **kafka_python_kwargs(settings))
    parts = [TopicPartition(settings.prefix + topics.raw("water"), p) for p in range(settings.partitions)]
    messages = sum(consumer.end_offsets(parts).values())
    consumer.close()
    assert messages < 310, "concurrent single readings are grouped"
    await client.aclose()


async def test_a_refused_message_ends_neither_the_producer_nor_the_intake(
    settings: Settings, servers: list[Server]
) -> None:
    small = {"num_partitions": 4, "replication_factor": 1, "configs": {"max.message.bytes": "2000"}}
    with admin(settings) as kafka:
        kafka.create_topics({settings.prefix + topics.raw("water"): small})
    client = await started(settings, servers).client()
    for _ in range(24):  # Kafka knows the producer in every partition now and misses a number
        assert (await client.post(URL, json=rows(1, 1))).status_code == 202
    answer = await client.post(URL, json=rows(0, 500))
    assert (answer.status_code, "refused" in answer.json()["detail"]) == (503, True), answer.text

    async def all_taken() -> bool:  # of every partition, the one with the missing number too
        return {(await client.post(URL, json=rows(1, 1))).status_code for _ in range(24)} == {202}

    await until(all_taken, 10)
    assert {key[1] // 10_000 for key in held(settings)} == {176_388_481}
    await client.aclose()


async def test_a_stalled_broker_loses_nothing_accepted_and_memory_stays_bounded(
    tmp_path: Path, servers: list[Server]
) -> None:
    with EmbeddedBroker(tmp_path / "kafka") as kafka:
        assert kafka.process is not None
        pid = kafka.process.pid
        settings = Settings({
            "broker": kafka.bootstrap, "prefix": "run.stall.", "data": str(tmp_path / "data"), "port": 0,
            "ingest_mb": 16, "ingest_wait_s": 2.0,
        })  # fmt: skip
        server = started(settings, servers)
        client = await server.client()
        client._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=200))
        process = psutil.Process(server.process.pid)
        statuses: Counter[int] = Counter()
        accepted: set[int] = set()
        stop = asyncio.Event()
        bodies = iter(range(10_000))
        pad = b" " * 300_000  # what is held before Kafka has it counts as it came

        async def device() -> None:
            while not stop.is_set():
                k = next(bodies)
                body = json.dumps(rows(k, 500)).encode() + pad
                answer = await client.post(URL, content=body, headers={"Content-Type": "application/json"})
                statuses[answer.status_code] += 1
                if answer.status_code == 202:
                    accepted.add(k)
                    assert answer.json() == {"accepted": 500, "rejected": []}
                else:
                    assert int(answer.headers["Retry-After"]) >= 1
                    await asyncio.sleep(0.2)

        devices_ = [asyncio.create_task(device()) for _ in range(80)]
        await asyncio.sleep(1)
        before = process.memory_info().rss
        os.kill(pid, signal.SIGSTOP)
        try:
            most = 0
            for _ in range(25):
                await asyncio.sleep(0.2)
                most = max(most, process.memory_info().rss)
            during = Counter(statuses)
        finally:
            os.kill(pid, signal.SIGCONT)
        count = len(accepted)

        async def again() -> bool:
            return len(accepted) > count + 20

        await until(again, 15)
        stop.set()
        await asyncio.gather(*devices_)
        assert during[429] > 0, during
        assert during[503] > 0, during
        assert set(statuses) == {202, 429, 503}, statuses
        assert most - before < 120e6, "16 MB of bodies and what they are worked into"
        there = held(settings)
        for k in accepted:
            assert all((str(r["sensor"]), r["ts"]) in there for r in rows(k, 500)), f"body {k} was accepted and is lost"
        await client.aclose()
