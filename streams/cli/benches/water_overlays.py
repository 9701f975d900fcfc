"""What troubles other than bursts do to a zone's readings: overlays for `Town.run`, from the zone's own hydraulics.

An overlay takes the town, times int64[T] and clean readings float64[T, S], and gives the readings with the trouble.
Sizes are drawn by seed, so that every zone has its own.
"""

from __future__ import annotations

import numpy as np

from simulators.noise import F64, I64, fraction
from simulators.water_use import TANK_SWING_M
from streams.cli.benches.water_town import BARE, NODES, Overlay, Town

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
WAVE_M_S, G = 1_000.0, 9.81


def with_escape(town: Town, ts_ms: I64, values: F64, node: int, escape: F64) -> F64:
    """Readings with a further outflow float64[T] m3/s at a node (below 0: an inflow)."""
    dma, out = town.dma, values.copy()
    demand = town.sim.nodal_m3_s(dma, ts_ms)
    moved = dma.pressures(demand, node, escape) - dma.pressures(demand)
    for k, (column, sensor) in enumerate(zip(dma.layout.cols, dma.layout.sensors, strict=True)):
        if sensor.kind in ("pressure", "hydrant"):
            out[:, column] += moved[:, k]
        elif sensor.kind == "flow":
            out[:, column] += escape * 3600.0
    return out


def node(town: Town, what: str) -> int:
    """A node of the main, with a gauge or without, drawn by seed."""
    nodes = [k for k, s in enumerate(town.dma.layout.sensors) if s.kind == "pressure"]
    return nodes[int(fraction(town.seed, what, "node") * len(nodes))]


def slow_leak(start_ms: int, share: float, days: float) -> Overlay:
    """A leak that grows evenly to a share of the mean inflow."""

    def apply(town: Town, ts_ms: I64, values: F64) -> F64:
        grown = np.clip((ts_ms - start_ms) / (days * DAY_MS), 0.0, 1.0)
        return with_escape(town, ts_ms, values, node(town, "slow"), share * grown * town.dma.mean_m3_s)

    return apply


def valve_place(town: Town) -> int:
    """Thirds of the main: 0 near the inlet, 1 half-way, 2 the far end."""
    return min(3 * (node(town, "valve") - 1) // max(len(town.dma.layout.sensors) - 1, 1), 2)


def boundary_valve(start_ms: int) -> Overlay:
    """A neighbour feeds 15 to 30 % of the mean inflow through a valve at some node."""

    def apply(town: Town, ts_ms: I64, values: F64) -> F64:
        share = 0.15 + 0.15 * fraction(town.seed, "valve", "share")
        fed = np.where(ts_ms > start_ms, -share * town.dma.mean_m3_s, 0.0)
        return with_escape(town, ts_ms, values, node(town, "valve"), fed)

    return apply


def meter_low(start_ms: int) -> Overlay:
    """The inlet meter reads 15 to 30 % low."""

    def apply(town: Town, ts_ms: I64, values: F64) -> F64:
        out, k = values.copy(), town.column("flow")
        out[ts_ms > start_ms, k] *= 0.85 - 0.15 * fraction(town.seed, "meter", "share")
        return out

    return apply


def transient(start_ms: int) -> Overlay:
    """A pump trip: the flow changes by 0.15 to 0.35 m/s, dh = a dv / g (Joukowsky), damped within half a minute."""

    def apply(town: Town, ts_ms: I64, values: F64) -> F64:
        out = values.copy()
        swing = WAVE_M_S * (0.15 + 0.20 * fraction(town.seed, "transient", "dv")) / G
        for k in range(1, NODES + 1):
            if k in BARE:
                continue
            far = 0.5 + 0.5 * fraction(town.seed, "transient", k)
            t = (ts_ms - start_ms) / 1000.0 - 0.2 * k
            wave = np.exp(-np.maximum(t, 0.0) / 12.0) * np.cos(2.0 * np.pi * t / 9.0)
            out[:, k] = np.maximum(out[:, k] - np.where(t > 0.0, far * swing * wave, 0.0), 0.0)
        return out

    return apply


def tank_pump(start_ms: int, hours: float, way: float) -> Overlay:
    """A tank's pump runs on (way +1) or stays off (-1): 0.2 to 0.3 m an hour off its day."""

    def apply(town: Town, ts_ms: I64, values: F64) -> F64:
        out, k = values.copy(), town.column("level")
        rate = TANK_SWING_M * (0.12 + 0.08 * fraction(town.seed, "tank", "rate"))
        out[:, k] = np.maximum(out[:, k] + way * rate * np.clip((ts_ms - start_ms) / HOUR_MS, 0.0, hours), 0.0)
        return out

    return apply


def falls(kind: str, start_ms: int, to: float, minutes: float) -> Overlay:
    """A sensor's reading goes evenly down to a value and stays there."""

    def apply(town: Town, ts_ms: I64, values: F64) -> F64:
        out, k = values.copy(), town.column(kind)
        gone = np.clip((ts_ms - start_ms) / (60_000.0 * minutes), 0.0, 1.0)
        out[:, k] += gone * (to - out[:, k])
        return out

    return apply


def drawn(start_ms: int, minutes: float) -> Overlay:
    """Somebody takes 8 to 30 m3/h from the metered hydrant."""

    def apply(town: Town, ts_ms: I64, values: F64) -> F64:
        flow = 8.0 + 22.0 * fraction(town.seed, "drawn", "flow")
        on = (ts_ms > start_ms) & (ts_ms <= start_ms + 60_000.0 * minutes)
        k = town.column("hydrant_flow")
        at = town.dma.layout.column(town.sensors[k].id) or 0
        out = with_escape(town, ts_ms, values, at, np.where(on, flow / 3600.0, 0.0))
        out[on, k] += flow
        return out

    return apply
