"""Methane in a utility tunnel at the ventilation level while the section's fans stand still.

GB 50838 has the alarm at no more than 20 %LEL start the accident ventilation of the section and its neighbours. Told
when a methane sensor has been at it for a minute and the nearest fan (kind `ventilation`, 0: off), by chainage, still
says 0. A tunnel whose ventilation is not given is not judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.gas import LEL_PER_UNIT, METHANE
from detectors.group import F64, I32, I64, Finding, Member
from detectors.readings import Readings
from detectors.texts import Both, duration

VERSION, FORMAT = "tunnel_fans/1", 1
START, STOP = 20.0, 18.0  # %LEL
WITHIN_MS = 60_000
TS, NOW, SINCE = range(3)


class TunnelFans:
    """Methane sensors (first) and fans of one tunnel. `open`: sensor -> onset."""

    name = "tunnel_fans"

    def __init__(self, members: Sequence[Member]) -> None:
        along = [k for k, m in enumerate(members) if m.chainage_m is not None]
        gas = [k for k in along if members[k].kind in METHANE]
        fans = [k for k in along if members[k].kind == "ventilation"]
        self.n = len(gas)
        self.members = [members[k] for k in (*gas, *fans)]
        scale = [LEL_PER_UNIT[m.unit or METHANE[m.kind]] for m in self.members[: self.n]]
        self.readings = Readings(members, [*gas, *fans], [*scale, *(1.0 for _ in fans)])
        at = np.array([m.chainage_m for m in self.members], np.float64)
        self.fan = self.n + np.abs(at[: self.n, None] - at[None, self.n :]).argmin(axis=1)
        self.state = np.zeros((len(self.members), 3))
        self.open: dict[str, int] = {}

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        self.readings.add(member, ts_ms, values)

    def advance(self, now_ms: int) -> list[Finding]:
        out = []
        for k, ts, x in zip(*self.readings.due(now_ms), strict=True):
            row = self.state[k]
            if ts <= row[TS]:
                continue
            row[TS], row[NOW] = ts, x
            if k < self.n:
                row[SINCE] = 0.0 if x < STOP else row[SINCE] or (ts if x >= START else 0.0)
                out += self._judge(int(k), int(ts))
            else:
                out += [f for g in np.flatnonzero(self.fan == k) for f in self._judge(int(g), int(ts))]
        return out

    def _judge(self, k: int, ts: int) -> list[Finding]:
        row, fan, key = self.state[k], self.state[self.fan[k]], self.members[k].id
        on = row[SINCE] > 0.0 and fan[TS] > 0.0 and fan[NOW] <= 0.0
        if key in self.open:
            return [] if on else [self._finding(k, "clear", ts, self.open.pop(key))]
        if not on or ts - row[SINCE] < WITHIN_MS:
            return []
        self.open[key] = int(row[SINCE])
        return [self._finding(k, "raise", ts, self.open[key])]

    def _finding(self, k: int, state: str, ts: int, onset: int) -> Finding:
        m, fan, x = self.members[k], self.members[self.fan[k]], float(self.state[k, NOW])
        held = duration((ts - onset) / 1000.0)
        says = Both(
            f"桩号 {m.chainage_m:.0f} 米甲烷 {x:.1f} %LEL 已 {held.zh}，风机（桩号 {fan.chainage_m:.0f} 米）未运行，"
            "请立即启动事故通风",
            f"methane {x:.1f} %LEL at chainage {m.chainage_m:.0f} m for {held.en} and the fan at "
            f"{fan.chainage_m:.0f} m is off: start the ventilation at once",
        )
        if state == "clear":
            says = Both(
                f"通风已启动或甲烷已下降，历时 {held.zh}", f"ventilated, or methane has fallen, after {held.en}"
            )
        return Finding(
            key=m.id, kind="tunnel_ventilation", state=state, ts_ms=ts, onset_ms=onset, value=x, expected=0.0, low=0.0,
            high=START, unit="%LEL", score=1.0 if state != "clear" else 0.0, threshold=0.5,
            magnitude=max(x / START - 1.0, 0.0), reason=says, sensors=(m.id, fan.id), detector=VERSION, witnesses=2,
            place=None if m.lon is None or m.lat is None else (m.lon, m.lat), approximate=False,
        )  # fmt: skip

    def dump(self) -> Any:
        return [FORMAT, self.readings.dump(), self.state.tobytes(), dict(self.open)]

    def load(self, dumped: Any) -> None:
        form, readings, state, opened = dumped
        if form != FORMAT or len(state) != self.state.nbytes:
            raise ValueError(f"tunnel fans: state of format {form} and {len(state)} bytes")
        self.readings.load(readings)
        self.state = np.frombuffer(state).reshape(self.state.shape).copy()
        self.open = dict(opened)
