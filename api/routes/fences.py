"""Geofences: list, one with its versions, create, change, remove; and what holds a place and would do to an alert."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import asking
from api.audit_note import changed
from api.context import Caller, Context, Ctx, require_unit
from api.docs import FENCE_BODY, problems
from api.errors import Problem
from api.roles import EDITORS, Principal
from geo.effects import active as is_active
from geo.fence_wire import parse, public
from geo.fences import KINDS, Fence, FenceError, decode, encode
from streams.fence_plan import STALE, BadFence, plan, removal
from streams.fence_shapes import drawn, leaves, unit_of
from streams.topics import FENCES as TOPIC

router = APIRouter(tags=["fences"])
GEOJSON = "application/geo+json"
LIMIT, MAX_LIMIT = 500, 5000
SEEN_S = 3.0  # wait for our own reader, so that who writes can read it
Text = str | None
Dry = Annotated[str, Query(description="true: only check it, write nothing")]


@router.get("/fences", responses=problems(401, 403, 422))
async def fences(
    request: Request,
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, Query(description="division code; its subtree")] = None,
    kind: Annotated[Text, Query(description=f"comma list of {', '.join(KINDS)}")] = None,
    active: Annotated[str, Query(description="now: only those active now; all")] = "all",
    q: Annotated[str, Query(description="part of id or name")] = "",
    limit: Annotated[Text, Query(description="1 to 5000")] = None,
    page: Annotated[Text, Query(description="`next` of the page before")] = None,
) -> Response:
    """Fences in order of id; with `Accept: application/geo+json` as features, the shape as polygons."""
    scope = asking.area(caller, asking.unit_prefix(unit))
    kinds = asking.several("kind", kind, KINDS)
    only_now = asking.one_of("active", active, ("now", "all")) == "now"
    words = asking.searched(q).lower().split()
    number = asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT)
    after, now = asking.word("page", page) or "", _now()

    def find() -> list[Fence]:
        found = [
            f
            for f in ctx.registry.fences()
            if f.id > after
            and not f.removed
            and (not kinds or f.kind in kinds)
            and (not only_now or is_active(f, now))
            and all(w in f"{f.id}\n{f.name_zh}\n{f.name_en}".lower() for w in words)
            and _seen_by(unit_of(f), scope)
        ]
        return sorted(found, key=lambda f: f.id)

    found = await asyncio.to_thread(find)
    token = found[number - 1].id if len(found) > number else None
    if GEOJSON in request.headers.get("accept", ""):
        features = await asyncio.to_thread(lambda: [drawn(f) for f in found[:number]])
        for feature, fence in zip(features, found, strict=False):
            feature["properties"]["active_now"] = is_active(fence, now)
        body = {"type": "FeatureCollection", "features": features, "next": token, "total": len(found)}
        return Response(orjson.dumps(body), media_type=GEOJSON)
    items = [{**public(f), "active_now": is_active(f, now)} for f in found[:number]]
    return _json({"items": items, "next": token, "total": len(found)})


@router.get("/fences/{id}", responses=problems(401, 403, 404))
async def fence(id: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """One fence."""
    return _json(public(_visible(ctx, caller, id)))


@router.get("/fences/{id}/versions", responses=problems(401, 403, 404, 503))
async def versions(id: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """Every version of a fence, oldest first: what it was, who made it, when."""
    _visible(ctx, caller, id, removed=True)
    kept = await ctx.tables.history(TOPIC, id)
    return _json({"items": [public(decode(v)) for v in kept]})


@router.post("/fences", status_code=201, responses=problems(401, 403, 409, 422, 503), openapi_extra=FENCE_BODY)
async def create(request: Request, ctx: Ctx, caller: Caller, dry: Dry = "false") -> Response:
    """Make a fence; an id that is taken is 409."""
    only = asking.one_of("dry", dry, ("true", "false")) == "true"
    written = await _body(request)
    async with ctx.changing_fences:
        return _json(public(await _put(ctx, caller, written, None, only)), 200 if only else 201)


@router.put("/fences/{id}", responses=problems(401, 403, 404, 409, 422, 503), openapi_extra=FENCE_BODY)
async def change(
    id: str,  # noqa: A002 - the contract's name
    request: Request,
    ctx: Ctx,
    caller: Caller,
    dry: Dry = "false",
) -> Response:
    """Change a fence; `version` is the one that was seen, a stale one is 409."""
    only = asking.one_of("dry", dry, ("true", "false")) == "true"
    written = await _body(request)
    async with ctx.changing_fences:
        return _json(public(await _put(ctx, caller, written, id, only)))


@router.delete("/fences/{id}", responses=problems(401, 403, 404, 409, 422, 503))
async def remove(
    id: str,  # noqa: A002 - the contract's name
    ctx: Ctx,
    caller: Caller,
    version: Annotated[Text, Query(description="the version that was seen")] = None,
) -> Response:
    """Remove a fence; what it did to open alerts ends with the next reading there."""
    seen = asking.whole("version", version, 0, 1, 10**9 - 1)
    async with ctx.changing_fences:
        old = _visible(ctx, caller, id)
        await _may_write(caller, old)
        done = removal(id, seen or None, _known(ctx), caller.name, _now())
        if isinstance(done, BadFence):
            raise Problem(409 if done.field == STALE else 404, str(done))
        await _write(ctx, done, old)
        return _json(public(done))


async def _put(ctx: Context, caller: Principal, written: Fence, id_: str | None, only: bool = False) -> Fence:
    """Check it, and write it unless `only` the check is wanted."""
    known = _known(ctx)
    if id_ is not None and written.id != id_:
        raise Problem(422, f"body.id: is {written.id!r}, the address says {id_!r}")
    result = await asyncio.to_thread(plan, [("", written)], known, caller.name, _now())
    wrong = [p for p in result.problems if p.field != STALE]
    if wrong:
        raise Problem(422, "; ".join(map(str, wrong)), errors=[_error(p) for p in wrong])
    await _may_write(caller, written)
    old = known.get(written.id)
    there = old is not None and not old.removed
    if old is not None and there:
        await _may_write(caller, old)
    if id_ is not None and not there:
        raise Problem(404, f"there is no fence {id_!r}")
    if id_ is None and there:
        raise Problem(409, f"there is a fence {written.id!r} already: PUT changes it")
    if result.problems:
        raise Problem(409, str(result.problems[0]))
    if not result.fences:
        return known[written.id]
    if not only:
        await _write(ctx, result.fences[0], old if there else None)
    return result.fences[0]


async def _write(ctx: Context, fence: Fence, old: Fence | None) -> None:
    now = None if fence.removed else public(fence)
    changed(f"fences/{fence.id}", public(old) if old else None, now, unit_of(fence))
    await ctx.tables.write(TOPIC, [(fence.id, fence.version, encode(fence))])
    await ctx.registry.seen(TOPIC, fence.id, fence.version, SEEN_S)


async def _body(request: Request) -> Fence:
    try:
        return parse(orjson.loads(await request.body()))
    except orjson.JSONDecodeError as error:
        raise Problem(422, f"body: not valid JSON: {error}") from None
    except FenceError as error:
        raise Problem(422, f"body: {error}") from None


def _known(ctx: Context) -> dict[str, Fence]:
    return {f.id: f for f in ctx.registry.fences()}


def _visible(ctx: Context, caller: Principal, id_: str, removed: bool = False) -> Fence:
    found = _known(ctx).get(id_)
    if found is None or (found.removed and not removed):
        raise Problem(404, f"there is no fence {id_[:80]!r}")
    if not _seen_by(unit_of(found), caller.prefix):
        raise Problem(403, f"fence {id_} is outside your unit {caller.unit}")
    return found


def _seen_by(unit: str, prefix: str) -> bool:
    """A fence is seen from above, and by everybody inside its county."""
    return unit.startswith(prefix) or (len(unit) == 6 and prefix.startswith(unit)) or unit == "522600"


async def _may_write(caller: Principal, fence: Fence) -> None:
    if caller.role not in EDITORS:
        raise Problem(403, f"role {caller.role} may not change fences; this needs admin or engineer")
    require_unit(caller, unit_of(fence), f"fence {fence.id}")
    if await asyncio.to_thread(leaves, fence, caller.unit):
        raise Problem(
            403,
            f"fence {fence.id} reaches over the border of your unit {caller.unit}: the unit above both may change it",
        )


def _error(bad: BadFence) -> dict[str, str]:
    return {"in": f"body.{bad.field}", "message": bad.reason}


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def _now() -> int:
    return int(time.time() * 1000)
