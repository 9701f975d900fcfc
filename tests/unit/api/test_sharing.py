"""Several API processes on one PostgreSQL: one writes at a time, the others tell the same events."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from api import queries, tokens, users
from api.arrivals import Arrivals
from api.cursor import Cursor
from api.follower import Follower
from api.hub import Hub, Interest
from api.kpi import AlarmFigures
from api.leadership import Session, opened
from api.projecting import Projecting
from api.records import parse
from api.store import FencedError, Store
from streams.errors import UsageError
from streams.notify.outbox import Outbox
from streams.settings import Settings
from streams.sql import StoreError
from tests.postgres import Postgres
from tests.unit.api.conftest import T0, record

ALL = Interest("")


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture
def open_store(url: str) -> Iterator[Callable[[], Store]]:
    made: list[Store] = []

    def one() -> Store:
        made.append(Store(url, keep_events=10))
        return made[-1]

    yield one
    for store in made:
        store.close()


def apply(store: Store, *values: bytes, fence: str, offset: int = 1):
    return store.apply([parse(v) for v in values], {("alerts", 0): offset}, fence)


async def until(check: Callable[[], Awaitable[bool] | bool], within_s: float = 15.0) -> None:
    end = time.monotonic() + within_s
    while True:
        found = check()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def test_who_was_relieved_can_write_no_more(open_store: Callable[[], Store]) -> None:
    old, new = open_store(), open_store()
    fence = old.lead()
    apply(old, record("a"), fence=fence, offset=1)
    apply(new, record("b"), fence=new.lead(), offset=2)
    for write in (
        lambda: apply(old, record("b"), fence=fence, offset=2),
        lambda: old.drop({""}, fence),
        lambda: old.keep_topics({"alerts": "x"}, fence),
    ):
        with pytest.raises(FencedError, match="another API process projects now"):
            write()
    assert [e.seq for _, _, events in [queries.events_after(old, Cursor(old.epoch, 0))] for e in events] == [1, 2]
    assert (new.offsets(), new.topics()) == ({("alerts", 0): 2}, {"alerts": ""})


async def test_a_follower_tells_the_same_events_once_and_counts_them(open_store: Callable[[], Store]) -> None:
    leader, other = open_store(), open_store()
    hub, alarms = Hub(other.cursor()), AlarmFigures()
    alarms.load(other)
    follower = Follower(other, Arrivals(other, hub), alarms)
    client = hub.subscribe(ALL)
    fence = leader.lead()
    done = apply(leader, record("a"), record("a", 2, T0 + 1, "ack"), record("b"), fence=fence)
    await follower.catch_up()
    await follower.catch_up()
    assert [m.seq for m in await client.take()] == [e.seq for e in done.events] == [1, 2, 3]
    assert (hub.head, other.cursor()) == (leader.cursor(), leader.cursor())
    assert alarms.gauges(("522601",), T0 + 5)["open"]["522601"] == 2


@pytest.mark.parametrize("change", ["dropped", "too far behind"])
async def test_a_follower_whose_events_are_gone_lets_clients_read_anew(
    open_store: Callable[[], Store], change: str
) -> None:
    leader, other = open_store(), open_store()
    hub = Hub(other.cursor())
    follower = Follower(other, Arrivals(other, hub), AlarmFigures())
    fence = leader.lead()
    apply(leader, record("a"), fence=fence)
    await follower.catch_up()
    client = hub.subscribe(ALL)
    if change == "dropped":
        leader.drop({""}, fence)
        apply(leader, record("a"), fence=fence)
    else:
        for version in range(2, 66):
            apply(leader, record("a", version), fence=fence)
    await follower.catch_up()
    assert [(m.kind, m.seq) for m in await client.take()] == [("resync", leader.seq)]
    assert hub.head == leader.cursor() == other.cursor()


async def test_the_lock_passes_on_when_its_connection_ends(open_store: Callable[[], Store], postgres: Postgres) -> None:
    a, b = open_store(), open_store()
    async with opened(b) as second:
        async with opened(a) as first:
            assert await first.try_lead()
            assert not await second.try_lead()
        await until(lambda: _free(second))
    with pytest.raises(StoreError, match=r"^PostgreSQL /\S+: "):  # noqa: PT012 - leaving may raise it too
        async with opened(a) as first:
            postgres.cut()
            await first.wait()


async def _free(session: Session) -> bool:
    return await session.try_lead()


async def test_who_stands_still_loses_the_lock(
    open_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.leadership._OPTIONS", "-c idle_session_timeout=300ms")
    store = open_store()
    async with opened(store) as other:
        with pytest.raises(StoreError, match="ended the connection"):  # noqa: PT012
            async with opened(store) as still:
                assert await still.try_lead()
                await until(lambda: _free(other))
                await still.wait()


async def test_processes_share_take_over_and_catch_up_after_a_lost_connection(
    open_store: Callable[[], Store], postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Projectors are stubs that wait: what they would write, the test writes."""

    async def idle(self: Projecting, fence: str) -> None:
        leading.append((self, fence))
        await asyncio.Event().wait()

    leading: list[tuple[Projecting, str]] = []
    monkeypatch.setattr(Projecting, "_project", idle)
    stores = [open_store(), open_store()]
    hubs = [Hub(s.cursor()) for s in stores]
    parts = [Projecting(Settings(env={}), s, h, AlarmFigures()) for s, h in zip(stores, hubs, strict=True)]
    clients = [hub.subscribe(ALL) for hub in hubs]
    tasks = [asyncio.create_task(part.run()) for part in parts]
    await until(lambda: len(leading) == 1 and not any(p.trouble for p in parts))
    first = parts.index(leading[0][0])
    second = 1 - first
    waiting = asyncio.create_task(parts[second].stored("a", 1, 10))
    await asyncio.to_thread(apply, stores[first], record("a"), fence=leading[0][1])
    assert await waiting
    assert [m.seq for m in await clients[second].take()] == [1]

    relieve = stores[second].lead

    def late() -> str:  # the one before writes once more, after the lock is free
        apply(stores[first], record("last"), fence=leading[0][1])
        return relieve()

    monkeypatch.setattr(stores[second], "lead", late)
    tasks[first].cancel()
    await until(lambda: len(leading) == 2)
    monkeypatch.undo()
    monkeypatch.setattr(Projecting, "_project", idle)
    assert [m.seq for m in await asyncio.wait_for(clients[second].take(), 5)] == [2]
    assert leading[1][0] is parts[second]
    with pytest.raises(FencedError):
        await asyncio.to_thread(apply, stores[first], record("late"), fence=leading[0][1])
    await asyncio.to_thread(apply, stores[second], record("b"), fence=leading[1][1])

    postgres.cut()
    await until(lambda: len(leading) == 3)
    assert leading[2][0] is parts[second]
    assert [m.seq for m in await clients[second].take()] == [3], "what was written meanwhile is told"
    tasks[second].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_follower_hears_at_once(open_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.leadership.TRY_S", 60.0)  # so that looking by itself would come too late
    leader, other = open_store(), open_store()
    fence = leader.lead()
    async with opened(other) as session, asyncio.timeout(10):
        waiting = asyncio.create_task(session.wait())
        await asyncio.to_thread(apply, leader, record("a"), fence=fence)
        await waiting
    assert queries.events_after(other, other.cursor())[2][0].alert == "a"


async def test_a_client_ahead_of_a_process_goes_on_without_a_gap(open_store: Callable[[], Store]) -> None:
    """It comes from the process that projects to one that has not heard yet."""
    from types import SimpleNamespace

    from api.routes.feed import messages

    leader, other = open_store(), open_store()
    hub = Hub(other.cursor())
    fence = leader.lead()
    apply(leader, record("a"), record("b"), fence=fence)
    came = leader.cursor()
    client = hub.subscribe(ALL)
    got = messages(SimpleNamespace(store=other), client, came, "")  # type: ignore[arg-type]
    first = asyncio.ensure_future(anext(got))
    apply(leader, record("c"), fence=fence)
    await Follower(other, Arrivals(other, hub), AlarmFigures()).catch_up()
    assert [m.seq for m in await asyncio.wait_for(first, 5)] == [3]

    leader.drop({""}, fence)  # the other has not heard of the new epoch either
    apply(leader, record("d"), fence=fence)
    late = messages(SimpleNamespace(store=other), hub.subscribe(ALL), leader.cursor(), "")  # type: ignore[arg-type]
    assert [m.kind for m in await asyncio.wait_for(anext(late), 5)] == ["resync"]


def test_the_outbox_is_another_database(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give the outbox one of its own"):
        Outbox.of(Settings({"db": url, "notify_db": url}, env={}), tmp_path)


def test_writers_wait_for_each_other_and_see_what_was_written(open_store: Callable[[], Store]) -> None:
    """What reads before it writes is as safe as on SQLite: a refresh token is spent once."""
    stores = [open_store(), open_store()]
    users.put(stores[0], "anna", "long enough", "viewer", "522600")
    user = users.get(stores[0], "anna")
    assert user is not None
    token = tokens.refresh_token(stores[0], user, "family")
    start = threading.Barrier(2)
    spent: list[tokens.Spent | None] = []

    def spend(store: Store) -> None:
        start.wait()
        spent.append(tokens.spend(store, token, 3600))

    threads = [threading.Thread(target=spend, args=(s,)) for s in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(s.again for s in spent if s is not None) in ([False], [False, True]), "used once, then ended"


def test_a_writer_that_waits_too_long_says_so(open_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.sql._LIMITS", "-c lock_timeout=100ms")
    a, b = open_store(), open_store()
    with a.write(), pytest.raises(StoreError, match="another program holds it for more than 10 s"), b.write():
        pass


def test_reads_see_one_state(open_store: Callable[[], Store]) -> None:
    a, b = open_store(), open_store()
    with a.read() as tx:
        assert tx.scalar(text("SELECT count(*) FROM alerts")) == 0
        apply(b, record("a"), fence=b.lead())
        assert tx.scalar(text("SELECT count(*) FROM alerts")) == 0
    assert queries.get_alert(a, "a") is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("/postgres?", "/none?"), "it has no such database; make it with createdb"),
        (("cityops@", "stranger@"), "it has no such role; make it with createuser"),
        (("cityops-pg-", "nowhere-"), "it does not answer; start it, or correct the address"),
        (("postgresql:", "mysql:"), "no address of a database; want sqlite:///file or postgresql://"),
    ],
)
def test_an_address_that_leads_nowhere_is_told(url: str, change: tuple[str, str], words: str) -> None:
    with pytest.raises(Exception, match=words):
        Store(url.replace(*change))
