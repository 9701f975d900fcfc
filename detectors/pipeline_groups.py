"""The group detector of a pipeline: stations on one grid of time, each stretch between two watched for a leak."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from detectors.group import F64, I32, I64, Finding, GroupDetector, Member
from detectors.pipeline_frames import Frames
from detectors.pipeline_leak import Stretch
from detectors.pipeline_stations import pipe, stations
from detectors.slack_flow import slack

FORMAT = 2
STEP_S, GAS_STEP_S = 1.0, 5.0
MEMORY_S = 60.0  # of readings, and three travel times


class PipelineLine:
    """One line. A stretch runs from a station with pressure and flow to the next one of that kind."""

    name = "pipeline_line"

    def __init__(self, members: Sequence[Member]) -> None:
        self.pipe = pipe(members)
        self.line = [s for s in stations(members) if s.flow >= 0]
        longest = max(b.chainage_m - a.chainage_m for a, b in pairwise(self.line))
        step = GAS_STEP_S if self.pipe.gas else STEP_S
        self.frames = Frames(members, self.line, MEMORY_S + 3.0 * longest / self.pipe.wave_m_s, step)
        self.stretches = [
            Stretch(members, self.line, k, k + 1, self.pipe, self.frames) for k in range(len(self.line) - 1)
        ]

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        self.frames.add(member, ts_ms, values)

    def advance(self, now_ms: int) -> list[Finding]:
        due, gap = self.frames.steps(now_ms)
        if gap:
            for stretch in self.stretches:
                stretch.forget()
        out: list[Finding] = []
        for _ in range(due):
            lo, hi = self.frames.take()
            loose = False
            if self.pipe.peak is not None:
                now = [float(self.frames.window(s, lo, hi).mean()) for s in range(len(self.line))]
                loose = slack(self.line, self.pipe, now)
            for stretch in self.stretches:
                out += stretch.step(lo, hi, loose and stretch.peaked)
        return out

    def dump(self) -> Any:
        return [FORMAT, self.frames.dump(), [s.dump() for s in self.stretches]]

    def load(self, dumped: Any) -> None:
        if dumped[0] != FORMAT or len(dumped[2]) != len(self.stretches):
            raise ValueError(f"pipeline: state of format {dumped[0]}, want {FORMAT}")
        self.frames.load(dumped[1])
        for stretch, state in zip(self.stretches, dumped[2], strict=True):
            stretch.load(state)


def groups(zone: str, members: Sequence[Member]) -> list[GroupDetector]:
    """The detector of a line with at least two stations of known chainage that have pressure and flow; else none."""
    if len([s for s in stations(members) if s.flow >= 0]) < 2:
        return []
    return [PipelineLine(members)]
