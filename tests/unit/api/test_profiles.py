"""Profiles over HTTP: what is in force, checking a file, putting it, what is refused and how it is told."""

from __future__ import annotations

import httpx
import pytest

from api.context import Context
from detectors.catalog import FOLDER
from streams import topics
from tests.unit.api.conftest import FakeTables, bearer

SHIPPED = (FOLDER / "water.toml").read_text("utf-8")
OWN = """[own]
quantity_zh = "压力"
quantity_en = "pressure"
unit = "m"
decimals = 1
both = "water_anomaly"
[own.limits]
low_1 = 12
"""
PATH = "/api/v1/profiles"


@pytest.fixture
def engineer(client: httpx.AsyncClient, context: Context) -> httpx.AsyncClient:
    client.headers.update(bearer(context, "engineer"))
    return client


async def test_a_file_is_checked_and_put_and_taken_back(engineer: httpx.AsyncClient, context: Context) -> None:
    tables = context.tables
    assert isinstance(tables, FakeTables)
    items = {i["key"]: i for i in (await engineer.get(PATH)).json()["items"]}
    assert not items["water.pressure"]["own"]
    first = (await engineer.get(f"{PATH}/water")).json()
    assert (first["version"], first["toml"], first["shipped"]) == (0, "", SHIPPED)

    told = (await engineer.post(f"{PATH}/water/check", json={"toml": OWN})).json()
    assert told["profiles"] == ["water.own"]
    assert {"profile": "water.own", "param": "limits.low_1", "from": None, "to": 12.0} in told["changes"]
    assert tables.rows == []

    put = (await engineer.put(f"{PATH}/water", json={"toml": OWN, "version": 0})).json()
    assert (put["version"], put["by"], put["toml"]) == (1, "engineer", OWN)
    assert [(topic, id_, version) for topic, id_, version, _ in tables.rows] == [(topics.PROFILES, "water", 1)]
    items = {i["key"]: i for i in (await engineer.get(PATH)).json()["items"]}
    assert items["water.own"]["own"]
    assert items["water.own"]["params"]["limits.low_1"] == 12.0
    again = OWN.replace("low_1 = 12", "low_1 = 14")
    told = (await engineer.post(f"{PATH}/water/check", json={"toml": again})).json()
    assert told["changes"] == [{"profile": "water.own", "param": "limits.low_1", "from": 12.0, "to": 14.0}]

    stale = await engineer.put(f"{PATH}/water", json={"toml": again, "version": 0})
    assert stale.status_code == 409
    assert (await engineer.put(f"{PATH}/water", json={"toml": "", "version": 1})).json()["version"] == 2
    items = {i["key"]: i for i in (await engineer.get(PATH)).json()["items"]}
    assert "water.own" not in items


async def test_the_file_that_ships_changes_nothing(engineer: httpx.AsyncClient) -> None:
    told = (await engineer.post(f"{PATH}/water/check", json={"toml": SHIPPED})).json()
    assert told["changes"] == []
    assert "water.pressure" in told["profiles"]


@pytest.mark.parametrize(
    ("domain", "toml", "status", "says"),
    [
        ("water", OWN.replace("low_1", "lowest"), 422, "own.limits.lowest"),
        ("water", "x = ", 422, "water.toml: is not TOML"),
        ("moon", OWN, 404, "no profiles of domain 'moon'"),
    ],
)
async def test_what_cannot_be_used_is_told_with_its_place(
    engineer: httpx.AsyncClient, domain: str, toml: str, status: int, says: str
) -> None:
    for answer in (
        await engineer.post(f"{PATH}/{domain}/check", json={"toml": toml}),
        await engineer.put(f"{PATH}/{domain}", json={"toml": toml, "version": 0}),
    ):
        assert answer.status_code == status
        assert says in answer.json()["detail"]
