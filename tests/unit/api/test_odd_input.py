"""What SQLite takes and PostgreSQL does not is refused on both alike; lists and counts are the same on both."""

from __future__ import annotations

import httpx

from api import queries
from api.context import Context
from tests.postgres import BOTH
from tests.unit.api.conftest import T0, FakeProjection, record

DATABASES = BOTH


async def test_addresses_names_and_numbers(client: httpx.AsyncClient) -> None:
    for path in ("/alerts/%00", "/alerts/a%00b/actions", "/alerts?kind=%00", "/duty/log?unit=5226%00"):
        answer = await client.get("/api/v1" + path)
        assert (answer.status_code, "zero character" in answer.json()["detail"]) == (422, True)
    for name in ("a\x00b", "凯里", "x" * 100):
        form = {"username": name, "password": "x"}
        assert (await client.post("/api/v1/auth/token", data=form)).status_code == 401
    for number in (0, -1, 2**31, 2**70):
        for path, body in (("handovers/{}/sign", {}), ("rollcalls/{}/answer", {"person": "a"})):
            answer = await client.post("/api/v1/duty/" + path.format(number), json=body)
            assert answer.status_code in (404, 422), answer.text
        assert (await client.get("/api/v1/duty/log", params={"page": number})).status_code in (200, 422)


def test_a_zero_character_in_a_text_of_the_log_is_left_out(context: Context, projection: FakeProjection) -> None:
    projection.feed(record("a", title={"zh": "管\x00网", "en": "x"}))
    row = queries.get_alert(context.store, "a")
    assert row is not None
    assert "管网" in row["text"]


def test_filters_pages_and_counts(context: Context, projection: FakeProjection) -> None:
    projection.feed(
        record("a", at_ms=T0, severity="I"),
        record("b", at_ms=T0, kind="leak_100%", lon=None, lat=None),
        record("c", at_ms=T0 + 5, unit="522622001", handling="CLOSED"),
    )
    store = context.store

    def ids(**wanted: object) -> list[str]:
        found = queries.AlertFilter(prefix="5226", state="all", **wanted)  # type: ignore[arg-type]
        page = queries.list_alerts(store, found, 2, None)
        rest = queries.list_alerts(store, found, 2, queries.parse_page_token(page.next)) if page.next else None
        return [text.split('"id":"')[1][0] for text in page.items + (rest.items if rest else [])]

    assert ids() == ["c", "b", "a"]
    assert ids(bbox=(107.0, 26.0, 108.0, 27.0)) == ["c", "a"]
    assert ids(q="LEAK_100%") == ["b"]
    assert ids(q="leak%") == []
    assert ids(since_ms=T0 + 1) == ["c"]
    assert ids(severity=("I",)) == ["a"]
    counts = queries.counts(store, queries.AlertFilter(prefix="5226", state="open"))
    assert (counts["total"], counts["unacknowledged"], counts["unit"]) == (2, 2, {"522601": 2})
