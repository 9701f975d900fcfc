"""Units of the four levels, their shapes, and the county map."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.context import Context, Ctx
from api.docs import answer, problems
from api.errors import Problem
from geo.boundaries import Boundaries, BoundaryError
from geo.cache import fetch
from geo.cells import Cells
from geo.divisions import PREFECTURE, Unit, UnitError
from geo.drawing import NOTE

router = APIRouter(tags=["units"])
GEOJSON = "application/geo+json"
SIMPLIFY_M = 200.0
SHAPES = answer("a FeatureCollection", {"type": "object"}, GEOJSON)


def unit_of(ctx: Context, code: str) -> Unit:
    """422 for a malformed code, 404 for one that is not in the table."""
    try:
        unit = ctx.divisions.get(code)
    except UnitError as error:
        status = 404 if code.isascii() and code.isdigit() and len(code) in (4, 6, 9, 12) else 422
        raise Problem(status, str(error)) from None
    return unit


def described(ctx: Context, unit: Unit) -> dict[str, Any]:
    """A unit as the API shows it."""
    return {
        "code": unit.code,
        "name": unit.name,
        "short": unit.short,
        "name_en": unit.name_en,
        "level": unit.level,
        "parent": unit.parent,
        "retired": unit.retired,
        "successor": unit.successor or None,
        "children": len(ctx.divisions.children(unit.code)),
    }


@router.get("/units/{code}", responses=problems(401, 404, 422))
async def get_unit(code: str, ctx: Ctx) -> dict[str, Any]:
    """One unit with the codes above it."""
    unit = unit_of(ctx, code)
    return {
        **described(ctx, unit),
        "path": ctx.divisions.path(unit.code),
        "full_name": ctx.divisions.full_name(unit.code),
        "source": unit.source,
        "as_of": unit.as_of,
    }


@router.get("/units/{code}/children", responses=problems(401, 404, 422, 503))
async def children(code: str, request: Request, ctx: Ctx) -> Response:
    """Units right below; with `Accept: application/geo+json` as features with simplified polygons, WGS-84. Townships
    and villages without own boundaries have made-up cells, `approximate: true`: draw them dashed, as 位置概略."""
    unit = unit_of(ctx, code)
    if GEOJSON not in request.headers.get("accept", ""):
        below = ctx.divisions.children(unit.code)
        return Response(orjson.dumps({"items": [described(ctx, u) for u in below]}), media_type="application/json")
    return Response(await asyncio.to_thread(child_shapes, ctx, unit.code), media_type=GEOJSON)


@router.get("/map", responses={200: SHAPES, **problems(401, 503)})
async def county_map(ctx: Ctx) -> Response:
    """The counties' simplified shapes (GeoJSON, WGS-84), for drawing."""
    data = await asyncio.to_thread(county_shapes, ctx)
    return Response(data, media_type=GEOJSON, headers={"Cache-Control": "private, max-age=86400"})


def child_shapes(ctx: Context, code: str) -> bytes:
    """GeoJSON of the units right below one, with polygons where there are any; kept in memory."""
    key = f"children {code}"
    if key not in ctx.cache:
        with _boundaries():
            drawn = (
                orjson.loads(county_shapes(ctx)) if code == PREFECTURE else Cells.load(ctx.settings.cache).geojson(code)
            )
        shapes = {f["properties"]["code"]: f for f in drawn["features"]}
        features = []
        for unit in ctx.divisions.children(code):
            known = shapes.get(unit.code, {"geometry": None, "properties": {}})
            properties = {**known["properties"], **described(ctx, unit)}
            features.append(
                {"type": "Feature", "id": unit.code, "geometry": known["geometry"], "properties": properties}
            )
        ctx.cache[key] = orjson.dumps({"type": "FeatureCollection", "note": NOTE, "features": features})
    data: bytes = ctx.cache[key]
    return data


def county_shapes(ctx: Context) -> bytes:
    """GeoJSON of the counties; made once a machine, kept in the cache folder and in memory."""
    if "map" not in ctx.cache:
        cache = ctx.settings.cache
        with _boundaries():
            counties = Boundaries.load(cache)
            name = f"map-{counties.version}-{SIMPLIFY_M:g}.json"
            make = lambda: orjson.dumps(counties.geojson("county", SIMPLIFY_M))  # noqa: E731
            ctx.cache["map"] = fetch(name, make, _usable, cache)
    data: bytes = ctx.cache["map"]
    return data


@contextmanager
def _boundaries() -> Iterator[None]:
    """503 where polygons cannot be had."""
    try:
        yield
    except (BoundaryError, UnitError) as error:
        raise Problem(503, str(error)) from None


def _usable(data: bytes) -> bool:
    try:
        return len(orjson.loads(data)["features"]) > 0
    except (ValueError, KeyError, TypeError):
        return False
