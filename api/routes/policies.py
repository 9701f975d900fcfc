"""Escalation policies: those in force, one with its versions, and for administrators changing one."""

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
from api.docs import POLICY_BODY, problems
from api.errors import Problem
from api.roles import RULERS, Principal
from streams.alerts.policy import Policy
from streams.alerts.policy_file import DEFAULT_ID, PolicyError, decode_any, encode, parse
from streams.alerts.policy_plan import StaleError, made
from streams.alerts.policy_text import public
from streams.topics import POLICIES as TOPIC

router = APIRouter(tags=["policies"])
SEEN_S = 3.0  # wait for our own reader, so that who writes can read it


@router.get("/policies", responses=problems(401, 403))
async def policies(ctx: Ctx, caller: Caller) -> Response:
    """Those that are in force: the prefecture's, and of counties that have one of their own."""
    shown = [p for p in ctx.policies_in_force().values() if _seen_by(p.id, caller.prefix)]
    return _json({"items": [public(p) for p in sorted(shown, key=lambda p: p.id)]})


@router.get("/policies/{id}", responses=problems(401, 403, 404, 422, 503))
async def policy(
    id: str,  # noqa: A002 - the contract's name
    ctx: Ctx,
    caller: Caller,
    version: Annotated[str | None, Query(description="an older one of `versions`")] = None,
) -> Response:
    """One policy, and who made which of its versions when, oldest first."""
    wanted = asking.whole("version", version, -1, 0, 10**9 - 1)
    found = ctx.policies_in_force().get(id)
    if found is None:
        raise Problem(404, f"{id[:80]!r} has no policy of its own; that of {DEFAULT_ID} is in force there")
    if not _seen_by(found.id, caller.prefix):
        raise Problem(403, f"policy {found.id} is outside your unit {caller.unit}")
    kept = {p.version: public(p) for p in (*map(decode_any, await ctx.tables.history(TOPIC, id)), found)}
    if wanted >= 0 and wanted not in kept:
        raise Problem(404, f"policy {found.id} has no version {wanted}; have {', '.join(map(str, sorted(kept)))}")
    versions = [{key: kept[v][key] for key in ("version", "by", "at", "removed")} for v in sorted(kept)]
    return _json({**(kept[wanted] if wanted >= 0 else public(found)), "versions": versions})


@router.put("/policies/{id}", responses=problems(401, 403, 409, 422, 503), openapi_extra=POLICY_BODY)
async def change(id: str, request: Request, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """Make or change a policy; `version` is the one that was seen (0: none of its own), a stale one is 409.

    Alerts that are open keep the version they began with.
    """
    written = await _body(request, ctx)
    if written.id != id:
        raise Problem(422, f"body.id: is {written.id!r}, the address says {id[:80]!r}")
    _may_write(caller, written)
    async with ctx.changing_policies:
        old = _own(ctx).get(id)
        try:
            new = made(written, old, caller.name, int(time.time() * 1000))
        except StaleError as error:
            raise Problem(409, str(error)) from None
        if new is not old:
            changed(f"policies/{new.id}", public(old) if old else None, public(new), new.id)
            await ctx.tables.write(TOPIC, [(new.id, new.version, encode(new))])
            await ctx.registry.seen(TOPIC, new.id, new.version, SEEN_S)
        return _json(public(new))


async def _body(request: Request, ctx: Context) -> Policy:
    body = await request.body()
    try:
        return await asyncio.to_thread(lambda: parse(orjson.loads(body), "body", ctx.divisions))
    except orjson.JSONDecodeError as error:
        raise Problem(422, f"body: not valid JSON: {error}") from None
    except PolicyError as error:
        faults = [{"in": f"body.{f.path}".rstrip("."), "message": str(f)} for f in error.faults]
        raise Problem(422, str(error), errors=faults) from None


def _own(ctx: Context) -> dict[str, Policy]:
    return {p.id: p for p in ctx.registry.policies()}


def _seen_by(unit: str, prefix: str) -> bool:
    """A policy is seen from above, and by everybody who lives under it."""
    return unit.startswith(prefix) or prefix.startswith(unit) or unit == DEFAULT_ID


def _may_write(caller: Principal, written: Policy) -> None:
    if caller.role not in RULERS:
        raise Problem(403, f"role {caller.role} may not change policies; this needs admin")
    require_unit(caller, written.id, f"policy {written.id}")


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
