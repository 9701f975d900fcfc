"""What the detectors of one road share: its stations, its words for places, and how a Finding is filled in.

Facts of the place and the weather are told twice: in the reason for the officer, and as tags for the severity matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors.group import Finding, Member
from detectors.texts import Both, duration
from detectors.traffic_stations import Station, chainages

PLACE = {  # a station's own parameters
    "tunnel": ("tunnel", Both("隧道", "tunnel")),
    "bridge": ("bridge", Both("桥梁", "bridge")),
    "hazmat": ("hazmat_route", Both("危化品通道", "route of hazardous loads")),
}
WEATHER = {  # code of a `weather` member
    1: ("rain", Both("降雨", "rain")),
    2: ("fog", Both("团雾", "fog patches")),
    3: ("freezing_rain", Both("凝冻", "freezing rain")),
    4: ("snow", Both("降雪", "snow")),
}
EVENT = {  # code of an `event` member (gantry, checkpoint, video); 0: over
    1: ("stopped", Both("停车或事故", "a stopped vehicle or crash")),
    2: ("wrong_way", Both("逆行或行人", "a wrong-way vehicle or pedestrian")),
    3: ("hazmat", Both("危化品车辆事故", "a hazardous-load vehicle in trouble")),
    4: ("fire", Both("起火或冒烟", "fire or smoke")),
}
ALL_LANES = "all_lanes"
TAGS = frozenset({ALL_LANES, *(tag for table in (PLACE, WEATHER, EVENT) for tag, _ in table.values())})
WEATHER_S = 21_600.0  # an older report says nothing: a weather station that fell silent in fog is not fog for ever
WEATHER_M = 10_000.0  # fog and ice differ from valley to ridge


class Said(NamedTuple):
    """The numbers of a finding, in `unit`."""

    value: float
    expected: float
    low: float
    high: float
    unit: str
    score: float
    threshold: float
    magnitude: float


class Road:
    """One direction: stations in the order of traffic; a segment p lies between station p and p + 1."""

    def __init__(self, zone: str, members: Sequence[Member], stations: Sequence[Station]) -> None:
        self.zone, self.members, self.stations = zone, list(members), list(stations)
        self.weather: dict[int, tuple[int, int]] = {}  # member -> (code, ts_ms), the last
        self.chainage = np.array([s.chainage_m for s in stations])
        self.along = chainages(members)  # float64[M], NaN unknown

    def place(self, first: int, last: int) -> Both:
        """The segment or station in words.

        >>> from detectors.traffic_stations import Station
        >>> Road("Z", [], [Station(12_300.0, (0, 1, 2), None, None, ()),
        ...                Station(12_800.0, (3, 4, 5), None, None, ())]).place(0, 1).en
        'K12+300 to K12+800'
        """
        a, b = (kilometre(self.stations[k].chainage_m) for k in (first, last))
        return Both(a, a) if first == last else Both(f"{a} 至 {b}", f"{a} to {b}")

    def near(self, member: int, first: int, last: int, margin_m: float) -> bool:
        """Whether a member stands between two stations or `margin_m` beyond; True where its place is unknown."""
        at = self.along[member]
        away: bool = at < self.chainage[first] - margin_m or at > self.chainage[last] + margin_m
        return not away

    def lanes(self, first: int, last: int) -> float:
        """Most lanes of these stations, 0 unknown."""
        return max((s.fact("lanes") for s in self.stations[first : last + 1]), default=0.0)

    def facts(self, first: int, last: int, ts_ms: int) -> dict[str, Both]:
        """What makes trouble here worse, by tag: tunnel, bridge, route of hazardous loads, weather."""
        here = self.stations[first : last + 1]
        out = dict(found for name, found in PLACE.items() if any(s.fact(name) for s in here))
        for code, member in sorted((code, member) for member, (code, _) in self.weather.items()):
            fresh = ts_ms - self.weather[member][1] <= WEATHER_S * 1000
            if code in WEATHER and fresh and self.near(member, first, last, WEATHER_M):
                out.update([WEATHER[code]])
        return out

    def sensors(self, *stations: int, kinds: tuple[int, ...] = (0, 2, 1)) -> tuple[str, ...]:
        """Ids of the sensors of these stations, in their order."""
        found = [self.stations[s].member[k] for s in stations for k in kinds]
        return tuple(self.members[m].id for m in found if m >= 0)

    def middle(self, first: int, last: int) -> tuple[float, float] | None:
        a, b = self.stations[first], self.stations[last]
        if a.lon is None or a.lat is None or b.lon is None or b.lat is None:
            return None
        return (a.lon + b.lon) / 2, (a.lat + b.lat) / 2

    def finding(
        self, key: str, kind: str, state: str, ts_ms: int, onset_ms: int, said: Said, reason: Both,
        stations: Sequence[int], detector: str, series: Sequence[tuple[int, float]] = (), witnesses: int = 1,
        more: tuple[str, ...] = (), tags: tuple[str, ...] = (),
    ) -> Finding:  # fmt: skip
        """A Finding about `stations` (the nearest first); facts of place and weather join the reason and the tags."""
        first, last = min(stations), max(stations)
        facts, lanes = self.facts(first, last, ts_ms), self.lanes(first, last)
        words = [Both(f"单向 {lanes:.0f} 车道", f"{lanes:.0f} lanes")] if lanes else []
        words += facts.values()
        if words and state != "clear":
            zh, en = "、".join(word.zh for word in words), ", ".join(word.en for word in words)
            reason = Both(f"{reason.zh}（{zh}）", f"{reason.en} ({en})")
        return Finding(
            key, kind, state, ts_ms, onset_ms, *said, reason, (*self.sensors(*stations), *more), detector,
            tuple(series), witnesses, self.middle(first, last), True, (*tags, *facts),
        )  # fmt: skip


def kilometre(chainage_m: float) -> str:
    """A kilometre mark (桩号).

    >>> kilometre(12_345.6)
    'K12+346'
    """
    whole = round(chainage_m)
    return f"K{whole // 1000}+{whole % 1000:03d}"


def held(reason: Both, ms: int) -> Both:
    """The sentence with how long it has lasted."""
    if ms <= 0:
        return reason
    long = duration(ms / 1000)
    return Both(f"{reason.zh}，持续 {long.zh}", f"{reason.en}, for {long.en}")
