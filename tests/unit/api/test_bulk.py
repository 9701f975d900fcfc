"""One command on many alerts: each item has its own answer, key and scope."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.context import Context
from streams.errors import CityopsError
from streams.events import Command
from tests.unit.api.conftest import FakeBus, FakeProjection, alert_json, bearer, record


class Desk(FakeBus):
    """Accepts what saw version 1; refuses others with their row; does not answer `slow`; cannot send `away`."""

    async def send(self, command: Command, run: str, timeout_s: float) -> dict[str, Any] | None:
        self.sent.append(command)
        if command.alert == "slow":
            return None
        if command.alert == "away":
            raise CityopsError("no Kafka answers")
        if command.version == 1:
            return {"accepted": True, "alert": alert_json(command.alert, 2)}
        return {"accepted": False, "status": 409, "row": "ANY-2", "reason": {"zh": "报警已有变化", "en": "changed"},
                "alert": alert_json(command.alert, 7)}  # fmt: skip


@pytest.fixture
def desk(context: Context, projection: FakeProjection) -> Desk:
    projection.feed(*(record(i) for i in ("a", "b", "slow", "away")), record("g", unit="522622001", domain="gas"))
    context.bus = made = Desk()
    return made


async def post(client: httpx.AsyncClient, items: list[tuple[str, int]], key: str = "", **more: Any) -> httpx.Response:
    body = {"command": "ack", "items": [{"id": i, "version": v} for i, v in items], **more}
    return await client.post("/api/v1/alerts/commands", json=body, headers={"Idempotency-Key": key} if key else {})


async def test_each_item_has_its_own_answer(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await post(client, [("b", 3), ("a", 1), ("no", 1), ("slow", 1), ("away", 1)], comment="已阅")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["accepted"], body["refused"]) == (1, 4)
    assert [(i["id"], i["status"]) for i in body["items"]] == [
        ("b", 409), ("a", 200), ("no", 404), ("slow", 504), ("away", 503),
    ]  # fmt: skip
    refused, done = body["items"][:2]
    assert (refused["row"], refused["version"], refused["reason"]["en"]) == ("ANY-2", 7, "changed")
    assert done == {"id": "a", "status": 200, "version": 2}
    assert {(c.command, c.comment, c.by) for c in desk.sent} == {("ack", "已阅", "prefecture")}


async def test_every_item_has_a_key_of_its_own(client: httpx.AsyncClient, desk: Desk) -> None:
    for _ in range(2):
        await post(client, [("a", 1), ("b", 1)], key="k1")
    assert sorted(c.key for c in desk.sent) == ["k1/a", "k1/a", "k1/b", "k1/b"]
    desk.sent.clear()
    await post(client, [("a", 1)])
    assert [c.key for c in desk.sent] == [""]


async def test_shelving_takes_parameters_and_the_severity_counts(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, desk: Desk
) -> None:
    projection.feed(record("red", severity="I"))
    client.headers.update(bearer(context, "kaili"))
    more: dict[str, Any] = {"command": "shelve", "comment": "检修", "params": {"until": 1}}
    answer = (await post(client, [("a", 1), ("red", 1), ("g", 1)], **more)).json()
    assert [(i["id"], i["status"]) for i in answer["items"]] == [("a", 200), ("red", 403), ("g", 403)]
    assert [bytes(c.params["until"]) for c in desk.sent] == [b"1"]


@pytest.mark.parametrize(
    ("items", "more", "words"),
    [
        ([], {}, ["body.items"]),
        ([("a", 1)] * 2, {}, ["body.items", "twice"]),
        ([(f"x{n}", 1) for n in range(201)], {}, ["body.items", "200"]),
        ([("a", 1)], {"command": "close"}, ["body.command", "'ack'"]),
        ([("a", 0)], {}, ["body.items.0.version"]),
        ([("a", 1)], {"key": "k" * 127}, ["Idempotency-Key", "longer"]),
        ([("a", 1)], {"key": "k k"}, ["Idempotency-Key", "blanks"]),
    ],
)
async def test_a_body_that_cannot_be_used_sends_nothing(
    client: httpx.AsyncClient, desk: Desk, items: list[tuple[str, int]], more: dict[str, Any], words: list[str]
) -> None:
    answer = await post(client, items, **more)
    assert answer.status_code == 422
    assert all(word in answer.json()["detail"] for word in words), answer.json()["detail"]
    assert desk.sent == []


async def test_who_may_none_of_it_is_refused_as_a_whole(
    client: httpx.AsyncClient, context: Context, desk: Desk
) -> None:
    client.headers.update(bearer(context, "looker"))
    answer = await post(client, [("a", 1), ("b", 1)])
    assert (answer.status_code, [i["id"] for i in answer.json()["items"]]) == (403, ["a", "b"])
    assert desk.sent == []


async def test_two_hundred_items_are_done(client: httpx.AsyncClient, projection: FakeProjection, desk: Desk) -> None:
    names = [f"n{k}" for k in range(200)]
    projection.feed(*map(record, names))
    body = (await post(client, [(n, 1) for n in names])).json()
    assert (body["accepted"], [i["id"] for i in body["items"]]) == (200, names)
