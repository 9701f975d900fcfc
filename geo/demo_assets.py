"""Assets of the demo: stations and wells, the pipes and roads between them, schools, markets and hospitals.

Pipes of a zone are the shortest tree from its inlet or regulator (Prim 1957); along a pipeline or road each station
leads to the next. Links point away from the inlet. Heads and customers are drawn by the seed: no real figures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, TypedDict

import msgspec
import numpy as np

from geo import metric
from geo.demo_sites import Field, Point, Site
from geo.divisions import Unit
from geo.ids import ASSET_LETTER, ASSET_TYPES, URBAN
from geo.records import Asset, Pipe, Zone

DIAMETER_MM = {"water": 200.0, "gas": 160.0, "pipeline": 508.0, "traffic": 0.0}
CUSTOMERS = {"water": (40, 400), "gas": (20, 200)}  # of a well, least and most
FACILITIES = (  # type, name, name in English, in every township, heads least and most
    ("SCH", "中心学校", "central school", True, 300, 2_500),
    ("MKT", "集贸市场", "market", True, 200, 3_000),
    ("HOS", "人民医院", "people's hospital", False, 300, 1_500),
    ("CAR", "敬老院", "care home", False, 30, 200),
)
REACH_M = 400.0  # a facility's distance from its township's seat at most


class Owner(NamedTuple):
    name: str
    regulator: str


class Placed(NamedTuple):
    site: Site
    asset: Asset


def site_assets(
    field: Field, county: Unit, zone: Zone, sites: list[Site], owner: Owner, serials: Counter[str]
) -> tuple[list[Placed], list[Asset]]:
    """The sites with their assets, and all assets of the zone: sites, then what links them."""
    rng = field.rng(zone.id, "assets")
    placed = [Placed(site, _site(field, county, zone, site, owner, serials, rng)) for site in sites]
    nodes = {p.asset.id: p.asset for p in placed}
    links = []
    for start, end in _pairs([p.asset for p in placed], zone.domain):
        link = _link(county, zone, nodes[start], nodes[end], owner, serials)
        if link is not None:
            links.append(link)
            down = (*nodes[start].downstream, Pipe(link.id, 0.0, link.diameter_mm))
            nodes[start] = msgspec.structs.replace(nodes[start], downstream=down)
    return [Placed(p.site, nodes[p.asset.id]) for p in placed], [*nodes.values(), *links]


def facilities(field: Field, county: Unit, serials: Counter[str]) -> Iterator[Asset]:
    """Schools and markets of every township, one hospital and care home for the county."""
    rng = field.rng(county.code, "facilities")
    towns = field.divisions.children(county.code)
    for kind_type, zh, en, each, least, most in FACILITIES:
        for town in towns if each else towns[:1]:
            turn, away = rng.uniform(0, 2 * math.pi), REACH_M * math.sqrt(rng.uniform())
            seat = field.places.seat(town.code)
            place = field.keep(county, metric.shift(*seat, away * math.cos(turn), away * math.sin(turn)), seat)
            name = town.name if each else county.name
            start = f"{county.code}-{ASSET_LETTER[URBAN]}-{kind_type}"
            serials[start] += 1
            yield Asset(
                id=f"{start}-{serials[start]:06d}",
                domain=URBAN,
                kind=ASSET_TYPES[kind_type].kind,
                name_zh=name + zh,
                name_en=f"{county.name_en} {en} {serials[start]:02d}",
                people=int(rng.integers(least, most)),
                owner_org=name + zh,
                demo=True,
                **_at(field, county, place),
            )


def _site(
    field: Field, county: Unit, zone: Zone, site: Site, owner: Owner, serials: Counter[str], rng: np.random.Generator
) -> Asset:
    least, most = CUSTOMERS.get(zone.domain, (0, 0))
    at = _at(field, county, site.place)
    return Asset(
        id=_next_id(county, zone, site.asset, serials),
        domain=zone.domain,
        kind=ASSET_TYPES[site.asset].kind,
        name_zh=f"{county.name}{field.divisions.get(at['unit_code'][:9]).name} {site.zh}",
        name_en=f"{county.name_en} {site.en}",
        zone=zone.id,
        customers=int(rng.integers(least, most)) if site.asset == "WEL" else 0,
        owner_org=owner.name,
        operator_org=owner.name,
        regulator=owner.regulator,
        installed=f"{rng.integers(2005, 2024)}-{rng.integers(1, 13):02d}-01",
        demo=True,
        **at,
    )


def _link(county: Unit, zone: Zone, start: Asset, end: Asset, owner: Owner, serials: Counter[str]) -> Asset | None:
    """A pipe or road from one site to the next; None where they stand at one place."""
    line = (_place(start), _place(end))
    length = round(metric.distance_m(*line[0], *line[1]), 1)
    if length < 1.0:
        return None
    kind_type = "RDS" if zone.domain == "traffic" else "PIP"
    about = ASSET_TYPES[kind_type]
    return Asset(
        id=_next_id(county, zone, kind_type, serials),
        domain=zone.domain,
        kind=about.kind,
        name_zh=f"{zone.name_zh} {about.zh}",
        name_en=f"{zone.name_en} {about.en}",
        zone=zone.id,
        line=line,
        length_m=length,
        diameter_mm=DIAMETER_MM[zone.domain],
        downstream=(Pipe(end.id, length, DIAMETER_MM[zone.domain]),),
        owner_org=owner.name,
        operator_org=owner.name,
        regulator=owner.regulator,
        demo=True,
        lon=round((line[0][0] + line[1][0]) / 2, 6),
        lat=round((line[0][1] + line[1][1]) / 2, 6),
        unit_code=start.unit_code,
        approximate=True,
    )


def _pairs(nodes: list[Asset], domain: str) -> Iterator[tuple[str, str]]:
    """Which site leads to which."""
    if domain in ("pipeline", "traffic"):
        yield from ((a.id, b.id) for a, b in pairwise(nodes))
        return
    root = next((n for n in nodes if n.kind in ("regulator", "station")), nodes[0])
    done, left = [root], [n for n in nodes if n is not root]
    while left:
        start, end = min(
            ((a, b) for a in done for b in left), key=lambda p: metric.distance_m(*_place(p[0]), *_place(p[1]))
        )
        yield start.id, end.id
        done.append(end)
        left.remove(end)


def _next_id(county: Unit, zone: Zone, kind_type: str, serials: Counter[str]) -> str:
    start = f"{county.code}-{ASSET_LETTER[zone.domain]}-{kind_type}"
    serials[start] += 1
    return f"{start}-{serials[start]:06d}"


def _place(asset: Asset) -> Point:
    assert asset.lon is not None
    assert asset.lat is not None
    return asset.lon, asset.lat


class _At(TypedDict):
    lon: float
    lat: float
    unit_code: str
    approximate: bool


def _at(field: Field, county: Unit, place: Point) -> _At:
    """Place and unit of a site or facility."""
    lon, lat = round(place[0], 6), round(place[1], 6)
    where = field.places.where(lon, lat)
    unit = where.unit if where.county == county.code else None
    return {"lon": lon, "lat": lat, "unit_code": unit or county.code, "approximate": True}
