"""Work orders: sent on dispatch, and status that comes back as commands."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from api import api_tokens, workorders
from api.api_tokens import ApiToken
from api.context import Context
from api.webhook_sender import WebhookSender
from api.webhook_table import webhooks
from streams.alerts.table import COMMANDS
from tests.unit.api.conftest import FakeBus, FakePoster, FakeProjection, alert_json, record, subscription

DISPOSED = {"order": "w-2", "status": "disposed", "by": "王队", "cause": "老化", "action": "换管", "text": "已通水"}
URL = "/api/v1/workorders/w/status"


@pytest.fixture
def dispatched(projection: FakeProjection, bus: FakeBus) -> FakeProjection:
    due = {"on_site": {"due": "2025-11-23T10:00:00.000Z"}, "dispose": {"due": "2025-11-23T20:00:00.000Z"}}
    projection.feed(
        record("w"), record("w", 2, trigger="dispatch", assignee="一队", deadlines=due, handling="DISPATCHED"),
        record("w", 3, trigger="comment", handling="DISPATCHED"),
    )  # fmt: skip
    bus.answer = {"accepted": True, "alert": alert_json("w", 4)}
    return projection


async def test_a_dispatch_goes_out_as_one_order(context: Context, projection: FakeProjection, dispatched: Any) -> None:
    poster = FakePoster()
    context.webhooks = WebhookSender(context.store, lambda: poster, str)  # type: ignore[arg-type]
    with context.store.write() as tx:
        wanted = {"events": ["workorder"]}
        tx.execute(insert(webhooks), subscription("h", epoch=context.store.epoch, wanted=wanted))
    projection.feed(record("x", trigger="dispatch", mode="exercise"))
    await context.webhooks.start_due()
    await context.webhooks.idle()
    ((_, event, headers),) = poster.taken
    assert (event["type"], event["id"], event["subject"]) == ("cityops.workorder.dispatched", "w-2", "w")
    assert headers["Idempotency-Key"] == "w-2"
    order = event["data"]
    assert (order["category"], order["urgency"], order["team"], order["county"]) == ("供水", "较急", "一队", "522601")
    assert order["due"] == {"on_site": "2025-11-23T10:00:00.000Z", "dispose": "2025-11-23T20:00:00.000Z"}
    assert order["status_to"] == URL


async def test_the_order_in_force_can_be_asked_for(client: httpx.AsyncClient, dispatched: Any) -> None:
    assert (await client.get("/api/v1/workorders/w")).json()["order"] == "w-2"
    dispatched.feed(record("w", 4, trigger="reopen"), record("w", 5, trigger="dispatch"), record("new"))
    assert (await client.get("/api/v1/workorders/w")).json()["order"] == "w-5"
    assert (await client.post(URL, json=DISPOSED)).status_code == 409
    assert (await client.get("/api/v1/workorders/new")).status_code == 404


async def test_a_status_is_a_command_on_the_newest_version(
    client: httpx.AsyncClient, context: Context, bus: FakeBus, dispatched: Any
) -> None:
    wanted = ApiToken(name="platform", role="commander", unit="522600", scopes=("workorders",))
    client.headers["Authorization"] = f"Bearer {api_tokens.create(context.store, wanted, 30)}"
    assert (await client.post(URL, json=DISPOSED)).status_code == 200
    assert (await client.post(URL, json=DISPOSED)).status_code == 200
    one, two = bus.sent
    assert (one.command, one.version, one.by) == ("dispose", 3, "token:platform")
    assert {name: bytes(raw) for name, raw in one.params.items()} == {
        "cause": '"老化"'.encode(), "action": '"换管"'.encode(),
    }  # fmt: skip
    assert one.comment == "运管服平台处置完成（王队）：已通水"
    assert one.key == two.key  # the engine applies it once
    assert (await client.get("/api/v1/alerts/w")).status_code == 403


async def test_a_version_that_was_overtaken_is_sent_again(
    client: httpx.AsyncClient, bus: FakeBus, dispatched: FakeProjection
) -> None:
    stale = {"accepted": False, "status": 409, "row": "ANY-2", "reason": {"en": "stale"}, "alert": alert_json("w", 4)}
    answers = [stale, {"accepted": True, "alert": alert_json("w", 5)}]
    plain = bus.send

    async def overtaken(*args: Any) -> Any:
        bus.answer = answers.pop(0)
        if answers:
            dispatched.feed(record("w", 4, trigger="repeat"))
        return await plain(*args)

    bus.send = overtaken  # type: ignore[method-assign]
    assert (await client.post(URL, json={"order": "w-2", "status": "on_site", "by": "王"})).status_code == 200
    assert [c.version for c in bus.sent] == [3, 4]


async def test_what_the_table_forbids_is_told(client: httpx.AsyncClient, bus: FakeBus, dispatched: Any) -> None:
    bus.answer = {"accepted": False, "status": 409, "row": "VERIFY-2", "reason": {"en": "not disposed of"}}
    answer = await client.post(URL, json={"order": "w-2", "status": "verified", "by": "王"})
    assert (answer.status_code, answer.json()["row"], len(bus.sent)) == (409, "VERIFY-2", 1)


@pytest.mark.parametrize("wrong", [{"cause": ""}, {"by": " "}, {"status": "done"}, {"more": 1}, {"text": "\x00"}])
async def test_bad_bodies(client: httpx.AsyncClient, bus: FakeBus, dispatched: Any, wrong: dict[str, Any]) -> None:
    assert (await client.post(URL, json={**DISPOSED, **wrong})).status_code == 422
    assert not bus.sent


def test_every_status_is_a_command_that_there_is() -> None:
    assert {s.command for s in workorders.STATUSES.values()} <= set(COMMANDS)
