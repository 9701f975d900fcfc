"""The HTTP intake: forms, encodings, each refused row, budget, and what a device's token may do."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import cramjam
import httpx
import orjson
import pytest

from api import devices
from api.app import create_app
from api.context import Context
from streams import codec
from streams.errors import CityopsError
from tests.unit.api.conftest import FakeIntake, bearer

W = "522601-W-PRS-000001"
G = "522622-G-CH4-000001"
URL = "/api/v1/ingest?domain=water"
NOW = int(time.time() * 1000)
ROW = {"sensor": W, "ts": NOW, "value": 1}
JSON = json.dumps(ROW).encode()
LINE = f"{W} value=1 {NOW}000000".encode()


@pytest.fixture
def intake(context: Context) -> FakeIntake:
    assert isinstance(context.intake, FakeIntake)
    return context.intake


def zstd(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data))


def named(value: object) -> str | None:
    """Of a parameter: bodies have the time in them, and every process has to call a test the same."""
    return "body" if isinstance(value, bytes) else None


@pytest.mark.parametrize(
    ("body", "accepted", "reasons"),
    [
        (JSON, 1, {}),
        (b"\xef\xbb\xbf" + JSON, 1, {}),
        (JSON + b'\n{"sensor"', 1, {1: "JSON"}),
        (JSON.replace(W.encode(), b"nobody"), 0, {0: "not registered"}),
        (JSON.replace(W.encode(), G.encode()), 0, {0: "belongs to gas"}),
        (JSON.replace(b"%d" % NOW, b"1"), 0, {0: "1970"}),
        (JSON.replace(b"%d" % NOW, b"%d" % (NOW // 1000)), 0, {0: "seconds"}),
        (JSON.replace(b"%d" % NOW, b"%d" % (NOW + 3_600_000)), 0, {0: "in the future"}),
        (JSON.replace(b"%d" % NOW, b"%d" % (NOW - 30 * 86_400_000)), 0, {0: "older than"}),
        (b"[%b,7,%b]" % (JSON, JSON), 2, {1: "not a number"}),
        (b"\x81\xa1v\x02", 0, {0: "version"}),
        (b"hello", 0, {0: "no field"}),
        (b"[]", 0, {0: "empty batch"}),
        (LINE, 1, {}),
        (LINE + b"\n# comment\n\n" + LINE + b"x\nnobody value=1", 1, {3: "timestamp", 4: "not registered"}),
        (f'water,sensor={W} value=1,level=2i,note="ok"'.encode(), 2, {0: "is text"}),
    ],
    ids=named,
)
async def test_each_rejected_row_is_told(
    client: httpx.AsyncClient, intake: FakeIntake, body: bytes, accepted: int, reasons: dict[int, str]
) -> None:
    answer = await client.post(URL, content=body)
    assert answer.status_code == 202, answer.text
    got = answer.json()
    assert got["accepted"] == accepted
    assert {r["index"] for r in got["rejected"]} == set(reasons)
    words = {r["index"]: r["reason"] for r in got["rejected"]}
    assert all(reasons[index] in words[index] for index in reasons), words
    assert sum(len(cols) for _, cols, _ in intake.sent) == accepted
    assert intake.budget.used == 0


FORMS = {
    "application/json": JSON,
    "application/x-ndjson": JSON + b"\n" + JSON,
    "application/msgpack": codec.pack(codec.from_rows([(W, NOW, 1.0)])),
    "text/plain; charset=utf-8": LINE,
    "application/vnd.influx.line-protocol": LINE,
}


@pytest.mark.parametrize("encoding", ["", "gzip", "zstd"])
@pytest.mark.parametrize("form", FORMS)
async def test_forms_and_encodings(client: httpx.AsyncClient, intake: FakeIntake, form: str, encoding: str) -> None:
    body = {"": bytes, "gzip": gzip.compress, "zstd": zstd}[encoding](FORMS[form])
    headers = {"Content-Type": form} | ({"Content-Encoding": encoding} if encoding else {})
    answer = await client.post(URL, content=body, headers=headers)
    assert (answer.status_code, answer.json()["rejected"]) == (202, []), answer.text
    topic, cols, who = intake.sent[0]
    assert (topic, cols.sensors, cols.value[0], who) == ("readings.raw.water", [W], 1.0, "prefecture")
    assert intake.budget.used == 0


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        ({"Content-Encoding": "gzip"}, b"plain", 422, "gzip"),
        ({"Content-Encoding": "gzip"}, gzip.compress(JSON)[:-4], 422, "ends too early"),
        ({"Content-Encoding": "zstd"}, zstd(JSON)[:-2], 422, "zstd"),
        ({"Content-Encoding": "zstd"}, JSON, 422, "not zstd"),
        ({"Content-Encoding": "br"}, JSON, 415, "gzip or zstd"),
        ({"Content-Encoding": "gzip"}, gzip.compress(b" " * 9_000_000), 413, "too large"),
        ({"Content-Encoding": "zstd"}, zstd(b" " * 9_000_000), 413, "too large"),
        ({"Content-Type": "image/png"}, JSON, 415, "application/json"),
        ({"Content-Type": "application/json; charset=gbk"}, JSON, 415, "UTF-8"),
        ({}, b" " * 9_000_000, 413, "too large"),
        ({}, b" ", 422, "empty"),
        ({}, b"", 422, "empty"),
    ],
    ids=named,
)
async def test_bodies_that_are_not_read(
    client: httpx.AsyncClient, intake: FakeIntake, headers: dict[str, str], body: bytes, status: int, words: str
) -> None:
    answer = await client.post(URL, content=body, headers=headers)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert intake.budget.used == 0
    assert not intake.sent


async def test_named_forms_are_kept_to(client: httpx.AsyncClient) -> None:
    for form, body, words in (
        ("application/msgpack", JSON, "not a packed message"),
        ("application/json", FORMS["application/msgpack"], "msgpack, not JSON"),
        ("application/json", LINE, "neither JSON"),
        ("application/vnd.influx.line-protocol", JSON, "field"),
    ):
        answer = await client.post(URL, content=body, headers={"Content-Type": form})
        assert words in answer.json()["rejected"][0]["reason"]


@pytest.mark.parametrize(("unit", "factor"), [("ns", 1_000_000), ("us", 1000), ("ms", 1), ("s", 0.001)])
async def test_precision(client: httpx.AsyncClient, intake: FakeIntake, unit: str, factor: float) -> None:
    answer = await client.post(f"{URL}&precision={unit}", content=f"{W} value=1 {int(NOW * factor)}".encode())
    assert answer.json()["accepted"] == 1
    assert abs(int(intake.sent[0][1].ts_ms[0]) - NOW) < 1000


async def test_bad_questions(client: httpx.AsyncClient, context: Context) -> None:
    for query in ("", "?domain=wine", "?domain=water&precision=h", "?" + "a&" * 60):
        assert (await client.post(f"/api/v1/ingest{query}", content=JSON)).status_code == 422
    assert (await client.get(URL)).status_code == 405
    answer = await client.post(URL, content=JSON, headers=bearer(context, "huangping"))
    assert "outside your unit" in answer.json()["rejected"][0]["reason"]


async def test_many_refusals_are_cut(client: httpx.AsyncClient, context: Context) -> None:
    answer = await client.post(URL, content=b"[%b]" % b",".join([b"7"] * 1500))
    got = answer.json()
    assert (got["accepted"], len(got["rejected"]), got["rejected_more"]) == (0, 1000, 500)
    text = (await client.get("/metrics")).text
    assert 'cityops_ingest_rejected_rows_total{domain="water"} 1500.0' in text
    assert 'cityops_http_requests_total{method="POST",route="/api/v1/ingest",status="202"} 1.0' in text


async def test_kafka_away_is_503_with_retry_after(client: httpx.AsyncClient, intake: FakeIntake) -> None:
    intake.error = CityopsError("no Kafka answers at 127.0.0.1:9")
    answer = await client.post(URL, content=JSON)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert intake.budget.used == 0


async def chunks(body: bytes, pause: float = 0) -> AsyncIterator[bytes]:
    for k in range(0, len(body), 4096):
        await asyncio.sleep(pause)
        yield body[k : k + 4096]


@pytest.mark.parametrize("chunked", [False, True])
async def test_over_the_budget_is_429_before_the_body_is_held(
    client: httpx.AsyncClient, intake: FakeIntake, chunked: bool
) -> None:
    body = b"\n".join([JSON] * 1000)
    intake.budget.limit = len(body) - 1
    answer = await client.post(URL, content=chunks(body) if chunked else body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1"), answer.text
    assert (intake.budget.used, intake.sent) == (0, [])
    intake.budget.limit = 2 * len(body)
    assert (await client.post(URL, content=chunks(body) if chunked else body)).json()["accepted"] == 1000


def device(context: Context, **scope: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {devices.create(context.store, 'gw1', **scope)}"}


async def test_a_device_sends_its_zone_or_unit_and_reads_nothing(
    client: httpx.AsyncClient, context: Context, intake: FakeIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_RECHECK_S", 0.0)
    for scope, good in (
        ({"zone": "522601-W-DMA01"}, True),
        ({"zone": "522601-W-DMA02"}, False),
        ({"unit": "522601001"}, True),
        ({"unit": "522600"}, True),
        ({"unit": "522622"}, False),
    ):
        headers = device(context, **scope)
        answer = await client.post(URL, content=JSON, headers=headers)
        assert (answer.status_code, answer.json()["accepted"]) == (202, int(good)), (scope, answer.text)
        if not good:
            assert "outside" in answer.json()["rejected"][0]["reason"]
        else:
            assert intake.sent[-1][2] == "device:gw1"
        for path in ("/alerts", "/feed", "/sensors/" + W, "/units/522600", "/stats", "/nothing"):
            assert (await client.get("/api/v1" + path, headers=headers)).status_code == 403
        assert (await client.post("/api/v1/alerts/a1/commands", json={}, headers=headers)).status_code == 403
        devices.revoke(context.store, "gw1")


async def test_a_new_token_works_at_once_and_a_revoked_one_ends(
    client: httpx.AsyncClient, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("api.auth.time.monotonic", lambda: clock[0])
    headers = device(context, unit="522601")
    assert (await client.post(URL, content=JSON, headers=headers)).status_code == 202
    clock[0] += 0.3
    other = {"Authorization": f"Bearer {devices.create(context.store, 'gw2', unit='522601')}"}
    assert (await client.post(URL, content=JSON, headers=other)).status_code == 202
    devices.revoke(context.store, "gw1")
    clock[0] += devices.CHECK_S + 0.1
    assert (await client.post(URL, content=JSON, headers=headers)).status_code == 401
    assert (await client.post(URL, content=JSON, headers=other)).status_code == 202
    assert (await client.post(URL, content=JSON, headers={"Authorization": "Bearer cod_wrong"})).status_code == 401


async def test_the_openapi_document_has_the_route(context: Context) -> None:
    document = create_app(context).openapi()
    operation = document["paths"]["/api/v1/ingest"]["post"]
    assert operation["security"]
    assert set(operation["requestBody"]["content"]) == {
        "application/json", "application/x-ndjson", "text/plain", "application/msgpack",
    }  # fmt: skip
    assert "Retry-After" in operation["responses"]["429"]["headers"]
    orjson.dumps(document)
