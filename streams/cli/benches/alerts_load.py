"""What the alert benchmarks send: detections of many assets in all counties, and the duty that is told of them.

The mix is the project's own choice: of 100 assets 2 raise severity I, 8 II, 60 III, 30 IV (half of them equipment).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from geo.divisions import Divisions
from streams import config, topics
from streams.duty.records import Contact, DutyRecord, Person, Roster, Rotation
from streams.events import Detection, Evidence, Text, stable_id
from streams.settings import Settings

SERIES = 60  # readings of the evidence, as the detect app has them
BOX = (107.3, 25.4, 109.5, 27.4)  # degrees, within the prefecture
_encode = msgspec.json.Encoder().encode

Facts = tuple[str, str, str, str, bool, int, float]  # severity domain kind class hard level magnitude
_I: Facts = ("I", "gas", "gas_concentration", "hazard", True, 3, 4.0)
_II: Facts = ("II", "water", "pressure_low", "hazard", True, 1, 2.0)
_III: Facts = ("III", "water", "pressure_low", "hazard", False, 0, 1.2)
_III_GAS: Facts = ("III", "gas", "gas_concentration", "hazard", False, 0, 1.2)
_IV: Facts = ("IV", "traffic", "loop_congestion", "hazard", False, 0, 0.2)
_EQUIPMENT: Facts = ("IV", "water", "flatline", "equipment", False, 0, 0.2)


def facts(k: int) -> Facts:
    """Of asset k.

    >>> from collections import Counter
    >>> sorted(Counter(facts(k)[0] for k in range(1600)).items())
    [('I', 32), ('II', 128), ('III', 960), ('IV', 480)]
    """
    place = (k // 16 * 37 + k % 16 * 7) % 100  # each county has the same mix, evenly spread
    for until, chosen in ((2, _I), (10, _II), (50, _III), (70, _III_GAS), (85, _IV)):
        if place < until:
            return chosen
    return _EQUIPMENT


def asset(k: int, domain: str) -> str:
    return f"{topics.COUNTIES[k % 16]}-{topics.DOMAIN_LETTER[domain]}-BEN-{k:07d}"


@lru_cache
def _villages() -> dict[str, tuple[str, ...]]:
    divisions = Divisions.load()
    return {c: tuple(u.code for u in divisions.subtree(c, "village")) for c in topics.COUNTIES}


@lru_cache(4096)
def _series(seed: int, until_s: int) -> tuple[tuple[int, float], ...]:
    rng = random.Random(seed)
    return tuple(((until_s - SERIES + n) * 1000, round(40 + rng.random(), 3)) for n in range(SERIES))


def detection(k: int, ts_ms: int, state: str = "raise", run: str = "", as_: Facts | None = None) -> Detection:
    """Of asset k at `ts_ms`; `as_`: other facts than its own."""
    severity, domain, kind, cls, hard, level, magnitude = as_ or facts(k)
    county = topics.COUNTIES[k % 16]
    villages = _villages()[county]
    rng = random.Random(k)
    name = asset(k, domain)
    west, south, east, north = BOX
    return Detection(
        id=stable_id(run, name, kind, ts_ms, state), run=run, state=state, domain=domain, kind=kind, cls=cls,
        sensor=name, asset=name, zone=f"{county}-{topics.DOMAIN_LETTER[domain]}-ZON{k // 16 % 40:02d}", county=county,
        unit=villages[k // 16 % len(villages)], lon=round(rng.uniform(west, east), 6),
        lat=round(rng.uniform(south, north), 6), ts_ms=ts_ms, onset_ms=ts_ms - 3000, magnitude=magnitude, hard=hard,
        level=level, owner_org="自来水公司", operator_org="自来水公司", regulator="住建局",
        name=Text(f"测点 {k:07d}", f"point {k:07d}"), title=Text(f"测点 {k:07d} 异常", f"trouble at point {k:07d}"),
        reason=Text("读数越过限值，持续 3 s", f"reading beyond its limit for 3 s ({severity})"),
        evidence=Evidence(
            detector="bench.limits", score=0.98, threshold=0.5, expected=41.0, low=38.0, high=44.0, value=52.25,
            unit="m", series=_series(k % 1024, ts_ms // 1000),
        ),
    )  # fmt: skip


I_FACTS, II_FACTS = _I, _II


def message(settings: Settings, d: Detection) -> dict[str, Any]:
    """Arguments of a producer's `send`."""
    return {
        "topic": settings.prefix + topics.DETECTIONS,
        "value": _encode(d),
        "key": d.county.encode(),
        "partition": topics.county_partition(d.county, settings.partitions),
    }


def duty() -> Iterator[DutyRecord]:
    """Rosters of the prefecture, its counties and townships with two people in turn and a lead; no addresses."""
    divisions = Divisions.load()
    places = ["522600", *topics.COUNTIES, *(u.code for u in divisions.subtree("522600", "township"))]
    for place in places:
        people = [f"bench.p{place}.{n}" for n in range(3)]
        for who in people:
            yield Person(id=who, name=who, place=place, contacts=(Contact("sms"), Contact("voice")))
        main, deputy, lead = people
        yield Roster(
            id=place, room=(Contact("voice"),),
            rotations=(
                Rotation(role="main", teams=((main,), (deputy,)), starts_ms=0),
                Rotation(role="lead", teams=((lead,),), starts_ms=0),
            ),
        )  # fmt: skip


def announced(records: list[DutyRecord], part: int = 200) -> Iterator[bytes]:
    """As the packer tells each partition of the alerts app: see `streams.intake.announcing`."""
    for at in range(0, len(records), part):
        yield config.encode(config.Config(duty=records[at : at + part]))
