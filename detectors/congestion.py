"""Traffic state of each station with hysteresis, and queues that are not usual at their hour.

Three phases after Kerner 2004, *The Physics of Traffic*: free flow F, synchronised flow S (dense, slow, flowing) and
wide moving jam J (nearly standing), told apart by the speed's share of the station's own free speed:

    F -> S  below 0.60 for 2 min       S -> F  above 0.72 for 3 min
    S -> J  below 0.25 for 1 min       J -> S  above 0.35 for 1 min

A queue is told when it has stood 10 min at stations which are congested in fewer than one of ten of these half hours of
the week, and the flow past its head has been below what the road can carry for as long (`traffic_discharge`): more
demand than capacity is an everyday jam, on whatever day. Nothing is told in the first week.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import F64, Finding
from detectors.texts import Both
from detectors.traffic_discharge import Discharge
from detectors.traffic_profile import BINS, bin_of
from detectors.traffic_road import Road, Said, held
from detectors.traffic_state import pack, unpack
from detectors.traffic_stations import Frame

FREE, SYNC, JAM = range(3)
NAMES = (Both("畅通", "free"), Both("拥堵", "congested"), Both("严重拥堵", "standing"))
IN_SYNC, OUT_SYNC, IN_JAM, OUT_JAM = 0.60, 0.72, 0.25, 0.35
MOVES_S = np.array([120.0, 180.0, 60.0, 60.0])  # F->S, S->F, S->J, J->S
RARE, TELL_S, CLEAR_S, LEARN_S = 0.10, 600.0, 600.0, 7 * 86_400.0
LEAST_N, MEMORY = (
    600.0,
    2400.0,
)  # intervals of a bin: a new one counts as free for the first, so that a first jam is told


class Congestion:
    """State: phase int64[S], share of congested intervals by bin float32[BINS, S], one open queue a road."""

    name = "congestion"

    def __init__(self, road: Road, step_s: float) -> None:
        self.road, self.step_s = road, step_s
        n = len(road.stations)
        self.phase = np.zeros(n, np.int64)
        self.held = np.zeros((4, n))
        self.free = np.full(n, 80.0)
        self.since = np.zeros(n, np.int64)
        self.share = np.zeros((BINS, n), np.float32)
        self.seen = np.zeros((BINS, n), np.float32)
        self.learned = 0.0
        self.discharge = Discharge(n, step_s)
        self.short_s = np.zeros(n)
        self.open: dict[str, Any] = {}

    def step(self, frame: Frame, bad: Any, explained: bool) -> list[Finding]:
        """One interval; `explained`: an incident is open, its queue needs no alert of its own."""
        self._move(np.where(bad, np.nan, frame.speed), frame.ts_ms)
        short = self.discharge.step(np.where(bad, np.nan, frame.flow))
        past_head = np.append(short[1:], short[-1:])
        self.short_s = np.where(past_head, self.short_s + self.step_s, 0.0)
        b = bin_of(frame.ts_ms)
        near = [(b - 1) % 48 + b // 48 * 48, b, (b + 1) % 48 + b // 48 * 48]
        usual = self.share[near].max(axis=0) >= RARE
        jammed = self.phase > FREE
        strange = jammed & ~usual & (frame.ts_ms - self.since >= TELL_S * 1000)
        strange &= (self.short_s >= TELL_S) & (self.learned >= LEARN_S)
        strange &= ~np.append(jammed[1:], False)  # its head decides: the tail of an everyday jam may reach far
        gain = 1.0 / np.clip(self.seen[b] + 1.0, LEAST_N, MEMORY)
        if not explained:
            self.share[b] += (gain * (jammed - self.share[b])).astype(np.float32)
            self.seen[b] += 1.0
        self.learned += self.step_s
        return self._judge(frame, strange, jammed, explained)

    def _move(self, speed: F64, ts_ms: int) -> None:
        known = np.isfinite(speed)
        self.free *= np.where(known, np.where(speed > self.free, 1.0008, 0.9998), 1.0)
        r = speed / self.free
        conditions = np.stack([r < IN_SYNC, r > OUT_SYNC, r < IN_JAM, r > OUT_JAM])
        self.held = np.where(conditions, self.held + self.step_s, np.where(known, 0.0, self.held))
        go = self.held >= MOVES_S[:, None]
        new = self.phase.copy()
        new[(self.phase == FREE) & go[0]] = SYNC
        new[(self.phase == SYNC) & go[1]] = FREE
        new[(self.phase == SYNC) & go[2]] = JAM
        new[(self.phase == JAM) & go[3]] = SYNC
        self.since = np.where((self.phase == FREE) & (new > FREE), ts_ms - round(MOVES_S[0] * 1000), self.since)
        self.phase = new

    def _judge(self, frame: Frame, strange: Any, jammed: Any, explained: bool) -> list[Finding]:
        if not self.open:
            if explained or not strange.any():
                return []
            head = int(np.flatnonzero(strange)[-1])
            tail = head
            while tail > 0 and jammed[tail - 1]:
                tail -= 1
            self.open = {"head": head, "tail": tail, "onset": int(self.since[head]), "told": frame.ts_ms, "calm": 0.0}
            return [self._tell(frame, "raise")]
        e = self.open
        part = jammed[max(e["tail"] - 1, 0) : e["head"] + 1]
        e["calm"] = 0.0 if part.any() else e["calm"] + self.step_s
        if e["calm"] >= CLEAR_S:
            ended = self._tell(frame, "clear")
            self.open = {}
            return [ended]
        if frame.ts_ms - e["told"] >= 600_000 and e["calm"] == 0.0:
            e["told"] = frame.ts_ms
            while e["tail"] > 0 and jammed[e["tail"] - 1]:
                e["tail"] -= 1
            return [self._tell(frame, "update")]
        return []

    def _tell(self, frame: Frame, state: str) -> Finding:
        e = self.open
        head, tail = e["head"], e["tail"]
        where, speed, usual = self.road.place(tail, head), float(frame.speed[head]), float(self.free[head])
        word = NAMES[int(self.phase[tail : head + 1].max())]
        reason = held(
            Both(
                f"{where.zh} {word.zh}，车速 {speed:.0f} km/h，本时段通常畅通",
                f"{where.en} {word.en}, speed {speed:.0f} km/h; usually free at this hour",
            ),
            frame.ts_ms - e["onset"],
        )
        if state == "clear":
            reason = Both(f"{where.zh} 恢复畅通", f"{where.en} is free again")
        limit = IN_SYNC * usual
        size = max(limit / max(speed, 1.0) - 1.0, 0.0) if speed == speed else 0.0
        said = Said(speed, usual, limit, float("inf"), "km/h", min(0.5 * (1.0 + size), 1.0), 0.5, size)
        return self.road.finding(
            "queue", "queue_unusual", state, frame.ts_ms, e["onset"], said, reason,
            tuple(range(head, tail - 1, -1)), "congestion/1",
        )  # fmt: skip

    def dump(self) -> dict[str, Any]:
        return {**pack(self, _ARRAYS), "learned": self.learned, "flow": self.discharge.dump(), "open": dict(self.open)}

    def load(self, dumped: dict[str, Any]) -> None:
        unpack(self, _ARRAYS, dumped)
        self.discharge.load(dumped["flow"])
        self.learned, self.open = dumped["learned"], dict(dumped["open"])


_ARRAYS = ("phase", "held", "free", "since", "share", "seen", "short_s")
