"""One sensor of the registry, and its readings."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from api import asking, times
from api.context import Caller, Context, Ctx, require_unit
from api.docs import problems
from api.errors import Problem
from api.roles import Principal
from geo.assets import Sensor
from geo.moments import rfc3339
from streams.assets.geojson import public
from streams.assets.owning import owners

router = APIRouter(tags=["sensors"])
MAX_POINTS = 5000
AGGS = ("mean", "min", "max", "last", "count")
Text = str | None


def visible(ctx: Context, caller: Principal, sensor: str) -> Sensor:
    """A sensor of the registry in the caller's units; 404 and 403 otherwise."""
    found = ctx.registry.sensor(sensor)
    if found is None:
        raise Problem(404, f"there is no sensor {sensor[:80]!r} in the registry")
    require_unit(caller, found.unit_code, f"sensor {sensor}", owners(found))
    return found


@router.get("/sensors/{id}", responses=problems(401, 403, 404))
async def get_sensor(id: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:  # noqa: A002 - the contract's name
    """One sensor of the registry, with its unified code."""
    return public(visible(ctx, caller, id))


@router.get("/sensors/{id}/readings", responses=problems(401, 403, 404, 422, 503))
async def readings(
    id: str,  # noqa: A002 - the contract's name
    ctx: Ctx,
    caller: Caller,
    from_: Annotated[Text, Query(alias="from", description="RFC 3339; default: an hour before `to`")] = None,
    to: Annotated[Text, Query(description="RFC 3339; default: now, in a run the newest reading")] = None,
    step: Annotated[
        Text, Query(description="seconds a bucket; not given: each reading, or what fits 5000 points")
    ] = None,
    agg: Annotated[str, Query(description="mean, min, max, last or count of a bucket")] = "mean",
    run: Annotated[Text, Query(description="id of a run; not given: live operation")] = None,
) -> Response:
    """Readings `points: [[time, value]…]`, oldest first. A gap stays a gap: empty buckets are left out."""
    begin, end = asking.moment("from", from_), asking.moment("to", to)
    step_s = asking.whole("step", step, 0, 1, 31 * 86_400)
    agg = asking.one_of("agg", agg, AGGS)
    run = asking.word("run", run) or ""
    if begin is not None and end is not None and begin > end:
        raise asking.bad("from", "is after `to`")
    known = await ctx.registry.sensor_of_run(run, id) if run else None
    if known is None:
        known = visible(ctx, caller, id)
    require_unit(caller, known.unit_code, f"sensor {id}", owners(known))
    if ctx.history is None:
        raise Problem(503, "this server keeps no readings")
    if end is None:
        end = int(time.time() * 1000) if not run else times.MAX_MS
    if begin is None:
        begin = end - 3_600_000 if not run else 0
    points = await asyncio.to_thread(ctx.history.readings, id, begin, end, step_s * 1000, agg, run)
    if len(points) > MAX_POINTS:
        span = points[-1][0] - points[0][0]
        step_s = max(step_s + 1, -(-span // (MAX_POINTS * 1000 - 2000)))
        points = await asyncio.to_thread(ctx.history.readings, id, begin, end, step_s * 1000, agg, run)
    body = {
        "sensor": id,
        "unit": known.unit,
        "from": rfc3339(begin),
        "to": rfc3339(min(end, times.MAX_MS)),
        "step": step_s,
        "agg": agg if step_s else "none",
        "points": [[rfc3339(t), v] for t, v in points],
    }
    return Response(orjson.dumps(body), media_type="application/json")
