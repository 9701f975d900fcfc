"""Which column of a recording is which sensor: from options, from a small TOML file, or guessed by name."""

from __future__ import annotations

import re
import statistics
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from geo.assets import DOMAIN_LETTER, GENERIC, KINDS, AssetError, Record, Sensor, Zone, parse_zone_id
from geo.divisions import Divisions, UnitError
from streams.errors import UsageError, explain

FIRST_SERIAL = 900_001  # well away from real serial numbers
TIME_NAMES = ("time", "timestamp", "ts", "datetime", "date_time", "date", "zeit")
SENSOR_NAMES = ("sensor", "sensor_id", "sensorid", "tag", "device", "device_id", "point")
VALUE_NAMES = ("value", "val", "reading")
LABEL_NAMES = ("event", "att_flag", "label", "labels", "anomaly", "is_anomaly", "class")
GUESSES: Mapping[str, tuple[tuple[str, str], ...]] = {  # domain: (pattern, kind), first match counts
    "water": (
        (r"^(tp|temp\w*|t_\w+)$", "temperature"),
        (r"^(cl\d*|cl_\d+|cl2\w*|chlor\w*|clo2)$", "chlorine"),
        (r"^ph\w*$", "ph"),
        (r"redox|orp", "redox"),
        (r"leit|cond", "conductivity"),
        (r"tr(u|ü|ue)b|turb", "turbidity"),
        (r"^(fm\w*|f_\w+|q\d*|flow\w*)$|flow", "flow"),
        (r"^(p|p_\w+|pressure\w*|prs\w*)$|pressure", "pressure"),
    ),
    "gas": ((r"ch4|methan|lel", "methane"), (r"^p$|^p_|press", "pressure")),
    "pipeline": ((r"^p$|^p_|press", "pressure"), (r"^q$|^q_|flow", "flow")),
    "traffic": ((r"occup|^occ", "occupancy"), (r"speed|^spd|^v$", "speed"), (r"vol|flow|count", "flow")),
}


class ColumnSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a mapping may say of one column (or, in a long file, of one sensor name)."""

    kind: str = ""
    id: str = ""
    profile: str = ""
    unit: str = ""
    name_zh: str = ""
    name_en: str = ""
    lon: float | None = None
    lat: float | None = None
    interval_s: float = 0.0
    params: dict[str, float] = {}


class ColumnMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"time_column": "time"}):
    """How a file is read and whose readings they are. Empty text: found out from the file."""

    format: str = ""  # wide | long
    time_column: str = ""
    time_format: str = ""  # strptime; empty: ISO 8601, or epoch seconds or milliseconds
    timezone: str = "UTC"  # of times that have no offset
    sensor: str = ""  # long: the column with the sensor's name
    value: tuple[str, ...] = ()  # wide: the columns to send; long: the one with the value
    ignore: tuple[str, ...] = ()
    domain: str = ""
    unit_code: str = "522601"
    zone: str = ""
    columns: dict[str, ColumnSpec] = {}


def read_mapping(path: Path) -> ColumnMap:
    """A mapping file. Raises UsageError with file and field."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise explain(error) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML mapping: {error}") from None
    if isinstance(table.get("value"), str):
        table["value"] = [table["value"]]
    try:
        return msgspec.convert(table, ColumnMap)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}; docs/simulators.md shows a mapping") from None


def with_options(mapping: ColumnMap, kinds: Iterable[str] = (), **options: Any) -> ColumnMap:
    """The mapping with what the command line says; `kinds` are `COLUMN=KIND` texts."""
    changed = {k: v for k, v in options.items() if v}
    columns = dict(mapping.columns)
    for text in kinds:
        column, sign, kind = text.partition("=")
        if not (sign and column and kind):
            raise UsageError(f"--map {text}: want COLUMN=KIND, as in --map Trueb=turbidity")
        columns[column] = msgspec.structs.replace(columns.get(column, ColumnSpec()), kind=kind)
    return msgspec.structs.replace(mapping, columns=columns, **changed)


def check_place(mapping: ColumnMap) -> ColumnMap:
    """Domain, unit and zone must fit together; a zone that is not given is made up.

    Raises:
        UsageError: an unknown domain or unit, a zone of another domain or county.
    """
    if mapping.domain not in DOMAIN_LETTER:
        said = f"domain {mapping.domain!r} is unknown" if mapping.domain else "the domain is missing"
        raise UsageError(f"{said}: give --domain {', '.join(list(DOMAIN_LETTER)[:-1])} or traffic")
    try:
        unit = Divisions.load().get(mapping.unit_code)
    except UnitError as error:
        raise UsageError(f"--unit-code {mapping.unit_code}: {error}") from None
    county = unit.code[:6]
    if county == "522600":
        raise UsageError("--unit-code 522600: a recording belongs to a county or a unit below it, such as 522601")
    zone = mapping.zone or f"{county}-{DOMAIN_LETTER[mapping.domain]}-RPL01"
    try:
        zone_county, zone_domain, _ = parse_zone_id(zone)
    except AssetError as error:
        raise UsageError(f"--zone: {error}") from None
    if zone_domain != mapping.domain or zone_county != county:
        raise UsageError(
            f"--zone {zone}: is a {zone_domain} zone of {zone_county}, the recording is {mapping.domain} of {county}"
        )
    return msgspec.structs.replace(mapping, unit_code=unit.code, zone=zone)


def kind_code(domain: str, kind: str) -> str:
    """Type letters of a kind, given as kind (`turbidity`) or letters (`TUR`).

    >>> kind_code("water", "turbidity"), kind_code("water", "tur"), kind_code("gas", "generic")
    ('TUR', 'TUR', 'GEN')
    """
    if kind.lower() in ("generic", "gen", ""):
        return "GEN"
    for code, about in KINDS[domain].items():
        if kind.lower() in (about.kind, code.lower()):
            return code
    known = ", ".join([*(about.kind for about in KINDS[domain].values()), "generic"])
    raise UsageError(f"kind {kind!r}: {domain} has {known}")


def guess_kind(domain: str, column: str, file_name: str) -> str:
    """Kind of a column by its name; of a single `value` column by the file's name.

    >>> guess_kind("water", "Trueb", "a.csv"), guess_kind("traffic", "value", "traffic_speed_7578.csv")
    ('turbidity', 'speed')
    """
    for text in (column, file_name) if column.lower() in VALUE_NAMES else (column,):
        for pattern, kind in GUESSES[domain]:
            if re.search(pattern, text.lower()):
                return kind
    return "generic"


def records(
    mapping: ColumnMap,
    names: Sequence[str],
    intervals_s: Mapping[str, float],
    file_name: str,
    seat: tuple[float, float] | None = None,
) -> tuple[list[Record], dict[str, str]]:
    """Registry records of a recording (the zone first), and name in the file → sensor id."""
    county = mapping.unit_code[:6]
    letter = DOMAIN_LETTER[mapping.domain]
    out: list[Record] = [Zone(id=mapping.zone, domain=mapping.domain, county=county, partition=0)]
    ids: dict[str, str] = {}
    serial: dict[str, int] = {}
    usual = statistics.median(intervals_s.values()) if intervals_s else 60.0
    for name in names:
        spec = mapping.columns.get(name, ColumnSpec())
        code = kind_code(mapping.domain, spec.kind or guess_kind(mapping.domain, name, file_name))
        about = KINDS[mapping.domain].get(code, GENERIC)
        serial[code] = serial.get(code, FIRST_SERIAL - 1) + 1
        placed = spec.lon is not None and spec.lat is not None
        sensor = Sensor(
            id=spec.id or f"{county}-{letter}-{code}-{serial[code]:06d}",
            domain=mapping.domain,
            kind=about.kind,
            profile=spec.profile,
            zone=mapping.zone,
            unit_code=mapping.unit_code,
            lon=spec.lon if placed else (seat[0] if seat else None),
            lat=spec.lat if placed else (seat[1] if seat else None),
            approximate=not placed,
            name_zh=spec.name_zh or f"{name} {about.zh}",
            name_en=spec.name_en or f"{name} {about.en}",
            unit=spec.unit or about.unit,
            interval_s=spec.interval_s or intervals_s.get(name, usual),
            params=spec.params,
        )
        if sensor.id in ids.values():
            raise UsageError(f"columns.{name}: two columns have the sensor id {sensor.id}")
        ids[name] = sensor.id
        out.append(sensor)
    return out, ids
