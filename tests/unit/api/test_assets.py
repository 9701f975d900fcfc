"""/assets: the list and its filters, any code, and changes with a version, in the contract's order of checks."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.context import Context
from geo.assets import Asset, Zone
from geo.codes import code_of
from tests.unit.api.conftest import FakeRegistry, bearer

URL = "/api/v1/assets"
V, W, G = "522601-W-VLV-000001", "522601-W-PRS-000001", "522622-G-CH4-000001"
NEW = {"id": "522601-W-PIP-000001", "unit_code": "522601001", "line": [[107.97, 26.58], [107.99, 26.58]]}


@pytest.fixture
def registry(context: Context) -> FakeRegistry:
    assert isinstance(context.registry, FakeRegistry)
    return context.registry


@pytest.fixture
def engineer(context: Context) -> dict[str, str]:
    return bearer(context, "engineer")


async def ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get(URL, params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_the_list_and_its_filters(client: httpx.AsyncClient, context: Context) -> None:
    assert await ids(client) == [W, V, G]
    assert await ids(client, type="asset") == [V]
    assert await ids(client, type="sensor") == [W, G]
    assert await ids(client, domain="gas,urban") == [G]
    assert await ids(client, kind="valve") == [V]
    assert await ids(client, unit="522601001") == [W, V]
    assert await ids(client, q="v1") == [V]
    assert await ids(client, q=code_of(V)[-5:]) == [V]
    assert await ids(client, bbox="107.9,26.5,108,26.6") == [W, V]
    assert await ids(client, bbox="109,26,110,27") == []
    first = (await client.get(URL, params={"limit": 1})).json()
    assert (first["next"], first["total"]) == (W, 3)
    assert await ids(client, limit=1, page=W) == [V]
    kaili = (await client.get(URL, headers=bearer(context, "kaili"))).json()
    assert [s["id"] for s in kaili["items"]] == [W, V]
    for bad in ({"type": "zone"}, {"domain": "sea"}, {"bbox": "1,2"}, {"limit": "0"}, {"unit": "x"}):
        assert (await client.get(URL, params=bad)).status_code == 422
    answer = await client.get(URL, headers={"Accept": "application/geo+json"})
    assert answer.headers["content-type"] == "application/geo+json"
    assert [f["geometry"] is None for f in answer.json()["features"]] == [False, False, True]


@pytest.mark.parametrize("text", [V, code_of(V), code_of(V).replace("-", ""), "scada:V1", "V1"])
async def test_one_by_any_code(client: httpx.AsyncClient, text: str) -> None:
    body = (await client.get(f"{URL}/{text}")).json()
    assert (body["id"], body["code"], body["at"], body["sensors"]) == (V, code_of(V), "2025-11-23T08:00:00.000Z", [])


async def test_codes_that_name_nothing(client: httpx.AsyncClient, context: Context) -> None:
    answer = await client.get(f"{URL}/{V}-0")
    assert (answer.status_code, "check character 0 is wrong" in answer.json()["detail"]) == (422, True)
    assert (await client.get(f"{URL}/node/J1")).status_code == 404
    assert (await client.get(f"{URL}/{V}", headers=bearer(context, "huangping"))).status_code == 403


async def test_an_asset_is_made_changed_and_retired(
    client: httpx.AsyncClient, registry: FakeRegistry, engineer: dict[str, str]
) -> None:
    made = await client.post(URL, json={**NEW, "downstream": [{"to": V, "length_m": 9.5}]}, headers=engineer)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{URL}/522601-W-PIP-000001"
    pipe = registry.written[-1]
    assert isinstance(pipe, Asset)
    assert (pipe.kind, pipe.version, pipe.by, pipe.at_ms > 0) == ("pipe", 1, "engineer", True)
    assert (pipe.lon, pipe.lat) == (pytest.approx(107.98), 26.58)
    registry.table.put(pipe)
    assert (await client.post(URL, json=NEW, headers=engineer)).status_code == 409
    body = {**NEW, "version": 1, "people": 3}
    changed = await client.put(f"{URL}/{pipe.id}", json=body, headers=engineer)
    assert (changed.status_code, changed.json()["version"], changed.json()["people"]) == (200, 2, 3)
    registry.table.put(registry.written[-1])
    stale = await client.put(f"{URL}/{pipe.id}", json=body, headers=engineer)
    assert (stale.status_code, stale.json()["version"]) == (409, 2)
    assert (await client.delete(f"{URL}/{pipe.id}?version=1", headers=engineer)).status_code == 409
    gone = await client.delete(f"{URL}/{pipe.id}?version=2", headers=engineer)
    assert (gone.json()["retired"], gone.json()["version"]) == (True, 3)


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"id": "522601-W-PIP-1"}, 422, "body.id: code"),
        ({"id": f"{NEW['id']}-0"}, 422, "check character 0 is wrong"),
        ({"id": W}, 422, "is a sensor's id"),
        ({"unit_code": "522699"}, 422, "body.unit_code"),
        ({"line": [[26.58, 107.97], [26.58, 107.99]]}, 422, "look swapped"),
        ({"line": [[109.2, 26.2], [109.21, 26.2]]}, 422, "km outside 522601"),
        ({"line": [[107.97, 26.58]]}, 422, "want 2 to"),
        ({"colour": "red"}, 422, "body.colour"),
        ({"people": "many"}, 422, "body.people"),
        ({"installed": "yesterday"}, 422, "want year-month-day"),
        ({"zone": "522601-W-DMA77"}, 409, "is not registered"),
        ({"parent": "522601-W-STN-000009"}, 409, "neither registered"),
        ({"codes": [{"system": "scada", "value": "V1"}]}, 409, f"is the code of {V}"),
    ],
)
async def test_bodies_that_are_refused(
    client: httpx.AsyncClient, registry: FakeRegistry, engineer: dict[str, str], changes: Any, status: int, told: str
) -> None:
    registry.table.put(Zone(id="522601-W-DMA01", domain="water", county="522601", partition=0))
    answer = await client.post(URL, json={**NEW, **changes}, headers=engineer)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text
    assert registry.written == []


async def test_the_order_of_checks(
    client: httpx.AsyncClient, context: Context, registry: FakeRegistry, engineer: dict[str, str]
) -> None:
    officer = bearer(context, "kaili")
    assert (await client.post(URL, json={}, headers=officer)).status_code == 422
    assert (await client.post(URL, json={**NEW, "zone": "522601-W-DMA77"}, headers=officer)).status_code == 403
    assert (await client.put(f"{URL}/{G}", json={**NEW, "version": 1}, headers=engineer)).status_code == 422
    other = {"id": V, "unit_code": "522601001", "version": 1, "lon": 107.98, "lat": 26.58}
    assert (await client.put(f"{URL}/522601-W-VLV-000009", json=other, headers=engineer)).status_code == 404
    assert (await client.delete(f"{URL}/{V}", headers=engineer)).status_code == 422
    assert (await client.put(f"{URL}/V1", json=other, headers=engineer)).status_code == 200
    assert [r.id for r in registry.written] == [V]
