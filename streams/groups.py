"""The group detectors of a kernel: members by zone, readings to them, findings from them, their state.

Pure, as the kernel is. A zone's detectors are made anew when what is known of its members changes; what they had open
is ended then, with that reason. `detectors.group` says what a group detector is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.group import Finding, GroupDetector, GroupFactory, Member, Note, Noting
from detectors.texts import Both
from geo.assets import Sensor

CHANGED = Both("监测点配置已变更，重新学习", "the members of this zone changed; it is learned anew")


class Found(NamedTuple):
    """A finding with the members of its zone, by id; `lead` is the sensor that stands for the episode from its raise to
    its end, whatever the finding's order of sensors becomes."""

    zone: str
    finding: Finding
    sensors: dict[str, Sensor]
    lead: str


@dataclass
class _Zone:
    name: str
    rows: dict[int, Sensor] = field(default_factory=dict)  # by row of the kernel
    members: tuple[Member, ...] = ()
    detectors: list[GroupDetector] = field(default_factory=list)
    open: dict[tuple[str, str, str], tuple[Finding, str]] = field(default_factory=dict)  # (detector, kind, key): lead
    built: dict[str, Sensor] = field(default_factory=dict)  # the members that the detectors were made of
    stale: bool = True

    def sensors(self) -> dict[str, Sensor]:
        return {s.id: s for s in self.rows.values()}


class Groups:
    """All zones of a kernel. `make` builds the detectors of a zone, None: the domain has none."""

    def __init__(self, make: GroupFactory | None) -> None:
        self._make = make
        self._zones: dict[str, _Zone] = {}
        self._zone_of: dict[int, _Zone] = {}
        self._slot = np.full(64, -1, np.int32)  # row -> place in its zone's members, -1: no member
        self._number = np.zeros(64, np.int32)  # row -> number of its zone in `_order`
        self._order: list[_Zone] = []
        self._stale = False

    def __bool__(self) -> bool:
        """Whether readings are wanted: some zone has detectors, or may have after a change."""
        return self._stale or bool(self._order)

    def member(self, row: int, sensor: Sensor) -> None:
        """Take over a sensor's record; a retired one leaves its zone."""
        if self._make is None:
            return
        old = self._zone_of.get(row)
        if old is not None and (old.name != sensor.zone or sensor.retired):
            del old.rows[row], self._zone_of[row]
            old.stale = self._stale = True
        if sensor.retired or not sensor.zone:
            return
        zone = self._zones.setdefault(sensor.zone, _Zone(sensor.zone))
        known = zone.rows.get(row)
        zone.rows[row] = sensor
        self._zone_of[row] = zone
        if known is None or _member(known) != _member(sensor):
            zone.stale = self._stale = True

    def add(self, rows: NDArray[np.int32], ts_ms: NDArray[np.int64], values: NDArray[np.float64]) -> list[Found]:
        """Readings by row int32[n] (-1: not to be counted), ts_ms int64[n], values float64[n]; what a change of the
        members ended."""
        if self._make is None:
            return []
        out = self._renew()
        if not self._order or not len(rows):
            return out
        known = (rows >= 0) & (rows < len(self._slot)) & np.isfinite(values)
        safe = np.where(known, rows, 0)
        mine = np.flatnonzero(known & (self._slot[safe] >= 0))
        if not len(mine):
            return out
        which, slots = self._number[safe[mine]], self._slot[safe[mine]]
        first = int(which[0])
        numbers = [first] if (which == first).all() else np.unique(which).tolist()
        for number in numbers:
            chosen = slice(None) if len(numbers) == 1 else which == number
            for detector in self._order[number].detectors:
                detector.add(slots[chosen], ts_ms[mine][chosen], values[mine][chosen])
        return out

    def advance(self, now_ms: int) -> list[Found]:
        """What is found at tick `now_ms`, zones in the order of their names."""
        out = self._renew()
        for zone in self._order:
            for detector in zone.detectors:
                out += [self._told(zone, detector, f) for f in detector.advance(now_ms)]
        return out

    def note(self, row: int, value: float) -> Note | None:
        """What the detectors of its zone add to an alert of this row alone at this reading."""
        zone = self._zone_of.get(row)
        if zone is None:
            return None
        told = (d.note(zone.rows[row].id, value) for d in zone.detectors if isinstance(d, Noting))
        return next((note for note in told if note is not None), None)

    def _told(self, zone: _Zone, detector: GroupDetector, finding: Finding) -> Found:
        key = (detector.name, finding.kind, finding.key)
        first = next((s for s in finding.sensors if s in zone.built), min(zone.built))
        lead = zone.open[key][1] if key in zone.open else first
        if finding.state == "clear":
            zone.open.pop(key, None)
        else:
            zone.open[key] = (finding, lead)
        return Found(zone.name, finding, zone.built, lead)

    def _renew(self) -> list[Found]:
        """Build the detectors of zones whose members changed; what they had open ends."""
        if not self._stale:
            return []
        self._stale = False
        out = [found for name in sorted(self._zones) for found in self._rebuild(self._zones[name])]
        self._order = [z for _, z in sorted(self._zones.items()) if z.detectors]
        rows = [row for zone in self._order for row in zone.rows]
        size = max(rows, default=0) + 64
        self._slot, self._number = np.full(size, -1, np.int32), np.zeros(size, np.int32)
        for number, zone in enumerate(self._order):
            for slot, row in enumerate(sorted(zone.rows)):
                self._slot[row], self._number[row] = slot, number
        return out

    def _rebuild(self, zone: _Zone) -> Iterator[Found]:
        if not zone.stale:
            return
        zone.stale = False
        members = tuple(_member(zone.rows[row]) for row in sorted(zone.rows))
        before, zone.built = zone.built, zone.sensors()
        if members == zone.members:
            return
        for finding, lead in zone.open.values():
            yield Found(zone.name, finding._replace(state="clear", reason=CHANGED), before, lead)
        zone.open.clear()
        zone.members = members
        zone.detectors = self._make(zone.name, members) if self._make and members else []

    def dump(self) -> dict[str, Any]:
        """Plain values for a snapshot: what members' records do not say."""
        self._renew()
        return {
            zone.name: {
                "members": [m.id for m in zone.members],
                "open": [[key, [_plain(v) for v in finding], lead] for key, (finding, lead) in zone.open.items()],
                "state": [[d.name, d.dump()] for d in zone.detectors],
            }
            for zone in self._order
        }

    def load(self, dumped: dict[str, Any]) -> list[str]:
        """Take over a dump; the members have been named before. Returns what could not be used."""
        self._renew()
        notes = []
        for zone in self._order:
            kept = dumped.get(zone.name)
            if kept is None or kept["members"] != [m.id for m in zone.members]:
                continue
            states = dict(kept["state"])
            for detector in zone.detectors:
                try:
                    if detector.name in states:
                        detector.load(states[detector.name])
                except (ValueError, KeyError, TypeError) as error:
                    notes.append(f"{detector.name} of {zone.name} learns anew: {error}")
            zone.open = {tuple(key): (_finding(values), lead) for key, values, lead in kept["open"]}
        return notes


def _member(s: Sensor) -> Member:
    return Member(
        s.id,
        s.kind,
        s.interval_s,
        s.flow_sign,
        s.chainage_m,
        s.lon,
        s.lat,
        s.upload_s,
        tuple(sorted(s.params.items())),
        s.unit,
    )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _finding(values: list[Any]) -> Finding:
    known = Finding(*values)
    return known._replace(
        reason=Both(*known.reason),
        sensors=tuple(known.sensors),
        series=tuple((int(t), float(v)) for t, v in known.series),
        tags=tuple(known.tags),
        place=None if known.place is None else (known.place[0], known.place[1]),
    )
