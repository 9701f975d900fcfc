"""Made-up fences for the demo: about four a county around the (made-up) seats of its townships, each marked `demo`.

No real school, hospital or works is meant; names are generic. The same seed and time give the same fences.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from geo import metric
from geo.boundaries import Boundaries
from geo.demo import SEED
from geo.divisions import PREFECTURE, Divisions, Unit
from geo.fence_times import DAY_MS
from geo.fences import Circle, Corridor, Effect, Fence, Shape, Tell, Weekly
from geo.places import Places

START_MS = 1_767_196_800_000  # 2026-01-01 in Beijing
WORKDAYS, WORKING_DAYS = (1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6)

Point = tuple[float, float]


def demo_fences(seed: int = SEED, cache_folder: str | Path = "", now_ms: int = START_MS) -> list[Fence]:
    """60 fences over the 16 counties, by id; works begin before `now_ms` (epoch ms) and end 14 to 60 days after it."""
    field = _Field(seed, cache_folder, now_ms)
    counties = Divisions.load().children(PREFECTURE)
    return sorted((fence for n, county in enumerate(counties) for fence in field.county(n, county)), key=lambda f: f.id)


class _Field:
    def __init__(self, seed: int, cache_folder: str | Path, now_ms: int) -> None:
        self.seed, self.now_ms = seed, now_ms
        self.divisions = Divisions.load()
        self.boundaries = Boundaries.load(cache_folder)
        self.places = Places.load(cache_folder)

    def county(self, n: int, county: Unit) -> Iterator[Fence]:
        """A hospital and a school in each county, the others by turns."""
        rng = np.random.default_rng([self.seed, zlib.crc32(f"{county.code}fences".encode())])
        yield self._hospital(county, rng)
        yield self._school(county, rng)
        yield self._market(county, rng) if n % 2 else self._works(county, rng)
        if n % 4 < 3:
            yield (self._water_source, self._flood_plain, self._hazard_zone)[n % 4](county, rng)

    def _hospital(self, county: Unit, rng: np.random.Generator) -> Fence:
        effect = Effect(severity=1)
        shape = self._circle(county, 0, 120.0, rng)
        people = int(rng.integers(3, 9)) * 100
        return self._fence(county, "hospital", f"{county.name}演示医院", "demo hospital", shape, effect, people=people)

    def _school(self, county: Unit, rng: np.random.Generator) -> Fence:
        town = self._town(county, 1)
        effect = Effect(severity=1, tell=(Tell("duty_officer", unit=town.code),))
        return self._fence(
            county, "school", f"{county.name}{town.name}演示学校", "demo school", self._circle(county, 1, 150.0, rng),
            effect, people=int(rng.integers(4, 16)) * 100, active=(Weekly(WORKDAYS, "07:30", "18:00"),),
        )  # fmt: skip

    def _market(self, county: Unit, rng: np.random.Generator) -> Fence:
        days = tuple(sorted(int(d) + 1 for d in rng.choice(7, 2, replace=False)))
        effect = Effect(severity=1, params={"gas.methane": {"limits.high_1": 5.0}})
        return self._fence(
            county, "market", f"{county.name}演示集市（赶场日）", "demo market", self._circle(county, 2, 200.0, rng),
            effect, people=int(rng.integers(10, 40)) * 100, active=(Weekly(days, "08:00", "15:00"),),
        )  # fmt: skip

    def _works(self, county: Unit, rng: np.random.Generator) -> Fence:
        shape = Corridor(self._line(county, 0, 700.0, rng), 30.0)
        effect = Effect(suppress=("pressure_transient", "flow_high", "flow_low"))
        return self._fence(
            county, "works", f"{county.name}演示管网改造施工", "demo pipe works", shape, effect,
            active=(Weekly(WORKING_DAYS, "07:00", "19:00"),), from_ms=self.now_ms - 7 * DAY_MS,
            until_ms=self.now_ms + int(rng.integers(14, 61)) * DAY_MS,
        )  # fmt: skip

    def _water_source(self, county: Unit, rng: np.random.Generator) -> Fence:
        shape = self._circle(county, 3, 1_000.0, rng)
        effect = Effect(severity=1)
        name = f"{county.name}演示饮用水水源保护区"
        return self._fence(county, "water_source", name, "demo water source", shape, effect)

    def _flood_plain(self, county: Unit, rng: np.random.Generator) -> Fence:
        shape = Corridor(self._line(county, 4, 5_000.0, rng), 300.0)
        name = f"{county.name}演示沿河淹没区"
        return self._fence(county, "flood_plain", name, "demo flood plain", shape, Effect())

    def _hazard_zone(self, county: Unit, rng: np.random.Generator) -> Fence:
        effect = Effect(severity=1, tell=(Tell("duty_officer", unit=county.code),))
        shape = self._circle(county, 5, float(rng.integers(4, 9)) * 100, rng)
        name = f"{county.name}演示危险品管控区"
        return self._fence(
            county, "hazard_zone", name, "demo hazardous goods zone", shape, effect, moving=True, dwell_s=600.0
        )

    def _fence(
        self, county: Unit, kind: str, zh: str, en: str, shape: Shape, effect: Effect, people: int = 0,
        active: tuple[Weekly, ...] = (), from_ms: int | None = None, until_ms: int | None = None,
        moving: bool = False, dwell_s: float = 0.0,
    ) -> Fence:  # fmt: skip
        return Fence(
            id=f"DEMO-{county.code}-{kind}", name_zh=zh, name_en=f"{county.name_en} {en}", kind=kind, shape=shape,
            active=active, from_ms=from_ms, until_ms=until_ms, effect=effect, people=people, moving=moving,
            dwell_s=dwell_s, note="演示数据 demo", demo=True, by="demo",
        )  # fmt: skip

    def _town(self, county: Unit, n: int) -> Unit:
        towns = self.divisions.children(county.code)
        return towns[n % len(towns)]

    def _circle(self, county: Unit, town: int, radius_m: float, rng: np.random.Generator) -> Circle:
        """Around a point within 400 m of a township's seat, in the county."""
        seat = self.places.seat(self._town(county, town).code)
        turn, away = rng.uniform(0, 2 * math.pi), rng.uniform(50.0, 400.0)
        lon, lat = _round(metric.shift(*seat, away * math.cos(turn), away * math.sin(turn)))
        return Circle(*((lon, lat) if self.boundaries.county_of(lon, lat) == county.code else seat), radius_m)

    def _line(self, county: Unit, town: int, length_m: float, rng: np.random.Generator) -> tuple[Point, ...]:
        """A winding line of that length from a township's seat, as much of it as lies in the county."""
        line = [self.places.seat(self._town(county, town).code)]
        turn = rng.uniform(0, 2 * math.pi)
        for _ in range(40):
            turn += rng.uniform(-0.5, 0.5)
            step = length_m / 10
            place = _round(metric.shift(*line[-1], step * math.cos(turn), step * math.sin(turn)))
            if self.boundaries.county_of(*place) == county.code:
                line.append(place)
            else:
                turn += math.pi / 2
            if len(line) == 11:
                break
        return tuple(line)


def _round(place: Point) -> Point:
    return round(place[0], 6), round(place[1], 6)
