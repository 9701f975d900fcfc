"""CAP over HTTP: the document and the index of the caller's own units."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import httpx

from api.context import Context
from tests.unit.api.conftest import FakeProjection, bearer, record
from tests.unit.streams.cap_schema import check, text_of


async def test_a_document_has_names_codes_and_its_type(client: httpx.AsyncClient, projection: FakeProjection) -> None:
    projection.feed(record("a"))
    answer = await client.get("/cap/a.xml")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/cap+xml")
    assert answer.headers["cache-control"] == "no-store"
    root = ET.fromstring(answer.content)
    check(root)
    assert text_of(root, "identifier") == "a.1"
    assert "凯里市" in text_of(root, "info", "area", "areaDesc")


async def test_without_a_place_the_countys_own_shape_is_told(
    client: httpx.AsyncClient, projection: FakeProjection
) -> None:
    projection.feed(record("a", lon=None, lat=None))
    root = ET.fromstring((await client.get("/cap/a.xml")).content)
    check(root)
    lat, lon = map(float, text_of(root, "info", "area", "polygon").split()[0].split(","))
    assert (26 < lat < 27, 107 < lon < 109) == (True, True)


async def test_the_index_lists_hazards_of_the_callers_units(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection
) -> None:
    projection.feed(
        record("a"), record("b", unit="522622001"), record("c", **{"class": "equipment"}),
        record("old", handling="CLOSED"),
    )  # fmt: skip

    async def listed() -> list[str]:
        answer = await client.get("/cap/index.atom")
        assert answer.headers["content-type"] == "application/atom+xml"
        ids = ET.fromstring(answer.content).iterfind(
            "{http://www.w3.org/2005/Atom}entry/{http://www.w3.org/2005/Atom}id"
        )
        return sorted((e.text or "").rpartition(":")[2] for e in ids)

    assert await listed() == ["a", "b"]
    client.headers.update(bearer(context, "kaili"))
    assert await listed() == ["a"]


async def test_what_is_not_there_is_a_problem_document(client: httpx.AsyncClient) -> None:
    answer = await client.get("/cap/none.xml")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    del client.headers["Authorization"]
    assert (await client.get("/cap/index.atom")).status_code == 401
