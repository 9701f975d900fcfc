"""Roads, clean weeks and blocked lanes for the traffic benchmark: functions of a seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from detectors.group import Member
from detectors.traffic_stations import KINDS, Frame
from simulators import noise
from simulators.cell_transmission import CAPACITY, DAY_MS, LEFT, UTC_MS, CellTransmission, LaneBlock, Road

MONDAY = 1_763_913_600_000 + 0  # 2025-11-24 00:00 local
LASTS_MS = 1_500_000
QUEUE = 1.1  # demand over what can pass: from here on a queue grows


class Scene(NamedTuple):
    """One blocked lane between two stations; `segment` is the upstream one's number."""

    block: LaneBlock
    blocked: int
    lanes: int
    demand: float  # over what is left of the capacity
    segment: int
    behind_m: float  # from the upstream station to the blocked lane


def road(seed: int) -> Road:
    """A road direction of 16 stations (48 sensors), 350 to 700 m apart, ramps, four of five with a rush-hour jam."""

    def u(*what: object) -> float:
        return noise.fraction(seed, "scene", *what)

    stations = tuple(np.cumsum([350.0 + 350.0 * u("gap", k) for k in range(16)]).round(0).tolist())
    length = stations[-1] + 600.0
    return Road(
        name=f"R{seed}",
        stations_m=stations,
        lanes=2 if u("lanes") < 0.4 else 3,
        length_m=length,
        peak=0.70 + 0.16 * u("peak"),
        bottleneck_m=length * (0.35 + 0.4 * u("where")) if u("jam") < 0.8 else -1.0,
        on_ramps=((length * (0.2 + 0.3 * u("on")), 0.08 + 0.06 * u("in")),),
        off_ramps=((length * (0.6 + 0.3 * u("off")), 0.08 + 0.06 * u("out")),),
    )


def members(of: Road, step_s: float) -> list[Member]:
    return [
        Member(f"522601-T-{kind[:3].upper()}-{s + 1:06d}", kind, step_s, chainage_m=x, params=(("lanes", of.lanes),))
        for s, x in enumerate(of.stations_m)
        for kind in KINDS
    ]


def frames(
    sim: CellTransmission, begin: int, end: int, step_s: float, blocks: tuple[LaneBlock, ...] = ()
) -> Iterator[Frame]:
    """The stations' frames, as the grid of the group would make them."""
    got = sim.loops(begin, end, step_s, blocks)
    for i, ts in enumerate(got.ts_ms.tolist()):
        yield Frame(ts, step_s, got.occupancy[i], got.speed[i], got.flow[i])


def scenes(sim: CellTransmission, seed: int, week_ms: int, n: int) -> Iterator[Scene]:
    """`n` blocked lanes in the five workdays from `week_ms`, 05:30 to 22:30, each with more demand than can pass."""
    rng = np.random.default_rng([seed, 5])
    of = sim.road
    kinds = [key for key in LEFT if key[1] == of.lanes]
    for k in range(n):
        blocked, lanes = kinds[k % len(kinds)]
        left = LEFT[blocked, lanes]
        for _ in range(500):
            at = week_ms + int(rng.integers(0, 5)) * DAY_MS + int(rng.uniform(5.5, 22.5) * 3_600_000)
            over = float(sim.demand(np.array([at], np.int64))[0]) / (left * CAPACITY * lanes)
            place = float(rng.uniform(of.stations_m[0] + 30.0, of.stations_m[-1] - 30.0))
            if over >= QUEUE:
                segment = int(np.searchsorted(of.stations_m, place)) - 1
                block = LaneBlock(place, at, at + LASTS_MS, left)
                yield Scene(block, blocked, lanes, over, segment, place - of.stations_m[segment])
                break


assert (MONDAY + UTC_MS) % DAY_MS == 0
