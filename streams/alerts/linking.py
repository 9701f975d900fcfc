"""Open hazards by place: a new alert finds those of other domains near it. The table of pairs is `detectors.links`.

A link is a hint for the people on both desks; it changes neither severity nor owner. Pure.
"""

from __future__ import annotations

import math

from detectors.links import Trouble, link, related
from streams.events import Alert, Link, Text

CELL_DEG = 0.031  # at least 3 km here: more than the reach of any rule
LIMIT = 5  # links of one alert, the nearest


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
        if (
            alert.condition == "ACTIVE"
            and alert.handling != "CLOSED"
            and alert.cls == "hazard"
            and (cell := _cell(alert)) is not None
        ):
            self._where[alert.id] = cell
            self._cells.setdefault(cell, {})[alert.id] = alert

    def links(self, new: Alert) -> tuple[Link, ...]:
        """Links of a new alert to open ones of other domains, the nearest first."""
        cell = _cell(new)
        if new.cls != "hazard" or cell is None:
            return ()
        around = [(cell[0] + i, cell[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        found = [made for c in around for other in self._cells.get(c, {}).values() if (made := between(new, other))]
        return tuple(sorted(found, key=lambda x: (x.distance_m, x.alert))[:LIMIT])


def between(new: Alert, other: Alert) -> Link | None:
    """The link from `new` to `other`, None where they have nothing to do with each other."""
    if not related(new.kind, other.kind) or (new.run, new.mode) != (other.run, other.mode):
        return None
    made = link(_trouble(new), _trouble(other))
    return None if made is None else Link(other.id, Text(*made.reason), round(made.metres, 1))


def _trouble(a: Alert) -> Trouble:
    lon, lat = (math.nan, math.nan) if a.lon is None or a.lat is None else (a.lon, a.lat)
    return Trouble(a.id, a.domain, a.kind, a.first_seen_ms, lon, lat, a.approximate)


def _cell(alert: Alert) -> tuple[int, int] | None:
    if alert.lon is None or alert.lat is None:
        return None
    return math.floor(alert.lon / CELL_DEG), math.floor(alert.lat / CELL_DEG)
