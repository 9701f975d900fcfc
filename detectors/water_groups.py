"""The group detector of a water zone: one cut into frames, one picture of what is usual, several judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from detectors.boundary_valve import BoundaryValve
from detectors.burst_balance import BurstBalance
from detectors.group import F64, I32, I64, Finding, GroupDetector, Member
from detectors.night_flow import NightFlow
from detectors.pressure_transient import PressureTransient
from detectors.station import stations
from detectors.tank_schedule import TankSchedule
from detectors.water_frames import Frames
from detectors.water_sight import Looker, Sight

FORMAT = 2
LEAST_STEP_MS = 60_000


class Judge(Protocol):
    """Looks at every frame; state as plain values."""

    def step(self, s: Sight) -> tuple[list[Finding], bool]: ...

    def dump(self) -> Any: ...

    def load(self, dumped: Any) -> None: ...


class WaterZone:
    """Balance, pressures and localisation of one zone. A frame is a minute, or the slowest meter's interval."""

    name = "water_zone"

    def __init__(self, members: Sequence[Member]) -> None:
        interval_s = max((m.interval_s for m in members if m.flow_sign), default=60.0)
        self.step_ms = max(LEAST_STEP_MS, round(interval_s * 1000.0))
        self.frames, self.looker = Frames(members, self.step_ms), Looker(members)
        self.judges: tuple[Judge, ...] = (
            BurstBalance(members, self.looker, self.step_ms),
            NightFlow(members),
            BoundaryValve(members, self.step_ms),
            PressureTransient(members),
            TankSchedule(members),
        )

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        self.frames.add(member, ts_ms, values)

    def advance(self, now_ms: int) -> list[Finding]:
        out: list[Finding] = []
        for frame in self.frames.due(now_ms):
            sight = self.looker.look(frame, self.step_ms)
            if sight is None:
                continue
            calm = True
            for judge in self.judges:
                found, agrees = judge.step(sight)
                out += found
                calm = calm and agrees
            self.looker.learn(sight, calm)
        return out

    def dump(self) -> Any:
        return [FORMAT, self.frames.dump(), self.looker.dump(), [judge.dump() for judge in self.judges]]

    def load(self, dumped: Any) -> None:
        if dumped[0] != FORMAT or len(dumped[3]) != len(self.judges):
            raise ValueError(f"state of format {dumped[0]}, want {FORMAT}")
        self.frames.load(dumped[1])
        self.looker.load(dumped[2])
        for judge, state in zip(self.judges, dumped[3], strict=True):
            judge.load(state)


def groups(zone: str, members: Sequence[Member]) -> list[GroupDetector]:
    """The detectors of a zone: with an inlet meter its balance is watched, and each station of quality by itself."""
    balance: list[GroupDetector] = [WaterZone(members)] if any(m.flow_sign > 0 for m in members) else []
    return [*balance, *stations(zone, members)]
