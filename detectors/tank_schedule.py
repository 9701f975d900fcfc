"""Is a tank's level where it should be at this hour? Pumps follow a schedule, so the level has a day of its own.

Level and its spread are learned for each hour of the day (recursive, clipped at three spreads, memory two weeks). A
level far outside for half an hour means a pump that did not start or stop, a valve left open, or an unusual draw.
Overflow and empty are fixed limits (profile `level`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.adaptive import score
from detectors.group import Finding, Member
from detectors.texts import Both, duration
from detectors.water_sight import Sight

VERSION = "tank_schedule/1"
HOURS, MEMORY_DAYS, FEWEST_DAYS = 24, 14.0, 4.0
Z_ON, HOLD_MS, UPDATE_MS = 5.0, 1_800_000, 1_800_000
FLOOR_M = 0.10
LASTING_MS = 86_400_000


class TankSchedule:
    """The tanks of one zone: curve float64[T, 24] (metres at the full hours), spread, days seen."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.tanks = [k for k, m in enumerate(members) if m.kind == "level"]
        self.ids = [members[k].id for k in self.tanks]
        n = len(self.tanks)
        self.curve, self.spread = np.zeros((n, HOURS)), np.full((n, HOURS), 0.5)
        self.weight = np.zeros((n, HOURS))  # days of readings near each full hour
        self.off_ms, self.open_ms, self.told_ms = ([0] * n for _ in range(3))

    def step(self, s: Sight) -> tuple[list[Finding], bool]:
        out: list[Finding] = []
        hour = s.minute / 60.0
        a, u = int(hour) % HOURS, hour % 1.0
        b = (a + 1) % HOURS
        for i, k in enumerate(self.tanks):
            x = float(s.frame.mean[k])
            if not np.isfinite(x):
                continue
            usual = float(self.curve[i, a] * (1.0 - u) + self.curve[i, b] * u)
            sigma = max(float(max(self.spread[i, a], self.spread[i, b])) * 1.2533, FLOOR_M)
            known = min(self.weight[i, a], self.weight[i, b]) >= FEWEST_DAYS
            z = (x - usual) / sigma if known else 0.0
            out += self._judge(i, s, x, usual, sigma, z)
            if not self.open_ms[i]:
                self._learn(i, s.step_ms, x, usual, sigma, known, ((a, 1.0 - u), (b, u)))
        return out, True

    def _learn(self, i: int, step_ms: int, x: float, usual: float, sigma: float, known: bool, near: Any) -> None:
        per_hour = 3_600_000.0 / step_ms
        off = min(max(x - usual, -3.0 * sigma), 3.0 * sigma) if known else x - usual
        for k, share in near:
            self.weight[i, k] += share / per_hour
            rate = share * min(1.0, 2.0 / (per_hour * min(max(self.weight[i, k], 2.0 / per_hour), MEMORY_DAYS)))
            self.curve[i, k] += rate * off
            self.spread[i, k] += rate * (abs(off) - self.spread[i, k])

    def _judge(self, i: int, s: Sight, x: float, usual: float, sigma: float, z: float) -> list[Finding]:
        off = abs(z) > Z_ON * (0.6 if self.open_ms[i] else 1.0)
        self.off_ms[i] = (self.off_ms[i] or s.end_ms) if off else 0
        if self.open_ms[i]:
            if off and s.end_ms - self.open_ms[i] < LASTING_MS:
                if s.end_ms - self.told_ms[i] < UPDATE_MS:
                    return []
                self.told_ms[i] = s.end_ms
                return [self._finding(i, s, "update", x, usual, sigma, z)]
            finding = self._finding(i, s, "clear", x, usual, sigma, z)
            if off:
                self.weight[i] = 0.0  # learned anew: the schedule is another one
            self.open_ms[i] = 0
            return [finding]
        if not off or s.end_ms - self.off_ms[i] < HOLD_MS:
            return []
        self.open_ms[i], self.told_ms[i] = self.off_ms[i], s.end_ms
        return [self._finding(i, s, "raise", x, usual, sigma, z)]

    def _finding(self, i: int, s: Sight, state: str, x: float, usual: float, sigma: float, z: float) -> Finding:
        held = duration((s.end_ms - self.open_ms[i]) / 1000.0)
        high = x > usual
        says = Both(
            f"液位 {x:.2f} m，比同时段{'高' if high else '低'} {abs(x - usual):.2f} m，持续 {held.zh}",
            f"level {x:.2f} m, {abs(x - usual):.2f} m {'above' if high else 'below'} the usual for this hour, "
            f"for {held.en}",
        )
        if state == "clear":
            says = Both(f"液位恢复正常（{x:.2f} m）", f"level back to normal ({x:.2f} m)")
        return Finding(
            key=f"tank/{self.ids[i]}", kind="tank_level", state=state, ts_ms=s.end_ms, onset_ms=self.open_ms[i],
            value=x, expected=usual, low=usual - Z_ON * sigma, high=usual + Z_ON * sigma, unit="m",
            score=float(score(z)),
            threshold=float(score(Z_ON)), magnitude=max(abs(z) / Z_ON - 1.0, 0.0), reason=says, sensors=(self.ids[i],),
            detector=VERSION, approximate=False,
        )  # fmt: skip

    def dump(self) -> Any:
        arrays = [part.tobytes() for part in (self.curve, self.spread, self.weight)]
        return [arrays, list(self.off_ms), list(self.open_ms), list(self.told_ms)]

    def load(self, dumped: Any) -> None:
        arrays, off, opened, told = dumped
        shape = self.curve.shape
        self.curve, self.spread, self.weight = (np.frombuffer(a).reshape(shape).copy() for a in arrays)
        self.off_ms, self.open_ms, self.told_ms = list(off), list(opened), list(told)
