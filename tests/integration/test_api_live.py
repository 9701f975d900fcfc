"""The API as a process on a real broker: list, feed, reconnects, kills, commands, ingest, readings, stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from geo.assets import Sensor, Zone
from streams import codec, topics
from streams.kafka import aiokafka_kwargs, create_topics
from streams.registry import publish
from streams.settings import Settings
from tests.unit.api.conftest import T0, alert_json, record

pytestmark = pytest.mark.integration
SENSOR = "522601-W-PRS-000001"


class Server:
    """`api.server.run` in a process of its own."""

    def __init__(self, settings: Settings, demo: bool = True) -> None:
        code = f"from api.server import run; from streams.settings import Settings; run(Settings(), demo={demo})"
        self.log: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **settings.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        threading.Thread(target=self._read_log, daemon=True).start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "\n".join(self.log)
        self.ready: dict[str, Any] = json.loads(line)
        self.url = self.ready["url"].rstrip("/")

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.decode().rstrip())

    def account(self, role: str, unit: str) -> dict[str, str]:
        return next(a for a in self.ready["accounts"] if (a["role"], a["unit"]) == (role, unit))

    async def client(self, role: str = "commander", unit: str = "522600") -> httpx.AsyncClient:
        account = self.account(role, unit)
        made = httpx.AsyncClient(base_url=self.url, timeout=20)
        form = {"username": account["user"], "password": account["password"]}
        answer = await made.post("/api/v1/auth/token", data=form)
        assert answer.status_code == 200, answer.text
        made.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return made

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)


@pytest.fixture
def settings(broker: str, tmp_path: Path) -> Settings:
    made = Settings(
        {
            "broker": broker,
            "prefix": f"run.t{uuid.uuid4().hex[:8]}.",
            "data": str(tmp_path / "data"),
            "port": 0,
            "command_wait_s": 2.0,
        }
    )
    create_topics(made)
    zone = Zone(id="522601-W-DMA01", domain="water", county="522601", partition=0)
    sensor = Sensor(
        id=SENSOR, domain="water", kind="pressure", zone=zone.id, unit_code="522601001001", lon=107.98, lat=26.58,
        unit="m",
    )  # fmt: skip
    publish(made, [zone, sensor])
    return made


@pytest.fixture
def servers(settings: Settings) -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(**aiokafka_kwargs(settings), enable_idempotence=True)
    await made.start()
    yield made
    await made.stop()


async def write(producer: AIOKafkaProducer, settings: Settings, value: bytes, county: str = "522601") -> None:
    await producer.send_and_wait(
        settings.prefix + topics.ALERTS,
        value,
        key=county.encode(),
        partition=topics.county_partition(county, settings.partitions),
    )


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
    """(event, id, data) of an SSE response; comments are left out."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield fields["event"], fields["id"], orjson.loads(fields["data"])
            fields = {}


async def until(condition: Any, timeout_s: float = 10.0) -> Any:
    async with asyncio.timeout(timeout_s):
        while not (found := await condition()):  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)
        return found


async def test_snapshot_then_feed_loses_and_doubles_nothing_over_kills(
    settings: Settings, servers: list[Server], producer: AIOKafkaProducer
) -> None:
    counties = ("522601", "522622", "522623", "522624")
    total = 400

    async def produce() -> None:
        for n in range(total):
            county = counties[n % 4]
            version = n // 8 + 1
            alert = f"a{n % 8}"
            await write(producer, settings, record(alert, version, T0 + n, unit=county, count=n), county)
            await asyncio.sleep(0.005)

    servers.append(Server(settings))
    client = await servers[-1].client()
    cursor = (await client.get("/api/v1/alerts")).json()["cursor"]
    work = asyncio.create_task(produce())
    seen: list[tuple[str, int]] = []
    ids: list[str] = []
    cut_at = iter((60, 61, 150, 151, 152, 290))
    cut = next(cut_at)
    while len(seen) < total:
        headers = {"Last-Event-ID": cursor}
        with contextlib.suppress(httpx.TransportError):
            async with client.stream("GET", "/api/v1/feed", headers=headers) as response, asyncio.timeout(20):
                assert response.status_code == 200
                assert response.headers["x-accel-buffering"] == "no"
                async for kind, id_, data in events(response):
                    assert kind == "alert", (kind, data)
                    seen.append((data["data"]["alert"]["id"], data["data"]["alert"]["version"]))
                    ids.append(id_)
                    cursor = id_
                    if len(seen) in (60, 150, 290):  # the server dies in the middle
                        servers[-1].process.kill()
                        servers[-1].process.wait()
                    if len(seen) >= min(cut, total):
                        cut = next(cut_at, total)
                        break
        if servers[-1].process.poll() is not None:
            await client.aclose()
            servers.append(Server(settings))
            client = await servers[-1].client()
    await work
    assert Counter(seen) == {(f"a{n % 8}", n // 8 + 1): 1 for n in range(total)}
    assert len(set(ids)) == total
    for alert in range(8):
        versions = [v for a, v in seen if a == f"a{alert}"]
        assert versions == sorted(versions)
    one = (await client.get("/api/v1/alerts/a3")).json()
    assert [t["seq"] for t in one["timeline"]] == list(range(1, total // 8 + 1))
    assert one["version"] == total // 8
    await client.aclose()


async def test_feed_filters_by_the_callers_units_and_leaves_out_series(
    settings: Settings, servers: list[Server], producer: AIOKafkaProducer
) -> None:
    servers.append(Server(settings))
    client = await servers[0].client("officer", "522601")
    boss = await servers[0].client()
    cursor = (await client.get("/api/v1/alerts")).json()["cursor"]
    await write(producer, settings, b"not json")
    await write(producer, settings, record("theirs", unit="522622001"), "522622")
    await write(producer, settings, record("ours"))

    async def stored() -> bool:
        return len((await boss.get("/api/v1/alerts")).json()["items"]) == 2

    await until(stored)
    async with client.stream("GET", "/api/v1/feed", params={"after": cursor}) as response:
        stream = events(response)
        kind, id_, event = await anext(stream)
        assert (kind, event["specversion"], event["id"]) == ("alert", "1.0", id_)
        assert event["data"]["alert"]["id"] == "ours"
        assert "series" not in event["data"]["alert"]["evidence"]
        began = time.perf_counter()
        await write(producer, settings, record("live"))
        assert (await anext(stream))[2]["data"]["alert"]["id"] == "live"
        assert time.perf_counter() - began < 2
    assert (await client.get("/api/v1/alerts/theirs")).status_code == 403
    assert "cityops_projector_poison_total 1.0" in (await client.get("/metrics")).text
    for bad in ("junk", "", "0"):
        assert (await client.get("/api/v1/feed", params={"after": bad})).status_code == 422
    for old in ("00000000-1", cursor[:8] + "-999999"):
        async with client.stream("GET", "/api/v1/feed", headers={"Last-Event-ID": old}) as response:
            kind, id_, data = await anext(events(response))
            assert (kind, data) == ("resync", {"cursor": id_})
    await client.aclose()
    await boss.aclose()


async def answer_commands(settings: Settings, producer: AIOKafkaProducer, ready: asyncio.Event) -> None:
    """What the alerts app does with a command, in the smallest form."""
    consumer = AIOKafkaConsumer(settings.prefix + topics.COMMANDS, **aiokafka_kwargs(settings))
    await consumer.start()
    await consumer.seek_to_end()
    ready.set()
    try:
        async for message in consumer:
            command = orjson.loads(message.value)
            assert message.partition == topics.county_partition(command["county"], settings.partitions)
            if command["comment"] == "silence":
                continue
            accepted = command["version"] == 1
            after = alert_json(command["alert"], 2, label="ACKED", run=settings.run)
            result = {
                "id": command["id"], "alert_id": command["alert"], "accepted": accepted,
                "status": 200 if accepted else 409, "row": "ACK-1" if accepted else "ANY-2",
                "reason": {"zh": "", "en": "" if accepted else "changed since; reload"},
                "alert": after if accepted else None,
            }  # fmt: skip
            await producer.send_and_wait(settings.prefix + topics.RESULTS, orjson.dumps(result))
            if accepted:
                await write(producer, settings, record(command["alert"], 2, T0 + 9, "ack", label="ACKED"))
    finally:
        await consumer.stop()


async def test_commands_go_there_and_back(
    settings: Settings, servers: list[Server], producer: AIOKafkaProducer
) -> None:
    ready = asyncio.Event()
    app = asyncio.create_task(answer_commands(settings, producer, ready))
    await ready.wait()
    servers.append(Server(settings))
    client = await servers[0].client("officer", "522601")
    await write(producer, settings, record("a1"))
    await until(lambda: _found(client, "a1"))
    url = "/api/v1/alerts/a1/commands"
    done = await client.post(url, json={"command": "ack", "version": 1})
    assert (done.status_code, done.json()["version"], done.json()["label"]) == (200, 2, "ACKED")
    now = (await client.get("/api/v1/alerts/a1")).json()
    assert (now["version"], [t["trigger"] for t in now["timeline"]]) == (2, ["raise", "ack"])
    stale = await client.post(url, json={"command": "ack", "version": 9})
    assert (stale.status_code, stale.json()["row"]) == (409, "ANY-2")
    late = await client.post(url, json={"command": "ack", "version": 2, "comment": "silence"})
    assert late.status_code == 504
    assert late.json()["command"]
    app.cancel()
    await client.aclose()


async def _found(client: httpx.AsyncClient, alert: str) -> bool:
    return (await client.get(f"/api/v1/alerts/{alert}")).status_code == 200


async def test_ingest_reaches_the_raw_topic_and_readings_come_back(
    settings: Settings, servers: list[Server], producer: AIOKafkaProducer
) -> None:
    servers.append(Server(settings))
    client = await servers[0].client()
    body = [
        {"sensor": SENSOR, "ts": T0, "value": 41.7},
        {"sensor": "522601-W-PRS-999999", "ts": T0, "value": 1},
        {"sensor": SENSOR, "ts": T0 + 1000, "value": "wet"},
        {"sensor": SENSOR, "ts": T0 + 1000, "value": 41.8},
    ]
    answer = await client.post("/api/v1/ingest", params={"domain": "water"}, json=body)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [r["index"] for r in answer.json()["rejected"]] == [1, 2]
    consumer = AIOKafkaConsumer(
        settings.prefix + topics.raw("water"), auto_offset_reset="earliest", **aiokafka_kwargs(settings)
    )
    await consumer.start()
    message = await asyncio.wait_for(consumer.getone(), 10)
    await consumer.stop()
    cols = codec.unpack(message.value).cols
    assert (cols.sensors, cols.value.tolist()) == ([SENSOR], [41.7, 41.8])

    ts = T0 + np.arange(600, dtype=np.int64) * 1000
    rows = codec.from_rows([(SENSOR, int(t), float(k)) for k, t in enumerate(ts) if not 100 <= k < 200])
    await producer.send_and_wait(settings.prefix + topics.packed("water"), codec.pack(rows, "p", 1))
    query = {"from": "2025-11-23T08:00:00.000Z", "to": "2025-11-23T08:10:00Z", "run": settings.run}

    async def kept() -> Any:
        got = await client.get(f"/api/v1/sensors/{SENSOR}/readings", params=query)
        assert got.status_code == 200, got.text
        return got.json()["points"]

    assert len(await until(kept)) == 500
    query["step"] = "60"
    assert [p[1] for p in await kept()][:3] == [29.5, 79.5, 219.5]
    servers[0].stop()  # what is held is written
    await client.aclose()
    servers.append(Server(settings))
    client = await servers[1].client()
    assert len(await kept()) == 9
    await client.aclose()


async def test_a_stop_is_quick_with_open_streams_and_memory_stays_low(
    settings: Settings, servers: list[Server]
) -> None:
    import psutil

    servers.append(Server(settings))
    client = await servers[0].client()
    async with client.stream("GET", "/api/v1/feed") as response:
        assert response.status_code == 200
        assert (await client.get("/readyz")).status_code == 200
        assert psutil.Process(servers[0].process.pid).memory_info().rss < 200e6
        began = time.perf_counter()
        assert await asyncio.to_thread(servers[0].stop) == 0
        assert time.perf_counter() - began < 4
    await client.aclose()


def test_a_busy_port_and_a_second_server_on_the_data_are_told(settings: Settings, servers: list[Server]) -> None:
    from api.server import run
    from streams.errors import UsageError

    servers.append(Server(settings))
    port = int(servers[0].url.rsplit(":", 1)[1])
    with pytest.raises(UsageError, match="another cityops API uses it"):
        run(settings)
    with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1: another program uses it; name another port"):
        run(settings.replace(port=port, data=settings.data + "2"))


async def test_a_cut_log_is_projected_anew_and_old_cursors_resync(
    settings: Settings, servers: list[Server], producer: AIOKafkaProducer
) -> None:
    from api.records import parse
    from api.store import Store

    store = Store.in_folder(Path(settings.data))
    topic = settings.prefix + topics.ALERTS
    store.apply([parse(record("of another log"), topic=topic)], {(topic, 0): 1_000})
    old = str(store.cursor())
    store.close()
    await write(producer, settings, record("here"))
    servers.append(Server(settings))
    client = await servers[0].client()
    page = (await client.get("/api/v1/alerts")).json()
    assert [a["id"] for a in page["items"]] == ["here"]
    assert page["cursor"].split("-")[0] != old.split("-")[0]
    async with client.stream("GET", "/api/v1/feed", params={"after": old}) as response:
        assert (await anext(events(response)))[0] == "resync"
    await client.aclose()


async def test_live_operation_takes_up_runs_that_begin_later(
    settings: Settings, servers: list[Server], producer: AIOKafkaProducer
) -> None:
    live = settings.replace(prefix="")
    create_topics(live)
    servers.append(Server(live))
    client = await servers[0].client()
    run = settings.replace(prefix=f"run.late{uuid.uuid4().hex[:6]}.")
    create_topics(run)
    await write(producer, run, record("replayed", mode="test"))

    async def listed() -> Any:
        return (await client.get("/api/v1/alerts", params={"run": run.run})).json()["items"]

    assert [a["id"] for a in await until(listed, 20)] == ["replayed"]
    assert (await client.get("/api/v1/alerts", params={"run": "", "q": "replayed"})).json()["items"] == []
    await client.aclose()


async def test_a_broker_that_goes_and_comes_back(tmp_path: Path, servers: list[Server]) -> None:
    from streams.broker import EmbeddedBroker

    with EmbeddedBroker(tmp_path / "kafka") as kafka:
        settings = Settings({"broker": kafka.bootstrap, "data": str(tmp_path / "data"), "port": 0})
        create_topics(settings)
        servers.append(Server(settings))
        client = await servers[0].client()

        async def status(wanted: int) -> bool:
            return (await client.get("/readyz")).status_code == wanted

        await asyncio.to_thread(kafka.stop)
        await until(lambda: status(503), 30)
        assert "no Kafka answers at" in (await client.get("/readyz")).json()["detail"]
        assert (await client.get("/api/v1/alerts")).status_code == 200
        await asyncio.to_thread(kafka.start)
        await until(lambda: status(200), 40)
        producer = AIOKafkaProducer(**aiokafka_kwargs(settings))
        await producer.start()
        await write(producer, settings, record("after"))
        await producer.stop()
        await until(lambda: _found(client, "after"), 20)
        await client.aclose()
        assert await asyncio.to_thread(servers[0].stop) == 0


async def test_websocket_over_the_wire(settings: Settings, servers: list[Server], producer: AIOKafkaProducer) -> None:
    connect = pytest.importorskip("websockets.asyncio.client", reason="the package websockets is not installed").connect
    servers.append(Server(settings))
    client = await servers[0].client()
    cursor = (await client.get("/api/v1/alerts")).json()["cursor"]
    url = servers[0].url.replace("http", "ws") + f"/api/v1/ws?after={cursor}"
    headers = {"Authorization": client.headers["Authorization"]}
    with pytest.raises(Exception, match="401"):
        await connect(url).__aenter__()
    async with connect(url, additional_headers=headers) as socket:
        await write(producer, settings, record("live"))
        event = orjson.loads(await asyncio.wait_for(socket.recv(), 10))
        assert (event["type"], event["data"]["alert"]["id"]) == ("cityops.alert", "live")
        began = time.perf_counter()
        assert await asyncio.to_thread(servers[0].stop) == 0
        assert time.perf_counter() - began < 4
    await client.aclose()
