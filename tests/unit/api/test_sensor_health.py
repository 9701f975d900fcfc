"""GET /sensors: how each sensor is, by a table; and what the history remembers of the newest readings."""

from __future__ import annotations

import time
from typing import Any

import httpx
import numpy as np
import pytest

from api.context import Context
from api.heard import Heard, Last
from api.sensor_health import health
from geo.assets import Sensor
from tests.unit.api.conftest import FakeHistory, FakeProjection, bearer, record

NOW = 10_000_000
W, G = "522601-W-PRS-000001", "522622-G-CH4-000001"


def sensor(**changes: Any) -> Sensor:
    base = {"id": W, "domain": "water", "kind": "pressure", "zone": "Z", "unit_code": "522601", "interval_s": 60.0}
    return Sensor(**{**base, **changes})


@pytest.mark.parametrize(
    ("made", "last", "flat", "state"),
    [
        (sensor(), None, False, "never"),
        (sensor(), Last(NOW - 5_000, NOW - 5_000, 1.0), False, "ok"),
        (sensor(), Last(NOW - 179_000, NOW - 179_000, 1.0), False, "ok"),
        (sensor(), Last(NOW - 181_000, NOW - 181_000, 1.0), False, "silent"),
        (sensor(interval_s=1.0), Last(NOW - 50_000, NOW - 50_000, 1.0), False, "ok"),  # a minute at least
        (sensor(), Last(NOW - 100_000, NOW - 5_000, 1.0), False, "late"),
        (sensor(), Last(NOW - 90_000, NOW - 5_000, 1.0), False, "ok"),
        (sensor(upload_s=3600.0), Last(NOW - 3_000_000, NOW - 5_000, 1.0), False, "ok"),  # a logger is late by intent
        (sensor(), Last(NOW - 5_000, None, None), False, "ok"),  # known from the file alone
        (sensor(), Last(NOW - 5_000, NOW - 5_000, 1.0), True, "flat"),
        (sensor(), Last(NOW - 900_000, NOW - 900_000, 1.0), True, "silent"),
    ],
)
def test_state(made: Sensor, last: Last | None, flat: bool, state: str) -> None:
    assert health(made, last, flat, NOW).state == state


def test_the_newest_reading_counts_whatever_the_order_and_grows_with_the_sensors() -> None:
    heard = Heard()
    heard.known([(2, 500)])
    assert heard.last(2) == Last(500, None, None)
    heard.take(np.array([2, 5000, 2]), np.array([700, 10, 600]), np.array([7.0, 1.0, 6.0]), 800)
    assert heard.last(2) == Last(700, 800, 7.0)
    assert heard.last(5000) == Last(10, 800, 1.0)
    heard.take(np.array([2]), np.array([650]), np.array([9.0]), 900)  # late: heard, but not the newest
    assert heard.last(2) == Last(700, 900, 7.0)
    assert heard.last(3) is None
    assert heard.last(10**6) is None


async def test_the_list_has_what_is_wrong_first(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection
) -> None:
    history = context.history
    assert isinstance(history, FakeHistory)
    now = int(time.time() * 1000)
    history.heard[W] = Last(now, now, 3.2)
    body = (await client.get("/api/v1/sensors")).json()
    assert [(i["id"], i["state"]) for i in body["items"]] == [(G, "never"), (W, "ok")]
    assert body["counts"] == {"ok": 1, "late": 0, "silent": 0, "flat": 0, "never": 1}
    assert body["items"][1]["value"] == 3.2
    projection.feed(record(kind="flatline", sensors=[W], **{"class": "equipment"}))
    body = (await client.get("/api/v1/sensors", params={"state": "flat", "q": "北京 prs"})).json()
    assert [i["id"] for i in body["items"]] == [W]
    one = (await client.get("/api/v1/sensors", params={"limit": "1"})).json()
    assert (one["total"], one["next"]) == (2, "1")
    rest = (await client.get("/api/v1/sensors", params={"limit": "1", "page": "1"})).json()
    assert rest["next"] is None
    assert {one["items"][0]["id"], rest["items"][0]["id"]} == {W, G}
    mine = await client.get("/api/v1/sensors", headers=bearer(context, "huangping"))
    assert [i["id"] for i in mine.json()["items"]] == [G]
    assert (await client.get("/api/v1/sensors", params={"state": "asleep"})).status_code == 422
