"""Ids that people read on the phone: `522601-W-PRS-000123` is county, domain, type, serial.

A zone is `522601-W-DMA03`. The domain letter and the type give the kind of measurement and its unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

DOMAIN_LETTER: Mapping[str, str] = {"water": "W", "gas": "G", "pipeline": "P", "traffic": "T"}
LETTER_DOMAIN: Mapping[str, str] = {letter: domain for domain, letter in DOMAIN_LETTER.items()}
URBAN = "urban"  # of schools, bridges, vehicles: they belong to no utility, an alert of any domain may touch them
ASSET_LETTER: Mapping[str, str] = {**DOMAIN_LETTER, URBAN: "U"}


class Kind(NamedTuple):
    """What a sensor of one type measures: kind, unit of measure, names."""

    kind: str
    unit: str
    zh: str
    en: str


KINDS: Mapping[str, Mapping[str, Kind]] = {
    "water": {
        "PRS": Kind("pressure", "m", "压力", "pressure"),
        "FLW": Kind("flow", "m3/h", "流量", "flow"),
        "CL2": Kind("chlorine", "mg/L", "余氯", "chlorine"),
        "PHV": Kind("ph", "pH", "酸碱度", "pH"),
        "TUR": Kind("turbidity", "NTU", "浊度", "turbidity"),
        "CON": Kind("conductivity", "uS/cm", "电导率", "conductivity"),
        "RDX": Kind("redox", "mV", "氧化还原电位", "redox"),
        "TMP": Kind("temperature", "degC", "水温", "temperature"),
        "HYD": Kind("hydrant", "m", "消火栓压力", "hydrant pressure"),
        "HYF": Kind("hydrant_flow", "m3/h", "消火栓流量", "hydrant flow"),
        "PND": Kind("pond_level", "m", "消防水池水位", "fire pond level"),
        "LVL": Kind("level", "m", "水池液位", "tank level"),
    },
    "gas": {
        "CH4": Kind("methane", "%LEL", "可燃气体", "methane"),
        "MPM": Kind("methane_ppm", "ppm", "甲烷（激光）", "methane (laser)"),
        "MVL": Kind("methane_vol", "%VOL", "甲烷（体积分数）", "methane (by volume)"),
        "ETH": Kind("ethane", "ppm", "乙烷", "ethane"),
        "GPR": Kind("pressure", "kPa", "燃气压力", "gas pressure"),
        "GPI": Kind("inlet_pressure", "kPa", "调压器进口压力", "regulator inlet pressure"),
        "GPO": Kind("outlet_pressure", "kPa", "调压器出口压力", "regulator outlet pressure"),
        "GFL": Kind("flow", "m3/h", "燃气流量", "gas flow"),  # at standard conditions
        "GTM": Kind("temperature", "degC", "燃气温度", "gas temperature"),
        "VNT": Kind("ventilation", "", "通风", "ventilation"),  # 0: off
    },
    "pipeline": {
        "PPR": Kind("pressure", "MPa", "管道压力", "pipeline pressure"),
        "PFL": Kind("flow", "m3/h", "管道流量", "pipeline flow"),
    },
    "traffic": {
        "OCC": Kind("occupancy", "%", "占有率", "occupancy"),
        "SPD": Kind("speed", "km/h", "车速", "speed"),
        "VOL": Kind("flow", "veh/h", "车流量", "traffic flow"),
        "EVT": Kind("event", "", "事件", "event"),  # 0 over, 1 stopped, 2 wrong way, 3 hazmat, 4 fire
        "GPS": Kind("position", "km/h", "移动定位", "position"),  # value: speed; lon, lat with each reading
        "WEA": Kind("weather", "", "天气", "weather"),  # 1 rain, 2 fog, 3 freezing rain, 4 snow
    },
}
BY_UNIT: Mapping[tuple[str, str], str] = {  # kind and unit of a sensor's readings -> kind it is judged as
    ("methane", "ppm"): "methane_ppm",
    ("methane", "%VOL"): "methane_vol",
    ("battery", "V"): "battery_v",
}
GENERIC = Kind("generic", "", "监测", "reading")  # type GEN, any domain


class AssetType(NamedTuple):
    """What an asset of one type is: kind, names, the domains that have it; `line`: it is drawn as a line."""

    kind: str
    zh: str
    en: str
    domains: tuple[str, ...]
    line: bool = False


_PIPES = ("water", "gas", "pipeline")
ASSET_TYPES: Mapping[str, AssetType] = {  # no type is also one of a sensor's: an id says which it is
    "PIP": AssetType("pipe", "管段", "pipe", _PIPES, line=True),
    "JUN": AssetType("junction", "节点", "junction", _PIPES),
    "VLV": AssetType("valve", "阀门", "valve", _PIPES),
    "WEL": AssetType("well", "井", "well", _PIPES),  # a manhole or valve chamber
    "STN": AssetType("station", "站点", "station", (*_PIPES, "traffic")),
    "REG": AssetType("regulator", "调压站", "pressure regulator", ("gas", "pipeline")),
    "TNK": AssetType("tank", "池（罐）", "tank", _PIPES),
    "PMP": AssetType("pump", "泵站", "pump", _PIPES),
    "SRC": AssetType("source", "水源（气源）", "source", _PIPES),
    "MTR": AssetType("meter", "计量表", "meter", _PIPES),
    "HYT": AssetType("hydrant", "消火栓", "fire hydrant", ("water",)),
    "RDS": AssetType("road", "路段", "road section", ("traffic",), line=True),
    "SIG": AssetType("signal", "信号灯", "traffic signal", ("traffic",)),
    "SCH": AssetType("school", "学校", "school", (URBAN,)),
    "HOS": AssetType("hospital", "医院", "hospital", (URBAN,)),
    "CAR": AssetType("care_home", "养老机构", "care home", (URBAN,)),
    "MKT": AssetType("market", "集市（商场）", "market", (URBAN,)),
    "RES": AssetType("residence", "居民小区", "residential area", (URBAN,)),
    "BRG": AssetType("bridge", "桥梁", "bridge", (URBAN,), line=True),
    "TUN": AssetType("tunnel", "隧道", "tunnel", (URBAN,), line=True),
    "UTL": AssetType("utility_tunnel", "综合管廊", "utility tunnel", (URBAN,), line=True),
    "VEH": AssetType("vehicle", "车辆", "vehicle", (URBAN,)),  # moves: no place of its own
}
FACILITIES = ("school", "hospital", "care_home", "market", "residence", "bridge", "tunnel", "utility_tunnel")

_SENSOR_ID = re.compile(r"([0-9]{6})-([A-Z])-([A-Z0-9]{3})-([0-9]{6})")
_ZONE_ID = re.compile(r"([0-9]{6})-([A-Z])-([A-Z]{2,4}[0-9]{2,4})")


class AssetError(ValueError):
    """An id or a registry record that cannot be used; the text names the field and the fix."""


class SensorId(NamedTuple):
    county: str
    domain: str
    type: str
    serial: int


def parse_sensor_id(sensor_id: str) -> SensorId:
    """County, domain, type and serial of a sensor id.

    >>> parse_sensor_id("522601-W-PRS-000123")
    SensorId(county='522601', domain='water', type='PRS', serial=123)

    Raises:
        AssetError: the form, the domain letter or the type is unknown.
    """
    match = _SENSOR_ID.fullmatch(sensor_id)
    if match is None:
        raise AssetError(f"sensor id {sensor_id!r}: want county-domain-type-serial, e.g. 522601-W-PRS-000123")
    county, letter, kind_type, serial = match.groups()
    domain = _domain(letter, f"sensor id {sensor_id!r}")
    if kind_type != "GEN" and kind_type not in KINDS[domain]:
        known = ", ".join([*KINDS[domain], "GEN"])
        raise AssetError(f"sensor id {sensor_id!r}: {domain} has no type {kind_type!r}; it has {known}")
    return SensorId(county, domain, kind_type, int(serial))


def parse_zone_id(zone_id: str) -> tuple[str, str, str]:
    """County, domain and serial of a zone id.

    >>> parse_zone_id("522601-W-DMA03")
    ('522601', 'water', 'DMA03')

    Raises:
        AssetError: the form or the domain letter is unknown.
    """
    match = _ZONE_ID.fullmatch(zone_id)
    if match is None:
        raise AssetError(f"zone id {zone_id!r}: want county-domain-serial, e.g. 522601-W-DMA03")
    return match[1], _domain(match[2], f"zone id {zone_id!r}"), match[3]


def parse_asset_id(asset_id: str) -> SensorId:
    """County, domain, type and serial of an asset id.

    >>> parse_asset_id("522601-U-SCH-000012")
    SensorId(county='522601', domain='urban', type='SCH', serial=12)

    Raises:
        AssetError: the form, the domain letter or the type is unknown, or the domain has no such type.
    """
    match = _SENSOR_ID.fullmatch(asset_id)
    if match is None:
        raise AssetError(f"asset id {asset_id!r}: want county-domain-type-serial, e.g. 522601-W-VLV-000123")
    county, letter, kind_type, serial = match.groups()
    domain = _domain(letter, f"asset id {asset_id!r}", ASSET_LETTER)
    about = ASSET_TYPES.get(kind_type)
    if about is None or domain not in about.domains:
        known = ", ".join(name for name, kind in ASSET_TYPES.items() if domain in kind.domains)
        raise AssetError(f"asset id {asset_id!r}: {domain} has no type {kind_type!r}; it has {known}")
    return SensorId(county, domain, kind_type, int(serial))


def kind_info(sensor_id: str) -> Kind:
    """Kind, unit of measure and names that the id's type letters mean."""
    parts = parse_sensor_id(sensor_id)
    return KINDS[parts.domain].get(parts.type, GENERIC)


def kind_of(sensor_id: str) -> str:
    """The kind that the id's type letters mean.

    >>> kind_of("522601-G-CH4-000001"), kind_of("522601-T-GEN-000001")
    ('methane', 'generic')
    """
    return kind_info(sensor_id).kind


def _domain(letter: str, where: str, letters: Mapping[str, str] = DOMAIN_LETTER) -> str:
    for domain, known in letters.items():
        if known == letter:
            return domain
    known = ", ".join(f"{key} {name}" for name, key in letters.items())
    raise AssetError(f"{where}: unknown domain letter {letter!r}; there are {known}")
