"""The registry's assets and sensors: the list, one by any code, and for engineers making, changing and retiring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import asking
from api.asset_body import ChangedAsset, NewAsset, built
from api.audit_note import changed
from api.context import Caller, Context, Ctx, require_unit
from api.docs import ASSET, ASSET_LIST, problems
from api.errors import Problem
from api.roles import EDITORS, Principal
from geo.assets import Asset, AssetError, Record, Sensor
from geo.codes import code_of
from geo.ids import ASSET_LETTER
from geo.moments import rfc3339
from streams.assets.geojson import MEDIA_TYPE, feature, public
from streams.assets.links import broken_links
from streams.assets.owning import owners
from streams.registry_table import Registry

router = APIRouter(tags=["assets"])
LIMIT, MAX_LIMIT = 500, 5000
TYPES = ("asset", "sensor")
Text = str | None
Item = Asset | Sensor


@router.get("/assets", responses={200: ASSET_LIST, **problems(401, 403, 422)})
async def list_assets(
    request: Request,
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, Query(description="division code; its subtree")] = None,
    domain: Annotated[Text, Query(description="comma list of domains; urban: schools, bridges, vehicles")] = None,
    type: Annotated[Text, Query(description="asset or sensor; not given: both")] = None,  # noqa: A002
    zone: Annotated[Text, Query(description="zone id")] = None,
    kind: Annotated[Text, Query(description="kind of asset or measurement, e.g. valve, pressure")] = None,
    bbox: Annotated[Text, Query(description="west,south,east,north in degrees")] = None,
    q: Annotated[str, Query(description="words in id, codes, asset, names, zone; all must be there")] = "",
    limit: Annotated[Text, Query(description="1 to 5000")] = None,
    page: Annotated[Text, Query(description="`next` of the page before")] = None,
) -> Response:
    """Assets and sensors of the registry, in order of id; GeoJSON where Accept asks for it."""
    prefix = asking.unit_prefix(unit)
    names = asking.several("domain", domain, tuple(ASSET_LETTER))
    types = asking.several("type", type, TYPES)
    zone, kind = asking.word("zone", zone), asking.word("kind", kind)
    box = asking.bbox(bbox)
    words = asking.searched(q).lower().split()
    number = asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT)
    after = asking.word("page", page) or ""
    scope = asking.scope(caller, prefix)

    def find() -> list[Item]:
        table = ctx.registry.table
        items: list[Item] = [*list(table.assets.values()), *list(table.sensors.values())]
        found = [
            r
            for r in items
            if r.id > after
            and scope.covers(r.unit_code, owners(r))
            and (not types or (types == ("sensor",)) == isinstance(r, Sensor))
            and (not names or r.domain in names)
            and (not zone or r.zone == zone)
            and (not kind or r.kind == kind)
            and (box is None or _inside(r, box))
            and (not words or all(w in _searchable(r) for w in words))
        ]
        return sorted(found, key=lambda r: r.id)

    found = await asyncio.to_thread(find)
    token = found[number - 1].id if len(found) > number else None
    tail = {"next": token, "total": len(found)}
    if MEDIA_TYPE in request.headers.get("accept", ""):
        features = [{**feature(r), "properties": shown(r)} for r in found[:number]]
        return Response(
            orjson.dumps({"type": "FeatureCollection", "features": features, **tail}), media_type=MEDIA_TYPE
        )
    return _json({"items": [shown(r) for r in found[:number]], **tail})


def _inside(record: Item, box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = box
    if record.lon is None or record.lat is None:
        return False
    points = record.line if isinstance(record, Asset) and record.line else ((record.lon, record.lat),)
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs) <= east and max(xs) >= west and min(ys) <= north and max(ys) >= south


def _searchable(record: Item) -> str:
    watched = record.asset if isinstance(record, Sensor) else record.parent
    codes = "\n".join(code.value for code in record.codes)
    return "\n".join([code_of(record.id), watched, record.name_zh, record.name_en, record.zone, codes]).lower()


def shown(record: Item) -> dict[str, Any]:
    """The record as the API shows it: times in RFC 3339."""
    out = public(record)
    at_ms = out.pop("at_ms", 0)
    if isinstance(record, Asset):
        out["at"] = rfc3339(at_ms) if at_ms else None
    return out


def _json(body: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")


def wanted(ctx: Context, caller: Principal, code: str) -> Item:
    """The object of any code in the caller's units; 422, 404 and 403 otherwise."""
    try:
        found = ctx.registry.table.find(code[:200])
    except AssetError as error:
        raise Problem(422, f"path.code: {error}", errors=[{"in": "path.code", "message": str(error)}]) from None
    if found is None:
        raise Problem(404, f"code {code[:80]!r} is of no asset or sensor in the registry")
    require_unit(caller, found.unit_code, found.id, owners(found))
    return found


@router.get("/assets/{code:path}", responses={200: ASSET, **problems(401, 403, 404, 422)})
async def get_asset(code: str, ctx: Ctx, caller: Caller) -> Response:
    """One asset or sensor by any code: its id, its unified code, another system's (also `system:value`)."""
    record = wanted(ctx, caller, code)
    watching = [s.id for s in ctx.registry.sensors() if s.asset == record.id and caller.covers(s.unit_code, owners(s))]
    return _json({**shown(record), "sensors": sorted(watching)})


@router.post("/assets", status_code=201, responses={201: ASSET, **problems(401, 403, 409, 422, 503)})
async def post_asset(body: NewAsset, ctx: Ctx, caller: Caller) -> Response:
    """Register an asset. Its `id` is county, domain, type and serial, e.g. 522601-W-VLV-000123. Engineers only."""
    asset = built(body, 1, caller.name, _now_ms())
    _may_edit(caller, asset)

    def make(table: Registry) -> Record:
        if (old := table.get(asset.id)) is not None:
            raise Problem(409, f"{asset.id} is registered already, version {old.version}: change it with PUT")
        return _fitting(table, asset)

    return await _changed(ctx, make, 201)


@router.put("/assets/{code:path}", responses={200: ASSET, **problems(401, 403, 404, 409, 422, 503)})
async def put_asset(code: str, body: ChangedAsset, ctx: Ctx, caller: Caller) -> Response:
    """Replace an asset as a whole; `version` is the one that was seen. Engineers only."""
    asset = built(body, body.version + 1, caller.name, _now_ms())
    old = _editable(ctx, caller, code)
    if old.id != asset.id:
        raise Problem(422, f"body.id: is {asset.id}, but the path names {old.id}")
    _may_edit(caller, asset)
    return await _changed(ctx, lambda table: _fitting(table, _based(table, asset, body.version)))


@router.delete("/assets/{code:path}", responses={200: ASSET, **problems(401, 403, 404, 409, 422, 503)})
async def delete_asset(
    code: str, ctx: Ctx, caller: Caller, version: Annotated[Text, Query(description="the version that was seen")] = None
) -> Response:
    """Take an asset out of service: it stays, `retired`, so that its code is never given again. Engineers only."""
    if version is None:
        raise asking.bad("version", "is missing: give the version that was seen")
    seen = asking.whole("version", version, 0, 1, 10**9)
    old = _editable(ctx, caller, code)
    gone = msgspec.structs.replace(old, retired=True, version=seen + 1, by=caller.name, at_ms=_now_ms())
    return await _changed(ctx, lambda table: _based(table, gone, seen))


def _editable(ctx: Context, caller: Principal, code: str) -> Asset:
    found = wanted(ctx, caller, code)
    if isinstance(found, Sensor):
        raise Problem(422, f"path.code: {found.id} is a sensor; sensors are changed with `cityops sensors import`")
    _may_edit(caller, found)
    return found


def _may_edit(caller: Principal, asset: Asset) -> None:
    if caller.role not in EDITORS:
        raise Problem(403, f"role {caller.role} may not change assets; this needs {' or '.join(sorted(EDITORS))}")
    require_unit(caller, asset.unit_code, asset.id, owners(asset))


def _based(table: Registry, asset: Asset, seen: int) -> Asset:
    """The asset, if the registry still has the version that was seen."""
    old = table.assets.get(asset.id)
    if old is None or old.version != seen:
        now = old.version if old else 0
        raise Problem(409, f"{asset.id} has version {now}, you saw {seen}: read it again", version=now)
    return asset


def _fitting(table: Registry, asset: Asset) -> Asset:
    for _, field, reason in broken_links(table, [asset]):
        raise Problem(409, f"{field}: {reason}", errors=[{"in": f"body.{field}", "message": reason}])
    return asset


async def _changed(ctx: Context, make: Callable[[Registry], Record], status: int = 200) -> Response:
    def noted(table: Registry) -> Record:
        made = make(table)
        old = table.get(made.id)
        assert isinstance(made, Asset)
        changed(f"assets/{made.id}", shown(old) if isinstance(old, Asset) else None, shown(made), made.unit_code)
        return made

    record = await ctx.registry.change(noted)
    assert isinstance(record, Asset)
    return _json(shown(record), status, Location=f"/api/v1/assets/{record.id}")


def _now_ms() -> int:
    return int(time.time() * 1000)
