"""Two API processes on one PostgreSQL, a real broker: the same events at both, commands at both, kill -9, takeover."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from api import users
from api.store import Store
from streams.kafka import aiokafka_kwargs
from streams.settings import Settings
from tests.integration.test_api_live import Server, answer_commands, events, settings, until, write
from tests.postgres import Postgres
from tests.unit.api.conftest import PASSWORD, T0, record

pytestmark = pytest.mark.integration
__all__ = ["settings"]  # the fixture of the other module


@pytest.fixture
def shared(settings: Settings, postgres: Postgres) -> Settings:
    made = settings.replace(db=postgres.database(), secret="s" * 40)
    store = Store(made.db)
    users.put(store, "boss", PASSWORD, "commander", "522600")
    store.close()
    return made


@pytest.fixture
def pair(shared: Settings, tmp_path: Path) -> Iterator[list[Server]]:
    servers: list[Server] = []
    try:
        servers += [Server(shared.replace(data=str(tmp_path / name)), demo=False) for name in "ab"]
        yield servers
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()


@pytest.fixture
async def producer(shared: Settings) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(**aiokafka_kwargs(shared), acks="all", enable_idempotence=True)
    await made.start()
    yield made
    await made.stop()


async def signed_in(server: Server, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client; with the headers of one that signed in at another process, that counts here too."""
    made = httpx.AsyncClient(base_url=server.url, timeout=20, headers=headers)
    if headers is None:
        answer = await made.post("/api/v1/auth/token", data={"username": "boss", "password": PASSWORD})
        made.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return made


async def leads(client: httpx.AsyncClient) -> bool:
    return "cityops_projector_leading 1.0" in (await client.get("/metrics")).text


async def test_both_tell_the_same_events_and_either_goes_on_when_the_other_is_killed(
    shared: Settings, pair: list[Server], producer: AIOKafkaProducer
) -> None:
    total = 300

    async def produce() -> None:
        for n in range(total):
            await write(producer, shared, record(f"a{n % 4}", n // 4 + 1, T0 + n, count=n))
            await asyncio.sleep(0.01)

    a = await signed_in(pair[0])
    b = await signed_in(pair[1], dict(a.headers))
    who = [await leads(a), await leads(b)]
    assert sorted(who) == [False, True], "one projects"
    first, second = (0, 1) if who[0] else (1, 0)
    clients = [a, b]
    cursor = (await clients[first].get("/api/v1/alerts")).json()["cursor"]
    told: list[list[tuple[str, str, int]]] = [[], []]

    async def listen(at: int, after: str) -> None:
        with contextlib.suppress(httpx.TransportError):
            async with clients[at].stream("GET", "/api/v1/feed", headers={"Last-Event-ID": after}) as response:
                async for kind, id_, data in events(response):
                    assert kind == "alert", (kind, data)
                    told[at].append((id_, data["data"]["alert"]["id"], data["data"]["alert"]["version"]))
                    if at == first and len(told[at]) == 100:
                        pair[at].process.kill()
                    if len(told[at]) == total:
                        return

    work = asyncio.create_task(produce())
    both = [asyncio.create_task(listen(at, cursor)) for at in (first, second)]
    async with asyncio.timeout(60):
        await both[0]
        killed = time.monotonic()
        seen = told[first]
        assert 100 <= len(seen) < total, "it died in the middle"
        moved = seen[-1][0]

        missed: list[tuple[str, str, int]] = []
        async with clients[second].stream("GET", "/api/v1/feed", headers={"Last-Event-ID": moved}) as response:
            async for kind, id_, data in events(response):
                assert kind == "alert", (kind, data)
                missed.append((id_, data["data"]["alert"]["id"], data["data"]["alert"]["version"]))
                if len(seen) + len(missed) == total:
                    break
        await both[1]
        await work
    print(f"the last event came {time.monotonic() - killed:.1f} s after the kill")
    wanted = Counter((f"a{n % 4}", n // 4 + 1) for n in range(total))
    assert Counter((alert, version) for _, alert, version in seen + missed) == wanted
    assert seen + missed == told[second], "the same events with the same cursors in the same order"
    assert await leads(clients[second])
    page = (await clients[second].get("/api/v1/alerts")).json()
    assert page["cursor"] == told[second][-1][0]
    for client in clients:
        await client.aclose()


async def test_commands_and_the_loss_of_every_connection(
    shared: Settings, pair: list[Server], producer: AIOKafkaProducer, postgres: Postgres
) -> None:
    ready = asyncio.Event()
    app = asyncio.create_task(answer_commands(shared, producer, ready))
    await ready.wait()
    a = await signed_in(pair[0])
    clients = [a, await signed_in(pair[1], dict(a.headers))]
    postgres.cut()
    for n, client in enumerate(clients):
        await write(producer, shared, record(f"a{n}"))

        async def there(client: httpx.AsyncClient = client, n: int = n) -> bool:
            return (await client.get(f"/api/v1/alerts/a{n}")).status_code == 200

        await until(there)
        done = await client.post(f"/api/v1/alerts/a{n}/commands", json={"command": "ack", "version": 1})
        assert (done.status_code, done.json()["label"]) == (200, "ACKED"), done.text
        assert (await client.get(f"/api/v1/alerts/a{n}")).json()["version"] == 2, "a following read shows it"

    async def ready_again() -> bool:
        states = [(await client.get("/readyz")).status_code for client in clients]
        return states == [200, 200] and sorted([await leads(client) for client in clients]) == [False, True]

    await until(ready_again, 20)
    heads = [(await client.get("/readyz")).json()["cursor"] for client in clients]
    assert heads[0] == heads[1]
    app.cancel()
    for client in clients:
        await client.aclose()


def test_without_a_common_secret_a_server_refuses(shared: Settings) -> None:
    from api.server import run
    from streams.errors import UsageError

    with pytest.raises(UsageError, match="give all the same CITYOPS_SECRET"):
        run(shared.replace(secret=""))
