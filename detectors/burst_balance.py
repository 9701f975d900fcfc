"""Burst of a main in a zone: suddenly more flows in than is usual now, and pressures fall as a leak makes them.

`leak_filter` says whether a leak stands out and beside which gauge; this file decides what becomes of it: on trusted
hours only, with a higher threshold on feast days, not without the meters, and with an end. A metered draw (a hydrant
with a meter) leaves the balance as it is. Source of the method: IWA Water Loss Task Force 2007, *District Metered
Areas: Guidance Notes*; Mounce, Boxall & Machell 2010, J. Water Resour. Plann. Manage. 136(3) (flow against its usual
profile, by DMA).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.adaptive import score
from detectors.group import Finding, Member
from detectors.leak_filter import LeakFilter, Peak
from detectors.leak_signature import signatures
from detectors.texts import Both, duration
from detectors.water_sight import Looker, Sight

VERSION = "burst_balance/2"
Z_ON, Z_CALM = 4.6, 3.0
FEAST = 2.5  # thresholds are this much higher on feast days and the day after: guests are no pattern
LEAST = 0.02  # excess by the meters, of the zone's mean inflow, that matters
AGREE = 1.0  # ... and in its own usual deviations
HOLD_MS = 5_400_000  # a suspicion that does not become an alarm in this time is the new usual
LASTING_MS = 86_400_000
OFF, OFF_MS = 0.4, 600_000
UPDATE_MS = 300_000
SERIES = 30
MPA = 0.00980665  # of a metre of head
WITNESS = 2.5  # noises of a gauge's mean drop that count as agreement


class BurstBalance:
    """One zone. State: the filter, the drops of the last quarter of an hour, the open episode."""

    def __init__(self, members: Sequence[Member], looker: Looker, step_ms: int) -> None:
        self.members, self.looker = members, looker
        self.filter = LeakFilter(len(looker.gauges), step_ms)
        self.keep = max(1, round(900_000 / step_ms))
        self.drops: list[list[float]] = []
        self.flows: list[list[float]] = []
        self.series: list[tuple[int, float]] = []
        self.suspect_ms = self.onset_ms = self.told_ms = self.below_ms = self.last_ms = 0
        self.size = 0.0  # excess of the open episode, 0: none is open

    def step(self, s: Sight) -> tuple[list[Finding], bool]:
        """(findings, whether the frame is calm and may be learned)."""
        if self.last_ms and s.end_ms - self.last_ms > max(20 * 60_000, 4 * s.step_ms):
            self.filter.forget()  # a gap: what was before it is no trailing window
            self.drops.clear()
            self.flows.clear()
        self.last_ms = s.end_ms
        signs = signatures(self.looker.heads.distance(), max(s.load, 0.0))
        peak = self.filter.push(s.residual, s.load, signs, LEAST * s.mean / max(s.usual, LEAST * s.mean))
        self.drops = [*self.drops, s.drop.tolist()][-self.keep :]
        self.flows = [*self.flows, [s.flow, s.usual]][-2 * self.keep :]
        self.series = [*self.series, (s.end_ms, round(s.flow, 2))][-SERIES:]
        if self.size:
            return self._ongoing(s, peak), False
        threshold = Z_ON * (FEAST if s.feast else 1.0)
        suspicious = s.trusted and peak.z > Z_CALM
        self.suspect_ms = (self.suspect_ms or s.end_ms) if suspicious else 0
        calm = not suspicious or s.end_ms - self.suspect_ms > HOLD_MS
        if not (s.trusted and peak.z >= threshold and peak.mean >= AGREE * peak.sigma):
            if calm:
                self.filter.learn(s.trusted)
            return [], calm
        self.size, self.onset_ms = peak.mean, s.end_ms - peak.frames * s.step_ms
        self.told_ms, self.below_ms = s.end_ms, 0
        self.filter.hold()
        return [self._finding(s, "raise", peak, peak.frames)], False

    def _ongoing(self, s: Sight, peak: Peak) -> list[Finding]:
        now = self.filter.now(8.0)
        self.below_ms = (self.below_ms or s.end_ms) if now < OFF * self.size else 0
        lasting = s.end_ms - self.onset_ms >= LASTING_MS
        if lasting or (self.below_ms and s.end_ms - self.below_ms >= OFF_MS):
            if lasting:
                self.looker.profile.level += now
                self.filter.settle()
            finding = self._finding(s, "clear", peak, self.keep)
            self.size, self.suspect_ms = 0.0, 0
            self.filter.forget()
            return [finding]
        if s.end_ms - self.told_ms < UPDATE_MS:
            return []
        self.told_ms = s.end_ms
        self.size = max(self.size, min(now, 2.0 * self.size))
        return [self._finding(s, "update", peak, self.keep)]

    def _finding(self, s: Sight, state: str, peak: Peak, frames: int) -> Finding:
        z, threshold = peak.z, Z_ON * (FEAST if s.feast else 1.0)
        rows = np.array(self.flows[-frames:])
        flow, usual = float(rows[:, 0].mean()), float(rows[:, 1].mean())
        drops = np.array(self.drops[-min(frames, self.keep) :])
        heard = np.isfinite(drops)
        n = heard.sum(axis=0)
        drop = np.where(n > 0, np.where(heard, drops, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
        order = np.argsort(-np.where(n > 0, peak.places[1:], -np.inf), kind="stable")
        agree = int(np.sum(drop > WITNESS * s.noise / math.sqrt(min(frames, 4))))
        likely = [self.members[int(self.looker.gauges[k])] for k in order]
        meters = [self.members[int(k)].id for k in self.looker.meters]
        place = next(((m.lon, m.lat) for m in likely if m.lon is not None and m.lat is not None), None)
        band = threshold * peak.sigma * usual
        held = duration((s.end_ms - self.onset_ms) / 1000.0)
        deepest = float(np.nanmax(drop)) * MPA if np.isfinite(drop).any() else 0.0
        return Finding(
            key="burst", kind="burst_suspected", state=state, ts_ms=s.end_ms, onset_ms=self.onset_ms, value=flow,
            expected=usual, low=usual - band, high=usual + band, unit="m³/h", score=float(score(z)),
            threshold=float(score(threshold)), magnitude=max(z / threshold - 1.0, 0.0),
            reason=_says(flow, usual, deepest if agree else 0.0, held, state),
            sensors=(*(m.id for m in likely), *meters), detector=VERSION, series=tuple(self.series),
            witnesses=1 + agree, place=place,
        )  # fmt: skip

    def dump(self) -> Any:
        episode = [self.suspect_ms, self.onset_ms, self.told_ms, self.below_ms, self.last_ms, self.size]
        return [self.filter.dump(), self.drops, self.flows, [list(x) for x in self.series], episode]

    def load(self, dumped: Any) -> None:
        state, drops, flows, series, episode = dumped
        self.filter.load_state(state)
        self.drops, self.flows = [list(x) for x in drops], [list(x) for x in flows]
        self.series = [(int(t), float(x)) for t, x in series]
        self.suspect_ms, self.onset_ms, self.told_ms, self.below_ms, self.last_ms, self.size = episode


def _says(flow: float, usual: float, deepest_mpa: float, held: Both, state: str) -> Both:
    off, share = flow - usual, (flow / usual - 1.0) * 100.0 if usual > 0 else 0.0
    if state == "clear":
        return Both(f"分区净流量恢复正常（{flow:.0f} m³/h），历时 {held.zh}",
                    f"net inflow of the zone back to normal ({flow:.0f} m³/h) after {held.en}")  # fmt: skip
    zh = f"分区净流量比同时段高 {off:.1f} m³/h（{share:+.0f}%）"
    en = f"net inflow of the zone {off:.1f} m³/h above the usual for this hour ({share:+.0f}%)"
    if deepest_mpa >= 0.005:
        zh, en = f"{zh}，压力最多低 {deepest_mpa:.2f} MPa", f"{en}, pressure up to {deepest_mpa:.2f} MPa lower"
    return Both(f"{zh}，持续 {held.zh}，疑似爆管", f"{en}, for {held.en}; burst suspected")
