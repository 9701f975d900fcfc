"""Loss of outlet pressure at the district regulators of a gas zone: whose is it?

Each outlet pressure is compared with its own hour of the week (`week_pattern`): a regulator droops with the demand.
Two minutes of a lasting loss are judged together:

- one outlet low, its inlet as usual: the regulator failed or the network behind it is open (`regulator_loss`);
- most outlets low, or an outlet together with its own inlet: the supply is short (`gas_supply_low`), one alert.

A regulator whose neighbours carry part of its load pulls them down a little: they are witnesses. Hard limits of each
sensor are judged by themselves and come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.adaptive import score
from detectors.group import F64, I32, I64, Finding, Member
from detectors.texts import Both, duration
from detectors.water_frames import Frame, Frames
from detectors.week_pattern import WeekPattern
from detectors.well_places import apart_m

VERSION, FORMAT = "regulators/1", 1
LEAST_STEP_MS = 60_000
FRAMES_ON, FRAMES_OFF = 2, 5
Z_ON, Z_AGREE = 6.0, 3.0
LEAST, LEAST_INLET = 0.05, 0.08  # share of the usual pressure that matters
FLOOR = 0.005
MOST = 0.6  # share of the outlets that makes it a matter of supply
SITE_M = 50.0  # inlet and outlet of one regulator
LASTING_MS, UPDATE_MS = 86_400_000, 300_000
SUPPLY = "supply"
SERIES = 30


class Regulators:
    """Outlets (first) and inlets of one zone. `open`: key -> [onset, told, calm frames, member]."""

    name = "regulators"

    def __init__(self, members: Sequence[Member]) -> None:
        outlets = [k for k, m in enumerate(members) if m.kind == "outlet_pressure"]
        inlets = [k for k, m in enumerate(members) if m.kind == "inlet_pressure"]
        mine = [*outlets, *inlets]
        self.n = len(outlets)
        self.members = [members[k] for k in mine]
        self.slot = np.full(len(members), -1, np.int32)
        self.slot[mine] = np.arange(len(mine), dtype=np.int32)
        self.step_ms = max(LEAST_STEP_MS, round(max(m.interval_s for m in self.members) * 1000))
        self.frames = Frames([m._replace(kind="pressure", flow_sign=0) for m in self.members], self.step_ms)
        apart = apart_m(self.members)
        self.inlet = [self._near(k, apart) for k in range(self.n)]
        self.pattern = WeekPattern(len(mine), self.step_ms, FLOOR)
        self.least = np.array([LEAST] * self.n + [LEAST_INLET] * len(inlets))
        self.low = np.zeros(len(mine), np.int64)  # frames in a row that are low
        self.onset = np.zeros(len(mine), np.int64)
        self.open: dict[str, list[int]] = {}
        self.series: list[list[float]] = []

    def _near(self, k: int, apart: F64) -> int:
        """The inlet at the outlet's site, -1 for none."""
        at = [j for j in range(self.n, len(self.members)) if apart[k, j] <= SITE_M]
        return min(at, key=lambda j: (apart[k, j], j)) if at else -1

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        who = self.slot[member]
        mine = who >= 0
        if mine.any():
            self.frames.add(who[mine], ts_ms[mine], values[mine])

    def advance(self, now_ms: int) -> list[Finding]:
        return [f for frame in self.frames.due(now_ms) for f in self._step(frame)]

    def _step(self, frame: Frame) -> list[Finding]:
        x, ts = frame.mean, frame.end_ms
        usual, sigma = self.pattern.expected(ts - self.step_ms // 2)
        with np.errstate(invalid="ignore"):
            z = (x - usual) / sigma
            loss = (usual - x) / np.maximum(np.abs(usual), 1e-9)
        is_low = (z <= -Z_ON) & (loss >= self.least)
        self.onset = np.where(is_low & (self.low == 0), ts - self.step_ms, self.onset)
        self.low = np.where(np.isfinite(z), np.where(is_low, self.low + 1, 0), self.low)
        self.series = [*self.series, [float(ts), *x[: self.n].tolist()]][-SERIES:]
        out = self._judge(ts, x, usual, z)
        calm = ~(z < -Z_AGREE) & ~(z > Z_ON)
        self.pattern.learn(ts - self.step_ms // 2, x, usual, calm | ~np.isfinite(z))
        return out

    def _judge(self, ts: int, x: F64, usual: F64, z: F64) -> list[Finding]:
        lasting = [k for k in range(self.n) if self.low[k] >= FRAMES_ON]
        inlets = [k for k in lasting if self.inlet[k] >= 0 and self.low[self.inlet[k]] >= FRAMES_ON]
        known = int(np.isfinite(z[: self.n]).sum())
        supply = len(lasting) >= max(2, MOST * known) or (bool(inlets) and len(inlets) == len(lasting))
        wanted = {SUPPLY: lasting} if supply else {self.members[k].id: [k] for k in lasting}
        if SUPPLY in self.open and lasting:  # as long as one is low it is the same trouble
            wanted = {SUPPLY: lasting}
        out = []
        for key in [k for k in self.open if k not in wanted]:
            episode = self.open[key]
            episode[2] += 1
            if episode[2] >= FRAMES_OFF or SUPPLY in wanted:
                out.append(self._finding(key, "clear", ts, x, usual, z, [episode[3]]))
                del self.open[key]
        for key, group in wanted.items():
            top = min(group, key=lambda k: (z[k] if np.isfinite(z[k]) else 0.0, k))
            if key not in self.open:
                self.open[key] = [int(self.onset[group].min()), ts, 0, top]
                out.append(self._finding(key, "raise", ts, x, usual, z, group))
                continue
            episode = self.open[key]
            episode[2] = 0
            if ts - episode[0] >= LASTING_MS:
                for k in group:
                    self.pattern.settle(k, float(x[k] - usual[k]))
                    self.low[k] = 0
            if ts - episode[1] >= UPDATE_MS:
                episode[1] = ts
                out.append(self._finding(key, "update", ts, x, usual, z, group))
        return out

    def _finding(self, key: str, state: str, ts: int, x: F64, usual: F64, z: F64, group: Sequence[int]) -> Finding:
        top = min(group, key=lambda k: (z[k] if np.isfinite(z[k]) else 0.0, k))
        onset, depth = self.open[key][0], -float(z[top]) if np.isfinite(z[top]) else 0.0
        near = [k for k in range(self.n) if k not in group and z[k] <= -Z_AGREE]
        inlets = [self.inlet[k] for k in group if self.inlet[k] >= 0 and z[self.inlet[k]] <= -Z_AGREE]
        others = [*group, *near, *inlets]
        m = self.members[top]
        value, expected = float(x[top]), float(usual[top])
        held = duration((ts - onset) / 1000.0)
        return Finding(
            key=key, kind="gas_supply_low" if key == SUPPLY else "regulator_loss", state=state, ts_ms=ts,
            onset_ms=onset, value=value, expected=expected, low=expected * (1.0 - LEAST), high=float("inf"),
            unit="kPa", score=float(score(depth)), threshold=float(score(Z_ON)),
            magnitude=max(depth / Z_ON - 1.0, 0.0), reason=self._says(key, state, value, expected, held, group, top),
            sensors=tuple(self.members[k].id for k in (top, *(k for k in others if k != top))), detector=VERSION,
            series=tuple((int(row[0]), round(row[1 + top], 3)) for row in self.series if row[1 + top] == row[1 + top]),
            witnesses=len(others), place=None if m.lon is None or m.lat is None else (m.lon, m.lat), approximate=False,
        )  # fmt: skip

    def _says(self, key: str, state: str, x: float, usual: float, held: Both, group: Sequence[int], top: int) -> Both:
        if state == "clear":
            return Both(f"出口压力恢复正常，历时 {held.zh}", f"outlet pressure back to normal after {held.en}")
        off = usual - x
        zh = f"出口压力比同时段低 {off:.2f} kPa（平常 {usual:.2f} kPa），持续 {held.zh}"
        en = f"outlet pressure {off:.2f} kPa below the usual for this hour ({usual:.2f} kPa), for {held.en}"
        if key == SUPPLY:
            return Both(
                f"{len(group)} 台调压器{zh}，疑似上游供气不足",
                f"{len(group)} regulators: {en}; a lack of supply upstream is suspected",
            )
        if self.inlet[top] >= 0:
            zh, en = f"{zh}，进口压力正常", f"{en}, inlet as usual"
        return Both(f"{zh}，疑似调压器故障或下游断管", f"{en}; regulator failure or a break behind it suspected")

    def dump(self) -> Any:
        state = [self.low.tolist(), self.onset.tolist(), {k: list(v) for k, v in self.open.items()}, self.series]
        return [FORMAT, self.frames.dump(), self.pattern.dump(), state]

    def load(self, dumped: Any) -> None:
        form, frames, pattern, state = dumped
        if form != FORMAT or len(state[0]) != len(self.members):
            raise ValueError(f"regulators: state of format {form} and {len(state[0])} members")
        self.frames.load(frames)
        self.pattern.load(pattern)
        self.low, self.onset = np.array(state[0], np.int64), np.array(state[1], np.int64)
        self.open = {k: list(v) for k, v in state[2].items()}
        self.series = [list(row) for row in state[3]]
