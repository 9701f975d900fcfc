"""Alerts of different domains that are near each other in time and place belong together: found here, with a reason.

A burst washes out a road; gas collects where a pipeline leaks. A link is a hint for the people on both desks, it
changes neither severity nor owner. Pure: an index of open hazards by place, and one table of pairs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from geo import metric
from streams.events import Alert, Link, Text

CELL_DEG = 0.011  # 1.1 to 1.2 km here: more than the reach of any pair
APPROXIMATE = 2.0  # a place that is known roughly reaches this much further
LIMIT = 5  # links of one alert, the nearest


class Pair(NamedTuple):
    """Two domains, how near (metres) and how soon after each other (seconds), and what it may mean."""

    domains: frozenset[str]
    within_m: float
    within_s: float
    means: Text


def _pair(domains: str, within_m: float, within_s: float, zh: str, en: str) -> Pair:
    return Pair(frozenset(domains.split()), within_m, within_s, Text(zh, en))


PAIRS: tuple[Pair, ...] = (
    _pair("water traffic", 300, 3600, "爆管可能造成路面塌陷或积水", "a burst may undermine or flood the road"),
    _pair("water gas", 200, 3600, "爆管可能冲毁燃气管", "a burst may damage the gas main beside it"),
    _pair("water pipeline", 300, 3600, "可能同为施工或地质原因", "works or ground movement may be behind both"),
    _pair("gas pipeline", 500, 3600, "管线泄漏可能在井室聚集", "what leaks from the pipeline may collect in wells"),
    _pair("gas traffic", 300, 1800, "燃气险情影响道路，注意封控", "gas beside a road: mind the traffic control"),
    _pair("pipeline traffic", 500, 1800, "管线险情影响道路，注意封控", "pipeline trouble beside a road"),
    _pair("gas power", 200, 1800, "燃气与电力同处异常，防止引燃", "gas and power together: ignition"),
)
DOMAIN = {
    "water": Text("供水", "water"), "gas": Text("燃气", "gas"), "pipeline": Text("管线", "pipeline"),
    "traffic": Text("交通", "traffic"), "power": Text("电力", "power"),
}  # fmt: skip


class Nearby:
    """Open hazards by place. `keep` each alert that changed; `links` of one that was just raised."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], dict[str, Alert]] = {}
        self._where: dict[str, tuple[int, int]] = {}

    def keep(self, alert: Alert) -> None:
        """Take over an alert's newest state; one that is over is forgotten."""
        old = self._where.pop(alert.id, None)
        if old is not None:
            del self._cells[old][alert.id]
            if not self._cells[old]:
                del self._cells[old]
        if alert.condition == "ACTIVE" and alert.cls == "hazard" and (cell := _cell(alert)) is not None:
            self._where[alert.id] = cell
            self._cells.setdefault(cell, {})[alert.id] = alert

    def links(self, new: Alert) -> tuple[Link, ...]:
        """Links of a new alert to open ones of other domains, the nearest first."""
        cell = _cell(new)
        if new.cls != "hazard" or cell is None:
            return ()
        around = [(cell[0] + i, cell[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        found = [link for c in around for other in self._cells.get(c, {}).values() if (link := between(new, other))]
        return tuple(sorted(found, key=lambda x: (x.distance_m, x.alert))[:LIMIT])


def between(new: Alert, other: Alert) -> Link | None:
    """The link from `new` to `other`, None where they have nothing to do with each other."""
    pair = _of(new, other)
    if pair is None or (new.run, new.mode) != (other.run, other.mode):
        return None
    if new.lon is None or new.lat is None or other.lon is None or other.lat is None:
        return None
    metres = metric.distance_m(new.lon, new.lat, other.lon, other.lat)
    reach = pair.within_m * (APPROXIMATE if new.approximate or other.approximate else 1.0)
    apart_s = abs(new.first_seen_ms - other.first_seen_ms) / 1000.0
    if metres > reach or apart_s > pair.within_s:
        return None
    what, minutes = DOMAIN[other.domain], round(apart_s / 60.0)
    zh = f"{metres:.0f} 米内 {minutes} 分钟内另有{what.zh}险情：{pair.means.zh}"
    en = f"{what.en} trouble {metres:.0f} m away within {minutes} min: {pair.means.en}"
    return Link(other.id, Text(zh, en), round(metres, 1))


def back(new: Alert, other: Alert, link: Link) -> Link:
    """`link` as the alert at its other end has it."""
    pair, what = _of(new, other), DOMAIN[new.domain]
    assert pair is not None
    zh = f"{link.distance_m:.0f} 米内新增{what.zh}险情：{pair.means.zh}"
    en = f"{what.en} trouble {link.distance_m:.0f} m away since then: {pair.means.en}"
    return Link(new.id, Text(zh, en), link.distance_m)


def _of(new: Alert, other: Alert) -> Pair | None:
    return next((p for p in PAIRS if p.domains == {new.domain, other.domain}), None)


def _cell(alert: Alert) -> tuple[int, int] | None:
    if alert.lon is None or alert.lat is None:
        return None
    return math.floor(alert.lon / CELL_DEG), math.floor(alert.lat / CELL_DEG)
