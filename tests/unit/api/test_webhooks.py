"""Webhooks: subscribing, what is delivered in which order, signatures, retries, what is given up, the guard."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import insert

from api import audit, queries, webhook_sender, webhook_store as kept
from api.app import create_app
from api.context import Context
from api.webhook_sender import WebhookSender
from api.webhook_table import webhooks
from streams.notify import signing
from streams.notify.channels.base import Outcome
from streams.notify.channels.http import Poster
from streams.notify.options import allowed_from
from tests.unit.api.conftest import (
    OTHER_ORG,
    OWN_ORG,
    FakePoster,
    FakeProjection,
    bearer,
    record,
    subscription,
)  # fmt: skip

URL = "/api/v1/webhooks"
HOOK = {"name": "平台", "url": "https://8.8.8.8/hook"}


@pytest.fixture
def poster(context: Context) -> FakePoster:
    made = FakePoster()
    context.webhooks = WebhookSender(context.store, lambda: made, lambda id_: context.auth.secret_of(f"webhook:{id_}"))  # type: ignore[arg-type]
    return made


async def send(context: Context) -> None:
    """Everything that is due."""
    await context.webhooks.start_due()
    await context.webhooks.idle()


def hook(context: Context, id_: str = "h", **changes: Any) -> str:
    cursor = context.store.cursor()
    with context.store.write() as tx:
        tx.execute(insert(webhooks), subscription(id_, epoch=cursor.epoch, seq=cursor.seq, **changes))
    return id_


def subjects(poster: FakePoster) -> list[str]:
    return [body["subject"] for _, body, _ in poster.taken]


async def test_events_come_signed_in_order_and_once(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, poster: FakePoster
) -> None:
    projection.feed(record("before"))
    made = (await client.post(URL, json=HOOK)).json()
    assert len(made["secret"]) == 64
    projection.feed(record("a"), record("b"), record("a", 2, trigger="ack"))
    await send(context)
    await send(context)
    assert subjects(poster) == ["a", "b", "a"]
    url, event, headers = poster.taken[0]
    assert (url, event["type"], event["data"]["alert"]["id"]) == (HOOK["url"], "cityops.alert", "a")
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert headers["Idempotency-Key"] == event["id"]
    stamp, signature = headers[signing.TIMESTAMP], headers[signing.SIGNATURE]
    assert signing.fault(made["secret"], stamp, signature, poster.bodies[0], time.time()) == ""
    assert signing.fault("x" * 64, stamp, signature, poster.bodies[0], time.time()) != ""
    shown = (await client.get(f"{URL}/{made['id']}")).json()
    assert (shown["delivered"], shown["behind"], shown["attempts"]) == (3, 0, 0)
    assert "secret" not in shown
    assert made["secret"] not in orjson.dumps([r["json"] for r in audit.everything(context.store)]).decode()


async def test_what_is_not_wanted_or_not_seen_is_left_out(
    context: Context, projection: FakeProjection, poster: FakePoster
) -> None:
    hook(context, "u", prefix="522622")
    hook(context, "s", wanted={"severity": ["II"]})
    hook(context, "d", wanted={"domain": ["gas"]})
    hook(context, "m", wanted={"mode": "exercise"})
    hook(context, "o", orgs=[OWN_ORG])
    projection.feed(
        record("plain"), record("far", unit="522622001"), record("orange", severity="II"), record("gas", domain="gas"),
        record("drill", mode="exercise"), record("own", owner_org=OWN_ORG), record("other", owner_org=OTHER_ORG),
    )  # fmt: skip
    await send(context)
    got = {h: [b["subject"] for _, b, head in poster.taken if head["X-Cityops-Webhook"] == h] for h in "usdmo"}
    assert got == {"u": ["far"], "s": ["orange"], "d": ["gas"], "m": ["drill"], "o": ["own"]}
    assert all(h.seq == context.store.seq for h in kept.everyone(context.store))


async def test_a_failure_waits_and_nothing_overtakes_it(
    context: Context, projection: FakeProjection, poster: FakePoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(context)
    projection.feed(record("a"), record("b"))
    poster.refusals = [Outcome(False, "HTTP 500")]
    monkeypatch.setattr(webhook_sender, "wait_ms", lambda attempts, draw: 60_000 * attempts)
    begin = int(time.time() * 1000)
    await send(context)
    (found,) = kept.everyone(context.store)
    assert (found.attempts, found.why, poster.taken) == (1, "HTTP 500", [])
    assert found.next_ms >= begin + 60_000
    await send(context)
    assert poster.taken == []
    kept.failed(context.store, "h", 1, begin, 0, "HTTP 500")  # its time has come
    await send(context)
    assert subjects(poster) == ["a", "b"]
    (found,) = kept.everyone(context.store)
    assert (found.attempts, found.why, found.delivered) == (0, "", 2)


@pytest.mark.parametrize(
    ("final", "attempts", "age_h", "given_up"),
    [(True, 2, 0, True), (True, 1, 0, False), (False, 20, 23, False), (False, 20, 25, True)],
)
async def test_when_an_event_is_given_up(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, poster: FakePoster, final: bool,
    attempts: int, age_h: int, given_up: bool,
) -> None:  # fmt: skip
    hook(context)
    projection.feed(record("a"), record("b"))
    kept.failed(context.store, "h", attempts, int(time.time() * 1000) - age_h * 3_600_000, 0, "")
    poster.refusals = [Outcome(False, "HTTP 410", final=final)]
    await send(context)
    dead = (await client.get(f"{URL}/h/dead")).json()["items"]
    assert [d["alert"] for d in dead] == (["a"] if given_up else [])
    assert subjects(poster) == (["b"] if given_up else [])
    if given_up:
        again = f"{URL}/h/dead/{dead[0]['event']}/resend"
        poster.refusals = [Outcome(False, "HTTP 500")]
        assert (await client.post(again)).json() == {"delivered": False, "why": "HTTP 500"}
        assert (await client.post(again)).json() == {"delivered": True, "why": None}
        assert subjects(poster) == ["b", "a"]
        assert (await client.post(again)).status_code == 404


async def test_after_a_rebuild_one_resync_and_no_old_event(
    context: Context, projection: FakeProjection, poster: FakePoster
) -> None:
    hook(context)
    context.store.drop([""])
    projection.feed(record("a"), record("b"))
    await send(context)
    projection.feed(record("c"))
    await send(context)
    assert [body["type"] for _, body, _ in poster.taken] == ["cityops.resync", "cityops.alert"]
    assert poster.taken[1][1]["subject"] == "c"


async def test_one_of_several_processes_sends(context: Context, projection: FakeProjection, poster: FakePoster) -> None:
    hook(context)
    projection.feed(*(record(f"a{n}") for n in range(20)))
    other = WebhookSender(context.store, lambda: poster, str)  # type: ignore[arg-type]
    await asyncio.gather(context.webhooks.start_due(), other.start_due())
    await asyncio.gather(context.webhooks.idle(), other.idle())
    assert subjects(poster) == [f"a{n}" for n in range(20)]


async def test_a_subscription_that_ends_while_it_is_sent(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, poster: FakePoster
) -> None:
    hook(context)
    projection.feed(record("a"), record("b"))
    post = poster.post

    async def ending(*args: Any, **more: Any) -> Outcome:
        await client.delete(f"{URL}/h")
        return await post(*args, **more)

    poster.post = ending  # type: ignore[method-assign]
    await send(context)
    assert subjects(poster) == ["a"]
    assert (await client.get(f"{URL}/h")).status_code == 404


async def test_the_guard_refuses_our_own_network(context: Context, projection: FakeProjection) -> None:
    transport = httpx.ASGITransport(app=create_app(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=bearer(context, "prefecture")
    ) as client:
        for url in (
            "http://127.0.0.1:1/x",
            "http://[::1]/x",
            "http://169.254.169.254/latest",
            "ftp://8.8.8.8/x",
            "https://",
        ):
            answer = await client.post(URL, json={**HOOK, "url": url})
            assert answer.status_code == 422, url
            assert answer.json()["detail"].startswith("body.url"), url
    hook(context, url="http://127.0.0.1:1/x")  # as a name that later resolves to us would
    projection.feed(record("a"))
    context.webhooks = WebhookSender(context.store, lambda: Poster(allowed_from(context.settings), 1.0), str)
    await send(context)
    (found,) = kept.everyone(context.store)
    assert found.why.startswith("not allowed")


async def test_a_test_event(client: httpx.AsyncClient, context: Context, poster: FakePoster) -> None:
    hook(context)
    assert (await client.post(f"{URL}/h/test")).json() == {"delivered": True, "why": None}
    assert poster.taken[0][1]["type"] == "cityops.test"
    poster.refusals = [Outcome(False, "no connection")]
    assert (await client.post(f"{URL}/h/test")).json() == {"delivered": False, "why": "no connection"}


async def test_bounds_of_a_subscription(client: httpx.AsyncClient, context: Context, poster: FakePoster) -> None:
    for wrong in ({"url": ""}, {"events": []}, {"domain": ["wine"]}, {"unit": "x"}, {"name": " "}, {"more": 1}):
        assert (await client.post(URL, json={**HOOK, **wrong})).status_code == 422, wrong
    county = bearer(context, "own@elsewhere")
    assert (await client.post(URL, json={**HOOK, "unit": "5226"}, headers=county)).status_code == 403
    made = (await client.post(URL, json=HOOK, headers=county)).json()
    assert (made["unit"], made["orgs"]) == ("522622", [OWN_ORG])
    assert [h["id"] for h in (await client.get(URL)).json()["items"]] == [made["id"]]
    for n in range(kept.MOST - 1):
        hook(context, f"h{n}")
    assert (await client.post(URL, json=HOOK)).status_code == 409
    (row,) = audit.listed(context.store, audit.Asked(prefix="5226"), 1, None)[0]
    assert row["status"] == 409


def test_only_the_newest_that_were_given_up_are_kept(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEEP_DEAD", 3)
    hook(context)
    for n in range(5):
        kept.bury(context.store, "h", f"e{n}", "a", "{}", 1, "", n)
    assert [d["event"] for d in kept.buried(context.store, "h")] == ["e4", "e3", "e2"]
    assert queries.position(context.store)[0].seq == 0
