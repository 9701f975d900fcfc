"""Links between alerts of different domains: near in time and place, with the reason an officer reads.

A pure table (`links.toml`): which kinds may have one cause, within how many seconds of onset and how many metres. Two
alerts without a place are linked by nothing. An approximate place (a segment, a village) widens the distance by its
radius. Distance is that of the sphere (haversine, R = 6,371,008.8 m, IUGG mean radius).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from detectors.texts import Both, duration

FILE = Path(__file__).with_name("links.toml")
EARTH_M = 6_371_008.8
APPROXIMATE_M = 500.0  # an approximate place may be this far off


class LinkError(ValueError):
    """A table of links cannot be used; the text names file, rule, key and reason."""


class Trouble(NamedTuple):
    """What a link needs to know of an alert. lon, lat: WGS-84 degrees, NaN where unknown."""

    id: str
    domain: str
    kind: str
    onset_ms: int
    lon: float
    lat: float
    approximate: bool = False


class Rule(NamedTuple):
    name: str
    first: frozenset[str]
    then: frozenset[str]
    within_s: float
    before_s: float
    metres: float
    says: Both


class Link(NamedTuple):
    """`first` and `then` are ids; metres between them, seconds from the onset of the first to that of the other."""

    rule: str
    first: str
    then: str
    metres: float
    seconds: float
    reason: Both


def metres(a: Trouble, b: Trouble) -> float:
    """Distance; NaN where a place is unknown.

    >>> round(metres(Trouble("a", "gas", "x", 0, 107.98, 26.58), Trouble("b", "gas", "x", 0, 107.98, 26.59)))
    1112
    """
    lat = math.radians(b.lat - a.lat)
    lon = math.radians(b.lon - a.lon)
    h = math.sin(lat / 2) ** 2 + math.cos(math.radians(a.lat)) * math.cos(math.radians(b.lat)) * math.sin(lon / 2) ** 2
    return 2 * EARTH_M * math.asin(min(math.sqrt(h), 1.0)) if not math.isnan(h) else math.nan


def link(a: Trouble, b: Trouble, rules: Sequence[Rule] | None = None) -> Link | None:
    """The link of two alerts, in whichever order they are given; None where no rule fits or they are of one domain."""
    if a.domain == b.domain or a.id == b.id:
        return None
    away = metres(a, b)
    if math.isnan(away):
        return None
    blur = APPROXIMATE_M * (a.approximate + b.approximate)
    for rule in rules if rules is not None else default_rules():
        for first, then in ((a, b), (b, a)):
            if first.kind not in rule.first or then.kind not in rule.then:
                continue
            gap = (then.onset_ms - first.onset_ms) / 1000.0
            if -rule.before_s <= gap <= rule.within_s and away <= rule.metres + blur:
                return Link(rule.name, first.id, then.id, away, gap, _reason(rule, away, gap, blur > 0))
    return None


@lru_cache(maxsize=4096)
def related(kind: str, other: str) -> bool:
    """Has the table a rule for alerts of these two kinds, in either order? Asked before anything is measured."""
    return any(
        (kind in rule.first and other in rule.then) or (other in rule.first and kind in rule.then)
        for rule in default_rules()
    )


def links(new: Trouble, others: Iterable[Trouble], rules: Sequence[Rule] | None = None) -> list[Link]:
    """All links of a new alert with those that are open, the nearest first."""
    found = [made for other in others if (made := link(new, other, rules)) is not None]
    return sorted(found, key=lambda made: (made.metres, made.first, made.then))


def _reason(rule: Rule, away: float, gap: float, blurred: bool) -> Both:
    held = duration(abs(gap))
    about = Both("约 ", "about ") if blurred else Both("", "")
    near = f"{away:.0f} m" if away < 1000 else f"{away / 1000:.1f} km"
    return Both(
        f"{rule.says.zh}（相距{about.zh}{near}，{'相差' if gap >= 0 else '提前'} {held.zh}）",
        f"{rule.says.en} ({about.en}{near} apart, {held.en} {'later' if gap >= 0 else 'earlier'})",
    )


@lru_cache(maxsize=1)
def default_rules() -> tuple[Rule, ...]:
    """The table that ships with the project."""
    return parse(FILE.read_text(encoding="utf-8"), str(FILE.name))


def parse(text: str, source: str) -> tuple[Rule, ...]:
    """Rules of a TOML text.

    Raises:
        LinkError: no TOML, a key that is missing, unknown or of another type, a negative number.
    """
    try:
        rows = tomllib.loads(text).get("link", [])
    except tomllib.TOMLDecodeError as error:
        raise LinkError(f"{source}: is not TOML: {error}") from None
    return tuple(_rule(row, f"{source}: link {k}") for k, row in enumerate(rows, 1))


_KEYS = {
    "name": str,
    "first": list,
    "then": list,
    "within_s": int,
    "before_s": int,
    "metres": int,
    "zh": str,
    "en": str,
}


def _rule(row: dict[str, Any], where: str) -> Rule:
    for key in row:
        if key not in _KEYS:
            raise LinkError(f"{where}: {key}: there is no such key; want {', '.join(_KEYS)}")
    for key, want in _KEYS.items():
        value = row.get(key)
        if type(value) is not want or (not value and want is not int):
            raise LinkError(f"{where}: {key}: is missing or not of type {want.__name__}")
        if want is int and row[key] < 0:
            raise LinkError(f"{where}: {key}: {row[key]} is below 0")
    return Rule(
        row["name"], frozenset(row["first"]), frozenset(row["then"]), row["within_s"], row["before_s"], row["metres"],
        Both(row["zh"], row["en"]),
    )  # fmt: skip
