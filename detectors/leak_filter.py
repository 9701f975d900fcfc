"""Does a leak stand out of what customers do? Meter and gauges together, for every place and several beginnings.

Residuals of a frame: the excess of the net inflow over the zone's pattern (a share) and the drops of the gauges below
what the head model gives for that pattern (metres). Their means over the last 2 to 30 min, less a forecast made before
the window began, are compared with what a leak at each gauge would do (`leak_signature`): the generalised likelihood
ratio of a step of unknown beginning, size and place in coloured Gaussian noise,

    T = s' C^-1 m / sqrt(s' C^-1 s)        (Kay 1998, *Fundamentals of Statistical Signal Processing II*, ch. 6 and 13)

- The forecast is half the last minutes' and half the last hour's mean residual: demand wanders at both paces, and a
  regression of the next quarter of an hour on the past puts about equal weight on them.
- C is learned for six classes of load, because a gauge's noise is constant and that of demand grows with the flow;
  thirst of the whole zone is in it, so that gauges weigh by what sets a leak apart.
- T has the scale that it had lately in each window and class, and short windows a higher bar: demand jumps.
Learned only from calm frames; a deviation of one sensor counts at most `CLIP` times its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from detectors.compiled import jit
from detectors.group import F64

WINDOWS_MIN = (2.0, 4.0, 8.0, 12.0, 15.0, 30.0)
BAR = (1.6, 1.4, 1.2, 1.05, 1.0, 1.2)
LOADS = np.array([0.5, 0.8, 1.0, 1.15, 1.3])  # of the mean inflow: bounds of the classes
SLOW_MS, FAST_MS, MIX = 2_700_000.0, 300_000.0, 0.5
MEMORY_MS = 151_200_000.0  # of covariance and scale, calm time in a class
START_MS, JUDGE_MS = 12_000_000.0, 3_600_000.0  # calm time in a class before T is scaled, and then before it judges
MOST_SHARE, MOST_M = 0.08, 1.0  # a frame moves the forecasts at most as if it were this far off
CLIP = 5.0
SIGMA = 1.2533141373155001  # mean absolute deviation to sigma of a normal
NOISE = (0.012, 0.15)  # first guess: share, metres


class Peak(NamedTuple):
    """The leak that stands out most: T over its bar, place (0: none in particular, else gauge + 1), mean excess of the
    meter and its usual deviation, window in frames, T of every place in that window float64[P + 1]."""

    z: float
    place: int
    mean: float
    sigma: float
    frames: int
    places: F64


@jit
def judge(
    ring: Any, base: Any, have: int, cov: Any, n: float, scale: Any, signs: Any, windows: Any, bar: Any, heard: Any,
    share: float, least: float, means: Any, t: Any, residual: Any, slow: Any, fast: Any,
) -> tuple[float, int, int]:  # fmt: skip
    """Put a frame's `residual` float64[K] into the rings; fill means float64[W, K], t float64[W, J]; (greatest T over
    its bar, its window, its place). `share`: a frame over a quarter of an hour, so that n * share is about how many
    independent samples C has."""
    size, places = ring.shape[1], signs.shape[0]
    c, s = np.zeros((size, size)), np.zeros((size, places))
    for back in range(len(ring) - 1, 0, -1):
        for k in range(size):
            ring[back, k], base[back, k] = ring[back - 1, k], base[back - 1, k]
    for k in range(size):
        base[0, k] = MIX * fast[k] + (1.0 - MIX) * slow[k]
        ring[0, k] = residual[k] if heard[k] else base[0, k]
    shrink = max(0.02, size / (size + n * share))
    for a in range(size):
        for b in range(size):
            if a != b and heard[a] and heard[b]:
                c[a, b] = cov[a, b] * (1.0 - shrink)
        c[a, a] = cov[a, a] * 1.02
        if heard[a]:
            s[a] = signs[:, a]
    weigh = np.linalg.solve(c, s)
    total, w = np.zeros(size), 0
    best, best_w, best_j = 0.0, 0, 0
    means[:], t[:] = np.nan, 0.0
    for back in range(min(have, windows[-1])):
        total += ring[back]
        if back + 1 != windows[w]:
            continue
        for k in range(size):
            means[w, k] = total[k] / (back + 1) - base[back, k]
        for j in range(places):
            z, power = 0.0, 1e-12
            for k in range(size):
                if heard[k]:
                    bound = CLIP * np.sqrt(cov[k, k])
                    z += weigh[k, j] * min(max(means[w, k], -bound), bound)
                    power += weigh[k, j] * s[k, j]
            z /= np.sqrt(power)
            t[w, j] = z
            if scale[w] > 0.0 and means[w, 0] >= least and z / (scale[w] * bar[w]) > best:
                best, best_w, best_j = z / (scale[w] * bar[w]), w, j
        w += 1
    return best, best_w, best_j


@jit
def teach(
    off: Any, slow: Any, fast: Any, gains: Any, judged: bool, means: Any, t: Any, at: int, step_ms: float, cov: Any,
    n: Any, scale: Any, scaled: Any,
) -> None:  # fmt: skip
    """A calm frame: forecasts, and where `judged` covariance, count and scales of one class, all changed in place."""
    size = len(off)
    for k in range(size):
        most = MOST_M if k else MOST_SHARE
        slow[k] += gains[0] * min(max(off[k] - slow[k], -most), most)
        fast[k] += gains[1] * min(max(off[k] - fast[k], -most), most)
    if not judged or not np.isfinite(means[at, 0]):
        return
    n[0] += 1.0
    slowest = step_ms / MEMORY_MS
    known = n[0] * step_ms >= START_MS
    m = means[at].copy()
    for k in range(size):
        if known:
            bound = 3.0 * np.sqrt(cov[k, k])
            m[k] = min(max(m[k], -bound), bound)
    rate = max(1.0 / (n[0] + 1.0), slowest)
    for a in range(size):
        for b in range(size):
            cov[a, b] += rate * (m[a] * m[b] - cov[a, b])
    if not known:
        return
    for w in range(len(scale)):
        if np.isfinite(means[w, 0]):
            spread = np.abs(t[w]).mean()
            if scaled[w] * step_ms > JUDGE_MS:
                spread = min(spread, 3.0 * SIGMA * scale[w])
            scaled[w] += 1.0
            scale[w] += max(1.0 / scaled[w], slowest) * (spread - scale[w])


class LeakFilter:
    """One zone of K - 1 gauges. State: two forecasts float64[K], residuals and forecasts of the last half hour
    float32[R, K] newest first, covariance float32[6, K, K], scales float64[6, W] and calm frames of each class."""

    def __init__(self, gauges: int, step_ms: int) -> None:
        size, self.step_ms = gauges + 1, step_ms
        minutes = step_ms / 60_000.0
        frames = sorted({max(1, round(w / minutes)) for w in WINDOWS_MIN})
        self.windows = np.array([n for n in frames if n > 1 or step_ms > 60_000], np.int64)
        self.bar = np.interp(self.windows * minutes, WINDOWS_MIN, BAR)
        self.middle = int(np.argmin(np.abs(self.windows * step_ms - 480_000)))
        self.gains = np.minimum(step_ms / np.array([SLOW_MS, FAST_MS]), 1.0)
        self.slow, self.fast = np.zeros(size), np.zeros(size)
        self.ring, self.base = (np.zeros((int(self.windows[-1]), size), np.float32) for _ in range(2))
        self.have = 0
        first = np.diag([NOISE[0] ** 2, *[NOISE[1] ** 2] * gauges]).astype(np.float32)
        self.cov = np.tile(first, (len(LOADS) + 1, 1, 1))
        self.n = np.zeros((len(LOADS) + 1, 1))
        self.scale, self.scaled = np.zeros((2, len(LOADS) + 1, len(self.windows)))
        self.means, self.t = np.zeros((len(self.windows), size)), np.zeros((len(self.windows), size))
        self.load = 0  # class of the last frame

    def forget(self) -> None:
        """After a gap: what was before it is no trailing window."""
        self.have = 0

    def push(self, residual: F64, load: float, signs: F64, least: float) -> Peak:
        """Take in a frame's residuals float64[K] (NaN: silent) at this load; `signs` float64[J, K] as `signatures` at
        this load; a leak whose excess by the meter is below `least` is none."""
        heard = np.isfinite(residual)
        self.have = min(self.have + 1, len(self.ring))
        k = self.load = int(np.searchsorted(LOADS, load))
        scale = np.where(self.scaled[k] * self.step_ms >= JUDGE_MS, self.scale[k] * SIGMA, 0.0)
        z, w, j = judge(
            self.ring, self.base, self.have, self.cov[k], float(self.n[k, 0]), scale, signs, self.windows, self.bar,
            heard, self.step_ms / 900_000.0, least, self.means, self.t, residual, self.slow, self.fast,
        )  # fmt: skip
        sigma = float(np.sqrt(self.cov[k, 0, 0]))
        return Peak(z, j, float(self.means[w, 0]), sigma, int(self.windows[w]), self.t[w].copy())

    def now(self, minutes: float) -> float:
        """Mean excess by the meter over the last minutes, against the forecast at the last calm frame."""
        frames = min(max(1, round(minutes * 60_000 / self.step_ms)), self.have)
        return float(self.ring[:frames, 0].mean() - self.base[0, 0])

    def learn(self, judged: bool) -> None:
        """The last frame was calm; `judged`: the pattern is trusted, so that it also teaches covariance and scale."""
        k = self.load
        teach(
            self.ring[0], self.slow, self.fast, self.gains, judged, self.means, self.t, self.middle,
            float(self.step_ms), self.cov[k], self.n[k], self.scale[k], self.scaled[k],
        )  # fmt: skip

    def hold(self) -> None:
        """A leak was told: its first minutes are in the fast forecast, which is not to be compared with."""
        self.fast[:] = self.slow

    def settle(self) -> None:
        """What lasts is the new usual."""
        self.slow[0] += self.now(8.0)
        self.fast[0] = self.slow[0]

    def _arrays(self) -> tuple[Any, ...]:
        return self.slow, self.fast, self.ring, self.base, self.cov, self.n, self.scale, self.scaled

    def dump(self) -> Any:
        return [self.have, *(part.tobytes() for part in self._arrays())]

    def load_state(self, dumped: Any) -> None:
        """Raises ValueError: the state is of other members."""
        self.have = int(dumped[0])
        for part, raw in zip(self._arrays(), dumped[1:], strict=True):
            part[...] = np.frombuffer(raw, part.dtype).reshape(part.shape)
