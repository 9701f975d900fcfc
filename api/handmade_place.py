"""Where something that a person reports is: from coordinates, a unit or an asset to unit, county and fences."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from api import units
from api.context import Context
from api.errors import Problem
from api.whereabouts import whereabouts
from geo.assets import AssetError, location_problem
from geo.divisions import UnitError
from geo.effects import marks
from geo.fences import Mark
from streams.reported import Spot


class PlaceBody(BaseModel):
    """One of: `lon` and `lat`; `unit`; `asset`."""

    model_config = ConfigDict(extra="forbid")

    lon: float | None = Field(default=None, description="degrees WGS-84")
    lat: float | None = Field(default=None, description="degrees WGS-84")
    unit: str | None = Field(default=None, description="code of a county, township or village", max_length=20)
    asset: str | None = Field(default=None, description="id or unified code of an asset or sensor", max_length=64)


def bad(field: str, reason: object) -> Problem:
    """A 422 that names the field of the body."""
    return Problem(422, f"body.{field}: {reason}", errors=[{"in": f"body.{field}", "message": str(reason)}])


def found(ctx: Context, place: PlaceBody) -> Spot:
    """The place in the registry's and the boundaries' terms; raises Problem 422 naming the field and the fix."""
    point = place.lon is not None or place.lat is not None
    if point + (place.unit is not None) + (place.asset is not None) != 1:
        raise bad("place", "want one of lon and lat, unit, or asset")
    if place.asset is not None:
        return _of_asset(ctx, place.asset)
    if place.unit is not None:
        return _of_unit(ctx, place.unit)
    if place.lon is None or place.lat is None:
        raise bad("place", "lon and lat belong together: give both in degrees WGS-84")
    return _of_point(ctx, place.lon, place.lat)


def _of_point(ctx: Context, lon: float, lat: float) -> Spot:
    if fault := location_problem(lon, lat):
        raise bad("place.lon", fault)
    where = whereabouts(ctx).places.where(lon, lat)
    if where.unit is None:
        raise bad("place.lon", f"{lon:g} {lat:g} lies in none of the counties; check that lon and lat are not swapped")
    return Spot(where.unit, lon, lat, approximate=False)


def _of_unit(ctx: Context, text: str) -> Spot:
    try:
        code = ctx.divisions.get(units.prefix(text)).code
    except (ValueError, UnitError) as error:
        raise bad("place.unit", error) from None
    if len(code) < 6 or (code.endswith("00") and len(code) == 6):
        raise bad("place.unit", f"{code} is no county; name a county, township or village")
    seat = whereabouts(ctx).places.seats.get(code)
    lon, lat = seat if seat is not None else (None, None)
    return Spot(code, lon, lat, approximate=True)


def _of_asset(ctx: Context, text: str) -> Spot:
    try:
        asset = ctx.registry.table.find(text)
    except AssetError as error:
        raise bad("place.asset", error) from None
    if asset is None:
        raise bad("place.asset", f"there is no asset {text!r}; GET /api/v1/assets lists them, or give lon and lat")
    return Spot(asset.unit_code, asset.lon, asset.lat, asset.approximate, asset)


def fences_at(ctx: Context, spot: Spot, kind: str, now_ms: int) -> tuple[Mark, ...]:
    """The active fences that hold the place: people see them, but they change nothing of a person's report."""
    if spot.lon is None or spot.lat is None:
        return ()
    return marks(whereabouts(ctx).book.at(spot.lon, spot.lat), kind, now_ms, hard=True)
