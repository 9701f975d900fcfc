"""Drafts of information reports 信息报送. Sending one, and its receipt, are the command `report`."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import msgspec
import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from api import asking, queries
from api.context import Caller, Ctx
from api.docs import REPORT, problems
from api.routes.alerts import visible
from geo.divisions import UnitError
from streams.alerts.report_draft import KINDS, Reporter, clocks_of, draft

router = APIRouter(tags=["alerts"])


@router.get("/alerts/{id}/report", responses={200: REPORT, **problems(401, 403, 404, 422)})
async def report(
    id: str,  # noqa: A002 - the contract's name
    ctx: Ctx,
    caller: Caller,
    kind: Annotated[str, Query(description="first 首报, follow_up 续报 or final 终报")] = "first",
    form: Annotated[str, Query(alias="format", description="json, or text for printing and copying")] = "json",
) -> Response:
    """A draft in Chinese with an English summary, from the alert and its timeline; what they do not say is 待核."""
    asking.one_of("kind", kind, tuple(KINDS))
    asking.one_of("format", form, ("json", "text"))
    row = await visible(ctx, caller, id)
    steps = await asyncio.to_thread(queries.timeline, ctx.store, id)
    try:
        unit = ctx.divisions.get(caller.unit).name
    except UnitError:
        unit = ""
    timeline = [orjson.loads(step) for step in steps]
    reporter = Reporter(unit=unit, name=caller.name)
    clocks = clocks_of(ctx.policy(row["county"]))
    made = draft(orjson.loads(row["json"]), timeline, kind, ctx.divisions, int(time.time() * 1000), reporter, clocks)
    if form == "text":
        return Response(made.text, media_type="text/plain; charset=utf-8")
    return Response(msgspec.json.encode(made), media_type="application/json")
