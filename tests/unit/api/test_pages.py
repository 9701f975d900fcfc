"""What is left: health, headers, problem documents, units, map, assets, readings, stats, console."""

from __future__ import annotations

from pathlib import Path

import httpx
import msgspec
import pytest

from api.app import create_app
from api.context import Context
from geo.divisions import Divisions
from streams.errors import CityopsError
from tests.unit.api.conftest import T0, FakeBus, FakeHistory, FakeProjection, bearer, record

W = "522601-W-PRS-000001"


async def test_health_is_open_and_says_why_not(client: httpx.AsyncClient, projection: FakeProjection) -> None:
    client.headers.pop("Authorization")
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200
    projection.trouble = "no Kafka answers at 127.0.0.1:9"
    not_ready = await client.get("/readyz")
    assert (not_ready.status_code, not_ready.json()["detail"]) == (503, "no Kafka answers at 127.0.0.1:9")
    assert (await client.get("/healthz")).status_code == 200
    text = (await client.get("/metrics")).text
    assert "cityops_ready 0.0" in text
    assert 'cityops_http_requests_total{method="GET",route="/readyz",status="503"} 1.0' in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/api/v1/alerts", 405),
        ("GET", "/nothing", 404),
        ("PUT", "/healthz", 405),
    ],
)
async def test_unknown_paths_are_problems(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


async def test_errors_of_our_own_say_little_outside(
    client: httpx.AsyncClient,
    context: Context,
    projection: FakeProjection,
    bus: FakeBus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    projection.feed(record("a1"))

    async def away(*_: object) -> None:
        raise CityopsError("no Kafka answers at k:1")

    monkeypatch.setattr(bus, "send", away)
    body = {"command": "ack", "version": 1}
    assert (await client.post("/api/v1/alerts/a1/commands", json=body)).status_code == 503

    async def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(bus, "send", broken)
    response = await client.post("/api/v1/alerts/a1/commands", json=body)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret inside" not in response.text


async def test_security_headers_are_everywhere(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/api/v1/alerts", "/api/v1/nothing", "/"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert (await client.get("/api/v1/alerts")).headers["cache-control"] == "no-store"


async def test_bodies_are_bounded_with_and_without_a_length(client: httpx.AsyncClient) -> None:
    async def chunks():
        for _ in range(30):
            yield b"x" * 65536

    assert (await client.post("/api/v1/auth/token", content=b"x" * 2_000_000)).status_code == 413
    assert (await client.post("/api/v1/alerts/a/commands", content=chunks())).status_code in (404, 413, 422)
    url = "/api/v1/alerts/a/commands"
    response = await client.post(url, content=chunks(), headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


async def test_openapi_names_the_shapes(client: httpx.AsyncClient) -> None:
    client.headers.pop("Authorization")
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert {"Alert", "Transition", "Problem"} <= set(document["components"]["schemas"])
    assert "401" in document["paths"]["/api/v1/alerts"]["get"]["responses"]


async def test_the_console_is_served(context: Context, tmp_path: Path) -> None:
    pages = tmp_path / "console"
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html><title>cityops</title>")
    (pages / "assets").mkdir()
    (pages / "assets" / "app-1a2b.js").write_text("1")
    app = create_app(context, console=pages)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        response = await client.get("/")
        assert response.headers["content-type"].startswith("text/html")
        assert response.headers["cache-control"] == "no-cache"
        assert "immutable" in (await client.get("/assets/app-1a2b.js")).headers["cache-control"]
        assert (await client.get("/../secret.key")).status_code == 404
        assert (await client.get("/%2e%2e/secret.key")).status_code == 404


async def test_a_console_that_is_not_built_says_how(context: Context, tmp_path: Path) -> None:
    app = create_app(context, console=tmp_path)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        response = await client.get("/")
        assert response.headers["content-type"].startswith("text/html")
        assert "make console" in response.text
        assert (await client.get("/healthz")).status_code == 200


async def test_map_tiles_are_named_to_the_console_and_allowed(context: Context) -> None:
    headers = bearer(context, "looker")
    for url, source in (("", "data:;"), ("https://t{s}.example.org/{z}/{x}/{y}.png", "data: https://*.example.org;")):
        context.settings = context.settings.replace(tile_url=url)
        app = create_app(context)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            answer = await client.get("/api/v1/console", headers=headers)
        assert answer.json()["tiles"] == ({"url": url, "attribution": ""} if url else None)
        assert {"kind": "other", "title": {"zh": "其他险情", "en": "Other trouble"}} in answer.json()["kinds"]["water"]
        assert answer.json()["photo_mb"] == 8
        assert f"img-src 'self' {source}" in answer.headers["content-security-policy"]


async def test_units(client: httpx.AsyncClient) -> None:
    one = (await client.get("/api/v1/units/5226")).json()
    assert (one["code"], one["level"], one["children"]) == ("522600", "prefecture", 16)
    below = (await client.get("/api/v1/units/522601/children")).json()["items"]
    assert below[0]["code"] == "522601001"
    assert (await client.get("/api/v1/units/522699")).status_code == 404
    assert (await client.get("/api/v1/units/kaili")).status_code == 422
    headers = {"Accept": "application/geo+json"}
    shapes = (await client.get("/api/v1/units/522600/children", headers=headers)).json()["features"]
    assert len(shapes) == 16
    assert all(f["geometry"]["coordinates"] for f in shapes)
    assert all(f["properties"]["name"] for f in shapes)
    towns = (await client.get("/api/v1/units/522601/children", headers=headers)).json()["features"]
    assert all(f["properties"]["approximate"] and f["geometry"]["coordinates"] for f in towns)
    villages = (await client.get("/api/v1/units/522601002/children", headers=headers)).json()["features"]
    assert [f["id"] for f in villages] == [
        f["code"] for f in (await client.get("/api/v1/units/522601002/children")).json()["items"]
    ]
    assert villages[0]["properties"]["short"] == "永乐社区"
    assert (await client.get("/api/v1/units/522601002001/children", headers=headers)).json()["features"] == []
    assert not shapes[0]["properties"]["approximate"]
    assert len((await client.get("/api/v1/map")).json()["features"]) == 16


async def test_units_of_an_older_table_are_told_as_retired(client: httpx.AsyncClient, context: Context) -> None:
    table = context.divisions
    old = msgspec.structs.replace(table.get("522601002003"), retired=True, successor="522601002001")
    context.divisions = Divisions([*(u for u in table if u.code != old.code), old])
    one = (await client.get("/api/v1/units/522601002003")).json()
    assert (one["retired"], one["successor"], one["name_en"]) == (True, "522601002001", "Pingguoshan Community")
    assert one["full_name"] == "凯里市大十字街道苹果山社区"
    below = (await client.get("/api/v1/units/522601002/children")).json()["items"]
    assert old.code not in [u["code"] for u in below]
    assert not below[0]["retired"]
    new = (await client.get("/api/v1/units/522622102")).json()
    assert (new["source"], new["as_of"], new["successor"]) == ("china-division 2.7.0", "2023", None)


async def test_one_sensor(client: httpx.AsyncClient) -> None:
    one = (await client.get(f"/api/v1/sensors/{W}")).json()
    assert (one["name_zh"], one["code"]) == ("北京西路压力", f"{W}-F")
    assert (await client.get("/api/v1/sensors/522601-W-PRS-999999")).status_code == 404


async def test_readings(client: httpx.AsyncClient, context: Context) -> None:
    history = context.history
    assert isinstance(history, FakeHistory)
    url = f"/api/v1/sensors/{W}/readings"
    query = {"from": "2025-11-23T08:00:00Z", "to": "2025-11-23T09:00:00Z", "step": 10, "agg": "max"}
    body = (await client.get(url, params=query)).json()
    assert history.asked[-1] == (W, T0, T0 + 3_600_000, 10_000, "max", "")
    assert body["points"] == [["2025-11-23T08:00:00.000Z", 1.0], ["2025-11-23T08:00:01.000Z", 2.0]]
    history.points = [(T0 + k, 1.0) for k in range(6000)]
    assert (await client.get(url)).json()["step"] == 1  # too many: one a second
    for bad in (
        {"from": "x"},
        {"step": "0"},
        {"step": "-1"},
        {"agg": "median"},
        {**query, "to": "2025-11-23T07:00:00Z"},
    ):
        assert (await client.get(url, params=bad)).status_code == 422


async def test_stats(client: httpx.AsyncClient, projection: FakeProjection) -> None:
    projection.feed(record("a"), record("b", severity="I", unit="522622001"), record("c", handling="CLOSED"))
    body = (await client.get("/api/v1/stats")).json()
    assert body["total"] == 2
    assert body["severity"] == {"III": 1, "I": 1}
    assert body["unit"] == {"522601": 1, "522622": 1}
    assert body["unacknowledged"] == 2
    assert (await client.get("/api/v1/stats", params={"unit": "522622"})).json()["unit"] == {"522622001": 1}
