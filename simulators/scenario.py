"""Scenarios: a TOML file says which zones are played, from when, and what happens where, when, how strong.

Readings come from the demo's simulators with the scenario's seed; the same file makes the same readings and truth.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from geo.assets import Record, Sensor, Zone, encode
from geo.demo import demo_registry
from simulators import schedule
from simulators.city import City
from simulators.gas import GasSim, leak_for
from simulators.incidents import FAULTS, KINDS, SIZE_UNIT, Incident, truth
from simulators.native import Writer
from streams import topics
from streams.columns import Columns, concat
from streams.errors import UsageError, explain

LONGEST_MIN = 48 * 60
CHUNK_MS = 60_000


class Happening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One incident. `at`: the sensor where it is; `zone`: a fault of all its sensors. `size` in the unit of its kind;
    `peak_lel`: instead of it for a gas leak, what the manhole would reach."""

    kind: str
    at: str = ""
    zone: str = ""
    begins_min: float
    lasts_min: float
    size: float = 0.0
    peak_lel: float = 0.0


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    zh: str
    en: str


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`zones` are played beside those of the incidents. Detectors learn until the first incident begins."""

    title: Text
    start: dt.datetime
    minutes: float
    seed: int = 1
    zones: tuple[str, ...] = ()
    incident: tuple[Happening, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A checked scenario: its part of the city and its incidents."""

    name: str
    scenario: Scenario
    city: City
    records: list[Record]
    incidents: list[Incident]

    @property
    def begin_ms(self) -> int:
        return round(self.scenario.start.timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        return self.begin_ms + round(self.scenario.minutes * 60_000)

    def columns(self) -> Iterator[Columns]:
        """All readings, a second a step, by time."""
        for at in range(self.begin_ms, self.end_ms, CHUNK_MS):
            ts = np.arange(at, min(at + CHUNK_MS, self.end_ms), 1000, dtype=np.int64)
            cols = concat([b.cols for b in self.city.batches(ts, self.incidents)])
            yield cols.pick(np.argsort(cols.ts_ms, kind="stable"))

    def truth(self) -> list[dict[str, Any]]:
        """Records of topic `truth`, with the place."""
        place = {s.id: (s.lon, s.lat) for s in self.city.sensors}
        return [
            {**truth(i, self.scenario.seed), "lon": place[i.sensors[0]][0], "lat": place[i.sensors[0]][1]}
            for i in self.incidents
        ]

    def write(self, path: Path) -> int:
        """The recording of it; returns its readings."""
        writer = Writer(path)
        try:
            for cols in self.columns():
                writer.add(cols, int(cols.ts_ms[-1]) if len(cols) else 0)
            writer.close([(topics.ASSETS, r.id.encode(), encode(r)) for r in self.records])
        except BaseException:
            writer.abandon()
            raise
        return writer.total


@cache
def _registry() -> tuple[Record, ...]:
    return tuple(demo_registry())


def library() -> dict[str, Path]:
    """Name -> file of those that ship."""
    folder = resources.files("simulators") / "scenarios"
    return {p.name.removesuffix(".toml"): Path(str(p)) for p in sorted(folder.iterdir(), key=lambda p: p.name)
            if p.name.endswith(".toml")}  # fmt: skip


def find(name: str) -> Path:
    """The file of a name of the library, or the file itself. Raises UsageError."""
    known = library()
    if name in known:
        return known[name]
    if name.endswith(".toml"):
        return Path(name)
    raise UsageError(f"no scenario is named {name!r}; there are {', '.join(known)}; or name a .toml file")


def load(path: Path) -> Scene:
    """Read and check a scenario. Raises UsageError with file, incident and reason."""
    try:
        made = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Scenario)
    except OSError as error:
        raise explain(error) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name}: is no TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"{path.name}: {error}; docs/replay.md has the fields") from None
    if made.start.tzinfo is None:
        raise UsageError(f"{path.name}: start has no offset; write it as in 2026-01-12T01:00:00+08:00")
    if not 0 < made.minutes <= LONGEST_MIN:
        raise UsageError(f"{path.name}: minutes is {made.minutes:g}; want more than 0, at most {LONGEST_MIN}")
    sensors = {r.id: r for r in _registry() if isinstance(r, Sensor)}
    zones = {r.id: r for r in _registry() if isinstance(r, Zone)}
    places = [_place(path.name, n, h, sensors, zones) for n, h in enumerate(made.incident, 1)]
    wanted = {s.zone for s in places} | set(made.zones)
    for zone in made.zones:
        if zone not in zones:
            raise UsageError(f"{path.name}: zones: there is no zone {zone!r} in the demo's registry")
    if not wanted:
        raise UsageError(f"{path.name}: names neither zones nor incidents")
    city = City([s for s in sensors.values() if s.zone in wanted], made.seed)
    records: list[Record] = [*(zones[z] for z in sorted(wanted)), *city.sensors]
    bare = Scene(path.stem, made, city, records, [])
    incidents = [_incident(bare, n, h, s) for n, (h, s) in enumerate(zip(made.incident, places, strict=True), 1)]
    _overlaps(path.name, made.incident, incidents)
    return Scene(path.stem, made, city, records, incidents)


def _place(file: str, n: int, h: Happening, sensors: dict[str, Sensor], zones: dict[str, Zone]) -> Sensor:
    """The sensor where it is. Raises UsageError."""
    where = f"{file}: incident {n}"
    if bool(h.at) == bool(h.zone):
        raise UsageError(f"{where}: give either at (a sensor) or zone (a fault of all its sensors)")
    if h.zone:
        if h.kind not in FAULTS:
            raise UsageError(f"{where}: {h.kind} is at a sensor, give at; only {' and '.join(FAULTS)} take a zone")
        if h.zone not in zones:
            raise UsageError(f"{where}: there is no zone {h.zone!r} in the demo's registry")
        return next(s for s in sensors.values() if s.zone == h.zone)
    if h.at not in sensors:
        raise UsageError(
            f"{where}: there is no sensor {h.at!r} in the demo's registry; `cityops sensors list` shows them"
        )
    sensor = sensors[h.at]
    if h.kind not in (*KINDS[sensor.domain], *FAULTS):
        known = ", ".join((*KINDS[sensor.domain], *FAULTS))
        raise UsageError(f"{where}: {sensor.domain} has no incident {h.kind!r}; it has {known}")
    if h.kind in KINDS[sensor.domain]:
        kinds = {s.kind for s in schedule.candidates(City([sensor]), sensor.domain, h.kind)}
        if sensor.kind not in kinds:
            raise UsageError(f"{where}: a {h.kind} cannot be at {h.at}, which measures {sensor.kind}")
    return sensor


def _incident(scene: Scene, n: int, h: Happening, place: Sensor) -> Incident:
    where = f"{scene.name}.toml: incident {n}"
    minutes = scene.scenario.minutes
    if h.size < 0 or h.peak_lel < 0:
        raise UsageError(f"{where}: size {min(h.size, h.peak_lel):g} is negative")
    if h.lasts_min <= 0 or h.begins_min < 0 or h.begins_min + h.lasts_min > minutes:
        raise UsageError(
            f"{where}: lies outside the run: minute {h.begins_min:g} to {h.begins_min + h.lasts_min:g} of {minutes:g}"
        )
    fault = h.kind in FAULTS
    if fault and h.size:
        raise UsageError(f"{where}: a {h.kind} has no size")
    size = h.size
    if h.peak_lel:
        if (place.domain, h.kind) != ("gas", "leak"):
            raise UsageError(f"{where}: peak_lel is of a gas leak")
        sim = scene.city.sims["gas"]
        assert isinstance(sim, GasSim)
        size = leak_for(h.peak_lel, h.lasts_min * 60, *sim.manhole(place.id))
    if not fault and not size:
        raise UsageError(f"{where}: size is missing ({SIZE_UNIT[place.domain, h.kind]})")
    start = scene.begin_ms + round(h.begins_min * 60_000)
    members = tuple(s.id for s in scene.city.sensors if s.zone == h.zone) if h.zone else (place.id,)
    bare = Incident(kind=h.kind, domain=place.domain, zone=place.zone, sensors=members, start_ms=start,
                    end_ms=start + round(h.lasts_min * 60_000), size=round(size, 3))  # fmt: skip
    return bare if fault else msgspec.structs.replace(bare, sensors=scene.city.touched(bare))


def _overlaps(file: str, happenings: Sequence[Happening], incidents: Sequence[Incident]) -> None:
    """Raises UsageError where one incident begins before the same at the same place was repaired."""
    for n, (a, i) in enumerate(zip(happenings, incidents, strict=True), 1):
        for m, (b, j) in enumerate(zip(happenings[: n - 1], incidents, strict=False), 1):
            if (a.kind, a.at, a.zone) == (b.kind, b.at, b.zone) and i.start_ms < j.end_ms and j.start_ms < i.end_ms:
                raise UsageError(
                    f"{file}: incident {n} overlaps incident {m}: {a.kind} at {a.at or a.zone} begins before the other "
                    "one is repaired"
                )
