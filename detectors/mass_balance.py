"""Mass balance of a stretch with its line-pack, over windows of seconds to minutes (API RP 1130: modified volume balance).

The imbalance is inflow less outflow less what the line-pack takes up. `packed` is the text-book form with the pack from the
mean pressure, V = (A L / (rho a^2)) p: compressibility and elasticity of the pipe are both in the wave speed
(a^2 = (K / rho) / (1 + K D / (E e)), Wylie & Streeter 1993, ch. 1). It is right once waves have settled; the residuals of
`transient_model` are right at once, and are what is judged where the stretch has both meters.

Judged is the mean of the newest w seconds against the mean of a stretch before them, in units of what that
difference usually is here (slow drift of meters cancels). After an operation the threshold rises with what the flows moved, by
`SHARE`: no model of a pipe is perfect (API RP 1130 calls it a dynamic threshold).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from detectors.group import F64

WINDOWS = ((5, 40), (15, 60), (45, 120))  # seconds judged, seconds before them
Z_ON, Z_CALM = 7.0, 3.5
LEAST = 0.003  # of the flow
SHARE = 0.06
SHARE_UNTUNED = 0.25  # before the wave speed is learned
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
        self.windows = [(max(2, round(w / step_s)), max(4, round(b / step_s))) for w, b in WINDOWS]

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
        """The most unusual window of now; None while little is known. `learn`: nothing is open. `share`: of moved flows."""
        x = self.rows[:, 0]
        best: Judged | None = None
        diffs = np.full(len(WINDOWS), np.nan)
        moved = self._moved()
        for k, (w, before) in enumerate(self.windows):
            if self.n < w + before:
                continue
            new, old = x[-w:], x[-w - before : -w]
            if np.isfinite(new).mean() < 0.8 or np.isfinite(old).mean() < 0.8:
                continue
            base = float(np.nanmean(old))
            diffs[k] = float(np.nanmean(new)) - base
            if self.learned[k] < WARM_S:
                continue
            flow = float(np.nanmean(np.abs(self.rows[-w:, 3])))
            sd = max(float(self.scale[k]), 1e-6)
            # what the leak itself moves is the excess; anything more is an operation
            operation = share * max(0.0, moved - 2.0 * abs(float(diffs[k])) - 12.0 * sd)
            threshold = max(Z_ON * sd, LEAST * flow) + operation
            found = Judged(float(diffs[k]) / sd, float(diffs[k]), base, threshold, w * self.step_s, sd)
            if best is None or found.excess / found.threshold > best.excess / best.threshold:
                best = found
        if learn:
            self._learn(diffs, best is None or best.z < 2 * Z_ON)
        return best

    def _moved(self) -> float:
        """How much the flows moved lately, m3/h: ranges of five-second means."""
        q = self.rows[-self.settle :, 3:5]
        width = max(1, round(5.0 / self.step_s))
        n = len(q) // width * width
        if n < 2 * width:
            return 0.0
        with np.errstate(invalid="ignore"):
            means = q[-n:].reshape(-1, width, 2).mean(axis=1)
        good = means[np.isfinite(means).all(axis=1)]
        return float((good.max(axis=0) - good.min(axis=0)).sum()) if len(good) else 0.0

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
