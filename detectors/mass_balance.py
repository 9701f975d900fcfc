"""Mass balance of a stretch with its line-pack, over windows of seconds to minutes (API RP 1130: volume balance).

The imbalance is inflow less outflow less what the line-pack takes up. `packed` is the text-book form with the pack from
the mean pressure, V = (A L / (rho a^2)) p: compressibility and elasticity of the pipe are both in the wave speed
(a^2 = (K / rho) / (1 + K D / (E e)), Wylie & Streeter 1993, ch. 1). It is right once waves have settled; the residuals
of `transient_model` are right at once, and are what is judged.

Judged is the mean of the newest w seconds against the mean of a stretch before them, in units of what that
difference usually is here (slow drift of meters cancels). After an operation the threshold rises with what the flows
moved, by `SHARE`: no model of a pipe is perfect (API RP 1130 calls it a dynamic threshold). A leak lowers the pressure
at both ends; one that rises is an operation or a pig that passes, and raises the threshold by all that its wave may
move at both ends, 2 dp / Z, until it has settled.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from detectors.compiled import jit
from detectors.group import F64

WINDOWS = ((5, 40), (15, 60), (45, 120))  # seconds judged, seconds before them
GAS_WINDOWS = ((60, 300), (300, 900), (900, 1500))  # the pack of gas is large: its error falls with the window
Z_ON, Z_CALM = 7.0, 3.5
GAS_Z_ON = 5.0  # its windows are long: few of them in a week
GAS_MEMORY_S = 21_600.0  # a leak that grows over many minutes must not become the usual
LEAST = 0.003  # of the flow
RISE_MPA = 0.015  # less is noise
SHARE = 0.06
SHARE_UNTUNED = 0.6  # before the wave speed is learned
SHARE_GAS = 0.03
WARM_S, MEMORY_S = 600.0, 3600.0
EARLY_S, EARLY = 10.0, 0.1  # while little is known only this share of the flow is told
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
def look(rows: Any, n: Any, lengths: Any, out: Any) -> None:
    """out float64[W, 3]: excess of the newest window over the stretch before it, that stretch's mean, flow; NaN where
    too much is lost."""
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


@jit
def stirred(rows: Any, n: Any, settle: Any, width: Any, per_mpa: Any) -> Any:
    """What operations did in the newest `settle` rows, by means of `width` rows: (how much the flows moved, m3/h, both
    ranges together; what the wave of the largest rise of a pressure may move, m3/h)."""
    end = len(rows)
    moved = rose = 0.0
    for c in range(3, 7):
        low, high, up = np.inf, -np.inf, 0.0
        for j in range(min(n, settle) // width - 1, -1, -1):  # the oldest first
            total = 0.0
            for i in range(end - (j + 1) * width, end - j * width):
                total += rows[i, c]
            if total == total:
                low, high = min(low, total / width), max(high, total / width)
                up = max(up, total / width - low)
        if c < 5:
            moved += max(0.0, high - low)
        elif up > RISE_MPA:
            rose = max(rose, 2.0 * per_mpa * up)  # at both ends of the stretch
    return moved, rose


@jit
def choose(
    found: Any, scale: Any, learned: Any, moved: Any, share: Any, own: Any, rose: Any, z_on: Any, out: Any
) -> int:
    """The window that stands out most, -1: none; out float64[W, 2]: sd and threshold of each."""
    best, most = -1, -np.inf
    for k in range(len(found)):
        excess = found[k, 0]
        if excess != excess or learned[k] < EARLY_S:
            continue
        sd = max(scale[k], 1e-6)
        least = LEAST if learned[k] >= WARM_S else EARLY
        # what the leak itself moves is the excess; anything more is an operation
        operation = share * max(0.0, moved[k] - own * abs(excess) - 12.0 * sd) + rose[k]
        out[k, 0], out[k, 1] = sd, max(z_on * sd, least * found[k, 2]) + operation
        if excess / out[k, 1] > most:
            best, most = k, excess / out[k, 1]
    return best


@jit
def learn(found: Any, scale: Any, learned: Any, step_s: Any, memory_s: Any) -> None:
    """Running mean of the excesses' size, those of each window bounded by thrice the usual; in place."""
    for k in range(len(found)):
        if not np.isfinite(found[k, 0]):
            continue
        learned[k] += step_s
        gain = max(step_s / memory_s, step_s / learned[k])
        size = abs(found[k, 0]) * ABS_TO_SD
        held = min(size, 3.0 * ABS_TO_SD * scale[k]) if learned[k] > 120.0 else size
        scale[k] += gain * (held - scale[k])


@jit
def judge(
    rows: Any, n: Any, lengths: Any, settle: Any, width: Any, scale: Any, learned: Any, share: Any, own: Any,
    per_mpa: Any, z_on: Any, learning: Any, step_s: Any, memory_s: Any, found: Any, of: Any,
) -> int:  # fmt: skip
    """`look`, `choose`, and `learn` unless something is open or far out."""
    found[:] = np.nan
    look(rows, n, lengths, found)
    moved, rose = np.zeros(len(lengths)), np.zeros(len(lengths))
    for j in range(len(lengths)):  # as far back as a window looks, and until the waves have left
        moved[j], rose[j] = stirred(rows, n, lengths[j, 0] + lengths[j, 1] + settle, width, per_mpa)
    k = choose(found, scale, learned, moved, share, own, rose, z_on, of)
    if learning and (k < 0 or found[k, 0] < 2 * z_on * of[k, 0]):
        learn(found, scale, learned, step_s, memory_s)
    return k


@jit
def shift(rows: Any, ts: Any, at: Any, lost: Any, ra: Any, rb: Any, qa: Any, qb: Any, pa: Any, pb: Any) -> None:
    """The newest row at the end."""
    rows[:-1] = rows[1:]
    ts[:-1] = ts[1:]
    rows[-1, 0], rows[-1, 1], rows[-1, 2], rows[-1, 3], rows[-1, 4] = lost, ra, rb, qa, qb
    rows[-1, 5], rows[-1, 6] = pa, pb
    ts[-1] = at


class MassBalance:
    """Series of one stretch, a row a step: imbalance, r_a, r_b, q_a, q_b, p_a, p_b; scale of each window. `per_mpa`:
    m3/h that a wave of 1 MPa moves, 1 / Z."""

    def __init__(
        self,
        step_s: float,
        settle_s: float,
        per_mpa: float,
        windows: tuple[tuple[int, int], ...] = WINDOWS,
        z_on: float = Z_ON,
        memory_s: float = MEMORY_S,
    ) -> None:
        self.step_s, self.per_mpa, self.z_on, self.memory_s = step_s, per_mpa, z_on, memory_s
        self.settle = max(1, round(settle_s / step_s))
        self.width = max(1, round(5.0 / step_s))
        self.rows = np.full((KEPT, 7), np.nan)
        self.ts = np.zeros(KEPT, np.int64)
        self.n = 0
        self.scale = np.zeros(len(windows))
        self.learned = np.zeros(len(windows))  # seconds
        self.lengths = np.array([[max(2, round(w / step_s)), max(4, round(b / step_s))] for w, b in windows])
        self.found, self.of = np.empty((len(windows), 3)), np.empty((len(windows), 2))  # of the newest judgement

    def push(self, ts_ms: int, lost: float, ra: float, rb: float, qa: float, qb: float, pa: float, pb: float) -> None:
        """Means of a step in m3/h and MPa; `lost`: the imbalance r_a - r_b, less what a cavity explains."""
        shift(self.rows, self.ts, ts_ms, lost, ra, rb, qa, qb, pa, pb)
        self.n = min(self.n + 1, KEPT)

    def tail(self, steps: int, column: int = 0) -> F64:
        out: F64 = self.rows[-min(steps, self.n) :, column] if self.n else np.empty(0)
        return out

    def judge(self, learning: bool, share: float = SHARE) -> Judged | None:
        """The most unusual window; None while little is known. `learning`: nothing is open. `share`: of moved flows."""
        own = 2.0 if share == SHARE else 0.0
        k = judge(
            self.rows, self.n, self.lengths, self.settle, self.width, self.scale, self.learned, share, own,
            self.per_mpa, self.z_on, learning, self.step_s, self.memory_s, self.found, self.of,
        )  # fmt: skip
        if k < 0:
            return None
        (excess, base, _), (sd, threshold) = self.found[k].tolist(), self.of[k].tolist()
        return Judged(excess / sd, excess, base, threshold, float(self.lengths[k, 0]) * self.step_s, sd)

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
        self.rows = np.frombuffer(dumped["rows"]).reshape(KEPT, 7).copy()
        self.ts = np.frombuffer(dumped["ts"], np.int64).copy()
        self.n, self.scale, self.learned = dumped["n"], np.array(dumped["scale"]), np.array(dumped["learned"])
