"""What the detectors of one road share: its stations, its words for places, and how a Finding is filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors.group import Finding, Member
from detectors.texts import Both, duration
from detectors.traffic_stations import Station

WEATHER = {  # code of a `weather` member
    1: Both("降雨", "rain"),
    2: Both("团雾", "fog patches"),
    3: Both("凝冻", "freezing rain"),
    4: Both("降雪", "snow"),
}
EVENT = {  # code of an `event` member (gantry, checkpoint, video); 0: over
    1: Both("停车或事故", "a stopped vehicle or crash"),
    2: Both("逆行或行人", "a wrong-way vehicle or pedestrian"),
    3: Both("危化品车辆事故", "a hazardous-load vehicle in trouble"),
    4: Both("起火或冒烟", "fire or smoke"),
}


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

    def place(self, first: int, last: int) -> Both:
        """The segment or station in words.

        >>> from detectors.traffic_stations import Station
        >>> Road("Z", [], [Station(12_300.0, (0, 1, 2), None, None, ()),
        ...                Station(12_800.0, (3, 4, 5), None, None, ())]).place(0, 1).en
        'K12+300 to K12+800'
        """
        a, b = (kilometre(self.stations[k].chainage_m) for k in (first, last))
        return Both(a, a) if first == last else Both(f"{a} 至 {b}", f"{a} to {b}")

    def facts(self, first: int, last: int) -> Both:
        """What makes trouble here worse: tunnel, bridge, hazardous loads, lanes, weather. "" where nothing is known."""
        here = self.stations[first : last + 1]
        zh, en = [], []
        lanes = max((s.fact("lanes") for s in here), default=0.0)
        if lanes:
            zh.append(f"单向 {lanes:.0f} 车道")
            en.append(f"{lanes:.0f} lanes")
        for name, word in (
            ("tunnel", Both("隧道", "tunnel")),
            ("bridge", Both("桥梁", "bridge")),
            ("hazmat", Both("危化品通道", "route of hazardous loads")),
        ):
            if any(s.fact(name) for s in here):
                zh.append(word.zh)
                en.append(word.en)
        for code in sorted({code for code, _ in self.weather.values()}):
            if code in WEATHER:
                zh.append(WEATHER[code].zh)
                en.append(WEATHER[code].en)
        return Both("、".join(zh), ", ".join(en))

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
        more: tuple[str, ...] = (),
    ) -> Finding:  # fmt: skip
        """A Finding about `stations` (the nearest first); the facts of the place and the weather join the reason."""
        first, last = min(stations), max(stations)
        facts = self.facts(first, last)
        if facts.zh and state != "clear":
            reason = Both(f"{reason.zh}（{facts.zh}）", f"{reason.en} ({facts.en})")
        return Finding(
            key, kind, state, ts_ms, onset_ms, *said, reason, (*self.sensors(*stations), *more), detector,
            tuple(series), witnesses, self.middle(first, last), True,
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
