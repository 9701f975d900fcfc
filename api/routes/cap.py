"""Alerts for other systems as CAP 1.2: one document an alert, and an Atom index of them. Signed in, own units only."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api import asking, queries
from api.context import Caller, Context, Ctx
from api.docs import ATOM, CAP, problems
from api.roles import Scope
from api.routes.alerts import visible
from api.routes.places import county_shapes
from geo.divisions import UnitError
from geo.moments import rfc3339
from streams.cap.document import MEDIA_TYPE, Ring, document
from streams.cap.index import index
from streams.cap.messages import changed

router = APIRouter(prefix="/cap", tags=["alerts"])
MOST = 500
RECENT_MS = 24 * 3600 * 1000
_PRIVATE = {"Cache-Control": "no-store"}


@router.get("/index.atom", responses={200: ATOM, **problems(401, 403)})
async def get_index(request: Request, ctx: Ctx, caller: Caller) -> Response:
    """Hazards of the caller's units: open ones and those that changed within 24 hours, newest first, at most 500."""
    now = int(time.time() * 1000)
    found = await asyncio.to_thread(_listed, ctx, asking.scope(caller, None), now)
    base = f"{request.url.scheme}://{request.url.netloc}"
    return Response(index(found, base, rfc3339(now)), media_type="application/atom+xml", headers=_PRIVATE)


def _listed(ctx: Context, scope: Scope, now: int) -> list[dict[str, Any]]:
    open_ = queries.AlertFilter(prefix=scope.prefix, orgs=scope.orgs)
    recent = replace(open_, state="closed", since_ms=now - RECENT_MS)
    pages = [queries.list_alerts(ctx.store, wanted, MOST, None).items for wanted in (open_, recent)]
    alerts = [orjson.loads(text) for page in pages for text in page]
    hazards = [a for a in alerts if a["class"] == "hazard"]
    return sorted(hazards, key=lambda a: (changed(a), a["id"]), reverse=True)[:MOST]


@router.get("/{id}.xml", responses={200: CAP, **problems(401, 403, 404)})
async def get_document(id: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """The message in force: Restricted, or Public once a person has issued a warning, then with its text alone."""
    row = await visible(ctx, caller, id)
    return Response(await asyncio.to_thread(_document, ctx, row), media_type=MEDIA_TYPE, headers=_PRIVATE)


def _document(ctx: Context, row: dict[str, Any]) -> bytes:
    alert = orjson.loads(row["json"])
    alert["mode"] = row["mode"]
    steps = [orjson.loads(step) for step in queries.timeline(ctx.store, row["id"])]
    codes = [code for code in alert["path"].values() if code]
    shape = _rings(ctx, row["county"]) if alert.get("lon") is None else ()
    return document(alert, steps, [_name(ctx, code) for code in codes], shape)


def _name(ctx: Context, code: str) -> str:
    try:
        return ctx.divisions.get(code).name
    except UnitError:
        return code


def _rings(ctx: Context, county: str) -> list[Ring]:
    """Outer rings of a county's simplified shape."""
    for feature in orjson.loads(county_shapes(ctx))["features"]:
        if feature["properties"]["code"] == county:
            shape = feature["geometry"]
            parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
            return [part[0] for part in parts]
    return []
