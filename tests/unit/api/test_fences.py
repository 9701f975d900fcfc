"""Fences over HTTP: who sees and changes which, versions, what cannot be read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from api.context import Context
from api.errors import Problem
from api.roles import Principal
from api.routes.fences import _may_write
from geo.fence_wire import parse
from tests.unit.api.conftest import bearer

WORKS: dict[str, Any] = {
    "id": "W-1", "name": {"zh": "北京西路开挖", "en": "works"}, "kind": "works",
    "shape": {"type": "circle", "lon": 107.98, "lat": 26.58, "radius_m": 150},
    "until": "2099-01-01T00:00:00Z", "effect": {"suppress": ["pressure_transient"]},
}  # fmt: skip
URL = "/api/v1/fences"


def body(**more: Any) -> dict[str, Any]:
    return {**WORKS, **more}


@pytest.fixture
def engineer(context: Context) -> dict[str, str]:
    return bearer(context, "engineer")


async def test_from_its_making_to_its_end(client: httpx.AsyncClient, engineer: dict[str, str]) -> None:
    made = await client.post(URL, json=body(), headers=engineer)
    assert made.status_code == 201, made.text
    assert (made.json()["version"], made.json()["by"]) == (1, "engineer")
    changed = await client.put(f"{URL}/W-1", json=body(version=1, people=12), headers=engineer)
    assert (changed.status_code, changed.json()["version"], changed.json()["people"]) == (200, 2, 12)
    (listed,) = (await client.get(URL)).json()["items"]
    assert (listed["version"], listed["active_now"]) == (2, True)
    gone = await client.delete(f"{URL}/W-1?version=2", headers=engineer)
    assert (gone.status_code, gone.json()["removed"]) == (200, True)
    assert (await client.get(URL)).json() == {"items": [], "next": None, "total": 0}
    assert (await client.get(f"{URL}/W-1")).status_code == 404
    kept = (await client.get(f"{URL}/W-1/versions")).json()["items"]
    assert [(v["version"], v["people"], v["removed"]) for v in kept] == [(1, 0, False), (2, 12, False), (3, 12, True)]


async def test_an_equal_write_makes_no_version(client: httpx.AsyncClient, engineer: dict[str, str]) -> None:
    await client.post(URL, json=body(), headers=engineer)
    same = await client.put(f"{URL}/W-1", json=body(version=1), headers=engineer)
    assert (same.status_code, same.json()["version"]) == (200, 1)


async def test_stale_and_taken_are_409(client: httpx.AsyncClient, engineer: dict[str, str]) -> None:
    await client.post(URL, json=body(), headers=engineer)
    assert (await client.post(URL, json=body(people=1), headers=engineer)).status_code == 409
    stale = await client.put(f"{URL}/W-1", json=body(version=7, people=1), headers=engineer)
    assert stale.status_code == 409
    assert "is 1 by now, you saw 7" in stale.json()["detail"]
    assert (await client.delete(f"{URL}/W-1?version=7", headers=engineer)).status_code == 409


async def test_what_is_only_tried_is_checked_and_not_written(
    client: httpx.AsyncClient, engineer: dict[str, str], context: Context
) -> None:
    tried = await client.post(f"{URL}?dry=true", json=body(), headers=engineer)
    assert (tried.status_code, tried.json()["version"]) == (200, 1)
    assert (await client.get(f"{URL}/W-1")).status_code == 404
    await client.post(URL, json=body(), headers=engineer)
    for version, status in ((1, 200), (7, 409)):
        put = await client.put(f"{URL}/W-1?dry=true", json=body(version=version, people=1), headers=engineer)
        assert put.status_code == status
    assert (await client.get(f"{URL}/W-1")).json()["version"] == 1
    assert (await client.post(f"{URL}?dry=true", json=body(until=None), headers=engineer)).status_code == 422
    refused = await client.post(f"{URL}?dry=true", json=body(), headers=bearer(context, "prefecture"))
    assert refused.status_code == 403


@pytest.mark.parametrize("who", ["looker", "prefecture", "kaili"])
async def test_other_roles_may_not_write(client: httpx.AsyncClient, context: Context, who: str) -> None:
    got = await client.post(URL, json=body(), headers=bearer(context, who))
    assert got.status_code == 403
    assert "may not change fences" in got.json()["detail"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"kind": "zoo"}, "kind: is 'zoo'"),
        ({"until": None}, "until"),
        ({"shape": {"type": "circle", "lon": 26.58, "lat": 107.98, "radius_m": 150}}, "look swapped"),
        ({"colour": 1}, "unknown field colour"),
        ({"until": "tomorrow"}, "until: "),
        ({"effect": {"suppress": ["no_such_kind"]}}, "no_such_kind"),
        ({"effect": {"params": {"gas.methane": {"limits.high_9": 1}}}}, "limits.high_9"),
    ],
)
async def test_a_bad_fence_is_422_and_nothing_is_written(
    client: httpx.AsyncClient, engineer: dict[str, str], more: dict[str, Any], says: str
) -> None:
    got = await client.post(URL, json=body(**more), headers=engineer)
    assert got.status_code == 422
    assert says in got.json()["detail"]
    assert (await client.get(URL)).json()["total"] == 0


async def test_bodies_that_are_no_json(client: httpx.AsyncClient, engineer: dict[str, str]) -> None:
    assert (await client.post(URL, content=b"{", headers=engineer)).status_code == 422
    assert (await client.post(URL, content=b"[]", headers=engineer)).status_code == 422
    other = await client.put(f"{URL}/W-2", json=body(), headers=engineer)
    assert other.status_code == 422
    assert "the address says 'W-2'" in other.json()["detail"]
    assert (await client.put(f"{URL}/W-1", json=body(), headers=engineer)).status_code == 404
    assert (await client.delete(f"{URL}/W-1", headers=engineer)).status_code == 404


async def test_a_county_sees_its_own_and_the_prefectures(
    client: httpx.AsyncClient, context: Context, engineer: dict[str, str]
) -> None:
    await client.post(URL, json=body(), headers=engineer)
    whole = body(id="P-1", kind="custom", shape={"type": "unit", "unit": "522600"}, effect={})
    assert (await client.post(URL, json=whole, headers=engineer)).status_code == 201

    async def ids(who: str) -> list[str]:
        return [f["id"] for f in (await client.get(URL, headers=bearer(context, who))).json()["items"]]

    assert await ids("kaili") == await ids("town") == ["P-1", "W-1"]
    assert await ids("huangping") == ["P-1"]
    foreign = await client.get(f"{URL}/W-1", headers=bearer(context, "huangping"))
    assert foreign.status_code == 403


async def test_filters_pages_and_geojson(client: httpx.AsyncClient, engineer: dict[str, str]) -> None:
    await client.post(URL, json=body(), headers=engineer)
    await client.post(URL, json=body(id="S-1", kind="school", effect={}, until=None), headers=engineer)
    await client.post(URL, json=body(id="X-1", **{"from": "2098-01-01T00:00:00Z"}), headers=engineer)

    async def ids(query: str) -> list[str]:
        return [f["id"] for f in (await client.get(f"{URL}?{query}")).json()["items"]]

    assert await ids("kind=school") == ["S-1"]
    assert await ids("active=now") == ["S-1", "W-1"]
    assert await ids("q=w-1") == ["W-1"]
    first = (await client.get(f"{URL}?limit=2")).json()
    assert (first["next"], first["total"]) == ("W-1", 3)
    assert await ids("limit=2&page=W-1") == ["X-1"]
    shapes = (await client.get(URL, headers={"Accept": "application/geo+json"})).json()
    assert {f["geometry"]["type"] for f in shapes["features"]} == {"MultiPolygon"}
    ring = shapes["features"][0]["geometry"]["coordinates"][0][0]
    assert ring[0] == ring[-1]
    for query in ("kind=zoo", "active=maybe", "limit=0", "unit=1"):
        assert (await client.get(f"{URL}?{query}")).status_code == 422


@pytest.mark.parametrize(
    ("shape", "allowed"),
    [
        ({"type": "circle", "lon": 107.98, "lat": 26.58, "radius_m": 500}, True),
        ({"type": "circle", "lon": 107.98, "lat": 26.58, "radius_m": 150_000}, False),  # the whole prefecture
        ({"type": "corridor", "line": [[107.90, 26.58], [108.06, 26.58], [107.9, 26.9]], "width_m": 50}, False),
        ({"type": "unit", "unit": "522601001"}, True),
        ({"type": "unit", "unit": "5226"}, False),
        ({"type": "unit", "unit": "522622"}, False),
    ],
)
async def test_a_countys_fence_stays_in_the_county(shape: dict[str, Any], allowed: bool) -> None:
    made = parse(body(shape=shape))
    county = Principal("kaili-engineer", "engineer", "522601", "522601")
    if not allowed:
        with pytest.raises(Problem, match="unit") as refused:
            await _may_write(county, made)
        assert refused.value.status == 403
    else:
        await _may_write(county, made)
    await _may_write(Principal("engineer", "engineer", "522600", "5226"), made)


async def test_of_two_at_once_one_is_stale(client: httpx.AsyncClient, engineer: dict[str, str]) -> None:
    await client.post(URL, json=body(), headers=engineer)
    puts = (client.put(f"{URL}/W-1", json=body(version=1, people=n), headers=engineer) for n in (1, 2))
    assert sorted([got.status_code for got in await asyncio.gather(*puts)]) == [200, 409]


@pytest.mark.parametrize(
    "more",
    [
        {"until": "9999-12-31T23:59:59.999999Z"},
        {"from": "0001-01-01T00:00:00+08:00"},
        {"shape": {"type": "area", "coordinates": [[]]}},
        {"shape": {"type": "area", "coordinates": [[[[107.9, 26.5], [107.9, 26.5]]]]}},
        {"people": 2**64 - 1},
        {"people": 10**40},
        {"moving": True, "dwell_s": 1e300},
        {"active": [{"days": [1]}] * 5000},
        {"note": "x" * 100_000},
    ],
)
async def test_odd_input_is_422(client: httpx.AsyncClient, engineer: dict[str, str], more: dict[str, Any]) -> None:
    got = await client.post(URL, content=json.dumps(body(**more)), headers=engineer)
    assert got.status_code == 422, got.text
    assert (await client.get(URL)).status_code == 200
