"""What makes a record of the registry invalid (records: `geo.records`, ids: `geo.ids`)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from geo.asset_checks import asset_problems, common_problems, county_problems, location_problem, unit_problems
from geo.divisions import Divisions
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
    parse_asset_id,
    parse_sensor_id,
    parse_zone_id,
)
from geo.records import Asset, Code, Contact, Pipe, Record, Sensor, Zone, decode, encode

__all__ = [
    "DOMAIN_LETTER", "GENERIC", "KINDS", "LETTER_DOMAIN", "Asset", "AssetError", "Code", "Contact", "Kind",
    "Pipe", "Problem", "Record", "Sensor", "SensorId", "Zone", "check", "decode", "encode", "kind_info",
    "kind_of", "location_problem", "parse_asset_id", "parse_sensor_id", "parse_zone_id", "problems", "profile_for",
]  # fmt: skip

REPORTS = ("continuous", "batched")


class Problem(NamedTuple):
    """One thing wrong with a record: the field and a reason a person can act on."""

    field: str
    reason: str


def profile_for(sensor: Sensor) -> str:
    """The sensor's key in the detectors catalog: its own, else `domain.kind`, at a station along a line
    `domain.station_kind`, of gas in a utility tunnel `gas.tunnel_kind`. A unit that is not the kind's usual one has its
    own kind."""
    along = "tunnel_" if sensor.domain == "gas" else "station_"
    kind = BY_UNIT.get((sensor.kind, sensor.unit), sensor.kind)
    return sensor.profile or f"{sensor.domain}.{'' if sensor.chainage_m is None else along}{kind}"


def problems(record: Record, divisions: Divisions | None = None) -> list[Problem]:
    """Everything wrong with one record by itself; [] when it is usable.

    That the record's zone exists is the registry's check, not this one's.
    """
    table = divisions or Divisions.load()
    if isinstance(record, Asset):
        return [Problem(*fault) for fault in asset_problems(record, table)]
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
    out = [Problem(*fault) for fault in county_problems("id", county, table)]
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
    out = [Problem(*fault) for fault in county_problems("id", parts.county, table)]
    if sensor.domain != parts.domain:
        out.append(Problem("domain", f"is {sensor.domain!r}, but the id says {parts.domain!r}"))
    kind = kind_of(sensor.id)
    if sensor.kind != kind:
        out.append(Problem("kind", f"is {sensor.kind!r}, but type {parts.type} of {parts.domain} is {kind!r}"))
    try:
        zone_county, zone_domain, _ = parse_zone_id(sensor.zone)
        if zone_domain != parts.domain:
            out.append(Problem("zone", f"{sensor.zone} is a zone of {zone_domain}, the sensor is of {parts.domain}"))
        out += [Problem(*fault) for fault in county_problems("zone", zone_county, table)]
    except AssetError as error:
        out.append(Problem("zone", str(error)))
    out += [Problem(*fault) for fault in unit_problems(sensor.unit_code, parts.county, table)]
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
    for metric, (low, high) in sensor.valid.items():
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            out.append(Problem("valid", f"{metric}: from {low} to {high}; want two numbers, the lower first"))
    dates = [("installed", sensor.installed), ("calibrated", sensor.calibrated), ("battery", sensor.battery)]
    out += [Problem(*fault) for fault in common_problems(sensor.codes, sensor.contacts, dates)]
    bad = [name for name, value in sensor.params.items() if not math.isfinite(value)]
    return [*out, *(Problem("params", f"{name} is not a finite number") for name in bad)]
