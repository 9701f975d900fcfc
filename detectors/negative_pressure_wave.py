"""Where a leak is, by the arrival times of its negative pressure wave at the stations on both sides.

x = (L + a (t_a - t_b)) / 2 from the upstream station (Silva, Buiatti, Cruz & Pereira 1996, *Pressure wave behaviour and
leak detection in pipelines*, Computers chem. Engng 20). The wave speed `a` and the difference of the two clocks are
learned from normal operation: a pump or a valve of a station sends a wave over the whole stretch, whose travel time is
L/a plus the difference of clocks downstream, less it upstream. The direction of a wave is the sign of dp dq.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from detectors.group import F64
from detectors.onset import Pick, pick

KEPT = 20  # travel times remembered in each direction
CALIBRATE_Z = 12.0
WINDOW_S = (12.0, 6.0)  # before and after the rough onset
DIGITS = np.array([5e-4, 0.05])  # MPa, m3/h
POINT_M = 400.0  # beyond this standard deviation the answer is a segment
SLOW_M = 1500.0  # standard deviation at least, where the leak opens slowly: its beginning is below the noise
SHARP = 0.6  # a front has risen this far after a second of what it is after five
UNSYNC_S = 0.25  # clocks that differ by more are not synchronised
ODD = 2  # waves whose time is impossible: not these clocks
UNKNOWN_S = 3.0  # standard deviation of clocks that are not confirmed, or were found to be other than told


class Located(NamedTuple):
    """Chainage from the upstream station and its standard deviation, metres; the onset at the leak, ms."""

    x_m: float
    sd_m: float
    onset_ms: float


class Travel:
    """Travel time of waves over one stretch, learned; without a wave yet the prior of the wave speed."""

    def __init__(self, length_m: float, wave_m_s: float, wave_sd: float, clock_s: float) -> None:
        self.length_m, self.clock_s = length_m, clock_s  # clock_s: sd of the difference of both clocks
        self.prior = length_m / wave_m_s
        self.prior_sd = self.prior * wave_sd
        self.seen: tuple[list[float], list[float]] = ([], [])  # downstream, upstream, seconds
        self.odd = 0  # waves whose time could not be one

    def add(self, seconds: float, upstream: bool) -> bool:
        """A wave went over the stretch; False where the time cannot be one."""
        if abs(seconds - self.prior) > 3.0 * self.prior_sd + 3.0 * self.clock_s:
            self.odd += 1
            return False
        self.odd = max(0, self.odd - 1)
        kept = self.seen[upstream]
        kept.append(seconds)
        del kept[:-KEPT]
        return True

    @property
    def synchronised(self) -> bool:
        """Whether the clocks are good enough for a point: told to be, and waves of both directions agree."""
        return self.clock_s <= UNSYNC_S and all(self.seen) and not self._wrong()

    def _wrong(self) -> bool:
        """Do waves of both directions show another difference of clocks than their standard deviations allow?"""
        down, up = self.seen
        if self.odd >= ODD:
            return True
        if not down or not up:
            return False
        sd = 0.5 * np.hypot(_error(down), _error(up))
        return abs(_median(down) - _median(up)) / 2.0 > 4.0 * float(np.hypot(self.clock_s, sd))

    def _clock_sd(self) -> float:
        """What is told of the clocks is believed once waves of both directions agree with it."""
        return self.clock_s if all(self.seen) and not self._wrong() else max(self.clock_s, UNKNOWN_S)

    def estimate(self) -> tuple[float, float, float, float]:
        """(travel time s, its sd, difference of clocks b - a in s, its sd)."""
        down, up = self.seen
        if not down and not up:
            return self.prior, self.prior_sd, 0.0, self._clock_sd()
        if down and up:
            t = 0.5 * (_median(down) + _median(up))
            sd = 0.5 * float(np.hypot(_error(down), _error(up)))
            if not self.synchronised:  # what was learned need not hold: such clocks wander
                return t, sd, 0.0, self._clock_sd()
            trust = self.clock_s**2 / (self.clock_s**2 + sd**2)  # clocks that are known to be good are believed
            ahead = 0.5 * (_median(down) - _median(up)) * trust
            return t, sd, ahead, float(np.sqrt(trust)) * sd
        one = down or up
        return _median(one), float(np.hypot(_error(one), self._clock_sd())), 0.0, self._clock_sd()

    def locate(self, a_s: float, b_s: float, a_sd: float, b_sd: float) -> Located:
        """From onsets at both ends (seconds since any time) and their standard deviations."""
        t, t_sd, ahead, ahead_sd = self.estimate()
        wave = self.length_m / t
        late = a_s - (b_s - ahead)
        x = 0.5 * (self.length_m + wave * late)
        sd = np.hypot(0.5 * wave * np.sqrt(a_sd**2 + b_sd**2 + ahead_sd**2), 0.5 * abs(late) * wave * t_sd / t)
        if not self.synchronised:
            sd = max(sd, 1.25 * POINT_M)
        x = min(max(x, 0.0), self.length_m)
        return Located(float(x), float(sd), 1000.0 * (a_s - x / wave))

    def dump(self) -> Any:
        return [*(list(s) for s in self.seen), self.odd]

    def load(self, dumped: Any) -> None:
        self.seen, self.odd = (list(dumped[0]), list(dumped[1])), dumped[2]


def _median(x: list[float]) -> float:
    return float(np.median(x))


def _error(x: list[float]) -> float:
    """Standard deviation of the median, from the spread or, of few, from what a pick is worth."""
    spread = 1.4826 * float(np.median(np.abs(np.array(x) - np.median(x)))) if len(x) > 3 else 0.0
    return 1.25 * max(spread, 0.08) / float(np.sqrt(len(x)))


def steps(y: F64, w: int) -> F64:
    """Mean of the w samples from each place on less that of the w before it: float64[n], 0 near the ends."""
    out = np.zeros(len(y))
    if len(y) < 2 * w:
        return out
    good = np.isfinite(y)
    x = np.where(good, y, 0.0)
    total, count = np.concatenate([[0.0], np.cumsum(x)]), np.concatenate([[0.0], np.cumsum(good)])
    ahead, back = total[2 * w :] - total[w:-w], total[w:-w] - total[: -2 * w]
    na, nb = count[2 * w :] - count[w:-w], count[w:-w] - count[: -2 * w]
    with np.errstate(invalid="ignore", divide="ignore"):
        diff = ahead / na - back / nb
    out[w : len(y) - w + 1] = np.where(np.minimum(na, nb) >= 0.5 * w, diff, 0.0)
    return out


def risen(residual: F64, at: int, rough: int, per_s: float) -> tuple[float, float]:
    """How far the residual float64[n] is above its mean before the onset `at`: 0.5 to 2 s after it, and 4 to 6 s after
    the rough onset. A front is there at once, a leak that opens slowly goes on rising."""
    around = [
        (at - 8.0 * per_s, at - per_s),
        (at + 0.5 * per_s, at + 2.0 * per_s),
        (rough + 4 * per_s, rough + 6 * per_s),
    ]
    parts = [residual[max(0, round(lo)) : max(1, round(hi))] for lo, hi in around]
    before, early, late = (float(np.nanmean(p)) if np.isfinite(p).any() else np.nan for p in parts)
    return early - before, late - before


def refine(pressure: F64, residual: F64, rough: int, per_s: float, stretch: float = 1.0) -> tuple[Pick, int] | None:
    """(pick, index where its window begins) about a rough onset in pressure and residual float64[n]."""
    before, after = (round(w * stretch * per_s) for w in WINDOW_S)
    lo, hi = max(0, rough - before), min(len(pressure), rough + after)
    quiet = max(8, (rough - lo) - round(3.0 * stretch * per_s))
    if hi - rough < 0.4 * after or rough - lo < 0.4 * before:
        return None
    found = pick(np.stack([pressure[lo:hi], residual[lo:hi]]), quiet, DIGITS)
    return None if found is None else (found, lo)
