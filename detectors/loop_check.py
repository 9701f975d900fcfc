"""Wrong and failed loops: what occupancy, speed and flow of one station must agree on, and what neighbours must.

- stuck: a value that is not zero repeats for ten minutes;
- occupancy without flow, or flow without occupancy, for ten minutes while both neighbours carry traffic;
- the effective vehicle length g = occupancy x speed / flow is nearly constant for a station (6 to 8 m a lane; Hall &
  Persaud 1989, *Evaluation of speed estimates made with single-detector data*, TRR 1232): a mean over a quarter hour
  of free flow that leaves its own learned value by a factor of 1.6;
- the flow leaves its usual ratio to both neighbours (a lane's loop is dead) by 25 % for half an hour of free flow.
  A blocked lane changes only one of the two ratios.

Equipment class. Stations under suspicion are told to the incident detectors, which leave them out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import F64, Finding
from detectors.texts import Both
from detectors.traffic_road import Road, Said, held
from detectors.traffic_state import pack, unpack
from detectors.traffic_stations import Frame

STUCK_S, EMPTY_S, RATIO_S, SHARE_S, CLEAR_S = 600.0, 600.0, 900.0, 1800.0, 1800.0
FACTOR, SHARE = float(np.log(1.6)), float(np.log(1.25))
BUSY = 300.0  # veh/h from which ratios say something
WARM_S = 7200.0  # of busy free flow before a learned ratio is trusted
CAUSES = ("stuck", "occupancy_without_flow", "flow_without_occupancy", "g_factor", "conservation")
TEXT = (
    Both("读数停滞不变", "readings are stuck"),
    Both("有占有率而无流量", "occupancy without flow"),
    Both("有流量而无占有率", "flow without occupancy"),
    Both("占有率、车速与流量不一致", "occupancy, speed and flow contradict each other"),
    Both("流量与上下游不符", "flow does not fit the stations up- and downstream"),
)


class LoopCheck:
    """State float64[5, S]: seconds each cause has held; learned ln g and ln flow ratios."""

    name = "loop_check"

    def __init__(self, road: Road, step_s: float) -> None:
        self.road, self.step_s = road, step_s
        n = len(road.stations)
        self.last = np.full((3, n), np.nan)
        self.same = np.zeros((3, n))  # seconds a value has repeated
        self.holds = np.zeros((5, n))
        self.level = np.zeros((3, n))  # learned: ln g, ln q/q_up, ln q/q_down
        self.now = np.zeros((3, n))  # short means of the same
        self.seen = np.zeros((3, n))  # seconds
        self.open = np.zeros(n, np.int64)  # onset in ms, 0: none
        self.cause = np.zeros(n, np.int64)
        self.calm = np.zeros(n)

    def step(self, frame: Frame) -> tuple[list[Finding], Any]:
        """(findings, bool[S] stations not to be trusted)."""
        x = np.stack([frame.occupancy, frame.speed, frame.flow])
        same = (x == self.last) & (x != 0.0)
        self.same = np.where(same, self.same + self.step_s, np.where(np.isnan(x), self.same, 0.0))
        self.last = np.where(np.isnan(x), self.last, x)
        wrong, judged = self._wrong(*x)
        limits = np.array([0.0, EMPTY_S, EMPTY_S, RATIO_S, SHARE_S])[:, None]
        self.holds = np.where(wrong, self.holds + self.step_s, np.where(judged, 0.0, self.holds))
        fault = wrong & (self.holds >= limits)
        return self._judge(frame, x, fault), (self.open != 0) | (self.same > 0.5 * STUCK_S).any(axis=0)

    def _wrong(self, occ: F64, speed: F64, flow: F64) -> Any:
        """bool[5, S] each cause holds in this interval, bool[5, S] it could be judged; learns the ratios."""
        beside = np.fmin(np.append(flow[1:], np.nan), np.insert(flow[:-1], 0, np.nan))
        carries = beside > BUSY
        stuck = (self.same >= STUCK_S).any(axis=0)
        alone = (occ > 3.0) & (flow == 0.0) & carries
        unseen = (flow > BUSY) & (occ == 0.0)
        runs = (flow > BUSY) & (speed > 50.0) & (occ > 0.3) & (occ < 25.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            g = np.log(occ * speed / flow)
            up = np.log(flow / np.insert(flow[:-1], 0, np.nan))
            down = np.log(flow / np.append(flow[1:], np.nan))
        calm = np.convolve(runs, [1, 1, 1], "same") >= np.minimum(3, np.convolve(np.ones(len(runs)), [1, 1, 1], "same"))
        values = np.stack([g, up, down])
        use = np.stack([runs, runs & calm, runs & calm]) & np.isfinite(values)
        off = self._follow(values, use)
        strange = runs & (np.abs(off[0]) > FACTOR)
        lost = runs & calm & (np.abs(off[1]) > SHARE) & (np.abs(off[2]) > SHARE) & (off[1] * off[2] > 0)
        known = np.isfinite(occ) | np.isfinite(flow)
        return np.stack([stuck, alone, unseen, strange, lost]), np.stack([known, known, known, runs, runs & calm])

    def _follow(self, values: F64, use: Any) -> F64:
        """Short means less learned levels float64[3, S], 0 until learned."""
        fast, slow = self.step_s / RATIO_S, np.maximum(self.step_s / 86_400.0, self.step_s / np.maximum(self.seen, 1.0))
        first = use & (self.seen == 0.0)
        self.level = np.where(first, values, self.level)
        self.now = np.where(first, values, self.now)
        self.now += np.where(use, fast * (np.clip(values, self.now - 1.0, self.now + 1.0) - self.now), 0.0)
        off = np.where(self.seen >= WARM_S, self.now - self.level, 0.0)
        learn = use & (self.open == 0) & ((np.abs(off) < 0.5 * SHARE) | (self.seen < WARM_S))
        bound = 0.5
        self.level += np.where(learn, np.minimum(slow, 1.0) * np.clip(values - self.level, -bound, bound), 0.0)
        self.seen += np.where(use, self.step_s, 0.0)
        return off

    def _judge(self, frame: Frame, x: F64, fault: Any) -> list[Finding]:
        any_fault, known = fault.any(axis=0), np.isfinite(x).any(axis=0)
        self.calm = np.where(any_fault, 0.0, np.where(known, self.calm + self.step_s, self.calm))
        out: list[Finding] = []
        for s in np.flatnonzero(any_fault & (self.open == 0)).tolist():
            self.cause[s] = int(np.argmax(fault[:, s]))
            lasted = STUCK_S if self.cause[s] == 0 else float(self.holds[self.cause[s], s])
            self.open[s] = frame.ts_ms - round(lasted * 1000)
            out.append(self._tell(s, frame, x, "raise"))
        for s in np.flatnonzero((self.open != 0) & (self.calm >= CLEAR_S)).tolist():
            out.append(self._tell(s, frame, x, "clear"))
            self.open[s] = 0
        return out

    def _tell(self, s: int, frame: Frame, x: F64, state: str) -> Finding:
        where, what = self.road.place(s, s), TEXT[int(self.cause[s])]
        reason = held(
            Both(f"{where.zh} 线圈{what.zh}", f"loops at {where.en}: {what.en}"), frame.ts_ms - int(self.open[s])
        )
        if state == "clear":
            reason = Both(f"{where.zh} 线圈恢复正常", f"loops at {where.en} are right again")
        said = Said(float(x[2, s]), float("nan"), float("nan"), float("nan"), "veh/h", 1.0, 0.5, 0.0)
        return self.road.finding(
            f"{s + 1}", "loop_fault", state, frame.ts_ms, int(self.open[s]), said, reason, (s,),
            f"loop_check.{CAUSES[int(self.cause[s])]}/1",
        )  # fmt: skip

    def dump(self) -> dict[str, Any]:
        return pack(self, _ARRAYS)

    def load(self, dumped: dict[str, Any]) -> None:
        unpack(self, _ARRAYS, dumped)


_ARRAYS = ("last", "same", "holds", "level", "now", "seen", "open", "cause", "calm")
