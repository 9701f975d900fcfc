"""Flow imbalance of a gas zone: what the regulators let in less what is metered and what the pipes take up.

    imbalance = sum(in) - sum(out) - d/dt sum(V_k (p_k + p_n) / p_n * T_n / T)

in m3/h at standard conditions; V_k (m3) is the fact `pack_m3` of an outlet pressure: the pipes that stand under it. T
is measured where the zone has a temperature, else it is taken as T_n. The usual imbalance (meter errors, unmetered use)
is learned by the hour of the week (`week_pattern`). A lasting excess is judged over windows of an hour to half a day,
each in the scale that its means have here, as in `burst_scan`: meters report late, a leak goes on.

A balance alone may be a meter. The second witness is the inflow, above its own usual by a fair part of the excess, or
an outlet pressure below its own; without one only a much clearer excess is told. (Volume balance: API RP 1130.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.adaptive import score
from detectors.group import F64, I32, I64, Finding, Member
from detectors.texts import Both, duration
from detectors.water_frames import Frame, Frames
from detectors.week_pattern import SIGMA, WeekPattern

VERSION, FORMAT = "gas_balance/1", 1
LEAST_STEP_MS, HOUR_MS = 300_000, 3_600_000
P_N, T_N, ZERO_C = 101.325, 288.15, 273.15  # standard conditions: kPa, K; only ratios matter
WINDOWS_H = (1.0, 3.0, 6.0, 12.0)
Z_ON, Z_ALONE, Z_CALM = 5.0, 9.0, 3.0
OFF = 0.4  # over, when the means of the shortest and the third window are below this share of the excess
LEAST = 0.02  # of the mean inflow
AGREE, Z_LOW = 0.3, 2.0
PACK_MOST, UNSETTLED = 0.35, 2  # of the mean inflow: a step of the pressure is not timed well enough; frames
FEWEST = 100  # frames before a window's scale is trusted
MEMORY_MS, LASTING_MS, UPDATE_MS = 14 * 86_400_000.0, 7 * 86_400_000, 1_800_000
CLIP = 3.0
FLOOR = 0.004  # of the mean inflow: least scale of a window
SERIES = 48
BALANCE, INFLOW = 0, 1


class GasBalance:
    """One zone: meters with a flow_sign, outlet pressures, a temperature."""

    name = "gas_balance"

    def __init__(self, members: Sequence[Member]) -> None:
        mine = [k for k, m in enumerate(members) if m.flow_sign or m.kind in ("outlet_pressure", "temperature")]
        self.members = [members[k] for k in mine]
        self.slot = np.full(len(members), -1, np.int32)
        self.slot[mine] = np.arange(len(mine), dtype=np.int32)
        self.sign = np.array([float(m.flow_sign) for m in self.members])
        kinds = [m.kind for m in self.members]
        self.outlets = np.array([k for k, kind in enumerate(kinds) if kind == "outlet_pressure"], np.int64)
        self.heat = np.array([k for k, kind in enumerate(kinds) if kind == "temperature"], np.int64)
        self.pack = np.array([dict(m.params).get("pack_m3", 0.0) for m in self.members])
        slowest = max(m.interval_s for m in self.members if m.flow_sign)
        self.step_ms = max(LEAST_STEP_MS, round(slowest * 1000))
        self.frames = Frames(self.members, self.step_ms)
        self.sizes = sorted({max(1, round(h * HOUR_MS / self.step_ms)) for h in WINDOWS_H})
        self.pattern = WeekPattern(2, self.step_ms, 0.0)
        self.heads = WeekPattern(len(self.outlets), self.step_ms, 0.005)
        self.mean = self.packed = 0.0  # mean inflow m3/h; line-pack of the frame before, m3 (0: unknown)
        self.ring: list[list[float]] = []  # time, excess, inflow's excess, lowest z of the outlets, imbalance
        self.scale, self.seen = np.zeros(len(self.sizes)), np.zeros(len(self.sizes))
        self.unsettled = 0  # frames to leave out
        self.open: list[int] = []  # onset, told
        self.size = 0.0  # m3/h, largest excess of the open episode

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        who = self.slot[member]
        mine = who >= 0
        if mine.any():
            self.frames.add(who[mine], ts_ms[mine], values[mine])

    def advance(self, now_ms: int) -> list[Finding]:
        return [f for frame in self.frames.due(now_ms) for f in self._step(frame)]

    def _line_pack(self, x: F64) -> float:
        """m3 at standard conditions in the pipes, 0 where it is not known."""
        p, v = x[self.outlets], self.pack[self.outlets]
        told = (v > 0.0) & np.isfinite(p)
        if not told.any() or told.sum() < (v > 0.0).sum():
            return 0.0
        warm = x[self.heat]
        kelvin = float(warm[np.isfinite(warm)].mean()) + ZERO_C if np.isfinite(warm).any() else T_N
        return float((v[told] * (p[told] + P_N) / P_N).sum() * T_N / kelvin)

    def _step(self, frame: Frame) -> list[Finding]:
        x, ts = frame.mean, frame.end_ms
        before, self.packed = self.packed, self._line_pack(x)
        net = float((np.where(self.sign != 0.0, x, 0.0) * self.sign).sum())
        if not np.isfinite(net):
            return []
        hours = self.step_ms / HOUR_MS
        inflow = float((np.where(self.sign > 0.0, x, 0.0)).sum())
        filling = (self.packed - before) / hours if before and self.packed else 0.0
        if self.mean > 0.0 and abs(filling) > PACK_MOST * self.mean:
            self.unsettled = UNSETTLED
        if self.unsettled:
            self.unsettled -= 1
            return []
        imbalance = net - filling
        self.mean += max(1.0 / (self.pattern.seen[0] + 1.0), self.step_ms / MEMORY_MS) * (inflow - self.mean)
        both, middle = np.array([imbalance, inflow]), ts - self.step_ms // 2
        usual, _ = self.pattern.expected(middle)
        heads = x[self.outlets]
        head, sigma = self.heads.expected(middle)
        with np.errstate(invalid="ignore"):
            z = (heads - head) / sigma
        low = float(np.nanmin(z)) if np.isfinite(z).any() else 0.0
        found: list[Finding] = []
        calm = True
        if np.isfinite(usual).all() and self.mean > 0.0:
            excess = both - usual
            self.ring = [*self.ring, [float(ts), *excess.tolist(), low, imbalance]][-max(self.sizes[-1], SERIES) :]
            found, calm = self._judge(ts)
        self.pattern.learn(middle, both, usual, np.array([calm, calm]))
        self.heads.learn(middle, heads, head, np.full(len(heads), calm) & ~(z < -Z_CALM))
        return found

    def _judge(self, ts: int) -> tuple[list[Finding], bool]:
        rows = np.array(self.ring)
        means = np.array([rows[-n:, 1].mean() if len(rows) >= n else np.nan for n in self.sizes])
        sigma = np.maximum(self.scale * SIGMA, FLOOR * self.mean)
        z = np.where((self.seen >= FEWEST) & np.isfinite(means), means / sigma, 0.0)
        k = int(np.argmax(z))
        n, depth, mean = self.sizes[k], float(z[k]), float(means[k]) if np.isfinite(means[k]) else 0.0
        inflow, low = float(rows[-n:, 2].mean()), float(rows[-n:, 3].mean())
        witnesses = 1 + (inflow >= AGREE * mean) + (low <= -Z_LOW)
        wanted = mean >= LEAST * self.mean and (depth >= Z_ON if witnesses > 1 else depth >= Z_ALONE)
        calm = depth < Z_CALM
        if not self.open:
            if not wanted:
                if calm:
                    self._learn(means)
                return [], calm
            self.open, self.size = [ts - n * self.step_ms, ts], mean
            return [self._finding("raise", ts, depth, mean, n, inflow, low, witnesses)], False
        lasting = ts - self.open[0] >= LASTING_MS
        self.size = max(self.size, mean)
        now = max(float(rows[-w:, 1].mean()) for w in self.sizes[:3:2])
        if lasting or now < OFF * self.size:
            finding = self._finding("clear", ts, depth, mean, n, inflow, low, witnesses)
            if lasting:
                self.pattern.settle(BALANCE, mean)
            self.open = []
            self.ring = self.ring[-1:]
            return [finding], False
        if ts - self.open[1] < UPDATE_MS:
            return [], False
        self.open[1] = ts
        return [self._finding("update", ts, depth, mean, n, inflow, low, witnesses)], False

    def _learn(self, means: F64) -> None:
        """The windows' means of a calm frame teach their scales."""
        on = np.isfinite(means)
        self.seen += on
        size = np.abs(np.where(on, means, 0.0))
        room = np.maximum(CLIP * self.scale * SIGMA, FLOOR * self.mean)
        size = np.where(self.seen > FEWEST, np.minimum(size, room), size)
        rate = np.maximum(1.0 / np.maximum(self.seen, 1.0), self.step_ms / MEMORY_MS)
        self.scale += np.where(on, rate * (size - self.scale), 0.0)

    def _finding(
        self, state: str, ts: int, z: float, mean: float, n: int, inflow: float, low: float, witnesses: int
    ) -> Finding:
        value = float(np.mean([row[4] for row in self.ring[-n:]]))
        held, share = duration((ts - self.open[0]) / 1000.0), 100.0 * mean / self.mean
        zh = f"进气比计量用气多 {mean:.0f} m³/h（占进气 {share:.0f}%），持续 {held.zh}"
        en = f"inflow exceeds metered use by {mean:.0f} m³/h ({share:.0f} % of it), for {held.en}"
        if inflow >= AGREE * mean:
            zh, en = f"{zh}，进气高于同时段", f"{en}, inflow above the usual for this hour"
        if low <= -Z_LOW:
            zh, en = f"{zh}，出口压力偏低", f"{en}, outlet pressure low"
        if state == "clear":
            zh, en = f"分区流量恢复平衡，历时 {held.zh}", f"the flows of the zone balance again after {held.en}"
        else:
            zh, en = f"{zh}，疑似泄漏或未计量用气", f"{en}; a leak or unmetered use is suspected"
        usual = value - mean
        meters = [m.id for m in self.members if m.flow_sign > 0] + [m.id for m in self.members if m.flow_sign < 0]
        return Finding(
            key="balance", kind="gas_imbalance", state=state, ts_ms=ts, onset_ms=self.open[0], value=value,
            expected=usual, low=usual - LEAST * self.mean, high=usual + LEAST * self.mean, unit="m³/h",
            score=float(score(z)), threshold=float(score(Z_ON)), magnitude=max(z / Z_ON - 1.0, 0.0),
            reason=Both(zh, en), sensors=tuple(meters), detector=VERSION,
            series=tuple((int(row[0]), round(row[4], 2)) for row in self.ring[-SERIES:]), witnesses=witnesses,
        )  # fmt: skip

    def dump(self) -> Any:
        state = [
            float(self.mean),
            self.packed,
            self.ring,
            self.scale.tolist(),
            self.seen.tolist(),
            list(self.open),
            self.size,
            self.unsettled,
        ]
        return [FORMAT, self.frames.dump(), self.pattern.dump(), self.heads.dump(), state]

    def load(self, dumped: Any) -> None:
        form, frames, pattern, heads, state = dumped
        if form != FORMAT or len(state[3]) != len(self.sizes):
            raise ValueError(f"gas balance: state of format {form}")
        self.frames.load(frames)
        self.pattern.load(pattern)
        self.heads.load(heads)
        self.mean, self.packed, ring, scale, seen, self.open, self.size, self.unsettled = state
        self.ring, self.scale, self.seen = [list(row) for row in ring], np.array(scale), np.array(seen)
