"""Loops of a road judged as a whole have wider bounds of their own; facts of the asset are no parameters."""

from __future__ import annotations

import pytest

from detectors.catalog import Catalog
from detectors.override import override
from detectors.params import ParamError
from geo.assets import Sensor, profile_for

CATALOG = Catalog.default()


def sensor(kind: str, chainage_m: float | None, profile: str = "", domain: str = "traffic") -> Sensor:
    zone = "522601-T-RD01"
    return Sensor(
        id="x", domain=domain, kind=kind, zone=zone, unit_code="522601", chainage_m=chainage_m, profile=profile
    )


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (sensor("speed", None), "traffic.speed"),
        (sensor("speed", 0.0), "traffic.station_speed"),
        (sensor("speed", 0.0, "traffic.speed"), "traffic.speed"),
        (sensor("flow", 10.0), "traffic.flow"),  # has none for stations
        (sensor("pressure", 10.0, domain="pipeline"), "pipeline.station_pressure"),
        (sensor("pressure", 10.0, "pipeline.pressure", "pipeline"), "pipeline.pressure"),
        (sensor("pressure", 10.0, domain="water"), "water.pressure"),  # nor has water
        (sensor("unheard_of", 10.0), "traffic.generic"),
    ],
)
def test_the_profile_of_a_sensor(given: Sensor, key: str) -> None:
    assert CATALOG.get(profile_for(given)).key == key


def test_facts_of_the_asset_are_no_parameters() -> None:
    profile = CATALOG.get("traffic.speed")
    assert override(profile, {"lanes": 3.0, "tunnel": 1.0}) == profile.params
    assert override(profile, {"lanes": 3.0, "adaptive.min_dev": 9.0})["adaptive.min_dev"] == 9.0
    with pytest.raises(ParamError, match=r"adaptive\.nonsense"):
        override(profile, {"adaptive.nonsense": 1.0})
