"""Unusual travel time of a road direction, from the speeds along its chainage.

Each station stands for half the way to its neighbours (piecewise constant speeds; Vanajakshi, Williams & Rilett 2009,
*Improved flow-based travel time estimation method from point detector data*): T = sum of length / speed. Its logarithm
is compared with what is usual at this half hour of the week; told when it has been over the usual by `Z_ON` scales and
`LEAST` for ten minutes. The scale of a half hour holds the day-to-day differences of its jams, so a rush hour that is
long every day is usual. Nothing is told in the first week.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import Finding
from detectors.texts import Both, duration
from detectors.traffic_profile import BINS, Profile, bin_of
from detectors.traffic_road import Road, Said, held
from detectors.traffic_stations import Frame

Z_ON, LEAST = 6.0, 2.0  # scales; factor of the usual time
TELL_S, CLEAR_S, SMOOTH_S, LEARN_S = 600.0, 600.0, 300.0, 7 * 86_400.0
KNOWN = 0.7  # share of the way whose speed must be known


class TravelTime:
    """State: smoothed ln of the travel time in s, its profile, and the open episode's onset (0: none)."""

    name = "travel_time"

    def __init__(self, road: Road, step_s: float) -> None:
        self.road, self.step_s = road, step_s
        edges = (road.chainage[1:] + road.chainage[:-1]) / 2
        self.length = np.diff(np.concatenate([road.chainage[:1], edges, road.chainage[-1:]]))
        self.usual = Profile(1, 0.03)
        self.now = float("nan")
        self.over_s = self.calm_s = self.learned = 0.0
        self.open = 0

    def step(self, frame: Frame, bad: Any, explained: bool) -> list[Finding]:
        """One interval; `explained`: an incident is open."""
        speed = np.where(bad, np.nan, frame.speed)
        known = np.isfinite(speed)
        if self.length[known].sum() < KNOWN * self.length.sum():
            return []
        spread = np.interp(self.road.chainage, self.road.chainage[known], speed[known])
        x = float(np.log(np.sum(self.length / np.maximum(spread, 3.0)) * 3.6))
        self.now = x if self.now != self.now else self.now + min(self.step_s / SMOOTH_S, 1.0) * (x - self.now)
        b = bin_of(frame.ts_ms)
        around = [(b - 1) % 48 + b // 48 * 48, b, (b + 1) % 48 + b // 48 * 48]
        near = [self.usual.usual(k) for k in around]
        level, scale = max(float(a[0]) for a, _ in near), max(float(s[0]) for _, s in near)
        ready = self.learned >= LEARN_S and self.usual.seen[BINS, 0] > 0
        over = ready and self.now - level > max(Z_ON * scale, float(np.log(LEAST)))
        self.over_s = self.over_s + self.step_s if over else 0.0
        self.calm_s = 0.0 if self.now - level > float(np.log(1.2)) else self.calm_s + self.step_s
        self.learned += self.step_s
        if not (self.open or explained):
            self.usual.learn(b, np.array([self.now]), np.ones(1, bool))
        return self._judge(frame, level, scale, explained)

    def _judge(self, frame: Frame, level: float, scale: float, explained: bool) -> list[Finding]:
        if self.open:
            if self.calm_s < CLEAR_S:
                return []
            ended = self._tell(frame, level, scale, "clear")
            self.open = 0
            return [ended]
        if explained or self.over_s < TELL_S:
            return []
        self.open = frame.ts_ms - round(self.over_s * 1000)
        self.calm_s = 0.0
        return [self._tell(frame, level, scale, "raise")]

    def _tell(self, frame: Frame, level: float, scale: float, state: str) -> Finding:
        n = len(self.road.stations)
        where = self.road.place(0, n - 1)
        now, usual = float(np.exp(self.now)), float(np.exp(level))
        is_, was = duration(now), duration(usual)
        reason = held(
            Both(
                f"{where.zh} 行程时间 {is_.zh}，本时段通常 {was.zh}",
                f"{where.en} takes {is_.en}, usually {was.en} at this hour",
            ),
            frame.ts_ms - self.open,
        )
        if state == "clear":
            reason = Both(
                f"{where.zh} 行程时间恢复正常（{is_.zh}）", f"{where.en}: travel time is usual again ({is_.en})"
            )
        limit = max(Z_ON * scale, float(np.log(LEAST)))
        size = max((self.now - level) / limit - 1.0, 0.0)
        high = float(np.exp(level + limit))
        said = Said(now, usual, 0.0, high, "s", min(0.5 * (1.0 + size), 1.0), 0.5, size)
        slowest = int(np.nanargmin(frame.speed)) if np.isfinite(frame.speed).any() else 0
        return self.road.finding(
            "travel", "travel_time_high", state, frame.ts_ms, self.open, said, reason, (slowest,),
            "travel_time/1",
        )  # fmt: skip

    def dump(self) -> dict[str, Any]:
        return {"usual": self.usual.dump(), **{k: getattr(self, k) for k in _VALUES}}

    def load(self, dumped: dict[str, Any]) -> None:
        self.usual.load(dumped["usual"])
        for k in _VALUES:
            setattr(self, k, dumped[k])


_VALUES = ("now", "over_s", "calm_s", "learned", "open")
