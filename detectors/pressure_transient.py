"""Pressure transient (water hammer): several gauges swing far within a frame and come back.

A pump trip or a slammed valve sends a wave of dp = rho a dv through the zone (Joukowsky 1898): 10 m of head for each
0.1 m/s at a = 1,000 m/s. A burst drops pressure too, but stays down; a swing that returns in the next frame is a
transient. Two gauges are asked for, because one alone may be a tapping or a bad contact. Seen only where gauges sample
faster than the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.group import Finding, Member
from detectors.texts import Both
from detectors.water_sight import Sight

VERSION = "pressure_transient/1"
SWING_M = 10.0  # 0.1 MPa between the lowest and the highest reading of a frame
BACK = 0.4  # the level before and after differ by less than this share of the swing
GAUGES = 2
MPA = 0.00980665
CALM_MS = 1_800_000  # a second swing within this time is the same episode


class PressureTransient:
    """One zone: the last two frames' means and swings of the gauges."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.gauges = [k for k, m in enumerate(members) if m.kind == "pressure"]
        self.members = members
        self.before: list[float] = []
        self.swung: list[float] = []
        self.now: list[float] = []
        self.open_ms = self.onset_ms = 0

    def step(self, s: Sight) -> tuple[list[Finding], bool]:
        mean = s.pressure.tolist()
        swing = (s.frame.high - s.frame.low)[self.gauges].tolist()
        out: list[Finding] = []
        if self.open_ms and s.end_ms - self.open_ms > CALM_MS:
            self.open_ms = 0
            out.append(self._finding(s, "clear", [], 0.0))
        if self.before:
            swung = np.array(self.swung)
            moved = np.abs(np.array(mean) - np.array(self.before))
            hit = np.flatnonzero((swung >= SWING_M) & (moved < BACK * swung))
            if len(hit) >= GAUGES:
                state = "update" if self.open_ms else "raise"
                if not self.open_ms:
                    self.onset_ms = s.end_ms - 2 * s.step_ms
                self.open_ms = s.end_ms
                order = hit[np.argsort(-swung[hit], kind="stable")]
                out.append(self._finding(s, state, order.tolist(), float(swung[order[0]])))
        self.before, self.swung, self.now = self.now, swing, mean
        return out, True

    def _finding(self, s: Sight, state: str, hit: list[int], swing: float) -> Finding:
        says = Both(
            f"{len(hit)} 处压力在一分钟内摆动达 {swing * MPA:.2f} MPa 后恢复，疑似水锤",
            f"pressure swung by up to {swing * MPA:.2f} MPa within a minute at {len(hit)} gauges and came back",
        )
        if state == "clear":
            says = Both("压力平稳", "pressures are steady")
        near = [self.members[self.gauges[k]] for k in hit]
        place = next(((m.lon, m.lat) for m in near if m.lon is not None and m.lat is not None), None)
        return Finding(
            key="transient", kind="pressure_transient", state=state, ts_ms=s.end_ms, onset_ms=self.onset_ms,
            value=swing, expected=0.0, low=0.0, high=SWING_M, unit="m", score=swing / (swing + SWING_M), threshold=0.5,
            magnitude=max(swing / SWING_M - 1.0, 0.0), reason=says, sensors=tuple(m.id for m in near), detector=VERSION,
            witnesses=max(len(hit), 1), place=place,
        )  # fmt: skip

    def dump(self) -> Any:
        return [list(self.before), list(self.swung), list(self.now), self.open_ms, self.onset_ms]

    def load(self, dumped: Any) -> None:
        before, swung, now, self.open_ms, self.onset_ms = dumped
        self.before, self.swung, self.now = list(before), list(swung), list(now)
