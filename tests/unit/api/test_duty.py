"""Duty over HTTP: who is on duty and who sees numbers, changes, hand-over, duty log, roll-call."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from api import duty_store
from api.context import Context
from api.store import StoreError
from streams.duty.book import DutyBook
from streams.duty.records import Contact, Person, Roster
from streams.duty.wire import parsed
from tests.unit.api.conftest import T0, FakeProjection, FakeTables, bearer, record

URL = "/api/v1/duty"
WEEK = {"role": "main", "teams": [["kaili", "town"]], "starts": "2020-01-06T08:30:00+08:00"}
ROSTER: dict[str, Any] = {
    "rotations": [WEEK],
    "posts": {"main": 2},
    "room": [{"channel": "voice", "address": "08550000000"}],
}
ORG = "org:凯里市供水公司"


def human(name: str, place: str = "522601", user: str | None = None) -> Person:
    numbers = (Contact("sms", "13900000000"), Contact("feed"))
    return Person(id=name, name=f"{name}氏", place=place, user=name if user is None else user, contacts=numbers)


@pytest.fixture
def book(context: Context) -> DutyBook:
    made = context.registry.duty
    for name in ("kaili", "town", "spare", "mute"):
        made.put(human(name, user="" if name == "mute" else None))
    made.put(parsed({**ROSTER, "type": "roster", "id": "522601"})[0])
    made.put(Roster(id="522600"))
    return made


async def test_who_is_on_duty_and_who_sees_the_numbers(
    client: httpx.AsyncClient, context: Context, book: DutyBook
) -> None:
    full = (await client.get(f"{URL}?unit=522601")).json()
    assert [(p["id"], p["role_zh"]) for p in full["people"]] == [("kaili", "主班"), ("town", "主班")]
    assert full["people"][0]["contacts"][0] == {"channel": "sms", "address": "13900000000"}
    assert (full["promised"], full["room"]["contacts"][0]["address"]) == (True, "08550000000")
    for who in ("engineer", "village"):  # an engineer, and somebody below: names and channels only
        got = await client.get(f"{URL}?unit=522601", headers=bearer(context, who))
        assert got.json()["people"][0]["channels"] == ["sms", "feed"]
        assert "13900000000" not in got.text
        assert "08550000000" not in got.text
    before = (await client.get(f"{URL}?unit=522601&at=2019-12-31T00:00:00Z")).json()
    assert before["people"] == []
    assert (await client.get(f"{URL}?unit=522622")).status_code == 404
    assert (await client.get(f"{URL}?unit=Kaili")).status_code == 422


async def test_lists_hide_numbers_likewise(client: httpx.AsyncClient, context: Context, book: DutyBook) -> None:
    for path in ("rosters", "people"):
        full = await client.get(f"{URL}/{path}?unit=522601")
        bare = await client.get(f"{URL}/{path}?unit=522601", headers=bearer(context, "engineer"))
        assert full.json()["total"] == bare.json()["total"] > 0
        assert "0000000" in full.text
        assert "0000000" not in bare.text


async def test_a_roster_is_made_changed_and_refused(
    client: httpx.AsyncClient, context: Context, book: DutyBook
) -> None:
    gone = [{"role": "main", "teams": [["nobody"]], "starts": "2020-01-06T08:30:00+08:00"}]
    refused = await client.put(f"{URL}/rosters/522601", json={**ROSTER, "rotations": gone, "version": 1})
    assert refused.status_code == 422
    assert "person 'nobody' is unknown" in refused.json()["detail"]
    (overlap,) = (
        await client.put(f"{URL}/rosters/522601", json={**ROSTER, "posts": {"main": 1}, "version": 1})
    ).json()["errors"]
    assert "overlap: kaili, town of 1" in overlap["message"]
    stale = await client.put(f"{URL}/rosters/522601", json={**ROSTER, "room": [], "version": 7})
    assert (stale.status_code, "is 1 by now, you saw 7" in stale.json()["detail"]) == (409, True)
    changed = await client.put(f"{URL}/rosters/522601", json={**ROSTER, "room": [], "version": 1})
    assert (changed.status_code, changed.json()["version"], changed.json()["by"]) == (200, 2, "prefecture")
    assert book.rosters["522601"].room == ()
    assert isinstance(context.tables, FakeTables)
    assert [(t, i, v) for t, i, v, _ in context.tables.rows] == [("duty", "522601", 2)]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "want an object"),
        ({"id": "522622"}, "as the address says"),
        ({"colour": 1}, "unknown field colour"),
        ({"rotations": [{"role": "main", "teams": [["kaili"]], "starts": "soon"}]}, "rotations[0].starts: 'soon'"),
        ({"posts": {"main": "two"}}, "Expected `int`"),
    ],
)
async def test_a_body_that_is_no_roster(client: httpx.AsyncClient, book: DutyBook, body: Any, says: str) -> None:
    got = await client.put(f"{URL}/rosters/522601", json=body)
    assert (got.status_code, says in got.json()["detail"]) == (422, True), got.text


async def test_an_organisation_is_edited_by_the_people_of_its_unit(
    client: httpx.AsyncClient, context: Context, book: DutyBook
) -> None:
    boss = {"name": "钱", "place": ORG, "contacts": [{"channel": "feed"}]}
    early = await client.put(f"{URL}/people/qian", json=boss)
    assert (early.status_code, "has no roster" in early.json()["detail"]) == (404, True)
    other = await client.put(f"{URL}/rosters/{ORG}", json={"unit": "522701"})
    assert other.status_code == 403
    assert (await client.put(f"{URL}/rosters/{ORG}", json={"unit": "522601"})).status_code == 200
    assert (await client.put(f"{URL}/people/qian", json=boss)).status_code == 200
    assert (await client.get(f"{URL}?unit={ORG}", headers=bearer(context, "kaili"))).status_code == 200
    assert (await client.get(f"{URL}?unit={ORG}", headers=bearer(context, "huangping"))).status_code == 403


async def test_a_swap_once(client: httpx.AsyncClient, book: DutyBook) -> None:
    body = {
        "unit": "522601",
        "person": "spare",
        "instead_of": "town",
        "from": "2098-01-01 08:30",
        "until": "2098-01-02 08:30",
    }
    made = await client.post(f"{URL}/swaps", json=body)
    assert (made.status_code, made.json()["shifts"][0]["person"]) == (201, "spare")
    assert (await client.post(f"{URL}/swaps", json=body)).json()["version"] == 2
    late = (await client.get(f"{URL}?unit=522601&at=2098-01-01T12:00:00Z")).json()
    assert [p["id"] for p in late["people"]] == ["kaili", "spare"]
    wrong = await client.post(f"{URL}/swaps", json={**body, "instead_of": "mute"})
    assert (wrong.status_code, "takes over nothing" in wrong.json()["detail"]) == (422, True)
    assert (await client.post(f"{URL}/swaps", json={**body, "unit": "522622"})).status_code == 404


async def test_coverage_lists_gaps_of_the_subtree(client: httpx.AsyncClient, context: Context, book: DutyBook) -> None:
    book.put(Roster(id="522622"))
    assert {g["place"] for g in (await client.get(f"{URL}/coverage")).json()["gaps"]} == {"522600", "522622"}
    own = (await client.get(f"{URL}/coverage?days=2", headers=bearer(context, "huangping"))).json()
    (gap,) = own["gaps"]
    assert (gap["place"], gap["wanted"], "应有 1 人" in gap["text"]["zh"]) == ("522622", 1, True)


async def test_hand_over_is_signed_by_both_sides(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, book: DutyBook
) -> None:
    shelved = [{"kind": "SHELVED", "by": "x", "why": {"zh": "", "en": ""}}]
    projection.feed(
        record("a", severity="II"), record("b", suppressions=shelved), record("r", run="x1"),
        record("e", severity="I", escalation={"exhausted": True}), record("c", handling="CLOSED"),
        record("other", unit="522622001"),
    )  # fmt: skip
    leaves, comes = bearer(context, "kaili"), bearer(context, "town")
    made = await client.post(
        f"{URL}/handovers", json={"unit": "522601", "to": "town", "note": "夜间有雨"}, headers=leaves
    )
    assert made.status_code == 201, made.text
    done = made.json()
    assert [a["id"] for a in done["open"]] == ["e", "a", "b"]
    assert ([a["id"] for a in done["shelved"]], [a["id"] for a in done["exhausted"]]) == (["b"], ["e"])
    assert (done["counts"]["open"], done["signed"], done["note"]) == (3, None, "夜间有雨")
    sign = f"{URL}/handovers/{done['id']}/sign"
    assert (await client.post(sign, json={}, headers=leaves)).status_code == 403
    assert (await client.post(sign, json={}, headers=bearer(context, "admin"))).status_code == 403
    signed = await client.post(sign, json={"note": "收到"}, headers=comes)
    assert (signed.status_code, signed.json()["signed"]["by"], signed.json()["signed"]["note"]) == (200, "town", "收到")
    assert (await client.post(sign, json={}, headers=comes)).status_code == 409
    (listed,) = (await client.get(f"{URL}/handovers?unit=522601")).json()["items"]
    assert listed["signed"]["by"] == "town"
    assert (await client.post(f"{URL}/handovers/99/sign", json={}, headers=comes)).status_code == 404


async def test_who_may_not_hand_over(client: httpx.AsyncClient, context: Context, book: DutyBook) -> None:
    async def post(who: str, to: str, unit: str = "522601") -> httpx.Response:
        return await client.post(f"{URL}/handovers", json={"unit": unit, "to": to}, headers=bearer(context, who))

    assert (await post("prefecture", "town")).status_code == 403  # not on duty there
    assert (await post("kaili", "kaili")).status_code == 422
    assert "is not planned" in (await post("kaili", "spare")).json()["detail"]
    assert "has no account" in (await post("kaili", "mute")).json()["detail"]
    assert (await post("kaili", "nobody")).status_code == 422
    assert (await post("kaili", "town", "522601001")).status_code == 404


async def test_the_log_is_added_to_and_read_in_pages(client: httpx.AsyncClient, context: Context) -> None:
    for n in range(3):
        made = await client.post(
            f"{URL}/log", json={"unit": "522601", "text": f"第{n}条"}, headers=bearer(context, "kaili")
        )
        assert made.status_code == 201
    first = (await client.get(f"{URL}/log?limit=2")).json()
    assert [e["text"] for e in first["items"]] == ["第2条", "第1条"]
    rest = (await client.get(f"{URL}/log?limit=2&page={first['next']}")).json()
    assert ([e["text"] for e in rest["items"]], rest["next"]) == (["第0条"], None)
    assert (await client.get(f"{URL}/log", headers=bearer(context, "huangping"))).json()["items"] == []
    half = await client.post(f"{URL}/log", content=b'{"text": "\\ud800"}', headers={"Content-Type": "application/json"})
    assert half.status_code == 422


async def test_a_roll_call_is_answered_in_time_late_or_not(
    client: httpx.AsyncClient, context: Context, book: DutyBook
) -> None:
    made = (await client.post(f"{URL}/rollcalls", json={"unit": "522601", "number": 5, "seed": 7})).json()
    assert {p["person"] for p in made["people"]} == {"kaili", "town"}
    assert made["counts"] == {"answered": 0, "late": 0, "waiting": 2, "unanswered": 0}
    url = f"{URL}/rollcalls/{made['id']}/answer"
    got = await client.post(url, json={}, headers=bearer(context, "kaili"))
    row = next(p for p in got.json()["people"] if p["person"] == "kaili")
    assert (got.status_code, row["state"], 0 <= row["response_s"] < 60) == (200, "answered", True)
    assert (await client.post(url, json={}, headers=bearer(context, "kaili"))).status_code == 409
    assert (await client.post(url, json={}, headers=bearer(context, "huangping"))).status_code == 403
    assert (await client.post(url, json={"person": "town"}, headers=bearer(context, "kaili"))).status_code == 403
    assert (await client.post(url, json={"person": "town"})).status_code == 422  # says not how it was given
    assert (await client.post(url, json={"person": "town", "note": "座机应答"})).status_code == 200
    now = int(time.time() * 1000)
    asked = {"seed": 1, "people": [{"place": "522601", "person": p, "name": p, "user": p} for p in ("kaili", "town")]}
    old = duty_store.add_rollcall(context.store, "522601", now - 400_000, "prefecture", asked)
    assert (
        await client.post(f"{URL}/rollcalls/{old}/answer", json={}, headers=bearer(context, "town"))
    ).status_code == 200
    (newest, _) = (await client.get(f"{URL}/rollcalls")).json()["items"]
    assert newest["counts"] == {"answered": 0, "late": 1, "waiting": 0, "unanswered": 1}
    assert (await client.get(f"{URL}/rollcalls", headers=bearer(context, "huangping"))).json()["items"] == []
    assert (await client.post(f"{URL}/rollcalls", json={"unit": "522622"})).status_code == 404


async def test_what_people_wrote_outlives_the_projection_and_is_never_changed(
    context: Context, projection: FakeProjection
) -> None:
    store = context.store
    projection.feed(record("a", at_ms=T0))
    duty_store.add_entry(store, "522601", 1, "kaili", "核实", "")
    call = duty_store.add_rollcall(store, "522601", 1, "kaili", {"seed": 1, "people": []})
    assert duty_store.add_answer(store, call, "kaili", "kaili", 2, "")
    store.drop([""])
    assert [e["text"] for e in duty_store.entries(store, "522601", 9)] == ["核实"]
    assert duty_store.rollcalls(store, 9)[0]["answers"]["kaili"]["at_ms"] == 2
    for statement in ("UPDATE duty_log SET text = ''", "DELETE FROM duty_answers"):
        with pytest.raises((StoreError, IntegrityError), match="rows are only added"), store.write() as tx:
            tx.execute(text(statement))
