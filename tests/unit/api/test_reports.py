"""GET /alerts/{id}/report: the draft of what the projection holds, as JSON and as text."""

from __future__ import annotations

import httpx
import pytest

from api.context import Context
from tests.unit.api.conftest import FakeProjection, bearer, record


async def test_a_draft_of_an_exercise(client: httpx.AsyncClient, projection: FakeProjection) -> None:
    kept = {"mode": "exercise", "severity": "I"}
    projection.feed(record("a", **kept), record("a", 2, trigger="assess", **kept))
    body = (await client.get("/api/v1/alerts/a/report", params={"kind": "follow_up"})).json()
    assert body["title"].startswith("【演练】关于凯里市")
    assert (body["alert"], body["version"], body["kind"]) == ("a", 2, "follow_up")
    assert set(body["due"]) == {"report_verbal", "report_written"}
    by_key = {s["key"]: s for s in body["sections"]}
    assert by_key["unit"]["text"] == "黔东南苗族侗族自治州"
    assert by_key["reporter"]["text"].startswith("prefecture，")
    assert by_key["losses"]["unknown"]
    text = await client.get("/api/v1/alerts/a/report", params={"kind": "follow_up", "format": "text"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text.splitlines()[0] == body["title"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("a/report?kind=last", 422), ("a/report?format=pdf", 422), ("b/report", 404), ("a/report", 403)],
)
async def test_refused_as_the_alert_is(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, path: str, status: int
) -> None:
    projection.feed(record("a"))
    headers = bearer(context, "huangping")
    assert (await client.get(f"/api/v1/alerts/{path}", headers=headers)).status_code == status
