"""Runs that are deleted, or deleted and made again under their name: the projection and the history follow."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from streams import codec, topics
from streams.kafka import aiokafka_kwargs, create_topics, delete_topics
from streams.settings import Settings
from tests.integration.test_api_live import Server, events, until, write
from tests.unit.api.conftest import T0, record

pytestmark = pytest.mark.integration
SENSOR = "522601-W-PRS-000001"


@pytest.fixture
def live(broker: str, tmp_path: Path) -> Settings:
    made = Settings({"broker": broker, "data": str(tmp_path / "data"), "port": 0})
    create_topics(made)
    return made


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@pytest.fixture
async def producer(live: Settings) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(**aiokafka_kwargs(live))
    await made.start()
    yield made
    await made.stop()


def a_run(live: Settings) -> Settings:
    return live.replace(prefix=f"run.r{uuid.uuid4().hex[:6]}.")


async def listed(client: Any, run: str) -> list[tuple[str, int]]:
    answer = await client.get("/api/v1/alerts", params={"run": run, "limit": 500})
    return sorted((a["id"], a["version"]) for a in answer.json()["items"])


async def test_a_deleted_run_goes_and_the_others_stay(
    live: Settings, servers: list[Server], producer: AIOKafkaProducer
) -> None:
    first, other, mine = a_run(live), a_run(live), f"live-{uuid.uuid4().hex[:6]}"
    for run in (first, other):
        create_topics(run)
        await write(producer, run, record(f"of {run.run}", mode="test"))
    await write(producer, live, record(mine))
    servers.append(Server(live))
    client = await servers[0].client()
    assert await listed(client, first.run) == [(f"of {first.run}", 1)]
    cursor = (await client.get("/api/v1/alerts")).json()["cursor"]
    async with client.stream("GET", "/api/v1/feed", params={"after": cursor}) as response:
        await asyncio.to_thread(delete_topics, live, first.prefix)
        async with asyncio.timeout(60):
            kind, id_, _ = await anext(events(response))
        assert kind == "resync"
    page = (await client.get("/api/v1/alerts")).json()
    assert page["cursor"] == id_
    assert await listed(client, first.run) == []
    assert await listed(client, other.run) == [(f"of {other.run}", 1)]
    assert (mine, 1) in await listed(client, "")
    assert (await client.get(f"/api/v1/alerts/of {first.run}")).status_code == 404
    await write(producer, live, record(mine, 2))

    async def follows() -> bool:
        return (mine, 2) in await listed(client, "")

    await until(follows)
    await client.aclose()


@pytest.mark.parametrize("stopped", [True, False], ids=["while the API is down", "while it runs"])
async def test_a_run_made_again_under_its_name_is_another_log(
    live: Settings, servers: list[Server], producer: AIOKafkaProducer, stopped: bool
) -> None:
    run, mine = a_run(live), f"live-{uuid.uuid4().hex[:6]}"
    a = f"a-{run.run}"  # ids hold the run
    create_topics(run)
    for n in range(3):
        await write(producer, run, record(a, n + 1, T0 + n, mode="test"))
    rows = codec.from_rows([(SENSOR, T0 + k, 1.0) for k in range(5)])
    await producer.send_and_wait(run.prefix + topics.packed("water"), codec.pack(rows, "p", 1), partition=0)
    await write(producer, live, record(mine))
    servers.append(Server(live))
    client = await servers[0].client()

    async def there() -> bool:
        return await listed(client, run.run) == [(a, 3)]

    await until(there)
    if stopped:
        await client.aclose()
        assert servers[0].stop() == 0
    await asyncio.to_thread(delete_topics, live, run.prefix)
    await asyncio.to_thread(create_topics, run)
    # longer than the old log, the same ids with lower versions: offsets and versions alone would hide it
    for n in range(5):
        await write(producer, run, record(f"{a}b{n}", 1, T0 + n, mode="test"))
    await write(producer, run, record(a, 1, T0 + 9, mode="test"))
    rows = codec.from_rows([(SENSOR, T0 + k, 2.0) for k in range(2)])
    for seq in (1, 2, 3):
        await producer.send_and_wait(run.prefix + topics.packed("water"), codec.pack(rows, "p", seq), partition=0)
    if stopped:
        servers.append(Server(live))
        client = await servers[-1].client()

    async def anew() -> bool:
        return await listed(client, run.run) == [(a, 1), *((f"{a}b{n}", 1) for n in range(5))]

    await until(anew, 20)
    assert len((await client.get(f"/api/v1/alerts/{a}")).json()["timeline"]) == 1
    assert (mine, 1) in await listed(client, "")
    servers[-1].stop()
    await client.aclose()
    from api.history import History

    history = History(live, Path(live.data))
    history.start()  # it may have been stopped before it had read the new log

    async def kept() -> bool:
        return [v for _, v in history.readings(SENSOR, T0, T0 + 100, run=run.run)] == [2.0, 2.0]

    await until(kept, 15)
    await asyncio.to_thread(history.stop)
