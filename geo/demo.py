"""The demo's registry: 16 counties x 4 domains, made up by a seed and marked `demo`.

`small` has one zone for each county and domain, 648 sensors at 1 s; `full` adds seven more of each at 60 s, 5,184
sensors in all. Both have the assets of their stations, wells and pipes, and facilities in every township
(`geo.demo_assets`). Every zone is laid out so that a simulator can build incidents on it; serial order is the order in
the field:

- water `DMA01`: one inlet flow, 6 or 8 pressure points, and in half of the zones a quality station (CL2, TUR, PHV);
- gas `GRD01`: two groups of four wells within about 100 m (serials 1-4, 5-8), one pressure regulator;
- pipeline `LIN01`: five stations up to 2 km apart from upstream to downstream, each with pressure and flow;
- traffic `COR01`: four loop stations 500 m apart in driving direction, each with occupancy, speed, volume.

Sensors of one station or well share its `asset` id. Organisations are generic names, no real firms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from geo.assets import KINDS, Record, Sensor, Zone
from geo.demo_assets import Owner, Placed, facilities, site_assets
from geo.demo_sites import WELLS_PER_GROUP, Field
from geo.divisions import PREFECTURE, Unit
from geo.ids import DOMAIN_LETTER

__all__ = ["SEED", "SIZES", "WELLS_PER_GROUP", "demo_owner", "demo_registry"]

SEED = 522600
INTERVAL_S, SLOW_S = 1.0, 60.0  # of the first zone of each county and domain, and of the others
SIZES = {"small": 1, "full": 8}  # zones for each county and domain


class _Domain(NamedTuple):
    zone: str
    zone_zh: str
    zone_en: str
    owner_zh: str  # after the county's name
    regulator_zh: str


_DOMAINS = {
    "water": _Domain("DMA", "供水分区", "water DMA", "供水公司", "水务局"),
    "gas": _Domain("GRD", "燃气网格", "gas grid", "燃气公司", "住房和城乡建设局"),
    "pipeline": _Domain("LIN", "输气管线", "pipeline", "管道输送公司", "能源局"),
    "traffic": _Domain("COR", "交通走廊", "traffic corridor", "交通设施管理中心", "公安局交通警察大队"),
}


def demo_registry(
    seed: int = SEED, partitions: int = 4, cache_folder: str | Path = "", size: str = "small"
) -> list[Record]:
    """Zones, assets, then sensors, the same for the same seed; each domain's zones are balanced over `partitions`.

    All of `small` is also in `full`.
    """
    field = Field(seed, cache_folder)
    zones: list[Record] = []
    assets: list[Record] = []
    sensors: list[Record] = []
    serials: Counter[str] = Counter()  # the last of each county, domain and type
    for i, county in enumerate(field.divisions.children(PREFECTURE)):
        for domain in _DOMAINS:
            owner = demo_owner(county, domain)
            for number in range(1, SIZES[size] + 1):
                zone = _zone(county, domain, number, (i + number - 1) % partitions)
                sites = list(field.sites(domain, county, number, rich=(i // 4 + number) % 2 == 1))
                placed, found = site_assets(field, county, zone, sites, owner, serials)
                zones.append(zone)
                assets += found
                sensors += _sensors(field, county, zone, placed, owner, serials, number)
        assets += facilities(field, county, serials)
    return [*zones, *assets, *sensors]


def demo_owner(county: Unit, domain: str) -> Owner:
    """The organisation that owns and runs a county's demo assets of a domain, and the department that supervises it."""
    about = _DOMAINS[domain]
    return Owner(county.name + about.owner_zh, county.name + about.regulator_zh)


def _zone(county: Unit, domain: str, number: int, partition: int) -> Zone:
    about = _DOMAINS[domain]
    return Zone(
        id=f"{county.code}-{DOMAIN_LETTER[domain]}-{about.zone}{number:02d}",
        domain=domain,
        county=county.code,
        partition=partition,
        name_zh=f"{county.name}{about.zone_zh} {number:02d}",
        name_en=f"{county.name_en} {about.zone_en} {number:02d}",
    )


def _sensors(
    field: Field, county: Unit, zone: Zone, sites: list[Placed], owner: Owner, serials: Counter[str], number: int
) -> Iterator[Sensor]:
    for site, asset in sites:
        town = field.divisions.get(asset.unit_code[:9])
        for kind_type in site.types:
            start = f"{county.code}-{DOMAIN_LETTER[zone.domain]}-{kind_type}"
            serials[start] += 1
            kind = KINDS[zone.domain][kind_type]
            several = len(site.types) > 1
            yield Sensor(
                id=f"{start}-{serials[start]:06d}",
                domain=zone.domain,
                kind=kind.kind,
                zone=zone.id,
                unit_code=asset.unit_code,
                lon=asset.lon,
                lat=asset.lat,
                approximate=asset.approximate,
                asset=asset.id,
                name_zh=f"{county.name}{town.name} {site.zh}" + (f" {kind.zh}" if several else ""),
                name_en=f"{county.name_en} {site.en}" + (f" {kind.en}" if several else ""),
                unit=kind.unit,
                interval_s=INTERVAL_S if number == 1 else SLOW_S,
                owner_org=owner.name,
                operator_org=owner.name,
                regulator=owner.regulator,
                chainage_m=site.chainage_m,
                flow_sign=_FLOW_SIGN.get((kind_type, site.code), 0),
                demo=True,
            )


# Meters of the balance of their zone: a DMA by its inlet, a line by its first and last station.
_FLOW_SIGN = {("FLW", "IN001"): 1, ("PFL", "ST001"): 1, ("PFL", "ST005"): -1}
