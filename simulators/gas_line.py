"""Isothermal gas in a long line: mass kept cell by cell, momentum between the cells (staggered grid, explicit).

    A/a^2 dp/dt + dM/dx = 0,   dM/dt + A dp/dx + f a^2 M|M| / (2 D A p) = 0,   a^2 = z R T / M_gas

(Wylie & Streeter, *Fluid Transients in Systems*, 1993, gas in pipes; pV = zRT with constant z and T; the change of
velocity along the pipe is left out). Friction is implicit in M, the step below dx / a. A leak is a choked orifice:
M = C A p sqrt(k / (zRT)) (2 / (k + 1))^((k + 1) / (2 (k - 1))). The detector marches characteristics; this does not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from simulators.noise import F64

CD = 0.8
KAPPA = 1.31  # natural gas
CHOKED = float(np.sqrt(KAPPA) * (2.0 / (KAPPA + 1.0)) ** ((KAPPA + 1.0) / (2.0 * (KAPPA - 1.0))))
AIR_PA, STANDARD_K = 101_325.0, 293.15


class GasLine(NamedTuple):
    """From a compressor that holds its pressure to a customer who takes a flow. SI units; pressures are absolute."""

    length_m: float = 30_000.0
    diameter_m: float = 0.406
    friction: float = 0.012
    standard_density: float = 0.72  # at 20 °C and 101.325 kPa
    temperature_k: float = 288.15
    z_factor: float = 0.9
    inlet_pa: float = 5.0e6
    flow_m3_s: float = 50_000.0 / 3600.0  # standard

    @property
    def wave_m_s(self) -> float:
        return float(np.sqrt(self.z_factor * self.temperature_k * AIR_PA / (self.standard_density * STANDARD_K)))

    @property
    def area_m2(self) -> float:
        return float(np.pi * self.diameter_m**2 / 4.0)

    def cells(self, dt_s: float) -> int:
        return max(4, int(self.length_m / (1.25 * self.wave_m_s * dt_s)))


def steady(line: GasLine, dt_s: float) -> tuple[F64, F64]:
    """(pressure Pa float64[n], mass flow kg/s float64[n + 1]) at the duty point: p^2 falls linearly."""
    n = line.cells(dt_s)
    mass = line.standard_density * line.flow_m3_s
    drop = line.friction * line.wave_m_s**2 * mass**2 * line.length_m / (line.diameter_m * line.area_m2**2)
    if drop >= line.inlet_pa**2:
        raise ValueError("the line loses more pressure than it has")
    middle = (np.arange(n) + 0.5) / n
    return np.sqrt(line.inlet_pa**2 - drop * middle), np.full(n + 1, mass)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _march(
    p: Any, m: Any, inlet: Any, outlet: Any, hole: Any, at: Any, dx: Any, dt: Any, area: Any, a2: Any, f: Any, d: Any,
    cols: Any, every: Any, out: Any,
) -> None:  # fmt: skip
    n = len(p)
    for t in range(len(inlet)):
        for i in range(n):
            lost = hole[t] * p[i] / np.sqrt(a2) if i == at else 0.0
            p[i] += dt * a2 / (area * dx) * (m[i] - m[i + 1] - lost)
        for i in range(n):
            here = p[i]
            before, span = (inlet[t], 0.5 * dx) if i == 0 else (p[i - 1], dx)
            drag = f * a2 * abs(m[i]) / (d * area * (before + here))
            m[i] = (m[i] - dt * area * (here - before) / span) / (1.0 + dt * drag)
        m[n] = outlet[t]
        if t % every == every - 1:
            for c in range(len(cols)):
                x = cols[c] - 0.5
                j = min(int(max(x, 0.0)), n - 2)
                out[t // every, 0, c] = p[j] + (x - j) * (p[j + 1] - p[j])
                if x < 0.0:
                    out[t // every, 0, c] = inlet[t] + 2.0 * cols[c] * (p[0] - inlet[t])
                k = min(int(cols[c]), n - 1)
                out[t // every, 1, c] = m[k] + (cols[c] - k) * (m[k + 1] - m[k])


def march(
    line: GasLine, p: F64, m: F64, dt_s: float, inlet: F64, outlet: F64, hole: F64, hole_m: float, stations_m: F64,
    every: int = 1,
) -> F64:  # fmt: skip
    """Let the line run on; `p` and `m` are changed in place.

    Args:
        inlet: pressure of the compressor Pa, float64[T]. outlet: mass flow of the customer kg/s, float64[T].
        hole: open area m2, float64[T], at `hole_m`. stations_m: chainages float64[S]. every: steps per answer.

    Returns:
        float64[T // every, 2, S]: pressure (Pa, absolute) and mass flow (kg/s), straight between cells.
    """
    dx = line.length_m / len(p)
    out = np.empty((len(inlet) // every, 2, len(stations_m)))
    at = min(int(hole_m / dx), len(p) - 1)
    _march(p, m, inlet, outlet, CD * CHOKED * hole, at, dx, dt_s, line.area_m2, line.wave_m_s**2, line.friction,
           line.diameter_m, stations_m / dx, every, out)  # fmt: skip
    return out
