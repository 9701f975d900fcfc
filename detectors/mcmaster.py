"""McMaster-type: the flow-occupancy state of one station, and why it is congested from the next one downstream.

Persaud, Hall & Hall 1990, *Congestion identification aspects of the McMaster incident detection algorithm* (TRR 1287);
Hall, Shi & Atala 1993 (TRR 1394). A station's flow-occupancy plane has four areas:

    1  uncongested: on or above the lower bound of uncongested data (LUD)
    2  congested, low flow: right of LUD, flow below V_CRIT
    3  congested, high flow: right of LUD, flow from V_CRIT on, occupancy below OC_MAX
    4  as 3 with occupancy from OC_MAX on: a queue that discharges through a bottleneck

Three intervals in 2 or 3 are congestion; its cause is an incident where the downstream station is uncongested with a
flow below V_CRIT (a recurring bottleneck lets its capacity through), else it is recurring or lies further downstream.
The template is the station's own: slope of the free branch and greatest flow, learned robustly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import F64, Finding
from detectors.texts import Both
from detectors.traffic_road import Road, Said
from detectors.traffic_state import pack, unpack
from detectors.traffic_stations import Frame

LUD = 0.55  # of the free branch's slope
CRIT = 0.80  # of the greatest flow
OC_LEAST = 12.0  # % below which nothing is congested
PERSIST, CALM, MEAN_S, LEARN_S = 3, 5, 60.0, 86_400.0


class McMaster:
    """State by station and segment: areas, counters, and the learned template."""

    name = "mcmaster"

    def __init__(self, road: Road, step_s: float) -> None:
        self.road, self.step_s = road, step_s
        n, p = len(road.stations), len(road.stations) - 1
        self.width = max(1, round(MEAN_S / step_s))
        self.ring = np.full((self.width, 2, n), np.nan)
        self.slope = np.zeros(n)  # veh/h for each % on the free branch
        self.most = np.zeros(n)
        self.learned = np.zeros(n)
        self.held = np.zeros(p, np.int64)
        self.calm = np.zeros(p, np.int64)
        self.open = np.zeros(p, np.int64)  # onset in ms, 0: none

    def step(self, frame: Frame, bad: Any) -> list[Finding]:
        """One interval; `bad` bool[S] stations are not judged."""
        self.ring = np.roll(self.ring, -1, axis=0)
        self.ring[-1] = frame.occupancy, frame.flow
        self.ring[-1][:, bad] = np.nan
        occ, flow = self.ring.mean(axis=0)
        area = self._area(occ, flow)
        cause = ((area[:-1] == 2) | (area[:-1] == 3)) & (area[1:] == 1) & (flow[1:] < CRIT * self.most[1:])
        cause &= (self.learned[:-1] >= LEARN_S) & (self.learned[1:] >= LEARN_S)
        self.held = np.where(cause, self.held + 1, 0)
        self.calm = np.where(cause, 0, self.calm + 1)
        self._learn(occ, flow)
        out: list[Finding] = []
        for p in np.flatnonzero((self.open == 0) & (self.held >= PERSIST)).tolist():
            self.open[p] = frame.ts_ms - round((PERSIST - 1) * self.step_s * 1000)
            out.append(self._tell(p, frame, occ, flow, "raise"))
        for p in np.flatnonzero((self.open != 0) & (self.calm >= CALM)).tolist():
            out.append(self._tell(p, frame, occ, flow, "clear"))
            self.open[p] = 0
        return out

    def _area(self, occ: F64, flow: F64) -> Any:
        """int[S] 1 to 4, 0 unknown."""
        right = (flow < LUD * self.slope * occ) & (occ >= OC_LEAST)
        high = flow >= CRIT * self.most
        full = occ >= 1.2 * self.most / np.maximum(self.slope, 1e-9)
        area = np.where(~right, 1, np.where(~high, 2, np.where(full, 4, 3)))
        return np.where(np.isnan(occ) | np.isnan(flow), 0, area)

    def _learn(self, occ: F64, flow: F64) -> None:
        use = np.isfinite(occ) & np.isfinite(flow) & (occ > 2.0)
        ratio = np.where(use, flow / np.maximum(occ, 0.1), 0.0)
        self.slope = np.where(use & (self.slope == 0.0), ratio, self.slope)
        self.slope *= np.where(use, np.where(ratio > self.slope, 1.002, 0.998), 1.0)  # median; jams are rare
        up = use & (flow > self.most)
        self.most = np.where(up, np.maximum(0.05 * flow + 0.95 * self.most, 0.5 * flow), self.most * 0.99998)
        self.learned += np.where(use, self.step_s, 0.0)

    def _tell(self, p: int, frame: Frame, occ: F64, flow: F64, state: str) -> Finding:
        where = self.road.place(p, p + 1)
        up, down, free = float(occ[p]), float(flow[p + 1]), float(flow[p] / max(self.slope[p], 1e-9))
        reason = Both(
            f"{where.zh} 之间：上游拥堵（占有率 {up:.0f}%），下游畅通且流量仅 {down:.0f} veh/h，疑似事件",
            f"{where.en}: congested upstream (occupancy {up:.0f} %), free downstream with only {down:.0f} veh/h",
        )
        if state == "clear":
            reason = Both(f"{where.zh} 上游拥堵消散", f"{where.en}: congestion upstream is over")
        bound = free / LUD
        magnitude = max(up / max(bound, 1.0) - 1.0, 0.0) if up == up else 0.0
        said = Said(up, free, 0.0, bound, "%", min(0.5 * (1.0 + magnitude), 1.0), 0.5, magnitude)
        return self.road.finding(
            f"{p + 1}-{p + 2}", "traffic_incident", state, frame.ts_ms, int(self.open[p]), said, reason,
            (p, p + 1), "mcmaster/1",
        )  # fmt: skip

    def note(self, ts_ms: int, member: int, code: int) -> None:
        """Events are nothing to this algorithm."""

    def dump(self) -> dict[str, Any]:
        return pack(self, _ARRAYS)

    def load(self, dumped: dict[str, Any]) -> None:
        unpack(self, _ARRAYS, dumped)


_ARRAYS = ("ring", "slope", "most", "learned", "held", "calm", "open")
