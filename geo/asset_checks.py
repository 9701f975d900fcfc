"""What makes an asset's record invalid by itself, and the parts that sensors have too: codes, dates, places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date

from geo.divisions import Divisions, UnitError, in_subtree, level_of
from geo.ids import ASSET_TYPES, URBAN, AssetError, parse_asset_id, parse_zone_id
from geo.records import Asset, Code, Contact

CHINA = (73.0, 3.0, 136.0, 54.0)  # lon, lat, lon, lat: degrees, WGS-84
MAX_TEXT = 200
MAX_LINKS = 64
MAX_POINTS = 2_000
MAX_PEOPLE = 5_000_000
Fault = tuple[str, str]  # field, reason


def asset_problems(asset: Asset, table: Divisions) -> Iterator[Fault]:
    """Field and reason of everything wrong with one asset; whether what it names exists is the registry's check."""
    try:
        parts = parse_asset_id(asset.id)
    except AssetError as error:
        yield "id", str(error)
        return
    yield from county_problems("id", parts.county, table)
    about = ASSET_TYPES[parts.type]
    if asset.domain != parts.domain:
        yield "domain", f"is {asset.domain!r}, but the id says {parts.domain!r}"
    if asset.kind != about.kind:
        yield "kind", f"is {asset.kind!r}, but type {parts.type} is {about.kind!r}"
    yield from unit_problems(asset.unit_code, parts.county, table)
    yield from _shape_problems(asset, about.line)
    if asset.zone:
        yield from _zone_problems(asset.zone, parts.domain)
    if asset.parent == asset.id:
        yield "parent", "is the asset itself"
    elif asset.parent:
        yield from _id_problems("parent", asset.parent)
    yield from _link_problems(asset)
    for name, most in (("people", MAX_PEOPLE), ("customers", MAX_PEOPLE)):
        if not 0 <= getattr(asset, name) <= most:
            yield name, f"is {getattr(asset, name)}; want a whole number from 0 to {most}"
    for name in ("length_m", "diameter_mm"):
        if not (math.isfinite(getattr(asset, name)) and getattr(asset, name) >= 0):
            yield name, f"is {getattr(asset, name)}; want a number, 0 or more"
    yield from common_problems(asset.codes, asset.contacts, _dates(asset))
    for name in ("name_zh", "name_en", "owner_org", "operator_org", "regulator", "by"):
        if len(getattr(asset, name)) > MAX_TEXT:
            yield name, f"has {len(getattr(asset, name))} characters; at most {MAX_TEXT} are taken"


def location_problem(lon: float | None, lat: float | None) -> str:
    """Why a place cannot be used, "" where it can: outside China's bounding box, not finite, lat/lon swapped.

    >>> location_problem(107.98, 26.58), location_problem(26.58, 107.98)
    ('', 'lon 26.58, lat 107.98 look swapped: longitude comes first, try 107.98 26.58')
    """
    if lon is None and lat is None:
        return ""
    if lon is None or lat is None:
        return "give both lon and lat, or neither"
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return f"lon {lon}, lat {lat} are not finite numbers"
    west, south, east, north = CHINA
    if west <= lon <= east and south <= lat <= north:
        return ""
    if west <= lat <= east and south <= lon <= north:
        return f"lon {lon:g}, lat {lat:g} look swapped: longitude comes first, try {lat:g} {lon:g}"
    return f"lon {lon:g}, lat {lat:g} are outside China ({west:g}-{east:g} E, {south:g}-{north:g} N; WGS-84 degrees)"


def county_problems(field: str, county: str, table: Divisions) -> Iterator[Fault]:
    if county not in table or level_of(county) != "county":
        yield field, f"{county} is no county of the prefecture; county codes are 522601 … 522636"


def unit_problems(unit_code: str, county: str, table: Divisions) -> Iterator[Fault]:
    """The unit exists and lies in the county of the id (or is the prefecture)."""
    try:
        unit = table.get(unit_code)
        if level_of(unit.code) != "prefecture" and not in_subtree(unit.code, county):
            yield "unit_code", f"{unit.code} {unit.name} is not in the id's county {county}"
    except UnitError as error:
        yield "unit_code", str(error)


def common_problems(
    codes: Iterable[Code], contacts: Iterable[Contact], dates: Iterable[tuple[str, str]]
) -> Iterator[Fault]:
    seen: set[str] = set()
    for code in codes:
        for text in (code.system, code.value):
            if not text.strip() or len(text) > 64 or not text.isprintable():
                yield "codes", f"{code.system[:64]}={code.value[:64]}: want a system and a value of 1 to 64 characters"
        if code.system in seen:
            yield "codes", f"system {code.system!r} is twice; one object has one code in a system"
        seen.add(code.system)
    for contact in contacts:
        if not contact.name.strip() or max(map(len, (contact.role, contact.name, contact.phone))) > 64:
            yield "contacts", "want role, name and phone of at most 64 characters, and a name"
    for name, text in dates:
        if text and not _is_date(text):
            yield name, f"{text[:20]!r} is no date; want year-month-day, e.g. 2024-05-31"


def _dates(asset: Asset) -> list[tuple[str, str]]:
    return [("installed", asset.installed), ("calibrated", asset.calibrated), ("battery", asset.battery)]


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _shape_problems(asset: Asset, drawn_as_line: bool) -> Iterator[Fault]:
    fault = location_problem(asset.lon, asset.lat)
    if fault:
        yield "lon", fault
    if not asset.line:
        return
    if not drawn_as_line:
        yield "line", f"a {asset.kind} is a point: give lon and lat"
    if not 2 <= len(asset.line) <= MAX_POINTS:
        yield "line", f"has {len(asset.line)} points; want 2 to {MAX_POINTS}"
    if asset.lon is None:
        yield "lon", "is empty; of a line it is the middle"
    for k, (lon, lat) in enumerate(asset.line, 1):
        fault = location_problem(lon, lat)
        if fault:
            yield "line", f"point {k}: {fault}"
            return


def _zone_problems(zone: str, domain: str) -> Iterator[Fault]:
    try:
        of = parse_zone_id(zone)[1]
    except AssetError as error:
        yield "zone", str(error)
        return
    if domain != of and domain != URBAN:
        yield "zone", f"{zone} is a zone of {of}, the asset is of {domain}"


def _link_problems(asset: Asset) -> Iterator[Fault]:
    if len(asset.downstream) > MAX_LINKS:
        yield "downstream", f"has {len(asset.downstream)} links; at most {MAX_LINKS} are taken"
    seen: set[str] = set()
    for link in asset.downstream:
        if link.to == asset.id:
            yield "downstream", "names the asset itself"
        elif link.to in seen:
            yield "downstream", f"names {link.to} twice"
        else:
            yield from _id_problems("downstream", link.to)
        seen.add(link.to)
        if not all(math.isfinite(v) and v >= 0 for v in (link.length_m, link.diameter_mm)):
            yield "downstream", f"{link.to}: length_m and diameter_mm want numbers, 0 or more"


def _id_problems(field: str, id_: str) -> Iterator[Fault]:
    try:
        parse_asset_id(id_)
    except AssetError as error:
        yield field, str(error)
