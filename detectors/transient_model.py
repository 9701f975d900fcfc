"""Real-time transient model of one stretch of pipe (API RP 1130: RTTM): what should the flows at both ends be now?

The stretch is marched by the method of characteristics (Wylie & Streeter 1993, ch. 3) with the measured pressures as
boundaries; the flows that it answers are compared with the measured ones. The line-pack is thereby that of the waves in
the pipe, not of the mean pressure: pumps and valves at stations move model and meters alike, whatever they do, and only
what leaves between the stations remains in the residuals:

    near end: r_a = q_a - model > 0,  far end: r_b = q_b - model < 0,  imbalance = r_a - r_b

of about the leak each when its wave arrives, attenuated by friction. One unknown is followed by slow feedback on the
mean of the residuals: the friction where elevations are known, else the pressure offset.

Gas flows isothermally: with flows at standard conditions (the mass flow) and the isothermal speed of sound the
characteristics are the same, and the friction of a reach is divided by the absolute pressure there,
p dp = -K q |q| dx / L (ibid., gas in pipes; the inertia of a changing velocity is left out). The line-pack follows from
p V = z R T in them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.group import F64
from detectors.pipeline_stations import GRAVITY, Pipe

FRICTION = 0.018  # Darcy, before anything is learned
SLOW_S, QUICK_S = 600.0, 60.0
AIR_MPA = 0.1  # gauge to absolute


@jit
def drag(k: Any, q: Any, p: Any, gas: Any) -> float:
    """Pressure lost in a reach."""
    return float(k * q * abs(q) / max(p + AIR_MPA, 1e-3) if gas else k * q * abs(q))


@jit
def march(p: Any, q: Any, rows: Any, up: Any, z: Any, loss: Any, gas: Any, ra: Any, rb: Any) -> Any:
    """Through the samples of rows float64[4, k] (p_a, p_b, q_a, q_b), in place; p, q float64[n + 1]; `up` is added to
    p_b. Lost readings hold the boundary and give NaN. Returns (half of the mean of r_a + r_b, mean flow), NaN where a
    reading is lost."""
    n = len(p) - 1
    k = loss / n
    off = flow = 0.0
    for t in range(rows.shape[1]):
        pa, pb, qa, qb = rows[0, t], rows[1, t], rows[2, t], rows[3, t]
        a = pa if pa == pa else p[0]
        b = pb + up if pb == pb else p[n]
        right = p[0] + z * q[0] - drag(k, q[0], p[0], gas)  # goes downstream, from node i - 1
        left = p[1] - z * q[1] + drag(k, q[1], p[1], gas)
        p[0], q[0] = a, (a - left) / z
        for i in range(1, n):
            left = p[i + 1] - z * q[i + 1] + drag(k, q[i + 1], p[i + 1], gas)
            own = p[i] + z * q[i] - drag(k, q[i], p[i], gas)
            p[i], q[i] = 0.5 * (right + left), (right - left) / (2.0 * z)
            right = own
        p[n], q[n] = b, (right - b) / z
        ra[t] = qa - q[0] if pa == pa else np.nan
        rb[t] = qb - q[n] if pb == pb else np.nan
        off += ra[t] + rb[t]
        flow += qa + qb
    return 0.5 * off / rows.shape[1], 0.5 * flow / rows.shape[1]


class TransientModel:
    """One stretch, `rise_m` higher at its end. `z`: impedance, MPa per m3/h; `loss`: K of p_a - p_b = K q |q|, MPa per
    (m3/h)^2; of gas K of (p_a^2 - p_b^2) / 2 = K q |q|, MPa^2 per (m3/h)^2."""

    def __init__(self, length_m: float, dt_s: float, pipe: Pipe, rise_m: float) -> None:
        self.length_m, self.dt_s, self.z, self.gas = length_m, dt_s, pipe.impedance, pipe.gas
        self.z_per_wave = self.z / pipe.wave_m_s
        self.wave2 = pipe.wave_m_s**2
        self.weight = GRAVITY * rise_m / 1e6  # times the density: added to p_b
        self.static = 0.0 if pipe.gas else pipe.density * self.weight
        self.known = pipe.levels
        area = np.pi * pipe.diameter_m**2 / 4.0
        self.darcy = FRICTION * length_m * pipe.density / (2.0 * pipe.diameter_m * area**2) / 3600.0**2 / 1e6
        if pipe.gas:
            self.darcy *= pipe.density * self.wave2 / 1e6
        self.loss, self.offset = 0.0, 0.0
        self.age_s = -1.0  # < 0: not begun
        self.p = self.q = np.zeros(0)
        self.reaches = max(1, round(length_m / (pipe.wave_m_s * dt_s)))

    def tune(self, wave_m_s: float) -> None:
        """Another wave speed: the state is laid on the new grid."""
        self.z = self.z_per_wave * wave_m_s
        n = max(1, round(self.length_m / (wave_m_s * self.dt_s)))
        if n != self.reaches and self.age_s >= 0:
            old, new = np.linspace(0, 1, self.reaches + 1), np.linspace(0, 1, n + 1)
            self.p, self.q = np.interp(new, old, self.p), np.interp(new, old, self.q)
        self.reaches = n

    def step(self, rows: F64, learn: bool) -> tuple[F64, F64]:
        """Residuals (r_a, r_b) float64[k] in m3/h of rows float64[4, k]: pressures (MPa) and flows (m3/h) at both ends.
        NaN before it began, for lost readings."""
        count = rows.shape[1]
        if self.age_s < 0 and not self._begin(*(float(x) for x in rows.mean(axis=1))):
            return np.full(count, np.nan), np.full(count, np.nan)
        ra, rb = np.empty(count), np.empty(count)
        off, flow = march(self.p, self.q, rows, self.static + self.offset, self.z, self.loss, self.gas, ra, rb)
        span = count * self.dt_s
        self.age_s += span
        if learn and math.isfinite(off) and abs(flow) > 0:
            gain = span / (QUICK_S if self.age_s < 10 * QUICK_S else SLOW_S)
            off = min(max(off, -0.05 * abs(flow)), 0.05 * abs(flow))
            if self.known:
                self.loss *= 1.0 - 2.0 * gain * off / flow
            else:
                mean = 0.5 * float(self.p[0] + self.p[-1]) + AIR_MPA if self.gas else 1.0
                self.offset -= 2.0 * gain * off * self.loss * abs(flow) / mean
        return ra, rb

    def _begin(self, pa: float, pb: float, qa: float, qb: float) -> bool:
        flow = 0.5 * (qa + qb)
        if not math.isfinite(pa + pb + flow) or flow == 0.0:
            return False
        if self.gas:
            self.static = (0.5 * (pa + pb) + AIR_MPA) * 1e6 / self.wave2 * self.weight
        a, b = pa, pb + self.static
        mean = 0.5 * (a + b) + AIR_MPA if self.gas else 1.0
        fitting = mean * (a - b) / (flow * abs(flow))
        self.known = self.known and 0.3 * self.darcy < fitting < 4.0 * self.darcy
        self.loss = fitting if self.known else self.darcy
        self.offset = 0.0 if self.known else a - b - self.loss * flow * abs(flow) / mean
        b += self.offset
        x = np.linspace(0.0, 1.0, self.reaches + 1)
        self.p = (
            np.sqrt((a + AIR_MPA) ** 2 * (1 - x) + (b + AIR_MPA) ** 2 * x) - AIR_MPA if self.gas else a + (b - a) * x
        )
        self.q = np.full(self.reaches + 1, flow)
        self.age_s = 0.0
        return True

    def forget(self) -> None:
        """After a gap: begin anew at the next readings."""
        self.age_s = -1.0

    def dump(self) -> list[Any]:
        state = [self.loss, self.offset, self.age_s, self.known, self.reaches, self.z, self.static]
        return [*state, self.p.tobytes(), self.q.tobytes()]

    def load(self, dumped: list[Any]) -> None:
        self.loss, self.offset, self.age_s, self.known, self.reaches, self.z = dumped[:6]
        self.static = dumped[6]
        self.p, self.q = (np.frombuffer(x).copy() for x in dumped[7:])
