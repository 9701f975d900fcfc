"""Waves of normal operation that pass a whole stretch, watched to learn its travel time.

Downstream: the wave is at station a first, with dp and dq of one sign at both ends. Upstream: at b first, with dp and
dq of opposite signs (Wylie & Streeter 1993, ch. 1: dp = ±rho a dv along the two characteristics). A leak sends waves
apart and is neither.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.negative_pressure_wave import Travel, refine, steps
from detectors.onset import Pick
from detectors.pipeline_frames import Frames
from detectors.pipeline_stations import Pipe

LEAST_MPA = 0.012  # change of pressure within seconds that is worth a look
CLEAR_Z = 12.0
KEPT = 16  # steps of the short means
SURE_S = 0.4


@jit
def push(y: Any, p: Any) -> bool:
    """Take the newest mean into y float64[n]; is the step in the middle of the oldest `KEPT` the largest near it?"""
    y[:-1] = y[1:]
    y[-1] = p
    m = KEPT // 2
    jump = abs(y[m] + y[m + 1] - y[m - 3] - y[m - 2]) / 2.0
    if not jump > LEAST_MPA:
        return False
    for d in range(-4, 5):
        if d != 0 and abs(y[m + d] + y[m + d + 1] - y[m + d - 3] - y[m + d - 2]) / 2.0 > jump:
            return False
    return True


class Waves:
    """`travel` of one stretch; looks at each step one travel time and a bit back, so that the far end is known."""

    def __init__(self, length_m: float, pipe: Pipe, clock_s: float, frames: Frames, a: int, b: int) -> None:
        self.travel = Travel(length_m, pipe.wave_m_s, pipe.wave_sd, clock_s)
        self.frames, self.ends = frames, (a, b)
        t = self.travel
        self.back = round((t.prior + 3.0 * t.prior_sd + 3.0 * t.clock_s + 10.0) / frames.step_s)
        self.short = np.full((2, self.back + KEPT), np.nan)  # means of a step, newest last

    def step(self, pa: float, pb: float) -> bool:
        """Means of the newest step; True when a travel time was learned."""
        learned = False
        for source, p in enumerate((pa, pb)):
            if push(self.short[source], p):
                learned |= self._measure(source)
        return learned

    def _measure(self, source: int) -> bool:
        """Pick a wave at its source `back` steps ago, then at the other end."""
        f, t = self.frames, self.travel
        per_s = 1000.0 / f.dt_ms
        centre = f.done - (self.back + KEPT // 2) * f.per  # the middle of the short means
        one = self._pick(source, centre - 8 * per_s, centre + 8 * per_s)
        if one is None or (one[1].step[0] * one[1].step[1] > 0) != (source == 0):
            return False
        wide = 3.0 * t.prior_sd + 3.0 * t.clock_s + 1.0
        bucket = one[0]
        two = self._pick(1 - source, bucket + (t.prior - wide) * per_s, bucket + (t.prior + wide) * per_s)
        if two is None or (two[1].step[0] * two[1].step[1] > 0) != (source == 0):
            return False
        if two[1].step[0] * one[1].step[0] <= 0:
            return False
        sd = np.hypot(one[1].sd, two[1].sd) / per_s
        if sd > SURE_S:
            return False
        seconds = (f.when(self.ends[1 - source], two[0]) - f.when(self.ends[source], one[0])) / 1000.0
        return t.add(seconds, source == 1)

    def _pick(self, end: int, lo: float, hi: float) -> tuple[float, Pick] | None:
        """(bucket of the onset, pick) of the strongest step of pressure in buckets [lo, hi]."""
        f = self.frames
        per_s = 1000.0 / f.dt_ms
        begin, stop = round(lo - 14 * per_s), round(hi + 8 * per_s)
        begin, stop = max(begin, f.done - f.n // 2 + 2), min(stop, f.done + 1)
        if stop - begin < 20 * per_s:
            return None
        station = self.ends[end]
        p, q = f.window(station, begin, stop), f.window(station + f.stations, begin, stop)
        diff = np.abs(steps(p, max(2, round(2 * per_s))))
        inside = diff[max(0, round(lo - begin)) : max(1, round(hi - begin))]
        if not len(inside):
            return None
        rough = max(0, round(lo - begin)) + int(np.argmax(inside))
        got = refine(p, q, rough, per_s)
        if got is None or got[0].z < CLEAR_Z:
            return None
        return begin + got[1] + got[0].at, got[0]

    def forget(self) -> None:
        self.short[:] = np.nan

    def dump(self) -> Any:
        return [self.travel.dump(), self.short.tobytes()]

    def load(self, dumped: Any) -> None:
        self.travel.load(dumped[0])
        self.short = np.frombuffer(dumped[1]).reshape(self.short.shape).copy()
