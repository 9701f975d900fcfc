"""Notifications by HTTP: lists, sending again, destinations, exercises with two approvers, answers of telephones."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import func, insert, select

from api import exercise_report, users
from api.app import create_app
from api.context import Context
from streams.alert_parts import Text
from streams.drills import burst
from streams.drills.rehearsal import rehearse
from streams.duty.records import Contact, Person, Roster, Rotation
from streams.notify import claims, codes, schema, signing, templates
from streams.notify.compose import compose
from streams.notify.options import TEMPLATES
from tests.unit.api.conftest import PASSWORD, T0, FakeBus, FakeProjection, bearer, keep

SECRET = "gateway-secret-of-32-characters!"
NUMBER = "13812345678"


async def test_the_list_is_of_ones_unit_filtered_and_paged(client: httpx.AsyncClient, context: Context) -> None:
    for k in range(5):
        keep(context, id=f"{k:020x}", notice=f"{k}.0", created_ms=T0 + k // 2, state="dead" if k == 4 else "queued")
    keep(context, id="f" * 20, alert="g", unit="522622001", person="wu")
    first = (await client.get("/api/v1/notifications", params={"limit": 4})).json()
    rest = (await client.get("/api/v1/notifications", params={"limit": 4, "page": first["next"]})).json()
    ids = [i["id"] for i in first["items"] + rest["items"]]
    assert len(ids) == len(set(ids)) == 6
    assert rest["next"] is None
    one = next(i for i in first["items"] if i["state"] == "queued")
    assert (one["address"], one["until"]) == ("138****5678", "2025-11-23T08:00:00.000Z")
    assert one["reason"]["zh"] == "等待发送"
    own = await client.get("/api/v1/notifications", headers=bearer(context, "huangping"))
    assert [i["person"] for i in own.json()["items"]] == ["wu"]
    dead = await client.get("/api/v1/notifications", params={"state": "dead", "alert": "w", "person": "li"})
    assert [i["id"] for i in dead.json()["items"]] == [f"{4:020x}"]
    for bad in ({"state": "lost"}, {"page": "x"}, {"limit": "0"}):
        assert (await client.get("/api/v1/notifications", params=bad)).status_code == 422


async def test_a_dead_one_is_sent_again_and_others_are_not(client: httpx.AsyncClient, context: Context) -> None:
    keep(context, id="a1", state="dead", attempts=6)
    keep(context, id="a2", state="delivered", notice="2.0")
    answer = await client.post("/api/v1/notifications/a1/resend")
    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (200, "queued", 0)
    assert "prefecture" in answer.json()["reason"]["en"]
    assert (await client.post("/api/v1/notifications/a2/resend")).status_code == 409
    assert (await client.post("/api/v1/notifications/no/resend")).status_code == 404


async def test_destinations_show_what_waits(client: httpx.AsyncClient, context: Context) -> None:
    keep(context, id="a1")
    keep(context, id="a2", notice="2.0", created_ms=T0 - 1000)
    found = (await client.get("/api/v1/notifications/channels")).json()
    assert found["per_minute"]["sms"] == 300
    assert found["items"][0] | {"id": ""} == found["items"][0] | {
        "id": "", "channel": "sms", "address": "138****5678", "breaker": "closed", "waiting": 2,
        "oldest": "2025-11-23T07:59:59.000Z",
    }  # fmt: skip
    metrics = (await client.get("/metrics")).text
    assert "13812345678" not in metrics


async def test_an_exercise_needs_two_people(client: httpx.AsyncClient, context: Context) -> None:
    made = await client.post("/api/v1/exercises", json={"run": "d1", "people": ["wu", "li", "li"]})
    assert (made.status_code, made.json()["state"], made.json()["people"]) == (201, "proposed", ["li", "wu"])
    own = await client.post("/api/v1/exercises/d1/approve")
    assert own.status_code == 409
    assert "another person" in own.json()["detail"]
    other = await client.post("/api/v1/exercises/d1/approve", headers=bearer(context, "admin"))
    assert (other.json()["state"], other.json()["approved_by"]) == ("approved", "admin")
    again = await client.post("/api/v1/exercises", json={"run": "d1", "people": ["yang"]})
    assert again.status_code == 409
    ended = await client.post("/api/v1/exercises/d1/end")
    assert ended.json()["state"] == "ended"
    assert (await client.post("/api/v1/exercises/d1/approve", headers=bearer(context, "admin"))).status_code == 409
    assert (await client.post("/api/v1/exercises/none/approve")).status_code == 404
    assert (await client.post("/api/v1/exercises", json={"run": "../x", "people": ["a"]})).status_code == 422


async def test_an_exercise_is_assessed(client: httpx.AsyncClient, context: Context, projection: FakeProjection) -> None:
    records, _ = rehearse(burst.scene(), "d7")
    projection.feed(*map(orjson.dumps, records))
    keep(context, run="d7", mode="exercise", state="stub")
    answer = await client.get("/api/v1/exercises/d7/report", headers=bearer(context, "admin"))
    said = answer.json()
    (one,) = said["items"]
    assert (said["ok"], one["ok"], one["whole"], one["missing"], one["handling"]) == (True, True, True, [], "CLOSED")
    assert {a["result"] for a in one["asks"]} >= {"missed", "in_time"}
    assert "评估" in one["text"]["zh"]
    assert said["messages"] == [{"channel": "sms", "state": "stub", "n": 1}]
    elsewhere = exercise_report.report(context.store, context.outbox, "d7", "522622")
    assert (elsewhere["items"], elsewhere["messages"]) == ([], [])
    assert (await client.get("/api/v1/exercises/d8/report", headers=bearer(context, "admin"))).status_code == 404


@pytest.fixture
async def gateway(context: Context) -> Any:
    """Posts a body as the gateway does."""
    context.settings = context.settings.replace(notify_inbound_secret=SECRET)
    app = create_app(context)

    async def post(way: str, body: dict[str, Any], secret: str = SECRET, ago_s: float = 0.0) -> httpx.Response:
        raw = json.dumps(body).encode()
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            signed = signing.headers(secret, time.time() - ago_s, raw)
            return await client.post(f"/api/v1/inbound/{way}", content=raw, headers=signed)

    return post


def coded(context: Context, code: str = "4711", **changes: Any) -> None:
    keep(context, **{"id": "m1", "state": "sent", **changes})
    with context.outbox.write() as tx:
        tx.execute(
            insert(schema.codes),
            {"message": changes.get("id", "m1"), "number": NUMBER, "code": code, "alert": "w", "person": "li",
             "expires_ms": int(time.time() * 1000) + 60_000, "used_ms": None},
        )  # fmt: skip


async def test_a_reply_acknowledges_once_for_the_person(gateway: Any, context: Context, bus: FakeBus) -> None:
    coded(context)
    for _ in range(2):
        answer = await gateway("sms", {"number": "+86 " + NUMBER, "text": "收到 ４７１１"})
        assert (answer.status_code, answer.json()) == (200, {"result": "acknowledged", "alert": "w"})
    assert len(bus.sent) == 1
    sent = bus.sent[0]
    assert (sent.command, sent.alert, sent.by, sent.role, sent.unit) == ("ack", "w", "li", "officer", "522601001")
    assert "短信" in sent.comment
    with context.outbox.read() as tx:
        assert tx.scalar(select(schema.messages.c.state)) == "delivered"


async def test_pressing_1_acknowledges_as_the_account(gateway: Any, context: Context, bus: FakeBus) -> None:
    await asyncio.to_thread(users.put, context.store, "li.wei", PASSWORD, "commander", "522601")
    coded(context, user="li.wei", run="d1")
    other = await gateway("voice", {"number": NUMBER, "code": "4711", "digit": "2"})
    assert other.json() == {"result": "ignored", "alert": None}
    assert (await gateway("voice", {"number": NUMBER, "code": "4711", "digit": "1"})).status_code == 200
    assert [(c.by, c.role, c.unit) for c in bus.sent] == [("li.wei", "commander", "522601")]


async def test_who_does_not_sign_rightly_is_refused(gateway: Any, context: Context, bus: FakeBus) -> None:
    coded(context)
    body = {"number": NUMBER, "text": "4711"}
    assert (await gateway("sms", body, secret="another secret of 32 characters!")).status_code == 401
    assert (await gateway("sms", body, ago_s=301)).status_code == 401
    assert (await gateway("sms", body, ago_s=-301)).status_code == 401
    assert (await gateway("sms", {"text": "4711"})).status_code == 422
    context.settings = context.settings.replace(notify_inbound_secret="")
    assert (await gateway("sms", body)).status_code == 503
    assert bus.sent == []


async def test_a_call_that_nobody_took_goes_on_by_the_next_way(gateway: Any, context: Context, bus: FakeBus) -> None:
    coded(context, channel="voice", rest=json.dumps([["sms", NUMBER]]))
    body = {"number": NUMBER, "code": "4711", "result": "no_answer"}
    assert (await gateway("voice", {**body, "result": "asleep"})).status_code == 422
    answer = await gateway("voice", body)
    assert (answer.status_code, answer.json()) == (200, {"result": "no_answer", "alert": "w"})
    assert (await gateway("voice", body)).json()["result"] == "ignored"  # told again
    with context.outbox.read() as tx:
        rows = tx.execute(select(schema.messages.c.channel, schema.messages.c.state).order_by("channel")).all()
    assert [tuple(r) for r in rows] == [("sms", "queued"), ("voice", "dead")]
    assert bus.sent == []


async def test_the_alert_hears_when_the_last_way_reached_nobody(gateway: Any, context: Context) -> None:
    coded(context, channel="voice", rest="[]")
    await gateway("voice", {"number": NUMBER, "code": "4711", "result": "busy"})
    with context.outbox.read() as tx:
        said = json.loads(tx.scalar(select(schema.replies.c.json)))
    assert (said["command"], said["alert"], said["params"]["person"]) == ("failed", "w", "li")


async def test_a_roll_call_is_told_and_answered_by_telephone(
    gateway: Any, client: httpx.AsyncClient, context: Context, bus: FakeBus
) -> None:
    duty = context.registry.duty
    duty.put(Person(id="li", name="李", place="522601", contacts=(Contact("sms", NUMBER), Contact("feed"))))
    duty.put(Roster(id="522601", rotations=(Rotation(role="main", teams=(("li",),), starts_ms=0),)))
    made = (await client.post("/api/v1/duty/rollcalls", json={"unit": "522601"})).json()
    assert made["counts"]["waiting"] == 1
    with context.outbox.read() as tx:
        dest = tx.scalar(select(schema.messages.c.dest))
    compose_ = partial(
        compose,
        known=templates.read(TEMPLATES.read_text("utf-8"), TEMPLATES.name),
        place_of=lambda code: Text(code, code),
        lang="zh",
        now_ms=T0,
    )

    def told(rows: Any, alerts: Any, code: str) -> Any:
        return compose_(rows, alerts, code=code)

    with context.outbox.write() as tx:
        taken = claims.claim(tx, dest, told, claims.Limits(), int(time.time() * 1000))
        assert taken is not None
        claims.succeeded(tx, taken, True, T0)
        assert tx.scalar(select(func.count()).select_from(schema.replies)) == 0  # no alert waits for it
    assert taken.composed.text.startswith("查岗：522601值班，请于")
    assert taken.composed.text.endswith(f"回复{taken.code}")
    answer = await gateway("sms", {"number": NUMBER, "text": taken.code})
    assert (answer.status_code, bus.sent) == (200, [])
    (call,) = (await client.get("/api/v1/duty/rollcalls")).json()["items"]
    assert (call["counts"]["answered"], call["people"][0]["by"]) == (1, "li")


async def test_guessing_ends_after_a_few(gateway: Any, context: Context, bus: FakeBus) -> None:
    coded(context)
    for k in range(codes.WRONG_OF_NUMBER):
        assert (await gateway("sms", {"number": NUMBER, "text": f"000{k}"})).status_code == 404
    assert (await gateway("sms", {"number": NUMBER, "text": "4711"})).status_code == 429
    assert bus.sent == []


async def test_a_code_counts_from_the_number_that_was_told(gateway: Any, context: Context, bus: FakeBus) -> None:
    coded(context)
    assert (await gateway("sms", {"number": "13900000000", "text": "4711"})).status_code == 404
    assert bus.sent == []


async def test_what_the_alert_refuses_is_told_and_the_code_stays(gateway: Any, context: Context, bus: FakeBus) -> None:
    coded(context)
    bus.answer = {"accepted": False, "status": 409, "row": "ACK-3", "reason": {"zh": "", "en": "closed"}}
    refused = await gateway("sms", {"number": NUMBER, "text": "4711"})
    assert (refused.status_code, refused.json()["row"]) == (409, "ACK-3")
    bus.answer = None
    assert (await gateway("sms", {"number": NUMBER, "text": "4711"})).status_code == 504
    bus.answer = {"accepted": True, "alert": None}
    assert (await gateway("sms", {"number": NUMBER, "text": "4711"})).status_code == 200
