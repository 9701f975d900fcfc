"""Escalation policies over HTTP: what is in force where, versions, what is refused and in which words."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from api.context import Context
from streams.alerts.policy_file import decode, default_policy, encode
from streams.alerts.policy_plan import ended
from streams.alerts.policy_text import public
from tests.unit.api.conftest import FakeRegistry, FakeTables, bearer

URL = "/api/v1/policies"
KAILI = {**public(default_policy()), "id": "522601"}


@pytest.fixture
def admin(context: Context) -> dict[str, str]:
    return bearer(context, "admin")


def body(**more: Any) -> dict[str, Any]:
    return copy.deepcopy({**KAILI, **more})


async def test_the_default_is_in_force_until_somebody_changes_it(
    client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    (only,) = (await client.get(URL)).json()["items"]
    assert only == public(default_policy())
    got = (await client.get(f"{URL}/522600")).json()
    assert got["versions"] == [{"version": 0, "by": "", "at": None, "removed": False}]
    del got["versions"]
    changed = await client.put(f"{URL}/522600", json={**got, "supervise_after": 0.25}, headers=admin)
    assert changed.status_code == 200, changed.text
    assert [changed.json()[k] for k in ("version", "by", "supervise_after")] == [1, "admin", 0.25]
    (only,) = (await client.get(URL)).json()["items"]
    assert only == changed.json()


async def test_a_countys_own_has_versions(client: httpx.AsyncClient, context: Context, admin: dict[str, str]) -> None:
    assert (await client.get(f"{URL}/522601")).status_code == 404
    assert (await client.put(f"{URL}/522601", json=body(), headers=admin)).json()["version"] == 1
    second = await client.put(f"{URL}/522601", json=body(version=1, next_level_after=2.0), headers=admin)
    assert second.json()["version"] == 2
    same = await client.put(f"{URL}/522601", json=body(version=2, next_level_after=2.0), headers=admin)
    assert same.json() == second.json()  # an equal write makes no version
    kept = (await client.get(f"{URL}/522601")).json()
    assert [(v["version"], v["by"]) for v in kept["versions"]] == [(1, "admin"), (2, "admin")]
    assert kept["next_level_after"] == 2.0
    assert (await client.get(f"{URL}/522601?version=1")).json()["next_level_after"] == 1.0
    other = await client.get(f"{URL}/522601?version=9")
    assert (other.status_code, other.json()["detail"]) == (404, "policy 522601 has no version 9; have 1, 2")
    assert (await client.get(f"{URL}/522601?version=x")).status_code == 422
    registry, tables = context.registry, context.tables
    assert isinstance(registry, FakeRegistry)
    assert isinstance(tables, FakeTables)
    assert [(t, i, v) for t, i, v, _ in tables.rows] == [("policies", "522601", 1), ("policies", "522601", 2)]
    registry.rules["522601"] = ended(registry.rules["522601"], "li", 1)
    assert (await client.get(f"{URL}/522601")).status_code == 404
    assert [p["id"] for p in (await client.get(URL)).json()["items"]] == ["522600"]
    assert (await client.put(f"{URL}/522601", json=body(), headers=admin)).json()["version"] == 4  # again its own


async def test_a_stale_version_is_409_and_writes_nothing(
    client: httpx.AsyncClient, context: Context, admin: dict[str, str]
) -> None:
    early = await client.put(f"{URL}/522601", json=body(version=3), headers=admin)
    assert early.status_code == 409
    assert "version: is 3, but there is none of its own: look at it again, then write 0" in early.json()["detail"]
    await client.put(f"{URL}/522601", json=body(), headers=admin)
    for version in (0, 2):
        stale = await client.put(f"{URL}/522601", json=body(version=version, next_level_after=2.0), headers=admin)
        assert stale.status_code == 409
        assert f"is {version}, but it is 1 by now: look at it again, then write 1" in stale.json()["detail"]
    assert isinstance(context.tables, FakeTables)
    assert len(context.tables.rows) == 1


async def test_bad_bodies_are_422_with_place_and_reason(
    client: httpx.AsyncClient, context: Context, admin: dict[str, str]
) -> None:
    bad = body()
    bad["chains"][2]["repeat_s"] = 0
    bad["chains"][2]["fallback"] = []
    got = await client.put(f"{URL}/522601", json=bad, headers=admin)
    assert got.status_code == 422
    assert "body: chain 3 (II): repeat_s: is missing: severity II never stops silently" in got.json()["detail"]
    assert [e["in"] for e in got.json()["errors"]] == ["body.chains[2].repeat_s", "body.chains[2].fallback"]
    for content, says in (
        (b"{", "not valid JSON"),
        (b"[]", "expected object"),
        (b'{"id": "522601", "x": 1}', "x: there"),
    ):
        got = await client.put(f"{URL}/522601", content=content, headers=admin)
        assert got.status_code == 422
        assert says in got.json()["detail"]
    unit = body()
    unit["chains"][2]["steps"][0]["tell"].append("unit:522601999")
    assert "there is no such unit" in (await client.put(f"{URL}/522601", json=unit, headers=admin)).json()["detail"]
    other = await client.put(f"{URL}/522622", json=body(), headers=admin)
    assert other.json()["detail"] == "body.id: is '522601', the address says '522622'"
    assert isinstance(context.tables, FakeTables)
    assert context.tables.rows == []


async def test_who_sees_and_who_writes(client: httpx.AsyncClient, context: Context, admin: dict[str, str]) -> None:
    await client.put(f"{URL}/522601", json=body(), headers=admin)

    async def ids(who: str) -> list[str]:
        return [p["id"] for p in (await client.get(URL, headers=bearer(context, who))).json()["items"]]

    assert await ids("kaili") == await ids("village") == ["522600", "522601"]
    assert await ids("huangping") == ["522600"]
    assert (await client.get(f"{URL}/522601", headers=bearer(context, "huangping"))).status_code == 403
    for who in ("looker", "prefecture", "kaili", "engineer"):
        got = await client.put(f"{URL}/522601", json=body(version=1), headers=bearer(context, who))
        assert got.status_code == 403
        assert got.json()["detail"].endswith("may not change policies; this needs admin")


async def test_versions_that_would_be_refused_today_can_still_be_read(
    client: httpx.AsyncClient, context: Context, admin: dict[str, str]
) -> None:
    await client.put(f"{URL}/522601", json=body(), headers=admin)
    tables = context.tables
    assert isinstance(tables, FakeTables)
    topic, id_, _, value = tables.rows[0]
    tables.rows.insert(0, (topic, id_, 0, encode(replace(decode(value), version=0, chains=()))))
    got = await client.get(f"{URL}/522601?version=0")
    assert (got.status_code, got.json()["chains"]) == (200, [])
