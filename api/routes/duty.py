"""Duty: who is on duty, rosters and people, swaps, gaps of promised hours."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import asking
from api.audit_note import changed
from api.context import Caller, Context, Ctx
from api.docs import DUTY_BODY, problems
from api.duty_scope import above, asked_place, inside, own, require, require_place, sees_numbers, unit_of
from api.errors import Problem
from api.roles import Principal
from streams.duty import wire
from streams.duty.coverage import daily
from streams.duty.local_time import parse
from streams.duty.plan import STALE, plan
from streams.duty.records import DutyRecord, Person, Roster, encode
from streams.duty.swapping import swapped
from streams.notify.masking import masked
from streams.topics import DUTY as TOPIC

router = APIRouter(tags=["duty"])
SEEN_S = 3.0  # wait for our own reader, so that who writes can read it
Text = str | None
_UNIT = Query(description="unit code or org:<name>; default the caller's unit")
_TREE = Query(description="unit code; its subtree")


@router.get("/duty", responses=problems(401, 403, 404, 422))
async def who(
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, _UNIT] = None,
    at: Annotated[Text, Query(description="RFC 3339; default now")] = None,
) -> Response:
    """Who is on duty at a place. Telephone numbers only to officers, commanders and admins of that unit or above;
    the units above the caller's are answered with names."""
    place, moment = asked_place("unit", unit, caller), asking.moment("at", at)
    require(caller, "see who is on duty")
    owner = unit_of(ctx, place)
    if not inside(caller, owner) and not above(caller, owner) and not own(caller, place):
        raise Problem(403, f"{place[:80]} is outside your unit {caller.unit}")
    found = wire.on_duty(
        ctx.registry.duty,
        place,
        _now() if moment is None else moment,
        sees_numbers(caller, owner) or own(caller, place),
    )
    if found is None:
        raise Problem(404, f"{place[:80]} has no roster")
    return _json(found)


@router.get("/duty/coverage", responses=problems(401, 403, 422))
async def coverage(
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, _TREE] = None,
    days: Annotated[Text, Query(description="1 to 92; default 7")] = None,
) -> Response:
    """Gaps of promised hours in the next days, by place and time; those of villages in a list of their own."""
    wanted, number = asking.unit_prefix(unit), asking.whole("days", days, 7, 1, 92)
    require(caller, "see who is on duty")
    scope = asking.scoped(caller, wanted)
    book = ctx.registry.duty
    rosters, people = [r for r in book.rosters.values() if r.of_unit.startswith(scope)], dict(book.persons)
    found = await asyncio.to_thread(daily, rosters, people, _now(), number)
    return _json({"gaps": [*map(wire.finding, found.gaps)], "villages": [*map(wire.finding, found.villages)]})


@router.get("/duty/rosters", responses=problems(401, 403, 422))
async def rosters(ctx: Ctx, caller: Caller, unit: Annotated[Text, _TREE] = None) -> Response:
    """Rosters of a subtree."""
    scope = asking.scoped(caller, asking.unit_prefix(unit))
    require(caller, "see who is on duty")
    return _list(ctx, caller, scope, [*ctx.registry.duty.rosters.values()])


@router.get("/duty/people", responses=problems(401, 403, 422))
async def people(ctx: Ctx, caller: Caller, unit: Annotated[Text, _TREE] = None) -> Response:
    """People of a subtree and of its organisations."""
    scope = asking.scoped(caller, asking.unit_prefix(unit))
    require(caller, "see who is on duty")
    return _list(ctx, caller, scope, [*ctx.registry.duty.persons.values()])


def _list(ctx: Context, caller: Principal, scope: str, records: list[DutyRecord]) -> Response:
    found = [(r, unit_of(ctx, _place(r))) for r in sorted(records, key=lambda r: r.id) if not r.removed]
    items = [wire.public(r, sees_numbers(caller, unit)) for r, unit in found if unit.startswith(scope)]
    return _json({"items": items, "total": len(items)})


@router.put("/duty/rosters/{id}", responses=problems(401, 403, 409, 422, 503), openapi_extra=DUTY_BODY)
async def put_roster(id: str, request: Request, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """Make, change or (with `removed`) end a roster; `version` is the one that was seen, none for a new one."""
    return await _put(ctx, caller, request, id, "roster")


@router.put("/duty/people/{id}", responses=problems(401, 403, 409, 422, 503), openapi_extra=DUTY_BODY)
async def put_person(id: str, request: Request, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """Make, change or remove a person, likewise."""
    return await _put(ctx, caller, request, id, "person")


async def _put(ctx: Context, caller: Principal, request: Request, id_: str, kind: str) -> Response:
    try:
        plain = orjson.loads(await request.body())
        if isinstance(plain, dict):
            plain.setdefault("type", kind)
            if plain.setdefault("id", id_) != id_ or plain["type"] != kind:
                raise ValueError(f"id and type are not {id_!r} and {kind}, as the address says")
        record, seen = wire.parsed(plain)
    except ValueError as error:
        raise Problem(422, f"body: {error}") from None
    require(caller, "change duty")
    if isinstance(record, Roster) and record.unit:
        _require_unit(caller, record.unit)
    if not (isinstance(record, Roster) and record.unit and id_ not in ctx.registry.duty.rosters):
        require_place(ctx, caller, _place(record))
    async with ctx.changing_duty:
        old = ctx.registry.duty.get(id_)
        if old is not None:
            require_place(ctx, caller, _place(old))
        return await _write(ctx, caller, record, seen)


def _require_unit(caller: Principal, unit: str) -> None:
    if not inside(caller, unit):
        raise Problem(403, f"unit {unit[:20]} is outside your unit {caller.unit}")


class SwapBody(BaseModel):
    """One person takes over another's duty."""

    model_config = ConfigDict(extra="forbid")

    unit: str = Field(max_length=120)
    role: str = "main"
    person: str = Field(description="id of who takes over", max_length=64)
    instead_of: str = Field(description="id of whose duty it was", max_length=64)
    from_: str = Field(alias="from", description="RFC 3339")
    until: str
    why: str = Field(default="swap", max_length=200)


@router.post("/duty/swaps", status_code=201, responses=problems(401, 403, 404, 422, 503))
async def swap(body: SwapBody, ctx: Ctx, caller: Caller) -> Response:
    """Add a swap to a roster; the answer is the roster."""
    try:
        times = parse(body.from_), parse(body.until)
    except ValueError as error:
        raise Problem(422, f"body: {error}") from None
    require(caller, "change duty")
    require_place(ctx, caller, body.unit)
    async with ctx.changing_duty:
        book = ctx.registry.duty
        if book.posts(body.unit) is None:
            raise Problem(404, f"{body.unit[:80]} has no roster")
        try:
            made = swapped(book, body.unit, body.role, body.person, body.instead_of, times, body.why)
        except ValueError as error:
            raise Problem(422, f"body.role: {error}") from None
        return await _write(ctx, caller, made, made.version, 201)


async def _write(ctx: Context, caller: Principal, record: DutyRecord, seen: int, status: int = 200) -> Response:
    """Check and write; raises Problem 409 for a stale version, 422 for other faults."""
    result = await asyncio.to_thread(plan, [record], ctx.registry.duty, caller.name, _now(), {record.id: seen})
    wrong = [f for f in result.faults if f.where != STALE]
    if wrong:
        errors = [{"in": f"body.{f.where}", "message": str(f)} for f in wrong]
        raise Problem(422, "; ".join(map(str, wrong)), errors=errors)
    if result.faults:
        raise Problem(409, str(result.faults[0]))
    for made in result.records:
        old = ctx.registry.duty.get(made.id)
        kind = "people" if isinstance(made, Person) else "rosters"
        place = unit_of(ctx, _place(made))
        changed(f"duty/{kind}/{made.id}", _noted(old), None if made.removed else _noted(made), place)
        await ctx.tables.write(TOPIC, [(made.id, made.version, encode(made))])
        await ctx.registry.seen(TOPIC, made.id, made.version, SEEN_S)
        record = made
    return _json(wire.public(record, sees_numbers(caller, unit_of(ctx, _place(record)))), status)


def _noted(record: DutyRecord | None) -> dict[str, Any] | None:
    """For the audit log: addresses masked, since some have secrets in them."""
    if record is None or record.removed:
        return None
    out = dict(wire.public(record, False))
    if isinstance(record, Person):
        out["contacts"] = [{"channel": c.channel, "address": masked(c.address)} for c in record.contacts]
    return out


def _place(record: DutyRecord) -> str:
    return record.place if isinstance(record, Person) else record.id


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def _now() -> int:
    return int(time.time() * 1000)
