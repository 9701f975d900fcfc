"""New and changed sensors from rows of text: checked one by one, taken all or none. Pure.

A row needs `id` and `zone`, and `unit_code` or `lon` and `lat`; domain, kind and unit of measure follow
from the id, the unit code from the place. A zone that is not there yet is made, on the partition of
its domain that has the fewest sensors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from geo.assets import (
    Asset,
    AssetError,
    Record,
    Sensor,
    Zone,
    kind_info,
    location_problem,
    parse_asset_id,
    parse_sensor_id,
    parse_zone_id,
    problems as record_problems,
)
from geo.boundaries import Boundaries
from geo.divisions import Divisions
from geo.places import Places
from streams.assets.links import broken_links
from streams.assets.rows import FieldError, of_sensor
from streams.errors import UsageError
from streams.moves import moves
from streams.registry_table import Registry

RETIRED = "is retired: give the new device a new id, or bring this one back with `cityops sensors retire --undo "
NEAR_M = 1_000.0  # a place this far outside the id's county is taken: drawn borders are no sharper

_NUMBERS = ("lon", "lat", "interval_s", "upload_s", "flow_sign", "chainage_m")
_TEXTS = (
    "profile",
    "zone",
    "unit_code",
    "asset",
    "name_zh",
    "name_en",
    "unit",
    "owner_org",
    "operator_org",
    "regulator",
    "report",
    "installed",
    "calibrated",
    "battery",
)
COLUMNS = ("id", *_TEXTS, *_NUMBERS, "codes", "contacts", "valid", "moving")  # and params.<name>


class BadRow(NamedTuple):
    """One thing to mend: line (1 is the header; 0 where there is none), field, reason."""

    line: int
    field: str
    reason: str


class Plan(msgspec.Struct):
    """What registering would do. With any `problems` nothing of it may be done."""

    added: list[Sensor] = msgspec.field(default_factory=list)
    changed: list[Sensor] = msgspec.field(default_factory=list)
    unchanged: int = 0
    zones: list[Zone] = msgspec.field(default_factory=list)
    problems: list[BadRow] = msgspec.field(default_factory=list)

    @property
    def records(self) -> list[Record]:
        return [*self.zones, *self.added, *self.changed]


def plan(rows: Iterable[tuple[int, Mapping[str, str]]], registry: Registry, partitions: int) -> Plan:
    """Check rows (line, column -> text) against the registry; empty text means the default."""
    out = Plan()
    seen: dict[str, int] = {}
    load = zone_load(registry)
    zones = dict(registry.zones)
    for line, row in rows:
        try:
            sensor = _sensor(row)
        except _Field as error:
            out.problems.append(BadRow(line, error.field, error.reason))
            continue
        faults = [*record_problems(sensor), *outside_county(sensor), *_asset_problems(sensor, registry)]
        if sensor.id in seen:
            faults.append(_Field("id", f"{sensor.id} is also on line {seen[sensor.id]}").problem)
        seen.setdefault(sensor.id, line)
        if (old := registry.sensors.get(sensor.id)) is not None and old.retired:
            faults.append(_Field("id", f"{sensor.id} {RETIRED}{sensor.id}`").problem)
        if faults:
            out.problems += [BadRow(line, field, reason) for field, reason in faults]
            continue
        new = [] if sensor.zone in zones else [_new_zone(sensor.zone, load, partitions)]
        moved = list(moves(registry, [*out.zones, *new, sensor], partitions))
        if moved:
            out.problems += [BadRow(line, move.field, move.reason) for move in moved]
            continue
        out.zones += new
        zones.update({zone.id: zone for zone in new})
        _sort_in(sensor, registry, out)
        load[sensor.domain, zones[sensor.zone].partition] += 1
    out.problems += [BadRow(seen[id_], field, reason) for id_, field, reason in broken_links(registry, out.records)
                     if id_ in seen]  # fmt: skip
    return out


def retired(ids: Iterable[str], registry: Registry, undo: bool = False) -> list[Sensor]:
    """The sensors' records out of service, or (`undo`) back in it; those that are so already are left out.

    Raises UsageError for an id that is not registered.
    """
    out = []
    for id_ in dict.fromkeys(ids):
        sensor = registry.sensors.get(id_)
        if sensor is None:
            raise UsageError(f"sensor {id_!r} is not registered: `cityops sensors list` shows all")
        if sensor.retired is undo:
            out.append(msgspec.structs.replace(sensor, retired=not undo, version=sensor.version + 1))
    return out


def zone_load(registry: Registry) -> Counter[tuple[str, int]]:
    """Sensors of each (domain, partition)."""
    zones = registry.zones
    used = (s for s in registry.sensors.values() if s.zone in zones and not s.retired)
    return Counter((s.domain, zones[s.zone].partition) for s in used)


def least_loaded(domain: str, load: Mapping[tuple[str, int], int], partitions: int) -> int:
    """The partition with the fewest sensors of the domain, the lowest of equals.

    >>> least_loaded("water", Counter({("water", 0): 9, ("gas", 1): 50, ("water", 2): 1}), 3)
    1
    """
    return min(range(partitions), key=lambda p: (load.get((domain, p), 0), p))


class _Field(ValueError):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason
        self.problem = (field, reason)


def _sensor(row: Mapping[str, str]) -> Sensor:
    texts = {k: v.strip() for k, v in row.items() if v and v.strip()}
    for needed in ("id", "zone"):
        if needed not in texts:
            raise _Field(needed, "is empty")
    unknown = [k for k in texts if k not in COLUMNS and not k.startswith("params.")]
    if unknown:
        raise _Field(unknown[0], f"no such column; there are {', '.join(COLUMNS)}, params.<name>")
    try:
        kind = kind_info(texts["id"])
        domain = parse_sensor_id(texts["id"]).domain
    except AssetError as error:
        raise _Field("id", str(error)) from None
    numbers: dict[str, float | int] = {k: _number(k, texts[k]) for k in _NUMBERS if k in texts}
    if "flow_sign" in numbers:
        numbers["flow_sign"] = _whole("flow_sign", numbers["flow_sign"])
    params = {k.removeprefix("params."): _number(k, v) for k, v in texts.items() if k.startswith("params.")}
    fields: dict[str, object] = {k: texts[k] for k in _TEXTS if k in texts}
    try:
        fields |= of_sensor(texts)
    except FieldError as error:
        raise _Field(error.field, error.reason) from None
    sensor = Sensor(
        **{"unit_code": "", "unit": kind.unit, **fields, **numbers},  # type: ignore[arg-type]
        id=texts["id"],
        domain=domain,
        kind=kind.kind,
        params=params,
    )
    return sensor if sensor.unit_code else _attributed(sensor)


def _attributed(sensor: Sensor) -> Sensor:
    """The sensor with the unit that its place lies in."""
    if sensor.lon is None or sensor.lat is None:
        raise _Field("unit_code", "is empty; give it, or lon and lat")
    fault = location_problem(sensor.lon, sensor.lat)
    if fault:
        raise _Field("lon", fault)
    where = Places.load().where(sensor.lon, sensor.lat)
    if where.unit is None:
        raise _Field("lon", f"lon {sensor.lon:g}, lat {sensor.lat:g} are outside the prefecture; give unit_code")
    return msgspec.structs.replace(sensor, unit_code=where.unit, approximate=where.approximate)


def outside_county(sensor: Sensor | Asset) -> list[tuple[str, str]]:
    """A place that is not in the county which the id names."""
    county = sensor.id[:6]
    if sensor.lon is None or sensor.lat is None or location_problem(sensor.lon, sensor.lat):
        return []
    boundaries = Boundaries.load()
    if county not in boundaries.by_code or boundaries.county_of(sensor.lon, sensor.lat) == county:
        return []
    away = boundaries.distance_m(county, sensor.lon, sensor.lat)
    if away <= NEAR_M:
        return []
    name = Divisions.load().get(county).name
    return [("lon", f"{away / 1000:.1f} km outside {county} {name}; check the id, lon and lat (WGS-84 degrees)")]


def _asset_problems(sensor: Sensor, registry: Registry) -> list[tuple[str, str]]:
    """An asset that has the form of an id, but is not there; other texts are names of the user's own."""
    try:
        parse_asset_id(sensor.asset)
    except AssetError:
        return []
    if sensor.asset in registry.assets:
        return []
    return [("asset", f"{sensor.asset} is not registered: import it first with `cityops assets import`")]


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _Field(field, f"{text!r} is not a number") from None


def _whole(field: str, value: float) -> int:
    if not value.is_integer():
        raise _Field(field, f"is {value:g}; want +1 (into the zone), -1 (out of it) or 0")
    return int(value)


def _new_zone(zone_id: str, load: Mapping[tuple[str, int], int], partitions: int) -> Zone:
    county, domain, serial = parse_zone_id(zone_id)
    unit = Divisions.load().get(county)
    return Zone(
        id=zone_id,
        domain=domain,
        county=county,
        partition=least_loaded(domain, load, partitions),
        name_zh=f"{unit.name} {serial}",
        name_en=f"{unit.name_en} {serial}",
    )


def _sort_in(sensor: Sensor, registry: Registry, out: Plan) -> None:
    old = registry.sensors.get(sensor.id)
    if old is None:
        out.added.append(sensor)
    elif msgspec.structs.replace(sensor, version=old.version) == old:
        out.unchanged += 1
    else:
        out.changed.append(msgspec.structs.replace(sensor, version=old.version + 1))
