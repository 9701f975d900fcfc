"""Rows → what importing them would do: all rows checked against each other and the registry, taken all or none. Pure.

A row names its object by `id` (any way of writing the unified code), or by `type` and one of its `codes`: an object
that has that code already is changed, else it gets the next free serial of its county, domain and type. What a row
leaves empty stays as registered. `parent` and `downstream` name others of the file or the registry by any code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from geo import metric
from geo.assets import Asset, AssetError, Pipe, Sensor, location_problem, problems as record_problems
from geo.codes import is_sensor_id, looks_like_code, parse_code
from geo.divisions import Divisions, UnitError, level_of, prefix
from geo.ids import ASSET_LETTER, ASSET_TYPES, parse_asset_id
from geo.places import Places
from streams.assets.crs import Convert, degrees_problem
from streams.assets.links import broken_links
from streams.assets.rows import FieldError, Row, typed
from streams.registration import outside_county
from streams.registry_table import Registry

RETIRED = "is retired: a new object gets a new code; bring this one back with `cityops assets retire --undo "


class BadRow(NamedTuple):
    """One thing to mend: the place in the file, the field, the reason."""

    place: str
    field: str
    reason: str


class Plan(msgspec.Struct):
    """What importing would do. With any `problems` nothing of it may be done."""

    added: list[Asset] = msgspec.field(default_factory=list)
    changed: list[Asset] = msgspec.field(default_factory=list)
    unchanged: int = 0
    problems: list[BadRow] = msgspec.field(default_factory=list)

    @property
    def records(self) -> list[Asset]:
        return [*self.added, *self.changed]


class Maker(NamedTuple):
    """Who imports, when, and what a row that does not say it belongs to."""

    by: str = ""
    at_ms: int = 0
    county: str = ""
    domain: str = ""
    convert: Convert = lambda point: point


class _Draft(NamedTuple):
    place: str
    id: str
    fields: dict[str, Any]


def plan(rows: Iterable[Row], registry: Registry, maker: Maker | None = None) -> Plan:
    """Check rows against each other and the registry."""
    maker = maker or Maker()
    out = Plan()
    drafts: list[_Draft] = []
    serials = _serials(registry)
    first: dict[str, str] = {}
    for row in rows:
        fields, faults = typed(row)
        try:
            if not faults:
                _placed(fields, maker.convert)
                id_ = _identity(fields, registry, maker, serials)
                if id_ in first:
                    raise FieldError("id", f"{id_} is also on {first[id_]}; one row an object")
                first[id_] = row.place
                drafts.append(_Draft(row.place, id_, fields))
        except FieldError as error:
            faults.append(error)
        out.problems += [BadRow(row.place, fault.field, fault.reason) for fault in faults]
    resolve = _resolver(drafts, registry)
    records: dict[str, Asset] = {}
    for draft in drafts:
        try:
            records[draft.id] = _asset(draft, registry, maker, resolve)
        except FieldError as error:
            out.problems.append(BadRow(draft.place, error.field, error.reason))
    for id_, record in records.items():
        faults_ = [*record_problems(record), *outside_county(record)]
        out.problems += [BadRow(first[id_], field, reason) for field, reason in faults_]
    if not out.problems:
        out.problems += [BadRow(first[b.id], b.field, b.reason) for b in broken_links(registry, records.values())]
    for record in records.values():
        _sort_in(record, registry, out)
    return out


def _placed(fields: dict[str, Any], convert: Convert) -> None:
    """Coordinates of the file to WGS-84; of a line the middle joins."""
    line = fields.get("line", ())
    if ("lon" in fields) != ("lat" in fields):
        raise FieldError("lon", "give both lon and lat, or neither")
    points = line or ([(fields["lon"], fields["lat"])] if "lon" in fields and "lat" in fields else [])
    for k, point in enumerate(points, 1):
        lon, lat = convert(point)
        fault = degrees_problem((lon, lat)) or location_problem(lon, lat)
        if fault:
            raise FieldError("line" if line else "lon", f"point {k}: {fault}" if line else fault)
    if line:
        fields["line"] = tuple(convert(point) for point in line)
        fields["lon"], fields["lat"] = middle(fields["line"])
    elif points:
        fields["lon"], fields["lat"] = convert(points[0])


def middle(line: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """The point half-way along a line."""
    steps = [metric.distance_m(*a, *b) for a, b in pairwise(line)]
    left = sum(steps) / 2
    for (a, b), step in zip(pairwise(line), steps, strict=True):
        if left <= step and step > 0:
            t = left / step
            return round(a[0] + t * (b[0] - a[0]), 7), round(a[1] + t * (b[1] - a[1]), 7)
        left -= step
    return line[0]


def _identity(fields: dict[str, Any], registry: Registry, maker: Maker, serials: dict[str, int]) -> str:
    """The id that a row means; serials of new objects are taken from `serials`."""
    if "id" in fields:
        try:
            id_ = parse_code(fields["id"])
        except AssetError as error:
            raise FieldError("id", str(error)) from None
        if is_sensor_id(id_):
            raise FieldError("id", f"{id_} is a sensor's id: register it with `cityops sensors import`")
        return _usable(id_, registry)
    if "type" not in fields or not fields.get("codes"):
        raise FieldError("id", "is empty: give it, or a type and codes (system=value) to know the object by")
    owners = {owner for code in fields["codes"] if (owner := registry.owner(code))}
    if len(owners) > 1:
        raise FieldError("codes", f"are of several objects: {', '.join(sorted(owners))}")
    for owner in owners:
        if owner in registry.sensors:
            raise FieldError("codes", f"are those of the sensor {owner}")
        return _usable(owner, registry)
    start = f"{_county(fields, maker)}-{_letter(fields, maker)}-{fields['type']}"
    serials[start] = serials.get(start, 0) + 1
    id_ = f"{start}-{serials[start]:06d}"
    try:
        parse_asset_id(id_)
    except AssetError as error:
        raise FieldError("type", str(error)) from None
    return id_


def _usable(id_: str, registry: Registry) -> str:
    known = registry.assets.get(id_)
    if known is not None and known.retired:
        raise FieldError("id", f"{id_} {RETIRED}{id_}`")
    return id_


def _county(fields: dict[str, Any], maker: Maker) -> str:
    if "unit_code" in fields:
        try:
            if level_of(fields["unit_code"]) not in ("prefecture", "province"):
                return prefix(fields["unit_code"])[:6]
        except UnitError as error:
            raise FieldError("unit_code", str(error)) from None
    if maker.county:
        return maker.county
    if "lon" in fields and "lat" in fields:
        where = Places.load().where(fields["lon"], fields["lat"])
        if where.county:
            return where.county
    raise FieldError("unit_code", "is empty and no place in the prefecture tells the county: give it, or --county")


def _letter(fields: dict[str, Any], maker: Maker) -> str:
    about = ASSET_TYPES.get(fields["type"])
    domain = fields.get("domain") or maker.domain or (about.domains[0] if about and len(about.domains) == 1 else "")
    if domain not in ASSET_LETTER:
        raise FieldError("domain", f"{domain!r}: want one of {', '.join(ASSET_LETTER)}, in the file or with --domain")
    return ASSET_LETTER[domain]


def _serials(registry: Registry) -> dict[str, int]:
    """The highest serial in use of each county, domain and type."""
    out: dict[str, int] = {}
    for id_ in registry.assets:
        out[id_[:-7]] = max(out.get(id_[:-7], 0), int(id_[-6:]))
    return out


def _resolver(drafts: list[_Draft], registry: Registry) -> Callable[[str, str], str]:
    """Any code of the file or the registry → id."""
    aliases: dict[str, set[str]] = {}
    for draft in drafts:
        for code in draft.fields.get("codes", ()):
            for alias in (code.value, f"{code.system}:{code.value}"):
                aliases.setdefault(alias, set()).add(draft.id)
    ids = {draft.id for draft in drafts}

    def resolve(field: str, text: str) -> str:
        found = aliases.get(text, set())
        if len(found) > 1:
            raise FieldError(field, f"{text[:60]!r} is of several objects of the file; write system:value")
        for id_ in found:
            return id_
        try:
            id_ = parse_code(text) if looks_like_code(text) else ""
            known = None if id_ else registry.find(text)
        except AssetError as error:
            raise FieldError(field, str(error)) from None
        if isinstance(known, Sensor):
            raise FieldError(field, f"{text[:60]!r} is the sensor {known.id}; want an asset")
        if id_ and (id_ in ids or id_ in registry.assets):
            return id_
        if known is not None:
            return known.id
        raise FieldError(field, f"{text[:60]!r} is no object of the registry or of the file")

    return resolve


def _asset(draft: _Draft, registry: Registry, maker: Maker, resolve: Callable[[str, str], str]) -> Asset:
    parts = parse_asset_id(draft.id)
    about = ASSET_TYPES[parts.type]
    fields = {k: v for k, v in draft.fields.items() if k not in ("id", "type", "domain")}
    for name, right in (("type", parts.type), ("domain", parts.domain)):
        if name in draft.fields and draft.fields[name] != right:
            raise FieldError(name, f"is {draft.fields[name]!r}, but {draft.id} says {right!r}")
    if "parent" in fields:
        fields["parent"] = resolve("parent", fields["parent"])
    if "downstream" in fields:
        fields["downstream"] = tuple(
            Pipe(resolve("downstream", p.to), p.length_m, p.diameter_mm) for p in fields["downstream"]
        )
    old = registry.assets.get(draft.id)
    if "unit_code" in fields:
        fields["unit_code"] = _unit(fields["unit_code"])
    elif "lon" in fields and (old is None or (old.lon, old.lat) != (fields["lon"], fields["lat"])):
        where = Places.load().where(fields["lon"], fields["lat"])
        if where.unit is None:
            place = f"lon {fields['lon']:g}, lat {fields['lat']:g}"
            raise FieldError("lon", f"{place} are outside the prefecture; give unit_code if that is right")
        here = where.county == parts.county  # else near the border, or too far away: told by `outside_county`
        fields.update(unit_code=where.unit if here else parts.county, approximate=where.approximate)
    elif old is None:
        raise FieldError("lon", "is empty: give a geometry (lon and lat, or a line), or at least unit_code")
    if old is None and "lon" not in fields and about.kind != "vehicle":
        raise FieldError("lon", "the geometry is empty: give lon and lat, or a line")
    base = msgspec.structs.asdict(old) if old is not None else {}
    return Asset(**{
        **base, **fields, "id": draft.id, "domain": parts.domain, "kind": about.kind, "by": maker.by,
        "at_ms": maker.at_ms,
    })  # fmt: skip


def _unit(text: str) -> str:
    try:
        return Divisions.load().get(text).code
    except UnitError as error:
        raise FieldError("unit_code", str(error)) from None


def _sort_in(asset: Asset, registry: Registry, out: Plan) -> None:
    old = registry.assets.get(asset.id)
    if old is None:
        out.added.append(asset)
    elif msgspec.structs.replace(asset, version=old.version, by=old.by, at_ms=old.at_ms) == old:
        out.unchanged += 1
    else:
        out.changed.append(msgspec.structs.replace(asset, version=old.version + 1))
