"""Real-time transient model of one stretch of pipe (API RP 1130: RTTM): what should the flows at both ends be now?

The stretch is marched by the method of characteristics (Wylie & Streeter 1993, ch. 3) with the measured pressures as
boundaries; the flows that it answers are compared with the measured ones. The line-pack is thereby that of the waves in
the pipe, not of the mean pressure: pumps and valves at stations move model and meters alike, whatever they do, and only
what leaves between the stations remains in the residuals:

    near end: r_a = q_a - model > 0,  far end: r_b = q_b - model < 0,  imbalance = r_a - r_b

of about the leak each when its wave arrives, attenuated by friction. One unknown is followed by slow feedback on the
mean of the residuals: the friction where elevations are known, else the pressure offset.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.group import F64

FRICTION = 0.018  # Darcy, before anything is learned
SLOW_S, QUICK_S = 600.0, 60.0


@jit
def march(p: Any, q: Any, pa: Any, pb: Any, qa: Any, qb: Any, z: Any, loss: Any, ra: Any, rb: Any) -> None:
    """Through len(pa) samples, in place; p, q float64[n + 1]. Lost readings hold the boundary and give NaN."""
    n = len(p) - 1
    for t in range(len(pa)):
        a = pa[t] if pa[t] == pa[t] else p[0]
        b = pb[t] if pb[t] == pb[t] else p[n]
        k = loss / n
        right = p[0] + z * q[0] - k * q[0] * abs(q[0])  # goes downstream, from node i - 1
        left = p[1] - z * q[1] + k * q[1] * abs(q[1])
        p[0], q[0] = a, (a - left) / z
        for i in range(1, n):
            left = p[i + 1] - z * q[i + 1] + k * q[i + 1] * abs(q[i + 1])
            own = p[i] + z * q[i] - k * q[i] * abs(q[i])
            p[i], q[i] = 0.5 * (right + left), (right - left) / (2.0 * z)
            right = own
        p[n], q[n] = b, (right - b) / z
        ra[t] = qa[t] - q[0] if pa[t] == pa[t] else np.nan
        rb[t] = qb[t] - q[n] if pb[t] == pb[t] else np.nan


class TransientModel:
    """One stretch. `z`: impedance, MPa per m3/h; `loss`: K of p_a - p_b = K q |q|, MPa per (m3/h)^2."""

    def __init__(
        self, length_m: float, wave_m_s: float, dt_s: float, z: float, static_mpa: float, known: bool, diameter_m: float
    ) -> None:
        self.length_m, self.dt_s, self.z = length_m, dt_s, z
        self.z_per_wave = z / wave_m_s
        self.static = static_mpa  # rho g (z_b - z_a): added to p_b
        self.known = known
        area = np.pi * diameter_m**2 / 4.0
        rho = z * 3.6e9 * area / wave_m_s
        self.darcy = FRICTION * length_m * rho / (2.0 * diameter_m * area**2) / 3600.0**2 / 1e6
        self.loss, self.offset = 0.0, 0.0
        self.age_s = -1.0  # < 0: not begun
        self.p = self.q = np.zeros(0)
        self.reaches = max(1, round(length_m / (wave_m_s * dt_s)))

    def tune(self, wave_m_s: float) -> None:
        """Another wave speed: the state is laid on the new grid."""
        self.z = self.z_per_wave * wave_m_s
        n = max(1, round(self.length_m / (wave_m_s * self.dt_s)))
        if n != self.reaches and self.age_s >= 0:
            old, new = np.linspace(0, 1, self.reaches + 1), np.linspace(0, 1, n + 1)
            self.p, self.q = np.interp(new, old, self.p), np.interp(new, old, self.q)
        self.reaches = n

    def step(self, pa: F64, pb: F64, qa: F64, qb: F64, learn: bool) -> tuple[F64, F64]:
        """Residuals (r_a, r_b) float64[k] in m3/h of samples float64[k]; NaN before it began, for lost readings."""
        ra, rb = np.full(len(pa), np.nan), np.full(len(pa), np.nan)
        if self.age_s < 0 and not self._begin(pa, pb, qa, qb):
            return ra, rb
        march(self.p, self.q, pa, pb + self.static + self.offset, qa, qb, self.z, self.loss, ra, rb)
        span = len(pa) * self.dt_s
        self.age_s += span
        off = 0.5 * float(np.mean(ra) + np.mean(rb))
        flow = 0.5 * float(np.mean(qa) + np.mean(qb))
        if learn and np.isfinite(off) and abs(flow) > 0:
            gain = span / (QUICK_S if self.age_s < 10 * QUICK_S else SLOW_S)
            off = float(np.clip(off, -0.05 * abs(flow), 0.05 * abs(flow)))
            if self.known:
                self.loss *= 1.0 - 2.0 * gain * off / flow
            else:
                self.offset -= 2.0 * gain * off * self.loss * abs(flow)
        return ra, rb

    def _begin(self, pa: F64, pb: F64, qa: F64, qb: F64) -> bool:
        a, b = float(np.mean(pa)), float(np.mean(pb)) + self.static
        flow = 0.5 * float(np.mean(qa) + np.mean(qb))
        if not np.isfinite([a, b, flow]).all() or flow == 0.0:
            return False
        fitting = (a - b) / (flow * abs(flow))
        self.known = self.known and 0.3 * self.darcy < fitting < 4.0 * self.darcy
        self.loss = fitting if self.known else self.darcy
        self.offset = 0.0 if self.known else a - b - self.loss * flow * abs(flow)
        self.p = np.linspace(a, b + self.offset, self.reaches + 1)
        self.q = np.full(self.reaches + 1, flow)
        self.age_s = 0.0
        return True

    def forget(self) -> None:
        """After a gap: begin anew at the next readings."""
        self.age_s = -1.0

    def dump(self) -> list[Any]:
        state = [self.loss, self.offset, self.age_s, self.known, self.reaches, self.z]
        return [*state, self.p.tobytes(), self.q.tobytes()]

    def load(self, dumped: list[Any]) -> None:
        self.loss, self.offset, self.age_s, self.known, self.reaches, self.z = dumped[:6]
        self.p, self.q = (np.frombuffer(x).copy() for x in dumped[6:])
