"""Alerts: the list with filters and pages, and one alert with its timeline. Commands: `api.routes.commands`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import asking, queries
from api.alert_orgs import orgs_of
from api.context import Caller, Context, Ctx, require_unit
from api.docs import ALERT_LIST, ALERT_TIMELINE, problems
from api.errors import Problem
from api.roles import Principal

router = APIRouter(tags=["alerts"])
GEOJSON = "application/geo+json"
LIMIT, MAX_LIMIT = 100, 500
Text = str | None


@router.get("/alerts", responses={200: ALERT_LIST, **problems(401, 403, 422)})
async def list_alerts(
    request: Request,
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, Query(description="division code; its subtree. 522600 and 5226 are the same")] = None,
    severity: Annotated[Text, Query(description="comma list of I, II, III, IV")] = None,
    domain: Annotated[Text, Query(description="comma list of domains")] = None,
    kind: Annotated[Text, Query(description="e.g. pressure_low")] = None,
    condition: Annotated[Text, Query(description="ACTIVE, CLEARED or UNKNOWN")] = None,
    state: Annotated[str, Query(description="open, closed or all")] = "open",
    mode: Annotated[str, Query(description="actual, exercise, test or all")] = "all",
    run: Annotated[Text, Query(description="id of a run; empty for live operation; not given: all")] = None,
    since: Annotated[Text, Query(description="last transition at or after this time (RFC 3339)")] = None,
    until: Annotated[Text, Query(description="last transition at or before this time (RFC 3339)")] = None,
    bbox: Annotated[Text, Query(description="west,south,east,north in degrees")] = None,
    q: Annotated[str, Query(description="words in title, reason, ids, unit names; all must be there")] = "",
    limit: Annotated[Text, Query(description="1 to 500")] = None,
    page: Annotated[Text, Query(description="`next` of the page before")] = None,
) -> Response:
    """Alerts, newest transition first. `cursor` is the feed position of exactly this state."""
    prefix = asking.unit_prefix(unit)
    fields: dict[str, Any] = {
        "severity": asking.severities(severity),
        "domain": asking.domains(domain),
        "kind": asking.word("kind", kind),
        "condition": asking.one_of("condition", condition, asking.CONDITIONS) if condition else None,
        "run": asking.word("run", run),
        "state": asking.one_of("state", state, asking.STATES),
        "mode": asking.one_of("mode", mode, asking.MODES),
        "since_ms": asking.moment("since", since),
        "until_ms": asking.moment("until", until),
        "bbox": asking.bbox(bbox),
        "q": asking.searched(q),
    }
    number = asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT)
    after = asking.parsed("page", page, queries.parse_page_token)
    scope = asking.scope(caller, prefix)
    wanted = queries.AlertFilter(prefix=scope.prefix, orgs=scope.orgs, **fields)
    found = await asyncio.to_thread(queries.list_alerts, ctx.store, wanted, number, after)
    tail = f'"next":{orjson.dumps(found.next).decode()},"cursor":"{found.cursor}"}}'
    if GEOJSON in request.headers.get("accept", ""):
        features = ",".join(_feature(item) for item in found.items)
        return Response(f'{{"type":"FeatureCollection","features":[{features}],{tail}', media_type=GEOJSON)
    return Response(f'{{"items":[{",".join(found.items)}],{tail}', media_type="application/json")


def _feature(item: str) -> str:
    alert = orjson.loads(item)
    place = [alert.get("lon"), alert.get("lat")]
    geometry = {"type": "Point", "coordinates": place} if None not in place else None
    feature = {"type": "Feature", "id": alert["id"], "geometry": geometry, "properties": alert}
    return orjson.dumps(feature).decode()


async def visible(ctx: Context, caller: Principal, alert: str) -> dict[str, Any]:
    """The stored row of an alert of the caller's; 404 and 403 otherwise. `orgs`: whose its asset is."""
    row = await asyncio.to_thread(queries.get_alert, ctx.store, alert[:200])
    if row is None:
        raise Problem(404, f"there is no alert {alert[:80]!r}")
    row["orgs"] = orgs_of(orjson.loads(row["json"]))
    require_unit(caller, row["unit"], f"alert {alert}", row["orgs"])
    return row


@router.get("/alerts/{id}", responses={200: ALERT_TIMELINE, **problems(401, 403, 404)})
async def get_alert(id: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """One alert with `timeline`: every transition, oldest first."""
    row = await visible(ctx, caller, id)
    steps = await asyncio.to_thread(queries.timeline, ctx.store, id)
    return Response(f'{row["json"][:-1]},"timeline":[{",".join(steps)}]}}', media_type="application/json")
