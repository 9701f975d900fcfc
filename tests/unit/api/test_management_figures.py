"""GET /stats/management: names, the caller's units, sensors of the registry, CSV, what is refused."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from api.context import Context
from tests.unit.api.conftest import T0, FakeProjection, bearer, record

ASKED = {"from": "2025-11-23T00:00:00Z", "to": "2025-11-24T00:00:00Z"}
PATH = "/api/v1/stats/management"


@pytest.fixture(autouse=True)
def fed(projection: FakeProjection) -> None:
    projection.feed(
        record("a", owner_org="凯里供水"), record("b", unit="522622001", owner_org="=1+1"),
        record("b", 2, T0 + 60_000, "ack", unit="522622001", owner_org="=1+1"),
    )  # fmt: skip


async def test_rows_by_unit_and_organisation_with_names(client: httpx.AsyncClient) -> None:
    body = (await client.get(PATH, params=ASKED)).json()
    rows = {(r["by"], r["key"]): r for r in body["rows"]}
    assert rows["unit", "522601"]["name"] == "凯里市"
    assert rows["unit", "522601"]["now"]["online_share"] == 1.0
    assert rows["org", "凯里供水"]["now"]["alerts"] == 1
    assert rows["all", ""]["now"]["ack_share"] == 0.5
    assert rows["all", ""]["before"]["alerts"] == 0
    assert body["days"][0] == {"day": "2025-11-22T16:00:00.000Z", "alerts": 2}
    exercise = (await client.get(PATH, params={**ASKED, "mode": "exercise"})).json()
    assert exercise["rows"] == [
        {"by": "all", "key": "", "name": "", **{p: exercise["rows"][0][p] for p in ("now", "before", "year")}}
    ]
    assert exercise["rows"][0]["now"]["online_share"] is None  # the registry is of live operation


async def test_a_county_sees_its_own(client: httpx.AsyncClient, context: Context) -> None:
    body = (await client.get(PATH, params=ASKED, headers=bearer(context, "huangping"))).json()
    assert {r["key"] for r in body["rows"] if r["by"] != "org"} == {"", "522622001"}
    assert body["rows"][0]["now"]["alerts"] == 1


async def test_csv_has_no_formula(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH, params={**ASKED, "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0][4].startswith("报警数")
    assert next(r for r in rows if "'=1+1" in r)[:6] == ["org", "'=1+1", "'=1+1", "本期 now", "1", "1.0"]


@pytest.mark.parametrize("wrong", [{"from": "2025-11-25T00:00:00Z"}, {"mode": "all"}, {"format": "xml"}])
async def test_what_cannot_be_asked(client: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    assert (await client.get(PATH, params={**ASKED, **wrong})).status_code == 422
