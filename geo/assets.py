"""The registry's records: a sensor and a zone, their JSON, and what makes one invalid (ids: `geo.ids`)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from geo.divisions import Divisions, UnitError, in_subtree, level_of
from geo.ids import (
    BY_UNIT,
    DOMAIN_LETTER,
    GENERIC,
    KINDS,
    LETTER_DOMAIN,
    AssetError,
    Kind,
    SensorId,
    kind_info,
    kind_of,
    parse_sensor_id,
    parse_zone_id,
)

__all__ = [
    "DOMAIN_LETTER", "GENERIC", "KINDS", "LETTER_DOMAIN", "AssetError", "Kind", "Problem", "Record", "Sensor",
    "SensorId", "Zone", "check", "decode", "encode", "kind_info", "kind_of", "location_problem", "parse_sensor_id",
    "parse_zone_id", "problems", "profile_for",
]  # fmt: skip

REPORTS = ("continuous", "batched")
CHINA = (73.0, 3.0, 136.0, 54.0)  # lon, lat, lon, lat: degrees, WGS-84


class Sensor(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="sensor"):
    """One measuring point with one kind of reading. `asset` is the object it watches ("" = itself)."""

    id: str
    domain: str
    kind: str
    profile: str = ""  # key in the detectors catalog; "" = `domain.kind`
    zone: str
    unit_code: str  # deepest administrative code known
    lon: float | None = None  # WGS-84 degrees
    lat: float | None = None
    approximate: bool = False
    asset: str = ""
    name_zh: str = ""
    name_en: str = ""
    unit: str = ""  # unit of measure
    interval_s: float = 60.0
    owner_org: str = ""
    operator_org: str = ""
    regulator: str = ""
    params: dict[str, float] = {}
    report: str = "continuous"  # or "batched": samples each interval_s, uploads each upload_s
    upload_s: float = 0.0
    flow_sign: int = 0  # part of its zone's flow balance: +1 into the zone, -1 out of it
    chainage_m: float | None = None  # metres along its zone's line or road, from the upstream end
    retired: bool = False  # readings are refused, open episodes end
    demo: bool = False
    version: int = 1


class Zone(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="zone"):
    """The unit of partitioning: sensors of one zone are read by one worker. `partition` is stored, never computed."""

    id: str
    domain: str
    county: str
    partition: int
    name_zh: str = ""
    name_en: str = ""
    version: int = 1


Record = Sensor | Zone
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Sensor | Zone)


class Problem(NamedTuple):
    """One thing wrong with a record: the field and a reason a person can act on."""

    field: str
    reason: str


def encode(record: Record) -> bytes:
    """JSON of one record, with `"type": "sensor"` or `"zone"`."""
    return _encoder.encode(record)


def decode(value: bytes | str) -> Record:
    """The record of one JSON value.

    >>> decode(encode(Zone(id="522601-W-DMA03", domain="water", county="522601", partition=2))).partition
    2

    Raises:
        AssetError: not JSON, no known type, a field is missing or has the wrong type.
    """
    try:
        record: Record = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AssetError(f"registry record is not usable: {error}") from None
    return record


def profile_for(sensor: Sensor) -> str:
    """The sensor's key in the detectors catalog: its own, else `domain.kind`, at a station along a line
    `domain.station_kind`, of gas in a utility tunnel `gas.tunnel_kind`. A unit that is not the kind's usual one has its
    own kind."""
    along = "tunnel_" if sensor.domain == "gas" else "station_"
    kind = BY_UNIT.get((sensor.kind, sensor.unit), sensor.kind)
    return sensor.profile or f"{sensor.domain}.{'' if sensor.chainage_m is None else along}{kind}"


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


def problems(record: Record, divisions: Divisions | None = None) -> list[Problem]:
    """Everything wrong with one record by itself; [] when it is usable.

    That the record's zone exists is the registry's check, not this one's.
    """
    table = divisions or Divisions.load()
    return _zone_problems(record, table) if isinstance(record, Zone) else _sensor_problems(record, table)


def check(records: Iterable[Record], divisions: Divisions | None = None) -> None:
    """Raises AssetError at the first record with a problem."""
    for record in records:
        found = problems(record, divisions)
        if found:
            raise AssetError(f"{record.id}: {found[0].field}: {found[0].reason}")


def _zone_problems(zone: Zone, table: Divisions) -> list[Problem]:
    try:
        county, domain, _ = parse_zone_id(zone.id)
    except AssetError as error:
        return [Problem("id", str(error))]
    out = _county_problems("id", county, table)
    if zone.domain != domain:
        out.append(Problem("domain", f"is {zone.domain!r}, but the id says {domain!r}"))
    if zone.county != county:
        out.append(Problem("county", f"is {zone.county!r}, but the id says {county!r}"))
    if zone.partition < 0:
        out.append(Problem("partition", f"is {zone.partition}; want 0 or more"))
    return out


def _sensor_problems(sensor: Sensor, table: Divisions) -> list[Problem]:
    try:
        parts = parse_sensor_id(sensor.id)
    except AssetError as error:
        return [Problem("id", str(error))]
    out = _county_problems("id", parts.county, table)
    if sensor.domain != parts.domain:
        out.append(Problem("domain", f"is {sensor.domain!r}, but the id says {parts.domain!r}"))
    kind = kind_of(sensor.id)
    if sensor.kind != kind:
        out.append(Problem("kind", f"is {sensor.kind!r}, but type {parts.type} of {parts.domain} is {kind!r}"))
    try:
        zone_county, zone_domain, _ = parse_zone_id(sensor.zone)
        if zone_domain != parts.domain:
            out.append(Problem("zone", f"{sensor.zone} is a zone of {zone_domain}, the sensor is of {parts.domain}"))
        out += _county_problems("zone", zone_county, table)
    except AssetError as error:
        out.append(Problem("zone", str(error)))
    try:
        unit = table.get(sensor.unit_code)
        if level_of(unit.code) != "prefecture" and not in_subtree(unit.code, parts.county):
            out.append(Problem("unit_code", f"{unit.code} {unit.name} is not in the id's county {parts.county}"))
    except UnitError as error:
        out.append(Problem("unit_code", str(error)))
    place = location_problem(sensor.lon, sensor.lat)
    if place:
        out.append(Problem("lon", place))
    if not (math.isfinite(sensor.interval_s) and sensor.interval_s > 0):
        out.append(Problem("interval_s", f"is {sensor.interval_s}; want seconds above 0"))
    if sensor.report not in REPORTS:
        out.append(Problem("report", f"is {sensor.report!r}; want one of {', '.join(REPORTS)}"))
    if not (math.isfinite(sensor.upload_s) and sensor.upload_s >= 0) or (
        sensor.report == "batched" and sensor.upload_s < sensor.interval_s
    ):
        out.append(Problem("upload_s", f"is {sensor.upload_s}; want seconds, of a batched sensor interval_s or more"))
    if sensor.chainage_m is not None and not (math.isfinite(sensor.chainage_m) and sensor.chainage_m >= 0):
        out.append(Problem("chainage_m", f"is {sensor.chainage_m}; want metres from the upstream end, 0 or more"))
    if sensor.flow_sign not in (-1, 0, 1):
        out.append(Problem("flow_sign", f"is {sensor.flow_sign}; want +1 (into the zone), -1 (out of it) or 0"))
    bad = [name for name, value in sensor.params.items() if not math.isfinite(value)]
    return [*out, *(Problem("params", f"{name} is not a finite number") for name in bad)]


def _county_problems(field: str, county: str, table: Divisions) -> list[Problem]:
    if county in table and level_of(county) == "county":
        return []
    return [Problem(field, f"{county} is no county of the prefecture; county codes are 522601 … 522636")]
