"""Mass balance of a stretch with its line-pack, over windows of seconds to minutes (API RP 1130: volume balance).

The imbalance is inflow less outflow less what the line-pack takes up. `packed` is the text-book form with the pack from
the mean pressure, V = (A L / (rho a^2)) p: compressibility and elasticity of the pipe are both in the wave speed
(a^2 = (K / rho) / (1 + K D / (E e)), Wylie & Streeter 1993, ch. 1). It is right once waves have settled; the residuals
of `transient_model` are right at once, and are what is judged.

Judged is the mean of the newest w seconds against the mean of a stretch before them, in units of what that
difference usually is here (slow drift of meters cancels). After an operation the threshold rises with what the flows
moved, by `SHARE`: no model of a pipe is perfect (API RP 1130 calls it a dynamic threshold).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from detectors.compiled import jit
from detectors.group import F64

WINDOWS = ((5, 40), (15, 60), (45, 120))  # seconds judged, seconds before them
Z_ON, Z_CALM = 7.0, 3.5
LEAST = 0.003  # of the flow
SHARE = 0.06
SHARE_UNTUNED = 0.6  # before the wave speed is learned
WARM_S, MEMORY_S = 600.0, 3600.0
KEPT = 512  # steps
ABS_TO_SD = 1.2533


class Judged(NamedTuple):
    """The window that stands out most: its excess (m3/h) over `base`, threshold, z, length and age of its begin, s."""

    z: float
    excess: float
    base: float
    threshold: float
    window_s: float
    sd: float

    @property
    def alarm(self) -> bool:
        return self.excess >= self.threshold


def packed(inflow: F64, outflow: F64, pressure: F64, step_s: float, capacity: float) -> F64:
    """Imbalance m3/h float64[n] by the mean pressure (MPa) of a stretch; capacity A L / (rho a^2) in m3 per MPa."""
    change = np.gradient(pressure, step_s) * 3600.0
    out: F64 = inflow - outflow - capacity * change
    return out


def capacity_m3_per_mpa(length_m: float, diameter_m: float, density: float, wave_m_s: float) -> float:
    """Line-pack per pressure.

    >>> round(capacity_m3_per_mpa(30_000, 0.305, 850, 1050), 2)
    2.34
    """
    return math.pi * diameter_m**2 / 4.0 * length_m / (density * wave_m_s**2) * 1e6


@jit
def look(rows: Any, n: Any, lengths: Any, settle: Any, width: Any, out: Any) -> float:
    """out float64[W, 3]: excess of the newest window over the stretch before it, that stretch's mean, flow; NaN where
    too much is lost. Returns how much the flows moved in the newest `settle` rows: ranges of means of `width` rows."""
    end = len(rows)
    for k in range(len(lengths)):
        w, before = lengths[k]
        if n < w + before:
            continue
        new = old = flow = 0.0
        n_new = n_old = 0
        for i in range(end - w - before, end):
            x = rows[i, 0]
            if x != x:
                continue
            if i < end - w:
                old += x
                n_old += 1
            else:
                new += x
                flow += abs(rows[i, 3])
                n_new += 1
        if n_new < 0.8 * w or n_old < 0.8 * before:
            continue
        out[k, 0], out[k, 1], out[k, 2] = new / n_new - old / n_old, old / n_old, flow / n_new
    moved = 0.0
    for c in (3, 4):
        low, high = np.inf, -np.inf
        for j in range(min(n, settle) // width):
            total = 0.0
            for i in range(end - (j + 1) * width, end - j * width):
                total += rows[i, c]
            if total == total:
                low, high = min(low, total / width), max(high, total / width)
        if high > low:
            moved += high - low
    return moved


class MassBalance:
    """Series of one stretch, a row a step: imbalance, r_a, r_b, q_a, q_b; scale of each window."""

    def __init__(self, step_s: float, settle_s: float) -> None:
        self.step_s = step_s
        self.settle = max(1, round(settle_s / step_s))
        self.rows = np.full((KEPT, 5), np.nan)
        self.ts = np.zeros(KEPT, np.int64)
        self.n = 0
        self.scale = np.zeros(len(WINDOWS))
        self.learned = np.zeros(len(WINDOWS))  # seconds
        self.lengths = np.array([[max(2, round(w / step_s)), max(4, round(b / step_s))] for w, b in WINDOWS])

    def push(self, ts_ms: int, ra: float, rb: float, qa: float, qb: float) -> None:
        self.rows[:-1] = self.rows[1:]
        self.ts[:-1] = self.ts[1:]
        self.rows[-1] = ra - rb, ra, rb, qa, qb
        self.ts[-1] = ts_ms
        self.n = min(self.n + 1, KEPT)

    def tail(self, steps: int, column: int = 0) -> F64:
        out: F64 = self.rows[-min(steps, self.n) :, column] if self.n else np.empty(0)
        return out

    def judge(self, learn: bool, share: float = SHARE) -> Judged | None:
        """The most unusual window; None while little is known. `learn`: nothing is open. `share`: of moved flows."""
        best: Judged | None = None
        found = np.full((len(WINDOWS), 3), np.nan)
        moved: float = look(self.rows, self.n, self.lengths, self.settle, max(1, round(5.0 / self.step_s)), found)
        diffs = found[:, 0]
        for k, (excess, base, flow) in enumerate(found.tolist()):
            if excess != excess or self.learned[k] < WARM_S:
                continue
            sd = max(float(self.scale[k]), 1e-6)
            # what the leak itself moves is the excess; anything more is an operation
            own = 2.0 * abs(excess) if share == SHARE else 0.0
            operation = share * max(0.0, moved - own - 12.0 * sd)
            threshold = max(Z_ON * sd, LEAST * flow) + operation
            one = Judged(excess / sd, excess, base, threshold, float(self.lengths[k, 0]) * self.step_s, sd)
            if best is None or one.excess / one.threshold > best.excess / best.threshold:
                best = one
        if learn:
            self._learn(diffs, best is None or best.z < 2 * Z_ON)
        return best

    def _learn(self, diffs: F64, usual: bool) -> None:
        known = np.isfinite(diffs)
        if not known.any() or not usual:
            return
        self.learned += np.where(known, self.step_s, 0.0)
        gain = np.maximum(self.step_s / MEMORY_S, self.step_s / np.maximum(self.learned, self.step_s))
        size = np.abs(diffs) * ABS_TO_SD
        held = np.minimum(size, np.where(self.learned > 120.0, 3.0 * ABS_TO_SD * self.scale, size))
        self.scale = np.where(known, self.scale + gain * (held - self.scale), self.scale)

    def forget(self) -> None:
        """After a gap: the series begins anew, the scales stay."""
        self.n = 0
        self.rows[:] = np.nan

    def dump(self) -> dict[str, Any]:
        return {
            "rows": self.rows.tobytes(), "ts": self.ts.tobytes(), "n": self.n, "scale": self.scale.tolist(),
            "learned": self.learned.tolist(),
        }  # fmt: skip

    def load(self, dumped: dict[str, Any]) -> None:
        self.rows = np.frombuffer(dumped["rows"]).reshape(KEPT, 5).copy()
        self.ts = np.frombuffer(dumped["ts"], np.int64).copy()
        self.n, self.scale, self.learned = dumped["n"], np.array(dumped["scale"]), np.array(dumped["learned"])
