"""Minimum night flow between 02:00 and 04:00 as data: what a zone takes when people sleep is leakage and little else.

Each night gives one number, the smallest mean over an hour, less legitimate night use (IWA Water Loss Task Force 2007,
*DMA Guidance Notes*, has the method; a tenth of the mean inflow is the project's own allowance). The baseline is the
zone's own (nights of the last weeks; feast nights teach nothing and are judged with more room). The loss rate 漏损率 is
net night flow x night-day factor (20 h: pressure is higher by night) over the day's inflow. CJJ 92-2016 (revised 2018),
5.1.2, grades by 10 % (level one) and 12 % (level two), after corrections that are not made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors import water_calendar as calendar
from detectors.adaptive import score
from detectors.group import Finding, Member
from detectors.texts import Both
from detectors.water_sight import Sight

VERSION = "night_flow/1"
FROM_MIN, TO_MIN = 120.0, 240.0
LEGITIMATE = 0.10  # of the mean inflow
NIGHT_DAY_H = 20.0
SECOND_LEVEL = 0.12
NIGHTS, FEWEST = 21, 5
Z_ON = 4.0
FLOOR = 0.010  # of the mean inflow: scale of the nights is never less
FEAST = 2.0
LOSS_RISE = 0.04  # loss rate this much above the zone's own is told
IN_A_ROW = 2  # nights
DAY_MS = 86_400_000


class NightFlow:
    """One zone: `nights` are the last net minima (m3/h) of ordinary nights."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.meters = tuple(m.id for m in members if m.flow_sign)
        self.nights: list[float] = []
        self.tonight: list[float] = []
        self.day = self.high_nights = self.onset_ms = 0
        self.total = self.n = 0.0  # inflow of the day until 04:00
        self.last = (0.0, 0.0, 0.0)  # of the last night: minimum, usual, loss rate
        self.open: list[str] = []
        self.series: list[tuple[int, float]] = []

    def step(self, s: Sight) -> tuple[list[Finding], bool]:
        """Judged once a night, with the first frame after 04:00. Always calm: this is history."""
        self.total += s.flow
        self.n += 1.0
        if FROM_MIN <= s.minute < TO_MIN:
            self.day = calendar.local_day(s.end_ms)
            self.tonight.append(s.flow)
            return [], True
        if not self.tonight:
            return [], True
        out = self._judge(s)
        self.tonight, self.total, self.n = [], 0.0, 0.0
        return out, True

    def _judge(self, s: Sight) -> list[Finding]:
        hour = max(1, round(3_600_000 / s.step_ms))
        flows = np.array(self.tonight)
        if len(flows) < hour or self.n * s.step_ms < 0.8 * DAY_MS:
            return []
        mean = self.total / self.n
        minimum = float(np.convolve(flows, np.ones(hour) / hour, "valid").min())
        net = max(minimum - LEGITIMATE * mean, 0.0)
        loss = min(net * NIGHT_DAY_H / (mean * 24.0), 1.0) if mean > 0.0 else 0.0
        self.series = [*self.series, (s.end_ms, round(minimum, 2))][-30:]
        feast = calendar.feast(self.day)
        if len(self.nights) < FEWEST:
            if feast is None:
                self.nights.append(net)
            return []
        usual = float(np.median(self.nights))
        spread = 1.4826 * float(np.median(np.abs(np.array(self.nights) - usual)))
        scale = max(spread, FLOOR * s.mean) * (FEAST if feast else 1.0)
        z = (net - usual) / scale
        self.high_nights = self.high_nights + 1 if z > Z_ON else 0
        usual_loss = usual * NIGHT_DAY_H / (mean * 24.0)
        self.last = (minimum, usual + LEGITIMATE * mean, loss)
        if feast is None and (z <= Z_ON or self.high_nights > 14):  # two weeks of it: that is what the zone now loses
            self.nights = [*self.nights, net][-NIGHTS:]
        named = f"（{feast.name.zh}）" if feast else "", f" ({feast.name.en})" if feast else ""
        high = self.high_nights >= IN_A_ROW or z > 2.0 * Z_ON
        lossy = self.high_nights >= IN_A_ROW and loss > SECOND_LEVEL and loss > usual_loss + LOSS_RISE
        off = minimum - self.last[1]
        says = Both(
            f"夜间最小流量 {minimum:.1f} m³/h，比平常高 {off:.1f} m³/h{named[0]}",
            f"minimum night flow {minimum:.1f} m³/h, {off:.1f} above the usual{named[1]}",
        )
        about = Both(
            f"漏损率约 {loss * 100:.0f}%，平常 {usual_loss * 100:.0f}%（CJJ 92-2016 二级 12%）",
            f"loss rate about {loss * 100:.0f} %, usually {usual_loss * 100:.0f} % (CJJ 92-2016 level two: 12 %)",
        )
        values = (minimum, self.last[1], self.last[1] + Z_ON * scale)
        out = self._tell(s, "night_flow_high", high, z, values, "m³/h", says)
        shares = (loss * 100.0, usual_loss * 100.0, (usual_loss + LOSS_RISE) * 100.0)
        return out + self._tell(s, "loss_rate_high", lossy, z, shares, "%", about)

    def _tell(
        self, s: Sight, kind: str, on: bool, z: float, values: tuple[float, float, float], unit: str, says: Both
    ) -> list[Finding]:
        was = kind in self.open
        if not on and not was:
            return []
        state = ("update" if was else "raise") if on else "clear"
        if state == "raise":
            self.open.append(kind)
            self.onset_ms = s.end_ms - round(TO_MIN * 60_000)
        elif state == "clear":
            self.open.remove(kind)
            says = Both(f"{says.zh}，已恢复", f"{says.en}; back to normal")
        value, usual, high = values
        return [Finding(
            key=kind, kind=kind, state=state, ts_ms=s.end_ms, onset_ms=self.onset_ms, value=value, expected=usual,
            low=0.0, high=high, unit=unit, score=float(score(z)), threshold=float(score(Z_ON)),
            magnitude=max(z / Z_ON - 1.0, 0.0), reason=says, sensors=self.meters, detector=VERSION,
            series=tuple(self.series),
        )]  # fmt: skip

    def dump(self) -> Any:
        row = [self.day, self.high_nights, self.onset_ms, self.total, self.n, list(self.last)]
        return [list(self.nights), list(self.tonight), row, list(self.open), [list(x) for x in self.series]]

    def load(self, dumped: Any) -> None:
        nights, tonight, row, opened, series = dumped
        self.nights, self.tonight, self.open = list(nights), list(tonight), list(opened)
        self.day, self.high_nights, self.onset_ms, self.total, self.n = row[:5]
        self.last = tuple(row[5])
        self.series = [(int(t), float(x)) for t, x in series]
