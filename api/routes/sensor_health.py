"""The engineer's view of the sensors: which are late, silent or stuck, and which send without being registered."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import msgspec
import orjson
from fastapi import APIRouter, Query
from sqlalchemy import select

from api import asking, queries, schema, sensor_health as healths
from api.context import Caller, Context, Ctx
from api.docs import problems
from api.errors import Problem
from api.roles import EDITORS, Scope
from geo.divisions import PREFECTURE
from geo.moments import rfc3339
from streams.assets.owning import owners
from streams.intake.rejects import read
from streams.intake.unknown import Unknown, command, unknown

router = APIRouter(tags=["sensors"])
LIMIT, MAX_LIMIT = 200, 500
STUCK = "flatline"
LAST = 5000  # refused messages that are looked at
Text = str | None


@router.get("/sensors", responses=problems(401, 403, 422, 503))
async def sensors(
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, Query(description="division code; its subtree")] = None,
    domain: Annotated[Text, Query(description="comma list of domains")] = None,
    state: Annotated[Text, Query(description=f"comma list of {', '.join(healths.STATES)}")] = None,
    q: Annotated[str, Query(description="part of id, name, zone or organisation")] = "",
    limit: Annotated[Text, Query(description="1 to 500")] = None,
    page: Annotated[Text, Query(description="`next` of the page before")] = None,
) -> dict[str, Any]:
    """Sensors of live operation with their newest reading and how they are, what is wrong first; `counts` by state."""
    scope = asking.scope(caller, asking.unit_prefix(unit))
    domains, states = asking.domains(domain), asking.several("state", state, healths.STATES)
    words = asking.searched(q).lower().split()
    number, begin = asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT), asking.whole("page", page, 0, 0, 10**8)
    if ctx.history is None:
        raise Problem(503, "this server keeps no readings")
    found = await asyncio.to_thread(_healths, ctx, scope, domains, words)
    rows = healths.chosen(found, states)
    more = str(begin + number) if len(rows) > begin + number else None
    items = [healths.public(h) for h in rows[begin : begin + number]]
    return {"items": items, "next": more, "total": len(rows), "counts": healths.counted(found)}


def _healths(ctx: Context, scope: Scope, domains: tuple[str, ...], words: list[str]) -> list[healths.Health]:
    assert ctx.history is not None
    now = int(time.time() * 1000)
    flat = _stuck(ctx, scope)
    out = []
    for s in ctx.registry.sensors():
        text = f"{s.id}\n{s.name_zh}\n{s.name_en}\n{s.zone}\n{s.owner_org}".lower()
        mine = not s.retired and scope.covers(s.unit_code, owners(s)) and (not domains or s.domain in domains)
        if mine and all(w in text for w in words):
            out.append(healths.health(s, ctx.history.last(s.id), s.id in flat, now))
    return out


def _stuck(ctx: Context, scope: Scope) -> set[str]:
    """Sensors with an open alert of a stuck reading."""
    wanted = queries.AlertFilter(prefix=scope.prefix, orgs=scope.orgs, kind=STUCK, condition="ACTIVE", run="")
    with ctx.store.read() as tx:
        texts = tx.scalars(select(schema.alerts.c.json).where(wanted.where()))
        return {sensor for text in texts for sensor in orjson.loads(text).get("sensors") or ()}


@router.get("/sensors/unknown", responses=problems(401, 403, 503))
async def unregistered(ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Who sends without being registered, out of the last refused messages, with the command that registers each."""
    if caller.role not in EDITORS or not caller.covers(PREFECTURE):
        raise Problem(403, f"{caller.name} may not see unknown sensors; this needs an engineer or admin of 522600")

    def look() -> list[dict[str, Any]]:
        found, _ = unknown(read(ctx.settings, last=LAST), ctx.registry.table, ctx.settings.prefix)
        return [_told(one, ctx.settings.prefix) for one in found]

    return {"items": await asyncio.to_thread(look)}


def _told(one: Unknown, prefix: str) -> dict[str, Any]:
    said = {name: value for name, value in msgspec.to_builtins(one).items() if not name.endswith("_ms")}
    return {**said, "first": rfc3339(one.first_ms), "last": rfc3339(one.last_ms), "command": command(one, prefix)}
