"""The demo's registry: 16 counties x 4 domains, about 640 sensors, made up by a seed and marked `demo`.

Every zone is laid out so that a simulator can build incidents on it; serial order is the order in the field:

- water `DMA01`: one inlet flow, 6 or 8 pressure points, and in half of the zones a quality station (CL2, TUR, PHV);
- gas `GRD01`: two groups of four wells within about 100 m (serials 1-4, 5-8), one pressure regulator;
- pipeline `LIN01`: five stations up to 2 km apart from upstream to downstream, each with pressure and flow;
- traffic `COR01`: four loop stations 500 m apart in driving direction, each with occupancy, speed, volume.

Sensors of one station or well share its `asset` id. Organisations are generic names, no real firms.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from geo import metric
from geo.assets import KINDS, Record, Sensor, Zone
from geo.boundaries import Boundaries
from geo.divisions import PREFECTURE, Divisions, Unit
from geo.ids import DOMAIN_LETTER
from geo.places import Places

SEED = 522600
INTERVAL_S = 1.0
WELLS_PER_GROUP = 4

Point = tuple[float, float]


class _Domain(NamedTuple):
    zone: str
    zone_zh: str
    zone_en: str
    town: int  # which of the county's townships, so that the map is not crowded
    owner_zh: str  # after the county's name
    regulator_zh: str


_DOMAINS = {
    "water": _Domain("DMA01", "供水分区 01", "water DMA 01", 0, "供水公司", "水务局"),
    "gas": _Domain("GRD01", "燃气网格 01", "gas grid 01", 1, "燃气公司", "住房和城乡建设局"),
    "pipeline": _Domain("LIN01", "输气管线 01", "pipeline 01", 2, "管道输送公司", "能源局"),
    "traffic": _Domain("COR01", "交通走廊 01", "traffic corridor 01", 3, "交通设施管理中心", "公安局交通警察大队"),
}


class _Site(NamedTuple):
    """A station, well or point: what carries sensors."""

    code: str  # within county and domain, e.g. PT003
    zh: str
    en: str
    place: Point
    types: tuple[str, ...]
    chainage_m: float | None = None  # along a line or road


def demo_registry(seed: int = SEED, partitions: int = 4, cache_folder: str | Path = "") -> list[Record]:
    """Zones, then sensors, the same for the same seed; each domain's zones are balanced over `partitions`."""
    field = _Field(seed, cache_folder)
    zones: list[Record] = []
    sensors: list[Record] = []
    for i, county in enumerate(field.divisions.children(PREFECTURE)):
        for domain, about in _DOMAINS.items():
            zone = Zone(
                id=f"{county.code}-{DOMAIN_LETTER[domain]}-{about.zone}",
                domain=domain,
                county=county.code,
                partition=i % partitions,
                name_zh=f"{county.name}{about.zone_zh}",
                name_en=f"{county.name_en} {about.zone_en}",
            )
            zones.append(zone)
            sensors += _sensors(field, county, zone, field.sites(domain, county, rich=(i // 4) % 2 == 0))
    return [*zones, *sensors]


def _sensors(field: _Field, county: Unit, zone: Zone, sites: Iterator[_Site]) -> Iterator[Sensor]:
    letter, about = DOMAIN_LETTER[zone.domain], _DOMAINS[zone.domain]
    serial: dict[str, int] = {}
    for site in sites:
        where = field.places.where(*site.place)
        town = field.divisions.get(where.township or county.code)
        for kind_type in site.types:
            serial[kind_type] = serial.get(kind_type, 0) + 1
            kind = KINDS[zone.domain][kind_type]
            several = len(site.types) > 1
            yield Sensor(
                id=f"{county.code}-{letter}-{kind_type}-{serial[kind_type]:06d}",
                domain=zone.domain,
                kind=kind.kind,
                zone=zone.id,
                unit_code=where.unit or county.code,
                lon=site.place[0],
                lat=site.place[1],
                approximate=where.approximate,
                asset=f"{county.code}-{letter}-{site.code}",
                name_zh=f"{county.name}{town.name} {site.zh}" + (f" {kind.zh}" if several else ""),
                name_en=f"{county.name_en} {site.en}" + (f" {kind.en}" if several else ""),
                unit=kind.unit,
                interval_s=INTERVAL_S,
                owner_org=county.name + about.owner_zh,
                operator_org=county.name + about.owner_zh,
                regulator=county.name + about.regulator_zh,
                chainage_m=site.chainage_m,
                flow_sign=_FLOW_SIGN.get((kind_type, site.code), 0),
                demo=True,
            )


# Meters of the balance of their zone: a DMA by its inlet, a line by its first and last station.
_FLOW_SIGN = {("FLW", "IN001"): 1, ("PFL", "ST001"): 1, ("PFL", "ST005"): -1}


class _Field:
    """Places for sites: around village seats, or along a line between two township seats."""

    def __init__(self, seed: int, cache_folder: str | Path) -> None:
        self.seed = seed
        self.divisions = Divisions.load()
        self.boundaries = Boundaries.load(cache_folder)
        self.places = Places.load(cache_folder)

    def sites(self, domain: str, county: Unit, rich: bool) -> Iterator[_Site]:
        rng = np.random.default_rng([self.seed, zlib.crc32(f"{county.code}{domain}".encode())])
        if domain == "water":
            return self._water(county, rng, rich)
        if domain == "gas":
            return self._gas(county, rng)
        return self._pipeline(county, rng) if domain == "pipeline" else self._traffic(county, rng)

    def _water(self, county: Unit, rng: np.random.Generator, rich: bool) -> Iterator[_Site]:
        points = self._scatter(county, "water", rng, 10, 300.0)
        yield _Site("IN001", "进水流量计 01", "inlet flow meter 01", points[0], ("FLW",))
        for k in range(1, 7 if rich else 9):
            yield _Site(f"PT{k:03d}", f"压力监测点 {k:02d}", f"pressure point {k:02d}", points[k], ("PRS",))
        if rich:
            yield _Site("WQ001", "水质监测站 01", "water quality station 01", points[9], ("CL2", "TUR", "PHV"))

    def _gas(self, county: Unit, rng: np.random.Generator) -> Iterator[_Site]:
        points = self._scatter(county, "gas", rng, 3, 200.0)
        for k in range(2 * WELLS_PER_GROUP):
            turn = 2 * math.pi * (k % WELLS_PER_GROUP) / WELLS_PER_GROUP + rng.uniform(-0.3, 0.3)
            away = rng.uniform(25.0, 50.0)
            centre = points[k // WELLS_PER_GROUP]
            place = metric.shift(*centre, away * math.cos(turn), away * math.sin(turn))
            name = f"{k + 1:02d}"
            yield _Site(
                f"WL{k + 1:03d}",
                f"燃气阀井 {name}",
                f"gas valve well {name}",
                self._keep(county, place, centre),
                ("CH4",),
            )
        yield _Site("RG001", "调压站 01", "gas regulator 01", points[2], ("GPR",))

    def _pipeline(self, county: Unit, rng: np.random.Generator) -> Iterator[_Site]:
        line = self._line(county, "pipeline", rng, 5, 2_000.0)
        for k, place in enumerate(line, 1):
            along = round(metric.distance_m(*line[0], *place), 1)
            yield _Site(f"ST{k:03d}", f"管线站 {k:02d}", f"pipeline station {k:02d}", place, ("PPR", "PFL"), along)

    def _traffic(self, county: Unit, rng: np.random.Generator) -> Iterator[_Site]:
        line = self._line(county, "traffic", rng, 4, 500.0)
        for k, place in enumerate(line, 1):
            along = round(metric.distance_m(*line[0], *place), 1)
            types = ("OCC", "SPD", "VOL")
            yield _Site(f"LS{k:03d}", f"线圈检测站 {k:02d}", f"loop station {k:02d}", place, types, along)

    def _town(self, county: Unit, domain: str) -> Unit:
        towns = self.divisions.children(county.code)
        return towns[_DOMAINS[domain].town % len(towns)]

    def _scatter(self, county: Unit, domain: str, rng: np.random.Generator, n: int, reach_m: float) -> list[Point]:
        """n points, each within `reach_m` of a village seat of the domain's township."""
        town = self._town(county, domain)
        seats = [self.places.seat(v.code) for v in self.divisions.children(town.code)] or [self.places.seat(town.code)]
        out = []
        for k in range(n):
            turn, away = rng.uniform(0, 2 * math.pi), reach_m * math.sqrt(rng.uniform())
            seat = seats[k % len(seats)]
            out.append(self._keep(county, metric.shift(*seat, away * math.cos(turn), away * math.sin(turn)), seat))
        return out

    def _line(self, county: Unit, domain: str, rng: np.random.Generator, n: int, step_m: float) -> list[Point]:
        """n points up to `step_m` apart from the domain's township's seat towards another's, all in the county."""
        first = self._town(county, domain)
        towns = [town for town in self.divisions.children(county.code) if town != first]
        start = self.places.seat(first.code)
        for i in rng.permutation(len(towns)):
            end = self.places.seat(towns[int(i)].code)
            step = min(step_m, metric.distance_m(*start, *end) / (n - 1)) / metric.distance_m(*start, *end)
            line = [
                _round((start[0] + k * step * (end[0] - start[0]), start[1] + k * step * (end[1] - start[1])))
                for k in range(n)
            ]
            if all(self.boundaries.county_of(*place) == county.code for place in line):
                return line
        return [start] * n  # no straight line stays inside: one site

    def _keep(self, county: Unit, place: Point, otherwise: Point) -> Point:
        """The place, or `otherwise` where it lies outside the county."""
        place = _round(place)
        return place if self.boundaries.county_of(*place) == county.code else otherwise


def _round(place: Point) -> Point:
    return round(place[0], 6), round(place[1], 6)
