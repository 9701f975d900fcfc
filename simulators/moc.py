"""Transients of a liquid line by the method of characteristics, compiled.

Wylie & Streeter, *Fluid Transients in Systems*, 1993, ch. 3 (interior nodes, pump, valve, orifice) with dx = a dt, so
that fronts travel without numerical dispersion. Steady friction by Darcy-Weisbach, unsteady friction where a `memory`
is given (`unsteady_friction`). A small smoothing of what travels rounds fronts as the wall's viscosity does (`spread`:
the front of 30 km is about 0.15 s wide). Where the pressure falls to `vapour_m` the column breaks: a node is held there
and its cavity grows by what flows away less what comes (discrete vapour cavities, Wylie & Streeter 1993, ch. 8).
Heads are piezometric, in metres; flows in m3/s. Inertia of pumps and heat are left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from simulators.noise import F64
from simulators.unsteady_friction import Memory, memory, none

G = 9.80665
CD = 0.62


class Line(NamedTuple):
    """A line from a pump (upstream) to a control valve before a tank (downstream). SI units."""

    length_m: float = 30_000.0
    diameter_m: float = 0.305
    wave_m_s: float = 1050.0
    density: float = 850.0
    friction: float = 0.019  # Darcy
    spread: float = 0.008  # smoothing of a front by reach and step
    suction_m: float = 40.0
    shutoff_m: float = 620.0  # head of the pump at no flow
    flow_m3_s: float = 420.0 / 3600.0  # duty point ...
    inlet_m: float = 500.0  # ... and head of the line's inlet there
    tank_m: float = 30.0
    vapour_m: float = -11.0  # gauge pressure at which the medium boils, in metres of it
    viscosity_m2_s: float = 4e-6

    def memory(self, dt_s: float) -> Memory:
        """Of unsteady friction at the duty point."""
        return memory(self.diameter_m, self.flow_m3_s / self.area_m2, self.viscosity_m2_s, dt_s)

    @property
    def area_m2(self) -> float:
        return float(np.pi * self.diameter_m**2 / 4.0)

    def reaches(self, dt_s: float) -> int:
        return max(2, round(self.length_m / (self.wave_m_s * dt_s)))


class State(NamedTuple):
    """Heads (m) and flows (m3/s) of all nodes; `down` is the flow that leaves a node downstream. `cavity`: m3 of vapour
    at a node, `past` float64[n, M]: memory of the unsteady friction."""

    head: F64
    flow: F64
    down: F64
    cavity: F64
    past: F64


def steady(line: Line, dt_s: float, memory: Memory | None = None) -> State:
    """The state without leak at the duty point: heads fall linearly."""
    n = line.reaches(dt_s) + 1
    loss = line.friction * line.length_m * line.flow_m3_s**2 / (2 * G * line.diameter_m * line.area_m2**2)
    head = line.inlet_m - loss * np.linspace(0.0, 1.0, n)
    if head[-1] <= line.tank_m:
        raise ValueError(f"the line loses {loss:.0f} m, more than it has")
    flow = np.full(n, line.flow_m3_s)
    return State(head, flow, flow.copy(), np.zeros(n), np.zeros((n, 0 if memory is None else len(memory.decay))))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _march(
    head: Any,
    flow: Any,
    down: Any,
    cavity: Any,
    past: Any,
    decay: Any,
    gain: Any,
    lost: Any,
    dt: Any,
    vapour: Any,
    pig: Any,
    pig_loss: Any,
    friction: Any,
    ca: Any,
    r: Any,
    spread: Any,
    z: Any,
    hs: Any,
    pump: Any,
    c_pump: Any,
    valve: Any,
    tank: Any,
    at: Any,
    k_leak: Any,
    out: Any,
    cols: Any,
    every: Any,
) -> None:
    """In place over len(pump) steps. `out` float64[T // every, 2, len(cols)]: head, flow."""
    n = len(head)
    h2, q2, d2 = np.empty(n), np.empty(n), np.empty(n)
    late = np.zeros(n)  # what the past accelerations take
    for t in range(len(pump)):
        j = int(pig[t]) if pig[t] >= 0.0 else n
        w = pig[t] - j
        if j < n - 2:
            friction[j] += (1.0 - w) * pig_loss
            friction[j + 1] += w * pig_loss
        for i in range(n):
            cp = cm = 0.0
            if i > 0:
                q = down[i - 1]
                cp = q + ca * head[i - 1] - r * friction[i - 1] * q * abs(q) - late[i - 1]
                if i > 1 and i - 1 != at:
                    left, right = down[i - 2] + ca * head[i - 2], flow[i] + ca * head[i]
                    cp += spread * (left - 2.0 * (q + ca * head[i - 1]) + right)
            if i < n - 1:
                q = flow[i + 1]
                cm = q - ca * head[i + 1] - r * friction[i] * q * abs(q) - late[i + 1]
                if i < n - 2 and i + 1 != at:
                    left, right = down[i] - ca * head[i], flow[i + 2] - ca * head[i + 2]
                    cm += spread * (left - 2.0 * (q - ca * head[i + 1]) + right)
            if i == 0:  # pump with a non-return valve: H = hs + pump^2 H0 - c Q^2
                top = hs + pump[t]
                b = cm + ca * top
                q = 0.0 if b <= 0 else (-1.0 + np.sqrt(1.0 + 4.0 * ca * c_pump * b)) / (2.0 * ca * c_pump)
                q2[0] = d2[0] = q
                h2[0] = (q - cm) / ca
            elif i == n - 1:  # valve: Q = K sqrt(H - tank)
                b = cp - ca * tank
                y = 0.0 if b <= 0 else (-valve[t] + np.sqrt(valve[t] ** 2 + 4.0 * ca * b)) / (2.0 * ca)
                q2[i] = d2[i] = valve[t] * y
                h2[i] = (cp - q2[i]) / ca
            else:
                if i == at and k_leak[t] > 0.0:
                    b = cp - cm - 2.0 * ca * z[i]
                    y = 0.0 if b <= 0 else (-k_leak[t] + np.sqrt(k_leak[t] ** 2 + 8.0 * ca * b)) / (4.0 * ca)
                    h2[i] = (cp - cm - k_leak[t] * y) / (2.0 * ca)
                else:
                    h2[i] = (cp - cm) / (2.0 * ca)
                if cavity[i] > 0.0 or h2[i] < z[i] + vapour:
                    h = z[i] + vapour
                    grown = cavity[i] + dt * (cm - cp + 2.0 * ca * h)
                    cavity[i] = max(grown, 0.0)
                    h2[i] = h if grown > 0.0 else h2[i]
                q2[i] = cp - ca * h2[i]
                d2[i] = cm + ca * h2[i]
        if j < n - 2:
            friction[j] -= (1.0 - w) * pig_loss
            friction[j + 1] -= w * pig_loss
        for i in range(n):
            late[i] = 0.0
            for k in range(len(decay)):
                past[i, k] = past[i, k] * decay[k] + gain[k] * 0.5 * (q2[i] - flow[i] + d2[i] - down[i])
                late[i] += lost * past[i, k]
            head[i], flow[i], down[i] = h2[i], q2[i], d2[i]
        if t % every == every - 1:
            for c in range(len(cols)):
                j = int(cols[c])
                w = cols[c] - j
                k = min(j + 1, n - 1)
                out[t // every, 0, c] = (1 - w) * head[j] + w * head[k]
                out[t // every, 1, c] = (1 - w) * down[j] + w * flow[k]


def march(
    line: Line, state: State, dt_s: float, pump: F64, valve: F64, leak: F64, leak_m: float, stations_m: F64,
    every: int = 1, elevation: F64 | None = None, friction: F64 | None = None, memory: Memory | None = None,
    pig_m: F64 | None = None, pig_drop_m: float = 0.0,
) -> F64:  # fmt: skip
    """Let the line run on; `state` is changed in place.

    Args:
        pump: speed of the pump over its nominal, float64[T]. valve: opening over the nominal, float64[T].
        leak: open area of the hole, m2, float64[T]; at the node nearest to `leak_m`.
        stations_m: chainage of the stations, float64[S]. every: steps per answer.
        elevation: of the nodes, m. friction: of the reaches over the nominal (a batch that passes).
        memory: unsteady friction; the state must be made with the same.
        pig_m: chainage of a pig float64[T], negative: none; it takes `pig_drop_m` of head at the nominal flow.

    Returns:
        float64[T // every, 2, S]: heads (piezometric, m) and flows (m3/s) at the stations.
    """
    n = len(state.head)
    area, dx = line.area_m2, line.length_m / (n - 1)
    wave = dx / dt_s
    # the pump's curve through its duty point and the valve's constant at it
    drop = line.shutoff_m + line.suction_m - line.inlet_m
    end = steady(line, dt_s).head[-1] - line.tank_m
    m = memory or none()
    reach = line.friction * dx * line.flow_m3_s**2 / (2 * G * line.diameter_m * area**2)  # head that a reach takes
    out = np.empty((len(pump) // every, 2, len(stations_m)))
    _march(
        state.head, state.flow, state.down, state.cavity, state.past, m.decay, m.gain, m.scale, dt_s, line.vapour_m,
        np.full(len(pump), -1.0) if pig_m is None else pig_m / dx, pig_drop_m / reach,
        np.ones(n - 1) if friction is None else friction,
        G * area / wave, line.friction * dt_s / (2.0 * line.diameter_m * area), line.spread,
        np.zeros(n) if elevation is None else elevation, line.suction_m, line.shutoff_m * pump**2,
        drop / line.flow_m3_s**2, valve * line.flow_m3_s / np.sqrt(end), line.tank_m,
        min(max(round(leak_m / dx), 1), n - 2), CD * leak * np.sqrt(2.0 * G), out,
        np.clip(stations_m / dx, 0.0, n - 1.0), every,
    )  # fmt: skip
    return out
