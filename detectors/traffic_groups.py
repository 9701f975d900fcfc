"""Group detectors of a road direction: which algorithms run, in what order, over the frames of its stations.

The default is `incident` with `loop_check`, `congestion` and `travel_time`. A member's parameter `algorithm` chooses
another incident detector for its road: 7 or 8 the California ones, 1 McMaster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.california import California
from detectors.congestion import Congestion
from detectors.group import F64, I32, I64, Finding, GroupDetector, Member
from detectors.incident import Incident
from detectors.loop_check import LoopCheck
from detectors.mcmaster import McMaster
from detectors.traffic_road import Road
from detectors.traffic_stations import Frame, Grid, stations
from detectors.travel_time import TravelTime

VERSION = 1


class TrafficGroup:
    """All algorithms of one road; they share the frames and what is known about wrong loops, events and weather."""

    name = "traffic"

    def __init__(self, zone: str, members: Sequence[Member], algorithm: int = 0) -> None:
        found = stations(members)
        self.road = Road(zone, members, found)
        self.grid = Grid(members, found)
        step = self.grid.step_s
        self.incident: Incident | California | McMaster
        if algorithm in (7, 8):
            self.incident = California(self.road, step, algorithm)
        else:
            self.incident = McMaster(self.road, step) if algorithm == 1 else Incident(self.road, step)
        self.algorithm = algorithm
        self.loops = LoopCheck(self.road, step)
        self.congestion = Congestion(self.road, step)
        self.travel = TravelTime(self.road, step)
        self.checks = 0  # segments times intervals judged

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        self.grid.add(member, ts_ms, values)

    def advance(self, now_ms: int) -> list[Finding]:
        return [finding for frame in self.grid.frames(now_ms) for finding in self.step(frame)]

    def step(self, frame: Frame) -> list[Finding]:
        """One interval through all algorithms."""
        for ts, member, code in frame.notes:
            if self.road.members[member].kind == "weather":
                self.road.weather[member] = (int(code), ts)
            else:
                self.incident.note(ts, member, int(code))
        out, bad = self.loops.step(frame)
        out += self.incident.step(frame, bad)
        self.checks += len(self.road.stations) - 1
        explained = self.explained()
        out += self.congestion.step(frame, bad, explained)
        out += self.travel.step(frame, bad, explained)
        return out

    def explained(self) -> bool:
        """An incident is open: queues and long travel times are its."""
        if isinstance(self.incident, Incident):
            return bool(self.incident.open)
        if isinstance(self.incident, McMaster):
            return bool(self.incident.open.any())
        return bool((self.incident.state == 2).any())

    def dump(self) -> Any:
        return {
            "version": VERSION, "algorithm": self.algorithm, "grid": self.grid.dump(), "incident": self.incident.dump(),
            "loops": self.loops.dump(), "congestion": self.congestion.dump(), "travel": self.travel.dump(),
            "weather": [[m, *w] for m, w in self.road.weather.items()], "checks": self.checks,
        }  # fmt: skip

    def load(self, dumped: Any) -> None:
        if dumped.get("version") != VERSION or dumped.get("algorithm") != self.algorithm:
            raise ValueError(f"traffic: state is of version {dumped.get('version')}, want {VERSION}")
        self.grid.load(dumped["grid"])
        self.incident.load(dumped["incident"])
        self.loops.load(dumped["loops"])
        self.congestion.load(dumped["congestion"])
        self.travel.load(dumped["travel"])
        self.road.weather = {m: (code, ts) for m, code, ts in dumped["weather"]}
        self.checks = dumped["checks"]


def groups(zone: str, members: Sequence[Member]) -> list[GroupDetector]:
    """The detectors of a road with at least two stations of known place; else none."""
    if len(stations(members)) < 2:
        return []
    algorithm = max((int(value) for m in members for name, value in m.params if name == "algorithm"), default=0)
    return [TrafficGroup(zone, members, algorithm)]
