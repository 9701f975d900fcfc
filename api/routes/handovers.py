"""Hand-over 交接班: the one who leaves writes it, the one who takes over signs it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import duty_store, units
from api.body_text import written
from api.context import Caller, Context, Ctx
from api.docs import problems
from api.duty_pages import Limit, Page, RowId, Unit, of_subtree
from api.duty_scope import asked_place, require, require_place, unit_of
from api.errors import Problem
from api.roles import Principal
from geo.moments import rfc3339
from streams.duty.handover import summary
from streams.duty.records import Person

router = APIRouter(tags=["duty"])
NEAR_MS = 2 * 3_600_000  # a hand-over may be written so long after the end of one's duty, and before the other's begin
FIRST_MS = 24 * 3_600_000  # what changed in so long a time is listed in the first one


class HandoverBody(BaseModel):
    """Whose duty ends where, and who takes over."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"unit": "522601", "to": "wu"}]})

    unit: str | None = Field(default=None, description="unit code or org:<name>; default the caller's", max_length=120)
    to: str = Field(description="id of the person who takes over", max_length=64)
    note: str = Field(default="", max_length=4000)


class SignBody(BaseModel):
    """A remark of the one who takes over."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(default="", max_length=4000)


@router.post("/duty/handovers", status_code=201, responses=problems(401, 403, 404, 422))
async def write(body: HandoverBody, ctx: Ctx, caller: Caller) -> Response:
    """Hand over: what is open, shelved, exhausted and changed since the last hand-over is put down and signed."""
    place, note = asked_place("unit", body.unit, caller), written("note", body.note)
    require(caller, "hand over duty")
    require_place(ctx, caller, place)
    now = int(time.time() * 1000)
    leaves, comes = _leaving(ctx, caller, place, now), _coming(ctx, body.to, place, now)
    if leaves.id == comes.id:
        raise Problem(422, f"body.to: {comes.id} is the one who leaves; name the one who takes over")

    def put_down() -> dict[str, Any]:
        since = duty_store.last_handover_ms(ctx.store, place) or now - FIRST_MS
        alerts = duty_store.alerts_of(ctx.store, units.prefix(unit_of(ctx, place)), since)
        what = {**summary(alerts, rfc3339(since)), "note": note}
        row = {
            "unit": unit_of(ctx, place), "place": place, "at_ms": now, "by": caller.name, "person": leaves.id,
            "to_user": comes.user, "to_person": comes.id, "json": orjson.dumps(what).decode(),
        }  # fmt: skip
        return {**row, "id": duty_store.add_handover(ctx.store, row), "signed": None}

    made = await asyncio.to_thread(put_down)
    return Response(orjson.dumps(_public(made)), 201, media_type="application/json")


@router.post("/duty/handovers/{id}/sign", responses=problems(401, 403, 404, 409, 422))
async def sign(id: RowId, body: SignBody, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """Take over: only the person named in the hand-over can, once."""
    note = written("note", body.note)
    require(caller, "hand over duty")
    found = await asyncio.to_thread(duty_store.handover, ctx.store, id)
    if found is None:
        raise Problem(404, f"there is no hand-over {id}")
    if caller.name != found["to_user"]:
        raise Problem(
            403, f"hand-over {id} names {found['to_person']} as the one who takes over; only they can sign it"
        )
    now = int(time.time() * 1000)
    if not await asyncio.to_thread(duty_store.sign, ctx.store, id, caller.name, now, note):
        raise Problem(409, f"hand-over {id} is signed already")
    found["signed"] = {"by": caller.name, "at_ms": now, "note": note}
    return Response(orjson.dumps(_public(found)), media_type="application/json")


@router.get("/duty/handovers", responses=problems(401, 403, 422))
async def handovers(ctx: Ctx, caller: Caller, unit: Unit = None, limit: Limit = None, page: Page = None) -> Response:
    """Hand-overs of a subtree, newest first; `signed` is null until the other side has signed."""
    return await of_subtree(ctx, caller, unit, limit, page, duty_store.handovers, _public)


def _leaving(ctx: Context, caller: Principal, place: str, now_ms: int) -> Person:
    """The caller's person that is on duty at the place, or was just now."""
    book = ctx.registry.duty
    if book.posts(place) is None:
        raise Problem(404, f"{place[:80]} has no roster, so nobody hands over there")
    for person in book.of_user(caller.name):
        if any(book.roles_of(person.id, place, t) for t in (now_ms, now_ms - NEAR_MS)):
            return person
    raise Problem(403, f"{caller.name} is not on duty at {place[:80]} and was not in the last 2 h")


def _coming(ctx: Context, id_: str, place: str, now_ms: int) -> Person:
    """The person who takes over: planned now or soon, and able to sign."""
    book = ctx.registry.duty
    person = book.persons.get(id_)
    if person is None or person.removed:
        raise Problem(422, f"body.to: there is no person {id_[:64]!r}; name an id of GET /duty/people")
    if not person.user:
        raise Problem(422, f"body.to: {id_} has no account to sign with; give one with PUT /duty/people/{id_}")
    if not any(book.roles_of(id_, place, t) for t in (now_ms, now_ms + NEAR_MS)):
        raise Problem(
            422, f"body.to: {id_} is not planned at {place[:80]} within 2 h; swap first with POST /duty/swaps"
        )
    return person


def _public(row: dict[str, Any]) -> dict[str, Any]:
    signed = row["signed"]
    return {
        "id": row["id"], "place": row["place"], "unit": row["unit"], "at": rfc3339(row["at_ms"]),
        "from": {"person": row["person"], "user": row["by"]}, "to": {"person": row["to_person"],
        "user": row["to_user"]},
        "signed": signed and {"by": signed["by"], "at": rfc3339(signed["at_ms"]), "note": signed["note"]},
        **orjson.loads(row["json"]),
    }  # fmt: skip
