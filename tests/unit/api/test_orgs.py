"""Accounts of organisations: they see and act on what their assets raise, in lists, feed, replay, CAP and counts."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import delete

from api import alert_orgs, queries, schema, users
from api.app import create_app
from api.context import Context
from api.hub import Interest
from api.store import Store
from tests.unit.api.conftest import (
    OTHER_ORG,
    OWN_ORG,
    FakeBus,
    FakeProjection,
    FakeRegistry,
    alert_json,
    bearer,
    record,
)
from tests.unit.api.sse import Feed

OWN, FOREIGN = "officer@own", "commander@other"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def city(projection: FakeProjection) -> FakeProjection:
    """One alert of each role that an organisation has, one of another's, one of nobody's."""
    projection.feed(
        record("owned", owner_org=OWN_ORG), record("run", owner_org=OTHER_ORG, operator_org=OWN_ORG),
        record("watched", regulator=OWN_ORG, unit="522622001"), record("theirs", owner_org=OTHER_ORG),
        record("nobodys"),
    )  # fmt: skip
    return projection


@pytest.fixture
async def client(context: Context, city: FakeProjection) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer(context, OWN)) as made:
        yield made


async def listed(client: httpx.AsyncClient, query: str = "") -> list[str]:
    return sorted(item["id"] for item in (await client.get(f"/api/v1/alerts{query}")).json()["items"])


async def test_lists_and_counts_are_of_its_assets(client: httpx.AsyncClient, context: Context) -> None:
    assert await listed(client) == ["owned", "run", "watched"]
    assert await listed(client, "?unit=522622") == ["watched"]
    assert (await client.get("/api/v1/stats")).json()["total"] == 3
    entries = ET.fromstring((await client.get("/cap/index.atom")).content).iterfind(f"{ATOM}entry/{ATOM}id")
    assert sorted((e.text or "").rpartition(":")[2] for e in entries) == ["owned", "run", "watched"]
    client.headers.update(bearer(context, "own@elsewhere"))  # the same organisation, for one county
    assert await listed(client) == ["watched"]
    assert (await client.get("/api/v1/alerts/owned")).status_code == 403


async def test_assets_and_sensors_are_its_own(client: httpx.AsyncClient) -> None:
    items = (await client.get("/api/v1/assets")).json()["items"]
    assert [i["id"] for i in items] == ["522601-W-PRS-000001", "522601-W-VLV-000001"]
    refused = await client.get("/api/v1/sensors/522622-G-CH4-000001")
    assert refused.status_code == 403
    assert OWN_ORG in refused.json()["detail"]


async def test_readings_of_others_are_refused_row_by_row(client: httpx.AsyncClient) -> None:
    body = [{"sensor": "522601-W-PRS-000001", "ts": int(time.time() * 1000), "value": 1}]
    answer = (await client.post("/api/v1/ingest?domain=water", json=body)).json()
    assert answer == {"accepted": 1, "rejected": []}
    body[0]["sensor"] = "522622-G-CH4-000001"
    answer = (await client.post("/api/v1/ingest?domain=gas", json=body)).json()
    assert any("outside your organisation" in r["reason"] for r in answer["rejected"])


async def test_it_acts_in_its_own_name(client: httpx.AsyncClient, bus: FakeBus) -> None:
    bus.answer = {"accepted": True, "alert": alert_json("run", 2)}
    body = {"command": "ack", "version": 1}
    assert (await client.post("/api/v1/alerts/run/commands", json=body)).status_code == 200
    assert (bus.sent[0].unit, bus.sent[0].by) == (f"org:{OWN_ORG}", OWN)
    assert (await client.post("/api/v1/alerts/theirs/commands", json=body)).status_code == 403
    assert (await client.post("/api/v1/alerts/nobodys/commands", json=body)).status_code == 403
    into = {"command": "merge", "version": 1, "params": {"into": "theirs"}}
    assert (await client.post("/api/v1/alerts/owned/commands", json=into)).status_code == 403
    items = (await client.get("/api/v1/alerts/run/actions")).json()["items"]
    allowed = {i["command"] for i in items if i["allowed"]}
    assert "ack" in allowed
    assert not {"take_over", "delegate", "verify"} & allowed


async def test_the_engine_takes_an_organisations_ack_as_its_own_level() -> None:
    from streams.alerts.engine import Engine
    from tests.unit.streams.test_lifecycle import T0, command, detection

    engine = Engine()
    alert = engine.on_detection(detection(owner_org=OWN_ORG), T0)[-1].alert
    result, made = engine.on_command(command(alert, unit=f"org:{OWN_ORG}"), T0 + 1000)
    assert result.accepted
    assert [k.level for k in made[-1].alert.acks] == ["organisation"]


async def test_a_report_needs_an_asset_of_its_own(
    client: httpx.AsyncClient, bus: FakeBus, city: FakeProjection
) -> None:
    bus.projection = city
    report = {"source": "patrol", "domain": "water", "kind": "other", "severity": "III", "text": "冒水"}

    async def said(place: dict[str, str]) -> int:
        return (await client.post("/api/v1/alerts", json={**report, "place": place})).status_code

    assert await said({"unit": "522601001"}) == 403
    assert await said({"asset": "522622-G-CH4-000001"}) == 403
    assert await said({"asset": "522601-W-VLV-000001"}) == 201


async def test_feed_and_replay_are_filtered(context: Context, city: FakeProjection) -> None:
    app: FastAPI = create_app(context)
    start = f"{context.store.epoch}-0"
    stream = await Feed(app, bearer(context, OWN), after=start).open()
    city.feed(
        record("later", owner_org=OTHER_ORG), record("mine", owner_org=OWN_ORG), record("owned", 2, owner_org=OWN_ORG)
    )
    seen = [(await stream.next())[2]["subject"] for _ in range(5)]
    assert seen == ["owned", "run", "watched", "mine", "owned"]
    assert stream.waiting == 0
    stream.task.cancel()
    await asyncio.gather(stream.task, return_exceptions=True)


async def test_an_alert_that_changes_hands_is_seen_by_the_new_owner(
    client: httpx.AsyncClient, city: FakeProjection
) -> None:
    city.feed(record("owned", 2, owner_org=OTHER_ORG))
    assert await listed(client) == ["run", "watched"]
    city.feed(record("owned", 3, owner_org=OWN_ORG))
    assert await listed(client) == ["owned", "run", "watched"]


def test_a_database_from_before_is_gone_through_once(context: Context, city: FakeProjection, tmp_path: Path) -> None:
    mine = queries.AlertFilter(prefix="5226", orgs=frozenset({OWN_ORG}))
    with context.store.write() as tx:
        tx.execute(delete(alert_orgs.alert_orgs))
        tx.execute(delete(schema.meta).where(schema.meta.c.key == "alert_orgs"))
    assert queries.list_alerts(context.store, mine, 10, None).items == []
    again = Store.in_folder(tmp_path)
    assert len(queries.list_alerts(again, mine, 10, None).items) == 3
    again.drop([""])
    with again.read() as tx:
        assert tx.execute(alert_orgs.alert_orgs.select()).all() == []
    again.close()


def test_what_a_client_of_an_organisation_wants(context: Context, city: FakeProjection) -> None:
    events = [e for page in queries.events_between(context.store, 0, 9, "5226") for e in page]
    assert [e.alert for e in events if Interest("5226", orgs=frozenset({OTHER_ORG})).wants(e)] == ["run", "theirs"]


async def test_duty_of_the_own_organisation_is_open_to_it(client: httpx.AsyncClient, context: Context) -> None:
    from streams.duty.records import Contact, Person, Roster
    from streams.duty.wire import parsed

    registry = context.registry
    assert isinstance(registry, FakeRegistry)
    registry.duty.put(Roster(id=f"org:{OTHER_ORG}", unit="522622"))
    registry.duty.put(Person(id="zhou", name="周", place=f"org:{OWN_ORG}", contacts=(Contact("sms", "13900000000"),)))
    plain = {
        "type": "roster", "id": f"org:{OWN_ORG}", "unit": "522601",
        "rotations": [{"role": "main", "teams": [["zhou"]], "starts": "2020-01-06T08:30:00+08:00"}],
    }  # fmt: skip
    registry.duty.put(parsed(plain)[0])
    found = (await client.get("/api/v1/duty")).json()
    assert found["unit"] == f"org:{OWN_ORG}"
    assert found["people"][0]["contacts"][0]["address"] == "13900000000"
    assert (await client.get("/api/v1/duty", params={"unit": f"org:{OTHER_ORG}"})).status_code == 403


def test_the_users_command_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from streams.cli import run

    def create(*args: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("a long password\n"))
        code = run(["users", "create", "wang", "--role", "officer", "--password-stdin", "--data", str(tmp_path), *args])
        return code, "".join(capfd.readouterr())

    assert create()[0] == 2
    code, told = create("--org", OWN_ORG, "--org", "凯里住建局")
    assert (code, told.strip()) == (0, f"wang: officer of {' and '.join(sorted([OWN_ORG, '凯里住建局']))} in 522600")
    store = Store.in_folder(tmp_path)
    user = users.get(store, "wang")
    assert user is not None
    assert (set(user.orgs), user.unit) == ({OWN_ORG, "凯里住建局"}, "522600")
    assert create("--unit", "522601")[0] == 0
    assert (user := users.get(store, "wang")) is not None
    assert (user.orgs, user.unit) == ((), "522601")
    store.close()


def test_orgs_of_an_alert() -> None:
    assert alert_orgs.owners(orjson.dumps({"alert": {"owner_org": "a", "regulator": None}}).decode()) == {"a"}
