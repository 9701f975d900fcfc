"""Zones and sensors that a benchmark adds to a running demo: gas wells for alerts, pressure sensors for load."""

from __future__ import annotations

from geo.assets import Sensor, Zone
from streams import topics

ZONE = "BEN99"  # of each county and domain


def zones() -> list[Zone]:
    """A gas and a water zone in every county."""
    return [
        Zone(id=f"{county}-{letter}-{ZONE}", domain=domain, county=county, partition=k % 4)
        for k, county in enumerate(topics.COUNTIES)
        for letter, domain in (("G", "gas"), ("W", "water"))
    ]


def wells(n: int) -> list[Sensor]:
    """n methane sensors, spread over the counties."""
    return [_sensor(k, "gas", "G-CH4", "methane") for k in range(n)]


def loaded(n: int) -> list[Sensor]:
    """n pressure sensors, spread over the counties."""
    return [_sensor(k, "water", "W-PRS", "pressure") for k in range(n)]


def _sensor(k: int, domain: str, letters: str, kind: str) -> Sensor:
    county = topics.COUNTIES[k % len(topics.COUNTIES)]
    return Sensor(
        id=f"{county}-{letters}-{900_000 + k:06d}",
        domain=domain,
        kind=kind,
        zone=f"{county}-{letters[0]}-{ZONE}",
        unit_code=county,
        interval_s=1.0,
        demo=True,
    )
