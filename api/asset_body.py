"""Bodies of POST and PUT /assets, and the record they make; what is wrong with it is a 422 that names the field."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from api.errors import Problem
from geo.asset_checks import MAX_LINKS, MAX_POINTS
from geo.assets import Asset, AssetError, Code, Contact, Pipe, parse_asset_id, problems
from geo.codes import is_sensor_id, parse_code
from geo.ids import ASSET_TYPES
from streams.assets.plan import middle
from streams.registration import outside_county


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CodeBody(_Strict):
    system: str = Field(max_length=64)
    value: str = Field(max_length=64)


class LinkBody(_Strict):
    to: str = Field(description="id of the asset downstream", max_length=64)
    length_m: float = 0.0
    diameter_mm: float = 0.0


class ContactBody(_Strict):
    role: str = Field(max_length=64)
    name: str = Field(max_length=64)
    phone: str = Field("", max_length=64)


class NewAsset(_Strict):
    """An asset; domain and kind follow from the id."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"id": "522601-W-VLV-000123", "unit_code": "522601002", "lon": 107.98, "lat": 26.58}]
        },
    )
    id: str = Field(description="county-domain-type-serial, with or without check character", max_length=64)
    unit_code: str = Field(max_length=12)
    name_zh: str = Field("", max_length=200)
    name_en: str = Field("", max_length=200)
    lon: float | None = None
    lat: float | None = None
    line: list[tuple[float, float]] = Field(default_factory=list, max_length=MAX_POINTS)
    approximate: bool = False
    zone: str = Field("", max_length=32)
    parent: str = Field("", max_length=64)
    owner_org: str = Field("", max_length=200)
    operator_org: str = Field("", max_length=200)
    regulator: str = Field("", max_length=200)
    codes: list[CodeBody] = Field(default_factory=list, max_length=32)
    downstream: list[LinkBody] = Field(default_factory=list, max_length=MAX_LINKS)
    length_m: float = 0.0
    diameter_mm: float = 0.0
    people: StrictInt = 0
    customers: StrictInt = 0
    contacts: list[ContactBody] = Field(default_factory=list, max_length=32)
    installed: str = Field("", max_length=10)
    calibrated: str = Field("", max_length=10)
    battery: str = Field("", max_length=10)
    retired: bool = False
    demo: bool = False


class ChangedAsset(NewAsset):
    """The whole asset as it shall be, and the version that the sender saw."""

    version: StrictInt = Field(ge=1, description="the version that was seen")


def built(body: NewAsset, version: int, by: str, at_ms: int) -> Asset:
    """The record of a body. Raises Problem 422."""
    try:
        id_ = parse_code(body.id)
        if is_sensor_id(id_):
            raise AssetError(f"{id_} is a sensor's id")
        parts = parse_asset_id(id_)
    except AssetError as error:
        raise _bad("id", str(error)) from None
    fields = body.model_dump(exclude={"id", "version", "codes", "downstream", "contacts", "line", "lon", "lat"})
    line = tuple((lon, lat) for lon, lat in body.line)
    lon, lat = middle(line) if len(line) > 1 and body.lon is None else (body.lon, body.lat)
    asset = Asset(
        **fields,
        id=id_,
        domain=parts.domain,
        kind=ASSET_TYPES[parts.type].kind,
        line=line,
        lon=lon,
        lat=lat,
        codes=tuple(Code(c.system, c.value) for c in body.codes),
        downstream=tuple(Pipe(p.to, p.length_m, p.diameter_mm) for p in body.downstream),
        contacts=tuple(Contact(c.role, c.name, c.phone) for c in body.contacts),
        version=version,
        by=by,
        at_ms=at_ms,
    )
    for field, reason in (*problems(asset), *outside_county(asset)):
        raise _bad(field, reason)
    return asset


def _bad(field: str, reason: str) -> Problem:
    return Problem(422, f"body.{field}: {reason}", errors=[{"in": f"body.{field}", "message": reason}])
