"""Alerts made by hand: what is written, what is answered, offered and refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api import schema
from api.context import Context
from geo.moments import rfc3339
from streams.events import Detection
from tests.unit.api.conftest import FakeBus, FakeProjection, bearer, record

PLACE = {"lon": 107.98, "lat": 26.58}
BODY: dict[str, Any] = {
    "source": "12345", "caller": "张先生 13800000000", "place": PLACE, "domain": "water", "kind": "burst_suspected",
    "severity": "I", "text": "北京西路路面冒水",
}  # fmt: skip


@pytest.fixture
def live(bus: FakeBus, projection: FakeProjection) -> FakeBus:
    bus.projection = projection
    return bus


async def post(client: httpx.AsyncClient, key: str = "", **changes: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/api/v1/alerts", json={**BODY, **changes}, headers=headers)


async def test_a_report_becomes_an_alert_with_the_persons_severity(client: httpx.AsyncClient, live: FakeBus) -> None:
    answer = await post(client)
    assert answer.status_code == 201, answer.text
    alert = answer.json()
    assert (alert["severity"], alert["severity_by"], alert["source"]) == ("I", "prefecture", "12345")
    assert (alert["kind"], alert["sensors"], alert["assets"], alert["suppressions"]) == ("burst_suspected", [], [], [])
    assert alert["path"]["county"] == "522601"
    assert alert["unit"]["level"] == "village"
    assert alert["reason"]["zh"] == "12345 热线：北京西路路面冒水"
    (sent,) = live.reports
    assert (sent.county, sent.by, sent.state, sent.lon) == ("522601", "prefecture", "raise", 107.98)
    stored = (await client.get(f"/api/v1/alerts/{alert['id']}")).json()
    assert [(t["trigger"], t["by"]) for t in stored["timeline"]] == [("raise", "prefecture")]
    assert {k: v for k, v in stored.items() if k != "timeline"} == {k: v for k, v in alert.items() if k != "offers"}


@pytest.mark.usefixtures("live")
async def test_who_called_stands_in_the_duty_log_alone(client: httpx.AsyncClient, context: Context) -> None:
    first, _ = await post(client, key="k1"), await post(client, key="k1")
    assert "13800000000" not in first.text
    with context.store.read() as tx:
        rows = tx.execute(select(schema.duty_log)).all()
        assert not any("13800000000" in text for text in tx.scalars(select(schema.events.c.data)))
    assert [(r.alert, r.by) for r in rows] == [(first.json()["id"], "prefecture")]
    assert "张先生 13800000000" in rows[0].text


async def test_a_key_gives_the_same_alert_and_no_second_one(client: httpx.AsyncClient, live: FakeBus) -> None:
    one, again, other = await post(client, key="k1"), await post(client, key="k1"), await post(client, key="k2")
    assert one.json()["id"] == again.json()["id"] != other.json()["id"]
    assert (again.status_code, len(live.reports)) == (201, 2)
    assert live.engine.on_detection(live.reports[0], live.reports[0].ts_ms + 5) == []
    listed = (await client.get("/api/v1/alerts")).json()["items"]
    assert len(listed) == 2


async def test_a_unit_or_an_asset_is_a_place_too(client: httpx.AsyncClient, live: FakeBus) -> None:
    await post(client, place={"unit": "522601001"})
    await post(client, place={"asset": "scada:V1"})
    await post(client, place={"unit": "522601"}, severity="IV", kind="other")
    town, valve, county = live.reports
    assert (town.unit, town.approximate, town.lon is not None) == ("522601001", True, True)
    assert (valve.asset, valve.unit, valve.lon) == ("522601-W-VLV-000001", "522601001", 107.98)
    assert (valve.name.zh, valve.approximate) == ("一号阀", False)
    assert (county.unit, county.county, county.severity) == ("522601", "522601", "IV")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "gas_concentration"}, ["body.kind", "'gas_concentration'", "water", "burst_suspected"]),
        ({"kind": "dropout"}, ["body.kind"]),
        ({"severity": "V"}, ["body.severity", "'I'"]),
        ({"source": "sensor"}, ["body.source", "'phone'"]),
        ({"domain": "power"}, ["body.domain"]),
        ({"place": {}}, ["body.place", "lon and lat, unit, or asset"]),
        ({"place": {**PLACE, "unit": "522601"}}, ["body.place", "one of"]),
        ({"place": {"lon": 107.98}}, ["body.place", "lon and lat belong together"]),
        ({"place": {"lon": 26.58, "lat": 107.98}}, ["body.place.lon"]),
        ({"place": {"lon": 116.4, "lat": 39.9}}, ["body.place.lon", "swapped"]),
        ({"place": {"unit": "522699"}}, ["body.place.unit", "522699"]),
        ({"place": {"unit": "522600"}}, ["body.place.unit", "a county, township or village"]),
        ({"place": {"unit": "x"}}, ["body.place.unit"]),
        ({"place": {"asset": "522601-W-VLV-000099"}}, ["body.place.asset", "/api/v1/assets"]),
        ({"at": "2020-01-01T00:00:00Z"}, ["body.at", "24 hours"]),
        ({"at": "yesterday"}, ["body.at"]),
        ({"text": ""}, ["body.text"]),
        ({"text": "a\x00b"}, ["body.text", "zero character"]),
    ],
)
async def test_what_is_wrong_is_named_with_its_fix(
    client: httpx.AsyncClient, live: FakeBus, changes: dict[str, Any], words: list[str]
) -> None:
    answer = await post(client, **changes)
    assert answer.status_code == 422, answer.text
    assert all(word in answer.json()["detail"] for word in words), answer.json()["detail"]
    assert live.reports == []


async def test_no_answer_in_time_is_504_with_the_id(client: httpx.AsyncClient, bus: FakeBus) -> None:
    answer = await post(client, key="k1")
    assert (answer.status_code, answer.json()["id"]) == (504, bus.reports[0].alert)


@pytest.mark.usefixtures("live")
async def test_offers_are_open_alerts_near_of_related_kinds(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, live: FakeBus
) -> None:
    probe = (await post(client, key="probe")).json()
    seen, at = probe["first_seen"], live.reports[0].ts_ms
    near = {"class": "hazard", "first_seen": seen, "last_seen": seen, "unit": "522601001001"}
    old = rfc3339(at - 3 * 3600_000)
    projection.feed(
        record("near", lat=26.582, **near),
        record("nearer", lat=26.5801, kind="burst_suspected", **near),
        record("road", lat=26.581, **{**near, "domain": "traffic", "kind": "congestion"}),
        record("far", lat=26.59, **near),
        record("blurred", lat=26.588, approximate=True, **near),
        record("closed", handling="CLOSED", **near),
        record("over", condition="CLEARED", **{**near, "last_seen": old}),
        record("member", parent="near", **near),
        record("test", mode="test", **near),
        record("device", **{**near, "class": "equipment"}),
        record("elsewhere", **{**near, "domain": "gas", "kind": "regulator_loss"}),
    )
    found = (await post(client)).json()["offers"]
    assert [o["id"] for o in found] == [probe["id"], "nearer", "road", "near", "blurred"]
    assert (found[1]["distance_m"], found[1]["why"]["en"]) == (pytest.approx(11, abs=1), "the same kind, 11 m apart")
    town = await client.post("/api/v1/alerts", json=BODY, headers=bearer(context, "huangping"))
    assert town.status_code == 403
    projection.feed(record("foreign", lat=26.58, **{**near, "unit": "522622001"}))
    assert "foreign" in [o["id"] for o in (await post(client)).json()["offers"]]
    own = await client.post("/api/v1/alerts", json=BODY, headers=bearer(context, "kaili"))
    assert "nearer" in [o["id"] for o in own.json()["offers"]]
    assert "foreign" not in [o["id"] for o in own.json()["offers"]]


def test_a_detection_of_an_older_program_has_the_defaults() -> None:
    fields = Detection.__struct_fields__
    defaults = dict(zip(fields[::-1], Detection.__struct_defaults__[::-1], strict=False))
    assert [defaults[name] for name in ("source", "severity", "by", "alert")] == ["sensor", "", "", ""]
