"""One place: its units, the fences that hold it and what they would do to an alert, the assets near."""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from api import asking
from api.context import Caller, Ctx, require_area
from api.docs import problems
from api.whereabouts import whereabouts
from geo.assets import location_problem
from streams.events import SEVERITIES
from streams.where import RADIUS_M

router = APIRouter(tags=["units"])
Text = str | None
MAX_RADIUS_M = 10_000


@router.get("/where", responses=problems(401, 403, 404, 422))
async def where(
    ctx: Ctx,
    caller: Caller,
    lon: Annotated[Text, Query(description="degrees WGS-84")] = None,
    lat: Annotated[Text, Query(description="degrees WGS-84")] = None,
    kind: Annotated[Text, Query(description="kind of alert: what would the fences do to it?")] = None,
    severity: Annotated[str, Query(description="the alert's severity before fences")] = "III",
    hard: Annotated[str, Query(description="true: it crossed a hard limit")] = "false",
    at: Annotated[Text, Query(description="RFC 3339; default now")] = None,
    radius_m: Annotated[Text, Query(description="assets this near are told, 1 to 10000")] = None,
) -> Response:
    """Units of all four levels, fences and assets of a place in the caller's units."""
    place = asking.degrees("lon", lon), asking.degrees("lat", lat)
    if fault := location_problem(*place):
        raise asking.bad("lon", fault)
    words = asking.word("kind", kind) or "", asking.one_of("severity", severity, SEVERITIES)
    is_hard = asking.one_of("hard", hard, ("true", "false")) == "true"
    now, radius = asking.moment("at", at), asking.whole("radius_m", radius_m, int(RADIUS_M), 1, MAX_RADIUS_M)
    known = await asyncio.to_thread(whereabouts, ctx)
    answer = await asyncio.to_thread(known.answer, *place, *words, is_hard, now, float(radius), caller.covers)
    if answer["unit"] is not None:
        require_area(caller, answer["unit"], f"the place {place[0]:g} {place[1]:g}")
    return Response(orjson.dumps(answer), media_type="application/json")
