"""California algorithms #7 and #8: occupancy of neighbouring stations by a decision tree with persistence.

Payne & Tignor 1978, *Freeway Incident-Detection Algorithms Based on Decision Trees with States* (TRR 682). With
OCC(i, t) of station i and i + 1 downstream:

    OCCDF   = OCC(i) - OCC(i+1)                     spatial difference, %
    OCCRDF  = OCCDF / OCC(i)                        relative spatial difference
    DOCC    = OCC(i+1)                              downstream occupancy, %
    DOCCTD  = (OCC(i+1, t-2) - OCC(i+1, t)) / OCC(i+1, t-2)   relative drop downstream in time

#7: OCCDF >= T1, OCCRDF >= T2 and DOCC <= T3 is a tentative incident, OCCRDF >= T2 in the next interval confirms it.
#8 holds its tests for five minutes after a compression wave (DOCC >= T4 and DOCCTD < T5: dense traffic that gets denser
downstream), which would else be taken for one. The thresholds are fixed; occupancies are means over 60 s.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import F64, Finding
from detectors.texts import Both
from detectors.traffic_road import Road, Said
from detectors.traffic_state import pack, unpack
from detectors.traffic_stations import Frame

T1, T2, T3, T4, T5 = 8.0, 0.45, 16.0, 20.0, -0.25
HOLD_S, PERSIST_S, MEAN_S = 300.0, 60.0, 60.0


class California:
    """State float64[P], int64[P]: 0 free, 1 tentative, 2 confirmed; `wave_ms`: end of the hold after a wave (#8)."""

    def __init__(self, road: Road, step_s: float, number: int = 8) -> None:
        self.name = f"california_{number}"
        self.road, self.step_s, self.number = road, step_s, number
        n, p = len(road.stations), len(road.stations) - 1
        self.width = max(1, round(MEAN_S / step_s))
        self.ring = np.full((self.width + max(2, round(120.0 / step_s)), n), np.nan)
        self.state = np.zeros(p, np.int64)
        self.since = np.zeros(p, np.int64)
        self.wave_ms = np.zeros(p, np.int64)

    def step(self, frame: Frame, bad: Any) -> list[Finding]:
        """One interval; `bad` bool[S] stations are not judged."""
        self.ring = np.roll(self.ring, -1, axis=0)
        self.ring[-1] = np.where(bad, np.nan, frame.occupancy)
        occ, before = self.ring[-self.width :].mean(axis=0), self.ring[: self.width].mean(axis=0)
        up, down = occ[:-1], occ[1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            df, rdf = up - down, (up - down) / np.maximum(up, 0.1)
            td = (before[1:] - down) / np.maximum(before[1:], 0.1)
        if self.number == 8:
            wave = (down >= T4) & (td < T5)
            self.wave_ms[wave] = frame.ts_ms + round(HOLD_S * 1000)
        starts = (df >= T1) & (rdf >= T2) & (down <= T3) & (frame.ts_ms >= self.wave_ms)
        holds = rdf >= T2
        tentative = (self.state == 0) & starts
        confirmed = (self.state == 1) & holds & (frame.ts_ms - self.since >= PERSIST_S * 1000)
        over = (self.state > 0) & ~holds
        out = [self._tell(p, frame, occ, df, "raise") for p in np.flatnonzero(confirmed).tolist()]
        out += [self._tell(p, frame, occ, df, "clear") for p in np.flatnonzero(over & (self.state == 2)).tolist()]
        self.since[tentative] = frame.ts_ms
        self.state[tentative], self.state[confirmed], self.state[over] = 1, 2, 0
        return out

    def _tell(self, p: int, frame: Frame, occ: F64, df: F64, state: str) -> Finding:
        where = self.road.place(p, p + 1)
        up, down = float(occ[p]), float(occ[p + 1])
        reason = Both(
            f"{where.zh} 之间占有率差 {df[p]:.0f} 个百分点（上游 {up:.0f}%，下游 {down:.0f}%），疑似事件",
            f"{where.en}: occupancy differs by {df[p]:.0f} points ({up:.0f} % upstream, {down:.0f} % downstream)",
        )
        if state == "clear":
            reason = Both(f"{where.zh} 之间占有率恢复一致", f"{where.en}: occupancies are alike again")
        score = float(np.clip(np.nan_to_num(df[p]) / (2 * T1), 0.0, 1.0))
        magnitude = max(float(df[p]) / T1 - 1.0, 0.0) if df[p] == df[p] else 0.0
        said = Said(up, down, 0.0, down + T1, "%", score, 0.5, magnitude)
        return self.road.finding(
            f"{p + 1}-{p + 2}", "traffic_incident", state, frame.ts_ms, int(self.since[p]), said, reason,
            (p, p + 1), f"{self.name}/1",
        )  # fmt: skip

    def note(self, ts_ms: int, member: int, code: int) -> None:
        """Events are nothing to this algorithm."""

    def dump(self) -> dict[str, Any]:
        return pack(self, _ARRAYS)

    def load(self, dumped: dict[str, Any]) -> None:
        unpack(self, _ARRAYS, dumped)


_ARRAYS = ("ring", "state", "since", "wave_ms")
