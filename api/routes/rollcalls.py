"""Random roll-call 查岗: people on duty are picked by a seed and answer; response times are listed."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import asking, duty_store
from api.body_text import written
from api.context import Caller, Ctx
from api.docs import problems
from api.duty_pages import MAX_LIMIT, Limit, Page, RowId, asked, paged
from api.duty_scope import asked_place, inside, require
from api.errors import Problem
from api.roles import Principal, may_duty
from geo.moments import rfc3339
from streams.duty.rollcall import candidates, counts, picked, result
from streams.notify import calling_roll

router = APIRouter(tags=["duty"])


class RollcallBody(BaseModel):
    """Whom to pick from, and how many."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"unit": "522601", "number": 3}]})

    unit: str | None = Field(default=None, description="unit code; its subtree; default the caller's", max_length=20)
    number: int = Field(default=3, ge=1, le=100)
    seed: int | None = Field(default=None, ge=0, lt=2**53, description="to repeat a choice; default a random one")


class AnswerBody(BaseModel):
    """`person`: whose answer it is; only who may hold roll-calls answers for somebody else, with a note."""

    model_config = ConfigDict(extra="forbid")

    person: str = Field(default="", max_length=64)
    note: str = Field(default="", max_length=500)


@router.post("/duty/rollcalls", status_code=201, responses=problems(401, 403, 404, 422))
async def hold(body: RollcallBody, ctx: Ctx, caller: Caller) -> Response:
    """Pick people who are on duty now, in promised hours; voice, SMS or chat asks them to answer within 5 min."""
    wanted = asking.unit_prefix(body.unit)
    require(caller, "hold a roll-call")
    prefix, now = asking.scoped(caller, wanted), int(time.time() * 1000)
    if wanted is not None and prefix != wanted:
        raise Problem(403, f"unit {body.unit} is outside your unit {caller.unit}")
    seed = secrets.randbelow(2**53) if body.seed is None else body.seed
    chosen = picked(candidates(ctx.registry.duty, prefix, now), body.number, seed)
    if not chosen:
        raise Problem(404, f"nobody is on duty in unit {body.unit or caller.unit} now")
    people = [{"place": place, "person": p.id, "name": p.name, "user": p.user} for place, p in chosen]
    what = {"seed": seed, "people": people}
    unit = asked_place("unit", body.unit, caller)
    id_ = await asyncio.to_thread(duty_store.add_rollcall, ctx.store, unit, now, caller.name, what)
    await asyncio.to_thread(calling_roll.ask, ctx.outbox, id_, unit, chosen, now)
    row = {"id": id_, "unit": unit, "at_ms": now, "by": caller.name, "json": orjson.dumps(what), "answers": {}}
    return Response(orjson.dumps(_public(row, now)), 201, media_type="application/json")


@router.post("/duty/rollcalls/{id}/answer", responses=problems(401, 403, 404, 409, 422))
async def answer(id: RowId, body: AnswerBody, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """Answer a roll-call, once a person; a late answer is kept as late."""
    note = written("note", body.note)
    require(caller, "answer a roll-call")
    found = await asyncio.to_thread(duty_store.rollcall, ctx.store, id)
    if found is None:
        raise Problem(404, f"there is no roll-call {id}")
    people = orjson.loads(found["json"])["people"]
    person = _answering(caller, people, body, found["unit"])
    now = int(time.time() * 1000)
    if not await asyncio.to_thread(duty_store.add_answer, ctx.store, id, person, caller.name, now, note):
        raise Problem(409, f"{person} has answered roll-call {id} already")
    found["answers"][person] = {"by": caller.name, "at_ms": now, "note": note}
    return Response(orjson.dumps(_public(found, now)), media_type="application/json")


@router.get("/duty/rollcalls", responses=problems(401, 403, 422))
async def rollcalls(ctx: Ctx, caller: Caller, limit: Limit = None, page: Page = None) -> Response:
    """Roll-calls, newest first: those of the caller's units, and those in which somebody of them was picked."""
    number, before = asked(limit, page)
    require(caller, "see who is on duty")
    now = int(time.time() * 1000)

    def find() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        last = before
        while len(found) <= number and (rows := duty_store.rollcalls(ctx.store, MAX_LIMIT, last)):
            found += [_public(r, now) for r in rows if _sees(caller, r)]
            last = rows[-1]["id"]
        return found

    return paged(await asyncio.to_thread(find), number)


def _answering(caller: Principal, people: list[Any], body: AnswerBody, unit: str) -> str:
    own = [p["person"] for p in people if p["user"] == caller.name and body.person in ("", p["person"])]
    if own:
        return str(own[0])
    if not body.person or all(p["person"] != body.person for p in people):
        raise Problem(403, f"{caller.name} was not picked in this roll-call")
    if may_duty(caller, "hold a roll-call") or not inside(caller, unit):
        raise Problem(403, f"{body.person} has to answer with their own account")
    if not body.note.strip():
        raise Problem(422, "body.note: an answer on behalf of somebody says how it was given, e.g. by telephone")
    return body.person


def _sees(caller: Principal, row: dict[str, Any]) -> bool:
    people = orjson.loads(row["json"])["people"]
    return inside(caller, row["unit"]) or any(p["user"] == caller.name or inside(caller, p["place"]) for p in people)


def _public(row: dict[str, Any], now_ms: int) -> dict[str, Any]:
    what = orjson.loads(row["json"])
    people = []
    for p in what["people"]:
        given = row["answers"].get(p["person"])
        people.append({**p, **result(row["at_ms"], given and given["at_ms"], now_ms), "by": given and given["by"]})
    return {
        "id": row["id"], "unit": row["unit"], "at": rfc3339(row["at_ms"]), "by": row["by"], "seed": what["seed"],
        "counts": counts(people), "people": people,
    }  # fmt: skip
