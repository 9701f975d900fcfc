"""The list with every filter, one alert, and the order of refusals."""

from __future__ import annotations

import httpx
import pytest

from api.context import Context
from tests.unit.api.conftest import T0, FakeBus, FakeProjection, alert_json, bearer, record


@pytest.fixture
def many(projection: FakeProjection) -> None:
    projection.feed(
        record("w1", at_ms=T0 + 1),
        record("g1", at_ms=T0 + 2, domain="gas", kind="gas_high", severity="I", unit="522622001", lon=107.9, lat=26.9),
        record("t1", at_ms=T0 + 3, domain="traffic", severity="II", unit="522601", mode="test", lon=None, lat=None),
        record("c1", at_ms=T0 + 4, handling="CLOSED", condition="CLEARED", title={"zh": "水质", "en": "50% turbid"}),
    )


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("query", "want"),
    [
        ({}, ["t1", "g1", "w1"]),
        ({"state": "all"}, ["c1", "t1", "g1", "w1"]),
        ({"state": "closed"}, ["c1"]),
        ({"unit": "522600"}, ["t1", "g1", "w1"]),
        ({"unit": "5226"}, ["t1", "g1", "w1"]),
        ({"unit": "522601"}, ["t1", "w1"]),
        ({"unit": "522601001001"}, ["w1"]),
        ({"severity": "I,II"}, ["t1", "g1"]),
        ({"domain": "water"}, ["w1"]),
        ({"domain": "water,gas"}, ["g1", "w1"]),
        ({"kind": "gas_high"}, ["g1"]),
        ({"mode": "actual"}, ["g1", "w1"]),
        ({"mode": "test"}, ["t1"]),
        ({"since": "2025-11-23T08:00:00.002Z"}, ["t1", "g1"]),
        ({"until": "2025-11-23T16:00:00.001+08:00"}, ["w1"]),
        ({"since": "2030-01-01T00:00:00Z"}, []),
        ({"bbox": "107.95,26.5,108,26.6"}, ["w1"]),
        ({"q": "压力"}, ["t1", "g1", "w1"]),
        ({"q": "50%", "state": "all"}, ["c1"]),
        ({"q": "5_%", "state": "all"}, []),
        ({"q": "PRS-000001 gas_high"}, ["g1"]),
        ({"condition": "CLEARED", "state": "all"}, ["c1"]),
        ({"limit": "1"}, ["t1"]),
    ],
)
async def test_filters(client: httpx.AsyncClient, query: dict[str, str], want: list[str]) -> None:
    assert ids(await client.get("/api/v1/alerts", params=query)) == want


@pytest.mark.usefixtures("many")
async def test_pages_follow_next_to_the_end(client: httpx.AsyncClient) -> None:
    first = (await client.get("/api/v1/alerts", params={"limit": 2, "state": "all"})).json()
    rest = (await client.get("/api/v1/alerts", params={"limit": 2, "state": "all", "page": first["next"]})).json()
    assert [i["id"] for i in first["items"] + rest["items"]] == ["c1", "t1", "g1", "w1"]
    assert rest["next"] is None
    assert first["cursor"] == rest["cursor"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"severity": "V"}, "severity"),
        ({"severity": "I,,II"}, "severity"),
        ({"domain": "wine"}, "domain"),
        ({"unit": "Kaili"}, "unit"),
        ({"unit": "52260"}, "unit"),
        ({"state": "opened"}, "state"),
        ({"mode": "drill"}, "mode"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2025-11-23T08:00:00"}, "time zone"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "108,26,107,27"}, "bbox"),
        ({"bbox": "nan,26,107,27"}, "bbox"),
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"page": "no page"}, "page"),
        ({"page": "ww"}, "page"),
        ({"q": "x" * 300}, "q"),
        ({"run": "a b"}, "run"),
    ],
)
async def test_a_bad_query_is_422_and_names_the_parameter(
    client: httpx.AsyncClient, query: dict[str, str], words: str
) -> None:
    response = await client.get("/api/v1/alerts", params=query)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert words in response.json()["detail"]


@pytest.mark.usefixtures("many")
async def test_geojson_form(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/alerts", headers={"Accept": "application/geo+json"})
    assert response.headers["content-type"] == "application/geo+json"
    shapes = {f["id"]: f["geometry"] for f in response.json()["features"]}
    assert shapes["w1"] == {"type": "Point", "coordinates": [107.98, 26.58]}
    assert shapes["t1"] is None


@pytest.mark.usefixtures("many")
async def test_officers_see_their_units_only(client: httpx.AsyncClient, context: Context) -> None:
    async def listed(name: str, **query: str) -> httpx.Response:
        return await client.get("/api/v1/alerts", params=query, headers=bearer(context, name))

    assert ids(await listed("kaili")) == ["t1", "w1"]
    assert ids(await listed("kaili", unit="522600")) == ["t1", "w1"]
    assert ids(await listed("town")) == ["w1"]
    assert ids(await listed("village")) == ["w1"]
    assert ids(await listed("huangping")) == ["g1"]
    assert (await listed("kaili", unit="522622")).status_code == 403
    assert (await listed("kaili", unit="522622", limit="x")).status_code == 422


async def test_one_alert_has_series_and_its_whole_timeline(
    client: httpx.AsyncClient, projection: FakeProjection
) -> None:
    projection.feed(record(), record(version=2, at_ms=T0 + 9, trigger="ack", label="ACKED"))
    body = (await client.get("/api/v1/alerts/a1")).json()
    timeline = body.pop("timeline")
    assert body == alert_json(version=2, label="ACKED")
    assert [t["seq"] for t in timeline] == [1, 2]


async def test_commands_go_to_the_bus_and_give_the_alert(
    client: httpx.AsyncClient, projection: FakeProjection, bus: FakeBus
) -> None:
    projection.feed(record())
    bus.answer = {"accepted": True, "alert": alert_json(version=2)}
    body = {"command": "ack", "version": 1, "comment": "去看", "params": {"eta_min": 10}}
    response = await client.post("/api/v1/alerts/a1/commands", json=body, headers={"Idempotency-Key": "k-1"})
    assert (response.status_code, response.json()["version"]) == (200, 2)
    sent = bus.sent[0]
    assert (sent.alert, sent.command, sent.version, sent.county) == ("a1", "ack", 1, "522601")
    assert (sent.by, sent.role, sent.unit, sent.key) == ("prefecture", "commander", "522600", "k-1")
    assert (sent.comment, bytes(sent.params["eta_min"])) == ("去看", b"10")


async def test_a_refusal_is_409_with_its_row(
    client: httpx.AsyncClient, projection: FakeProjection, bus: FakeBus
) -> None:
    projection.feed(record())
    bus.answer = {
        "accepted": False, "status": 409, "row": "ANY-2", "reason": {"zh": "请刷新", "en": "changed since"},
    }  # fmt: skip
    response = await client.post("/api/v1/alerts/a1/commands", json={"command": "ack", "version": 1})
    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["row"] == "ANY-2"
    assert response.json()["reason"]["zh"] == "请刷新"


async def test_no_answer_in_time_is_504_with_the_command_id(
    client: httpx.AsyncClient, projection: FakeProjection, bus: FakeBus
) -> None:
    projection.feed(record())
    bus.answer = None
    response = await client.post("/api/v1/alerts/a1/commands", json={"command": "ack", "version": 1})
    assert response.status_code == 504
    assert response.json()["command"] == bus.sent[0].id


BAD_BODIES = [
    b"", b"{", b"[]", b"null", b'{"command": "ack"}', b'{"version": 1}', b'{"command": "explode", "version": 1}',
    b'{"command": "ack", "version": "1"}', b'{"command": "ack", "version": 0}', b'{"command": "ack", "version": 1.5}',
    b'{"command": "ack", "version": true}', b'{"command": "ack", "version": 1, "params": []}',
    b'{"command": "ack", "version": 1, "extra": 1}', b'{"command": ["ack"], "version": 1}', b"\xff\xfe",
    b'{"command": "ack", "version": 1, "comment": ' + b'"' + b"x" * 3000 + b'"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_a_bad_body_is_422_but_only_for_a_caller(
    client: httpx.AsyncClient, projection: FakeProjection, body: bytes
) -> None:
    projection.feed(record())
    headers = {"Content-Type": "application/json"}
    response = await client.post("/api/v1/alerts/a1/commands", content=body, headers=headers)
    assert response.status_code == 422, response.text
    nobody = {**headers, "Authorization": ""}
    response = await client.post("/api/v1/alerts/a1/commands", content=body, headers=nobody)
    assert response.status_code == 401


async def test_a_409_tells_the_version_that_refused_not_the_projections(
    client: httpx.AsyncClient, projection: FakeProjection, bus: FakeBus
) -> None:
    projection.feed(record())  # the projection is behind: it has version 1
    refused = {"accepted": False, "status": 409, "row": "ANY-2", "reason": {"zh": "", "en": "changed since"}}
    bus.answer = {**refused, "alert": alert_json("a1", 4)}
    response = await client.post("/api/v1/alerts/a1/commands", json={"command": "ack", "version": 1})
    assert (response.status_code, response.json()["version"]) == (409, 4)
    bus.answer = {**refused, "alert": None}
    response = await client.post("/api/v1/alerts/a1/commands", json={"command": "ack", "version": 1})
    assert response.json()["version"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"command":"ack","version":1,"params":{"n":18446744073709551616}}',
        b'{"command":"ack","version":1,"params":{"n":[-9223372036854775809]}}',
        b'{"command":"ack","version":1,"params":{"n":"\\ud800"}}',
        b'{"command":"ack","version":1,"comment":"\\ud800"}',
        b'{"command":"ack","version":1,"params":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
    ],
)
async def test_what_a_command_cannot_carry_is_422(
    client: httpx.AsyncClient, projection: FakeProjection, bus: FakeBus, body: bytes
) -> None:
    projection.feed(record())
    response = await client.post(
        "/api/v1/alerts/a1/commands", content=body, headers={"Content-Type": "application/json"}
    )
    assert (response.status_code, bus.sent) == (422, []), response.text
    assert response.json()["detail"].startswith("body.")


async def test_refusals_come_in_the_contracts_order(
    client: httpx.AsyncClient, projection: FakeProjection, context: Context, bus: FakeBus
) -> None:
    projection.feed(record("here"), record("there", unit="522622001"))
    good = {"command": "ack", "version": 1}

    async def send(alert: str, name: str, body: object = good) -> int:
        url = f"/api/v1/alerts/{alert}/commands"
        return (await client.post(url, json=body, headers=bearer(context, name))).status_code

    assert await send("nowhere", "kaili", {}) == 422
    assert await send("there", "kaili", {}) == 422
    assert await send("nowhere", "kaili") == 404
    assert await send("there", "kaili") == 403
    assert await send("here", "looker") == 403
    assert bus.sent == []
