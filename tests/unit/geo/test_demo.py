"""The demo's registry: valid, balanced, laid out as the simulators need it, and the same again."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from geo import metric
from geo.assets import Asset, Sensor, Zone, problems
from geo.boundaries import Boundaries
from geo.demo import WELLS_PER_GROUP, demo_registry
from geo.divisions import Divisions, in_subtree
from geo.network import Network
from geo.places import Places
from streams.assets.links import broken_links
from streams.registry import Registry

RECORDS = demo_registry()
ZONES = {r.id: r for r in RECORDS if isinstance(r, Zone)}
SENSORS = [r for r in RECORDS if isinstance(r, Sensor)]
ASSETS = {r.id: r for r in RECORDS if isinstance(r, Asset)}
BY_ZONE: dict[str, list[Sensor]] = defaultdict(list)
for _sensor in SENSORS:
    BY_ZONE[_sensor.zone].append(_sensor)


def test_sixteen_counties_by_four_domains() -> None:
    assert Counter(z.domain for z in ZONES.values()) == dict.fromkeys(("water", "gas", "pipeline", "traffic"), 16)
    assert 600 <= len(SENSORS) <= 700
    assert len({r.id for r in RECORDS}) == len(RECORDS)
    assert [r.id for r in RECORDS if problems(r)] == []
    assert all(s.zone in ZONES and ZONES[s.zone].county == s.id[:6] for s in SENSORS)


def test_the_same_seed_gives_the_same_registry() -> None:
    assert demo_registry() == RECORDS
    assert demo_registry(seed=7) != RECORDS


def test_every_sensor_watches_an_asset_of_its_zone() -> None:
    for s in SENSORS:
        asset = ASSETS[s.asset]
        assert (asset.lon, asset.lat, asset.unit_code, asset.zone) == (s.lon, s.lat, s.unit_code, s.zone)
    assert all(a.demo for a in ASSETS.values())
    assert list(broken_links(Registry(RECORDS), RECORDS)) == []


def test_all_of_a_zone_hangs_on_its_inlet() -> None:
    network = Network(ASSETS.values())
    for zone, about in ZONES.items():
        members = [a for a in ASSETS.values() if a.zone == zone]
        sites = [a for a in members if a.kind not in ("pipe", "road")]
        root = next(a for a in sites if a.kind == ("regulator" if about.domain == "gas" else "station"))
        reached = {r.id for r in network.downstream(root.id).reached}
        apart = {(a.lon, a.lat) for a in sites if a.id not in reached}  # or at the same place as the inlet
        assert apart <= {(root.lon, root.lat)}
        assert [a for a in members if a.line and a.length_m < 1.0] == []


def test_facilities_of_every_township_with_heads() -> None:
    kinds = Counter(a.kind for a in ASSETS.values() if a.domain == "urban")
    assert kinds == {"school": 217, "market": 217, "hospital": 16, "care_home": 16}
    assert min(a.people for a in ASSETS.values() if a.domain == "urban") >= 30


def test_the_full_city_holds_the_small_one_and_5000_sensors() -> None:
    records = demo_registry(size="full")
    full = {r.id: r for r in records}
    assert len(full) == len(records)
    assert [r.id for r in RECORDS if full[r.id] != r] == []
    sensors = [r for r in records if isinstance(r, Sensor)]
    zones = [r for r in records if isinstance(r, Zone)]
    assert (len(sensors), len(zones)) == (5184, 512)
    assert {s.interval_s for s in sensors if s.zone not in ZONES} == {60.0}
    assert min(Counter((s.zone[:6], s.domain) for s in sensors).values()) > 8
    assert [r.id for r in records[::7] if problems(r)] == []
    assert list(broken_links(Registry(records), records)) == []
    load = Counter((z.domain, z.partition) for z in zones)
    assert set(load.values()) == {32}


@pytest.mark.parametrize("partitions", [1, 3, 4, 8])
def test_zones_are_balanced_over_the_partitions(partitions: int) -> None:
    zones = [r for r in demo_registry(partitions=partitions) if isinstance(r, Zone)]
    load = Counter((z.domain, z.partition) for z in zones)
    assert {p for _, p in load} == set(range(partitions))
    assert max(load.values()) - min(load.values()) <= 1


def test_each_sensor_lies_in_its_county_and_village_and_says_that_it_is_demo() -> None:
    places, divisions, boundaries = Places.load(), Divisions.load(), Boundaries.load()
    for s in SENSORS:
        assert s.lon is not None
        assert s.lat is not None
        assert boundaries.county_of(s.lon, s.lat) == s.id[:6]
        assert places.where(s.lon, s.lat).unit == s.unit_code
        assert len(s.unit_code) == 12
        assert in_subtree(s.unit_code, s.id[:6])
        assert s.demo
        assert s.approximate
        assert s.interval_s == 1.0
        assert s.name_zh.startswith(divisions.get(s.id[:6]).name)
        assert s.name_en
        assert s.owner_org
        assert s.regulator


def test_each_zone_has_what_its_simulator_needs() -> None:
    for zone, sensors in BY_ZONE.items():
        kinds = Counter(s.kind for s in sensors)
        match ZONES[zone].domain:
            case "water":
                assert kinds["flow"] == 1
                assert kinds["pressure"] >= 5
            case "gas":
                assert kinds == {"methane": 2 * WELLS_PER_GROUP, "pressure": 1}
            case "pipeline":
                assert kinds == {"pressure": 5, "flow": 5}
            case _:
                assert kinds == {"occupancy": 4, "speed": 4, "flow": 4}
    assert sum("chlorine" in {s.kind for s in sensors} for sensors in BY_ZONE.values()) == 8


def test_wells_of_a_group_are_near_each_other() -> None:
    for zone, sensors in BY_ZONE.items():
        wells = [s for s in sensors if s.kind == "methane"]
        for i in range(0, len(wells), WELLS_PER_GROUP):
            group = wells[i : i + WELLS_PER_GROUP]
            assert max(_apart(a, b) for a in group for b in group) <= 110, zone


def test_stations_follow_each_other_along_the_line() -> None:
    for zone, sensors in BY_ZONE.items():
        if ZONES[zone].domain in ("pipeline", "traffic"):
            stations = list({s.asset: s for s in sensors}.values())
            steps = [_apart(a, b) for a, b in pairwise(stations)]
            assert min(steps) > 100
            assert max(steps) < 2_050
            assert max(steps) - min(steps) < 10
            assert len({s.asset for s in sensors}) == len(sensors) // (2 if ZONES[zone].domain == "pipeline" else 3)


def _apart(a: Sensor, b: Sensor) -> float:
    assert None not in (a.lon, a.lat, b.lon, b.lat)
    return metric.distance_m(a.lon or 0, a.lat or 0, b.lon or 0, b.lat or 0)


def test_stations_know_their_chainage() -> None:
    for sensors in BY_ZONE.values():
        along = {s.asset: s.chainage_m for s in sensors}
        if sensors[0].domain in ("pipeline", "traffic"):
            assert list(along.values()) == sorted(x for x in along.values() if x is not None)
            assert along[sensors[0].asset] == 0.0
            assert max(x or 0.0 for x in along.values()) > 100.0
        else:
            assert set(along.values()) == {None}
