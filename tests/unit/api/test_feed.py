"""The feed: snapshot then subscribe, missed events, filters, resync, slow clients, the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from fastapi import FastAPI

from api import queries
from api.app import create_app
from api.context import Context
from api.hub import PING
from tests.unit.api.conftest import T0, FakeProjection, bearer, record
from tests.unit.api.sse import Feed

Opener = Callable[..., Feed]


@pytest.fixture
def app(context: Context) -> FastAPI:
    return create_app(context)


@pytest.fixture
async def feed(app: FastAPI, context: Context) -> AsyncIterator[Opener]:
    """Opens feeds and closes them at the end."""
    opened: list[Feed] = []

    def open_(user: str = "prefecture", last: str = "", **query: str) -> Feed:
        headers = bearer(context, user) | ({"Last-Event-ID": last} if last else {})
        opened.append(Feed(app, headers, **query))
        return opened[-1]

    yield open_
    for one in opened:
        one.task.cancel()
    await asyncio.gather(*(one.task for one in opened), return_exceptions=True)


async def test_without_a_position_it_starts_with_now(feed: Opener, projection: FakeProjection) -> None:
    projection.feed(record("old"))
    stream = await feed().open()
    assert stream.status == 200
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["x-accel-buffering"] == "no"
    assert "content-length" not in stream.headers
    projection.feed(record("new"))
    kind, id_, event = await stream.next()
    assert (kind, event["id"], event["specversion"], event["subject"]) == ("alert", id_, "1.0", "new")
    assert event["data"]["transition"]["trigger"] == "raise"
    assert event["data"]["alert"]["title"]["zh"] == "管网压力过低"
    assert "series" not in event["data"]["alert"]["evidence"]
    assert stream.waiting == 0


async def test_a_list_and_its_cursor_join_without_hole_or_double(
    feed: Opener, projection: FakeProjection, context: Context
) -> None:
    projection.feed(*(record(f"a{n}") for n in range(5)))
    page = queries.list_alerts(context.store, queries.AlertFilter(prefix="5226"), 100, None)
    projection.feed(*(record(f"b{n}") for n in range(1200)))  # more than one page of the store
    stream = feed(after=str(page.cursor))
    projection.feed(record("c0"))
    assert await stream.alerts(1201) == [*((f"b{n}", 1) for n in range(1200)), ("c0", 1)]
    assert stream.waiting == 0


async def test_a_snapshot_newer_than_the_hub_gives_no_event_twice(
    feed: Opener, projection: FakeProjection, context: Context
) -> None:
    """The store is committed, the hub not told yet, and a client comes with the cursor of the commit."""
    from api.records import parse

    done = context.store.apply([parse(record("a1"))], {("alerts", 0): 1})
    stream = await feed(after=str(context.store.cursor())).open()
    await asyncio.sleep(0.05)
    context.hub.publish(context.store.epoch, done.events)
    projection.feed(record("a2"))
    assert await stream.alerts(1) == [("a2", 1)]


async def test_last_event_id_goes_before_after(feed: Opener, projection: FakeProjection, context: Context) -> None:
    projection.feed(record("a1"))
    early = str(context.store.cursor())
    projection.feed(record("a2"), record("a3"))
    late = f"{context.store.epoch}-2"
    assert await feed(last=late, after=early).alerts(1) == [("a3", 1)]


async def test_missed_and_live_events_pass_the_same_filter(
    feed: Opener, projection: FakeProjection, context: Context
) -> None:
    start = str(context.store.cursor())
    both = [
        record("w", unit="522601001001"),
        record("g", domain="gas", severity="I", unit="522622001"),
        record("far", unit="522622"),
    ]
    projection.feed(*both)
    kaili = feed("kaili", after=start)
    gas = feed(after=start, domain="gas", severity="I,II")
    village = feed("village", after=start)
    town = feed(after=start, unit="522622001")
    for stream, id_ in ((kaili, "w"), (gas, "g"), (village, "w"), (town, "g")):
        assert await stream.alerts(1) == [(id_, 1)]
    projection.feed(
        record("w", 2), record("g", 2, domain="gas", severity="I", unit="522622001"), record("far", 2, unit="522622")
    )
    for stream, id_ in ((kaili, "w"), (gas, "g"), (village, "w"), (town, "g")):
        assert await stream.alerts(1) == [(id_, 2)]
        assert stream.waiting == 0


async def test_a_cursor_of_another_epoch_or_too_old_gets_one_resync(
    feed: Opener, projection: FakeProjection, context: Context
) -> None:
    context.store.keep_events = 5
    for n in range(64):
        projection.feed(record("a", n + 1, T0 + n))
    for old in ("00000000-3", f"{context.store.epoch}-3", f"{context.store.epoch}-999"):
        stream = feed(last=old)
        kind, id_, data = await stream.next()
        assert (kind, data) == ("resync", {"cursor": id_})
        assert id_ == str(context.store.cursor())
    projection.feed(record("b"))
    assert await stream.alerts(1) == [("b", 1)]


async def test_a_rebuilt_projection_tells_open_streams(
    feed: Opener, projection: FakeProjection, context: Context
) -> None:
    projection.feed(record("a"), record("b"))
    stream = await feed().open()
    context.store.drop({""})
    context.hub.restart(context.store.cursor())
    kind, id_, data = await stream.next()
    assert (kind, data) == ("resync", {"cursor": str(context.store.cursor())})
    projection.feed(record("a"))
    _, id_, _ = await stream.next()
    assert id_ == f"{context.store.epoch}-1"


@pytest.mark.parametrize(
    ("user", "last", "query", "status"),
    [
        ("prefecture", "", {"after": "junk"}, 422),
        ("prefecture", "", {"after": ""}, 422),
        ("prefecture", "junk", {}, 422),
        ("prefecture", "", {"severity": "V"}, 422),
        ("prefecture", "", {"unit": "x"}, 422),
        ("kaili", "", {"unit": "522622"}, 403),
        ("kaili", "", {"unit": "522622", "after": "junk"}, 422),
    ],
)
async def test_bad_questions(feed: Opener, user: str, last: str, query: dict[str, str], status: int) -> None:
    stream = await feed(user, last, **query).open()
    assert stream.status == status
    assert stream.headers["content-type"] == "application/problem+json"


async def test_a_stuck_client_is_dropped_and_the_others_lose_nothing(
    feed: Opener, projection: FakeProjection, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.feed.SEND_S", 0.3)
    context.hub._queue = 50
    stuck, lively = await feed().open(), await feed().open()
    await asyncio.sleep(0.02)
    stuck.stall = True
    got: list[tuple[str, int]] = []
    for n in range(200):
        projection.feed(record(f"a{n}"))
        got += await lively.alerts(1)
    assert got == [(f"a{n}", 1) for n in range(200)]
    async with asyncio.timeout(3):
        await stuck.task
    assert context.hub.dropped >= 1
    assert len(context.hub.clients) == 1


async def test_a_quiet_stream_is_pinged(feed: Opener, context: Context) -> None:
    context.hub._ping_s = 0.02
    pings = asyncio.create_task(context.hub.pings())
    stream = await feed().open()
    await asyncio.sleep(0.2)
    pings.cancel()
    assert stream.comments >= 3
    assert b": ping\n\n" in stream.raw


async def test_a_slow_look_at_the_sign_in_holds_no_event_back(
    feed: Opener, projection: FakeProjection, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(context.auth, "still", lambda token: begun.set() or go_on.wait(10))
    stream = await feed().open()
    await asyncio.sleep(0.02)
    (client,) = context.hub.clients
    client.put(PING)
    assert await asyncio.to_thread(begun.wait, 5)
    try:
        projection.feed(record("a"))
        async with asyncio.timeout(3):
            assert await stream.alerts(1) == [("a", 1)]
    finally:
        go_on.set()


async def test_a_client_that_leaves_and_a_stop_end_the_stream(feed: Opener, context: Context) -> None:
    one, two = await feed().open(), await feed().open()
    await asyncio.sleep(0.02)
    assert len(context.hub.clients) == 2
    await one.close()
    assert len(context.hub.clients) == 1
    context.hub.close()
    async with asyncio.timeout(2):
        await two.task
    assert two.ended
    assert not context.hub.clients


def test_an_event_is_made_into_bytes_once(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    from api import hub as module
    from api.records import parse

    made = []
    real = module.message
    monkeypatch.setattr(module, "message", lambda *a: made.append(1) or real(*a))
    loop = asyncio.new_event_loop()

    async def play() -> None:
        for _ in range(10):
            context.hub.subscribe(module.Interest("5226"))
        done = context.store.apply([parse(record("a"))], {})
        context.hub.publish(context.store.epoch, done.events)

    loop.run_until_complete(play())
    loop.close()
    assert len(made) == 1


def test_websocket_has_the_same_events(app: FastAPI, context: Context, projection: FakeProjection) -> None:
    from starlette.testclient import TestClient
    from starlette.websockets import WebSocketDisconnect

    start = str(context.store.cursor())
    projection.feed(record("a"), record("b", unit="522622"))
    client = TestClient(app)
    with client.websocket_connect(f"/api/v1/ws?after={start}", headers=bearer(context, "huangping")) as socket:
        event = socket.receive_json()
        assert (event["type"], event["data"]["alert"]["id"]) == ("cityops.alert", "b")
    with client.websocket_connect("/api/v1/ws?after=00000000-1", headers=bearer(context, "huangping")) as socket:
        assert socket.receive_json()["type"] == "cityops.resync"
    for query, headers in (
        ("", {}),
        ("?after=junk", bearer(context, "kaili")),
        ("?unit=522622", bearer(context, "kaili")),
    ):
        with pytest.raises(Exception) as refused, client.websocket_connect(f"/api/v1/ws{query}", headers=headers):  # noqa: PT011
            pass
        assert isinstance(refused.value, WebSocketDisconnect) or getattr(refused.value, "status_code", 0) in (
            401,
            403,
            422,
        )
    assert client.get("/api/v1/ws", headers=bearer(context, "kaili")).status_code == 426
