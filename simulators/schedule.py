"""What the demo lets happen and when: an opening with one strong incident in each domain, then a calm, lively day.

Both are functions of (seed, start): nothing is drawn from a global generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from geo.assets import Sensor
from simulators.city import City
from simulators.gas import GasSim, leak_for
from simulators.incidents import Incident
from simulators.noise import fraction

OPENING = (  # domain, kind, starts after (s), lasts (s), strength 0..1
    ("gas", "leak", 3.0, 22.0, 0.7),
    ("traffic", "blocked_lane", 4.0, 20.0, 1.0),
    ("water", "burst", 5.0, 20.0, 1.0),
    ("pipeline", "leak", 6.0, 40.0, 1.0),
)
DAY = (  # domain, kind, weight
    ("water", "burst", 4.0),
    ("water", "contamination", 1.0),
    ("gas", "leak", 3.0),
    ("gas", "regulator_loss", 1.0),
    ("pipeline", "leak", 2.0),
    ("traffic", "blocked_lane", 5.0),
    ("", "dropout", 1.5),
    ("", "flatline", 0.7),
)
HOME = "522601"  # county of the demo's county, township and village accounts: the opening's burst is theirs to act on
GAP_S = (20.0, 60.0)
LENGTH_S = (30.0, 180.0)
QUIET_S = 120.0  # a zone is left alone this long after an incident


def opening(city: City, go_ms: int, before: Sequence[Incident] = ()) -> list[Incident]:
    """One strong incident in each domain that has sensors, in different counties, not where one was just `before`."""
    used = {i.zone for i in before}
    out: list[Incident] = []
    counties: set[str] = set()
    for domain, kind, after, length, strength in OPENING:
        places = candidates(city, domain, kind)
        places = [s for s in places if s.zone not in used] or places
        if domain == "water":
            places = [s for s in places if s.zone.startswith(HOME)] or places
        fresh = [s for s in places if s.zone[:6] not in counties] or places
        if not fresh:
            continue
        place = fresh[int(fraction(city.seed, "opening", domain, go_ms) * len(fresh))]
        counties.add(place.zone[:6])
        start = go_ms + int(after * 1000)
        out.append(make(city, kind, place, start, start + int(length * 1000), strength))
    return out


def day(city: City, from_ms: int, before: Sequence[Incident] = ()) -> Iterator[Incident]:
    """Endless incidents after `from_ms`, in the order of their starts; no zone twice within `QUIET_S`."""
    recent = list(before)
    last_county = ""
    at = float(from_ms)
    for n in range(1_000_000_000):
        names = ("day", from_ms, n)
        at += 1000.0 * _between(GAP_S, fraction(city.seed, "gap", *names))
        start, end = int(at), int(at + 1000.0 * _between(LENGTH_S, fraction(city.seed, "length", *names)))
        recent = [i for i in recent if i.end_ms + QUIET_S * 1000 > start]
        domain, kind = _choice(city, fraction(city.seed, "kind", *names))
        busy = {i.zone for i in recent}
        places = [s for s in candidates(city, domain, kind) if s.zone not in busy]
        places = [s for s in places if s.zone[:6] != last_county] or places
        if not places:
            continue
        place = places[int(fraction(city.seed, "place", *names) * len(places))]
        last_county = place.zone[:6]
        incident = make(city, kind, place, start, end, 0.35 + 0.65 * fraction(city.seed, "strength", *names))
        recent.append(incident)
        yield incident


def candidates(city: City, domain: str, kind: str) -> list[Sensor]:
    """Sensors at which an incident of this kind can be."""
    if not domain:
        return city.sensors
    wanted = {
        ("water", "burst"): ("pressure",),
        ("water", "contamination"): ("chlorine", "turbidity", "redox", "conductivity", "ph"),
        ("gas", "leak"): ("methane",),
        ("gas", "regulator_loss"): ("pressure",),
        ("pipeline", "leak"): ("pressure",),
        ("traffic", "blocked_lane"): ("occupancy",),
    }[domain, kind]
    return [s for s in city.sensors if s.domain == domain and s.kind in wanted]


def make(city: City, kind: str, place: Sensor, start_ms: int, end_ms: int, strength: float) -> Incident:
    """The incident at a sensor, `strength` 0..1 turned into its physical size, with the sensors it touches."""
    seconds = (end_ms - start_ms) / 1000.0
    size = 0.0
    if (place.domain, kind) == ("gas", "leak"):
        sim = city.sims["gas"]
        assert isinstance(sim, GasSim)
        size = leak_for(100.0 * strength, seconds, *sim.manhole(place.id))
    elif kind not in ("dropout", "flatline"):
        low, high = SIZES[place.domain, kind]
        size = low + (high - low) * strength
    bare = Incident(
        kind=kind,
        domain=place.domain,
        zone=place.zone,
        sensors=(place.id,),
        start_ms=start_ms,
        end_ms=end_ms,
        size=round(size, 3),
    )
    if bare.fault:
        return bare
    fields = {f: getattr(bare, f) for f in bare.__struct_fields__}
    return Incident(**{**fields, "sensors": city.touched(bare)})


SIZES = {  # size at strength 0 and 1
    ("water", "burst"): (80.0, 220.0),
    ("water", "contamination"): (0.4, 1.0),
    ("gas", "regulator_loss"): (0.4, 0.95),
    ("pipeline", "leak"): (30.0, 110.0),
    ("traffic", "blocked_lane"): (0.75, 0.98),
}


def _choice(city: City, u: float) -> tuple[str, str]:
    possible = [(d, k, w) for d, k, w in DAY if candidates(city, d, k)]
    total = sum(w for _, _, w in possible)
    for domain, kind, weight in possible:
        u -= weight / total
        if u < 0:
            return domain, kind
    return possible[-1][:2]


def _between(limits: tuple[float, float], u: float) -> float:
    return limits[0] + (limits[1] - limits[0]) * u
