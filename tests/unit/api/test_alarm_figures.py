"""GET /stats/alarms: what the projection holds, live and after a restart; JSON and CSV; what is refused."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest

from api import kpi
from api.arrivals import Arrivals
from api.context import Context
from api.kpi import AlarmFigures
from api.projector import Projector
from api.store import Store
from geo.moments import rfc3339
from streams.kpi.facts import Fact
from streams.kpi.figures import Question
from tests.postgres import BOTH
from tests.unit.api.conftest import T0, FakeProjection, bearer, record

DATABASES = BOTH
HOUR = 3_600_000
ASKED = {"from": rfc3339(T0 - HOUR), "to": rfc3339(T0 + HOUR)}


def step(id_: str, version: int, at_ms: int, trigger: str, to: dict[str, Any] | None = None, **changes: Any) -> bytes:
    made = orjson.loads(record(id_, version, at_ms, trigger, **changes))
    made["transition"]["to"] = to or {}
    return orjson.dumps(made)


@pytest.fixture
def fed(projection: FakeProjection) -> FakeProjection:
    projection.feed(
        step("a", 1, T0, "raise", {"severity": "III"}),
        step("b", 1, T0 + 1000, "raise", unit="522622001", severity="IV"),
        step("x", 1, T0 + 1000, "raise", mode="exercise"),
        step("a", 2, T0 + 60_000, "ack", {"acks": ["township:li"]}),
        step("b", 2, T0 + 90_000, "close", unit="522622001", severity="IV", handling="CLOSED", verdict="false_alarm"),
    )
    return projection


def by_name(body: dict[str, Any]) -> dict[str, Any]:
    return {f["name"]: f["value"] for f in body["figures"]}


async def test_figures(client: httpx.AsyncClient, fed: FakeProjection) -> None:
    body = (await client.get("/api/v1/stats/alarms", params=ASKED)).json()
    values = by_name(body)
    assert (values["alarms"], values["open"], values["false_share"]) == (2, 1, 1.0)
    assert (body["complete"], body["from"], body["unit"]) == (True, ASKED["from"], "522600")
    assert {(s["unit"], s["name"], s["alarms"]) for s in body["scopes"]} == {
        ("522601", "凯里市", 1), ("522622", "黄平县", 1),
    }  # fmt: skip
    ack = next(t for t in body["response"] if (t["step"], t["by"]) == ("ack", "level"))
    assert (ack["key"], ack["median_s"], ack["share"]) == ("township", 60.0, 1.0)
    only = (await client.get("/api/v1/stats/alarms", params={**ASKED, "mode": "exercise"})).json()
    assert by_name(only)["alarms"] == 1


async def test_an_officer_sees_the_own_county_only(
    client: httpx.AsyncClient, context: Context, fed: FakeProjection
) -> None:
    mine = await client.get("/api/v1/stats/alarms", params=ASKED, headers=bearer(context, "huangping"))
    assert by_name(mine.json())["alarms"] == 1
    assert {s["unit"] for s in mine.json()["scopes"]} == {"522622001"}
    assert {t["key"] for t in mine.json()["response"] if t["by"] == "unit"} == {"522622001"}


def test_after_a_restart_the_figures_are_the_same(context: Context, fed: FakeProjection) -> None:
    again = AlarmFigures()
    assert not again.ready
    again.load(context.store)
    q = Question("5226", T0 - HOUR, T0 + HOUR)
    assert again.ready
    assert again.ask(q) == context.alarms.ask(q)
    fed.feed(step("a", 3, T0 + 120_000, "clear", condition="CLEARED"))
    assert again.ask(q) != context.alarms.ask(q)


def test_a_start_takes_open_alerts_and_the_newest_closed_ones(context: Context, projection: FakeProjection) -> None:
    for k in range(9):
        projection.feed(step(f"c{k}", 1, T0 + k, "raise"), step(f"c{k}", 2, T0 + k, "close", handling="CLOSED"))
    projection.feed(step("o", 1, T0, "raise"))
    small = AlarmFigures(most=4)
    small.load(context.store)
    answer = small.ask(Question("5226", T0 - HOUR, T0 + HOUR))
    assert (by_name(answer)["alerts"], answer["complete"]) == (4, False)
    assert small.ask(Question("5226", T0 + 6, T0 + HOUR))["complete"]


async def test_what_comes_while_the_store_is_read_counts_once(
    context: Context, fed: FakeProjection, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = step("late", 1, T0, "raise")

    def stored(store: Store, most: int) -> tuple[int, Iterator[Fact]]:
        fed.alarms = again
        fed.feed(late)  # in the store before it is read, and told by the projector
        since, facts = real(store, most)
        read = list(facts)
        fed.feed(step("after", 1, T0, "raise"))  # only told
        return since, iter(read)

    real = kpi._stored
    monkeypatch.setattr(kpi, "_stored", stored)
    again = AlarmFigures()
    again.load(context.store)
    q = Question("5226", T0 - HOUR, T0 + HOUR)
    assert by_name(again.ask(q))["alarms"] == 4
    fed.feed(step("later", 1, T0, "raise"))
    assert by_name(again.ask(q))["alarms"] == 5


async def test_a_run_that_is_dropped_leaves_the_figures(context: Context, fed: FakeProjection) -> None:
    store, q = context.store, Question("5226", T0 - HOUR, T0 + HOUR)
    task = asyncio.create_task(context.alarms.run(store))
    try:
        store.drop({""})
        context.alarms.forget()
        assert not context.alarms.ready
        async with asyncio.timeout(10):
            while not context.alarms.ready:  # noqa: ASYNC110 - set by a thread
                await asyncio.sleep(0.001)
        assert by_name(context.alarms.ask(q))["alarms"] == 0
    finally:
        task.cancel()


async def test_the_projector_feeds_the_figures_and_forgets_what_was_dropped(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing() -> None:
        return None

    projector = Projector(context.settings, context.store, Arrivals(context.store, context.hub), context.alarms)
    monkeypatch.setattr(projector._tail, "open", nothing)
    values = (step("a", 1, T0, "raise"), step("a", 1, T0, "raise"), step("b", 1, T0, "raise"))
    await projector.apply(
        [SimpleNamespace(topic="alerts", partition=0, offset=k, key=None, value=v) for k, v in enumerate(values)]
    )
    q = Question("5226", T0 - HOUR, T0 + HOUR)
    assert by_name(context.alarms.ask(q))["alarms"] == 2
    await projector._drop({""})
    assert not context.alarms.ready


async def test_csv(client: httpx.AsyncClient, fed: FakeProjection) -> None:
    fed.feed(step("e", 1, T0, "raise", assets=["=HYPERLINK(1)"]))
    answer = await client.get("/api/v1/stats/alarms", params={**ASKED, "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(answer.text[1:])))
    assert {len(r) for r in rows} == {8}
    assert next(r for r in rows if r[1] == "alarms")[3] == "3.0"
    assert {r[0] for r in rows[1:]} >= {"figures", "scopes", "response", "top_sources"}
    assert "'=HYPERLINK(1)" in {r[2] for r in rows}
    assert "None" not in answer.text


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({"mode": "all"}, "query.mode: 'all' is none of actual, exercise, test"),
        ({"class": "x"}, "query.class: 'x' is none of hazard, equipment, all"),
        ({"format": "pdf"}, "query.format: 'pdf' is none of json, csv"),
        ({"operators": "0"}, "query.operators: want a whole number from 1 to 100"),
        ({"from": rfc3339(T0), "to": rfc3339(T0)}, "query.from: want a time before `to`, at most 400 days before it"),
        ({"from": "yesterday"}, "query.from: 'yesterday' is neither RFC 3339 nor epoch milliseconds"),
    ],
)
async def test_refused(client: httpx.AsyncClient, params: dict[str, str], detail: str) -> None:
    answer = await client.get("/api/v1/stats/alarms", params=params)
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


async def test_not_ready_is_503(client: httpx.AsyncClient, context: Context) -> None:
    context.alarms.ready = False
    assert (await client.get("/api/v1/stats/alarms")).status_code == 503


def test_gauges_are_by_prefecture_and_county(context: Context, fed: FakeProjection) -> None:
    context.metrics.watch_units("cityops_alarm", "x", lambda: context.alarms.gauges(("522600", "522622"), T0 + 2000))
    text = context.metrics.text().decode()
    assert 'cityops_alarm_alarms_10min{unit="522622"} 1.0' in text
    assert 'cityops_alarm_open{unit="522600"} 1.0' in text
