"""Where the demo's stations, wells and points stand: around village seats, or along a line between two seats."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from geo import metric
from geo.boundaries import Boundaries
from geo.divisions import Divisions, Unit
from geo.places import Places

WELLS_PER_GROUP = 4
TOWN = {
    "water": 0,
    "gas": 1,
    "pipeline": 2,
    "traffic": 3,
}  # which of a county's townships, so that the map is not crowded
Point = tuple[float, float]


class Site(NamedTuple):
    """A station, well or point: what carries sensors."""

    code: str  # within its zone, e.g. PT003
    asset: str  # type of the asset that it is
    zh: str
    en: str
    place: Point
    types: tuple[str, ...]  # of its sensors
    chainage_m: float | None = None  # along a line or road


class Field:
    """Places for sites of one seed."""

    def __init__(self, seed: int, cache_folder: str | Path) -> None:
        self.seed = seed
        self.divisions = Divisions.load()
        self.boundaries = Boundaries.load(cache_folder)
        self.places = Places.load(cache_folder)

    def rng(self, *names: object) -> np.random.Generator:
        """A generator of its own for each name."""
        return np.random.default_rng([self.seed, zlib.crc32("".join(map(str, names)).encode())])

    def sites(self, domain: str, county: Unit, number: int, rich: bool) -> Iterator[Site]:
        """Sites of the county's zone `number` (from 1), in the order of the field; `rich`: with water quality."""
        rng = self.rng(county.code, domain, number if number > 1 else "")
        town = self._town(county, TOWN[domain] + 4 * (number - 1))
        if domain == "water":
            return self._water(county, town, rng, rich)
        if domain == "gas":
            return self._gas(county, town, rng)
        return self._pipeline(county, town, rng) if domain == "pipeline" else self._traffic(county, town, rng)

    def _water(self, county: Unit, town: Unit, rng: np.random.Generator, rich: bool) -> Iterator[Site]:
        points = self._scatter(county, town, rng, 10, 300.0)
        yield Site("IN001", "STN", "进水流量计 01", "inlet flow meter 01", points[0], ("FLW",))
        for k in range(1, 7 if rich else 9):
            yield Site(f"PT{k:03d}", "WEL", f"压力监测点 {k:02d}", f"pressure point {k:02d}", points[k], ("PRS",))
        if rich:
            yield Site("WQ001", "STN", "水质监测站 01", "water quality station 01", points[9], ("CL2", "TUR", "PHV"))

    def _gas(self, county: Unit, town: Unit, rng: np.random.Generator) -> Iterator[Site]:
        points = self._scatter(county, town, rng, 3, 200.0)
        for k in range(2 * WELLS_PER_GROUP):
            turn = 2 * math.pi * (k % WELLS_PER_GROUP) / WELLS_PER_GROUP + rng.uniform(-0.3, 0.3)
            away = rng.uniform(25.0, 50.0)
            centre = points[k // WELLS_PER_GROUP]
            place = metric.shift(*centre, away * math.cos(turn), away * math.sin(turn))
            name = f"{k + 1:02d}"
            yield Site(
                f"WL{k + 1:03d}",
                "WEL",
                f"燃气阀井 {name}",
                f"gas valve well {name}",
                self.keep(county, place, centre),
                ("CH4",),
            )
        yield Site("RG001", "REG", "调压站 01", "gas regulator 01", points[2], ("GPR",))

    def _pipeline(self, county: Unit, town: Unit, rng: np.random.Generator) -> Iterator[Site]:
        line = self._line(county, town, rng, 5, 2_000.0)
        for k, place in enumerate(line, 1):
            along = round(metric.distance_m(*line[0], *place), 1)
            yield Site(
                f"ST{k:03d}", "STN", f"管线站 {k:02d}", f"pipeline station {k:02d}", place, ("PPR", "PFL"), along
            )

    def _traffic(self, county: Unit, town: Unit, rng: np.random.Generator) -> Iterator[Site]:
        line = self._line(county, town, rng, 4, 500.0)
        for k, place in enumerate(line, 1):
            along = round(metric.distance_m(*line[0], *place), 1)
            types = ("OCC", "SPD", "VOL")
            yield Site(f"LS{k:03d}", "STN", f"线圈检测站 {k:02d}", f"loop station {k:02d}", place, types, along)

    def _town(self, county: Unit, number: int) -> Unit:
        towns = self.divisions.children(county.code)
        return towns[number % len(towns)]

    def _scatter(self, county: Unit, town: Unit, rng: np.random.Generator, n: int, reach_m: float) -> list[Point]:
        """n points, each within `reach_m` of a village seat of the township."""
        seats = [self.places.seat(v.code) for v in self.divisions.children(town.code)] or [self.places.seat(town.code)]
        out = []
        for k in range(n):
            turn, away = rng.uniform(0, 2 * math.pi), reach_m * math.sqrt(rng.uniform())
            seat = seats[k % len(seats)]
            out.append(self.keep(county, metric.shift(*seat, away * math.cos(turn), away * math.sin(turn)), seat))
        return out

    def _line(self, county: Unit, town: Unit, rng: np.random.Generator, n: int, step_m: float) -> list[Point]:
        """n points up to `step_m` apart from the township's seat towards another's, all in the county."""
        towns = [other for other in self.divisions.children(county.code) if other != town]
        start = self.places.seat(town.code)
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

    def keep(self, county: Unit, place: Point, otherwise: Point) -> Point:
        """The place, or `otherwise` where it lies outside the county."""
        place = _round(place)
        return place if self.boundaries.county_of(*place) == county.code else otherwise


def _round(place: Point) -> Point:
    return round(place[0], 6), round(place[1], 6)
