"""The quality sensors of one station together: `quality_anomaly` when they no longer agree with each other.

Single thresholds miss what moves several channels a little; `multivariate.py` judges them jointly. Readings are put
into frames of the slowest member's interval (the last reading of each member), a frame is judged when its members have
had time to tell it. An episode lasts while the score is at 0.5 or above; debounce and hold are the scorer's.
Flow and temperature explain the others and never raise. Where several channels read exactly zero at once the sentence
says that it may be the instruments (sampling line, power), which is what that looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.group import F64, I32, I64, Finding, GroupDetector, Member
from detectors.multivariate import Multivariate
from detectors.texts import Both, duration

FORMAT = 1
THRESHOLD = 0.5
LEAST_STEP_MS, WAIT_STEPS, UPDATE_MS = 60_000, 2, 1_800_000
LEAST_CHANNELS = 3
SERIES = 24
MOST_OPEN = 512  # frames that may wait; older ones are given up
NAMES: dict[str, tuple[Both, str, int]] = {  # quantity, unit, decimals
    "chlorine": (Both("余氯", "chlorine"), "mg/L", 2),
    "ph": (Both("pH", "pH"), "", 2),
    "redox": (Both("氧化还原电位", "redox"), "mV", 0),
    "conductivity": (Both("电导率", "conductivity"), "µS/cm", 0),
    "turbidity": (Both("浊度", "turbidity"), "NTU", 3),
}
CONTEXT = ("temperature", "flow")
DETECTOR = "station/2"


class Station:
    """Members `mine` (indices into the zone's members) of one place; `key` tells stations of a zone apart."""

    def __init__(self, key: str, members: Sequence[Member], mine: Sequence[int]) -> None:
        self.name = f"station_{key}" if key else "station"
        self.key = key or "station"
        self.members = [members[i] for i in mine]
        self.place = np.full(len(members), -1, np.int64)
        self.place[list(mine)] = np.arange(len(mine))
        self.step_ms = max(LEAST_STEP_MS, round(max(m.interval_s for m in self.members) * 1000))
        self.wait_ms = WAIT_STEPS * self.step_ms + round(max(m.upload_s for m in self.members) * 1000)
        context = [i for i, m in enumerate(self.members) if m.kind in CONTEXT]
        self.scorer = Multivariate(len(mine), interval_s=self.step_ms / 1000, context=context)
        self.frames: dict[int, tuple[I64, F64]] = {}  # frame -> time and value of each member's last reading
        self.closed = -1
        self.onset_ms = self.told_ms = 0  # 0: no episode
        self.series: list[tuple[int, float]] = []

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        at = self.place[member]
        frame = ts_ms // self.step_ms
        keep = np.flatnonzero((at >= 0) & (frame > self.closed))
        if not len(keep):
            return
        keep = keep[np.lexsort((-keep, ts_ms[keep]))]  # of one time the first that came is written last
        for f in np.unique(frame[keep]).tolist():
            part = keep[frame[keep] == f]
            new = (np.full(len(self.members), -1, np.int64), np.full(len(self.members), np.nan))
            new[0][at[part]], new[1][at[part]] = ts_ms[part], values[part]
            old = self.frames.get(f)
            if old is not None:
                later = old[0] >= new[0]
                new[0][later], new[1][later] = old[0][later], old[1][later]
            self.frames[f] = new
        while len(self.frames) > MOST_OPEN:
            self.closed = min(self.frames)
            del self.frames[self.closed]

    def advance(self, now_ms: int) -> list[Finding]:
        out: list[Finding] = []
        for f in sorted(self.frames):
            end = (f + 1) * self.step_ms
            if end + self.wait_ms > now_ms:
                break
            self.closed = f
            row = self.frames.pop(f)[1]
            score = float(self.scorer.score(np.array([end * 1_000_000]), row[None, :])[0])
            self.series = [*self.series[1 - SERIES :], (end, score)]
            out += self._episode(end, row, score)
        return out

    def _episode(self, ts_ms: int, row: F64, score: float) -> list[Finding]:
        alarm = score >= THRESHOLD
        if alarm and not self.onset_ms:
            state, self.onset_ms = "raise", ts_ms
        elif self.onset_ms and not alarm:
            state = "clear"
        elif alarm and ts_ms - self.told_ms >= UPDATE_MS:
            state = "update"
        else:
            return []
        self.told_ms = ts_ms
        found = self._finding(state, ts_ms, row, score)
        if state == "clear":
            self.onset_ms = 0
        return [found]

    def _finding(self, state: str, ts_ms: int, row: F64, score: float) -> Finding:
        excess = np.abs(self.scorer.contributions())
        order = [int(i) for i in np.argsort(-excess, kind="stable") if self.members[int(i)].kind in NAMES]
        loud = [i for i in order if excess[i] >= 1.0] or order[:1]
        expected, half = self.scorer.expected(row)
        top = loud[0]
        first = self.members[top]
        place = None if first.lon is None or first.lat is None else (first.lon, first.lat)
        return Finding(
            key=self.key, kind="quality_anomaly", state=state, ts_ms=ts_ms, onset_ms=self.onset_ms,
            value=float(row[top]), expected=float(expected[top]), low=float(expected[top] - half[top]),
            high=float(expected[top] + half[top]), unit=NAMES[first.kind][1], score=score, threshold=THRESHOLD,
            magnitude=score / (1.0 - score) - 1.0, reason=self._reason(state, ts_ms, row, expected, loud),
            sensors=tuple(self.members[i].id for i in order), detector=DETECTOR, series=tuple(self.series),
            witnesses=len(loud), place=place, approximate=False,
        )  # fmt: skip

    def _reason(self, state: str, ts_ms: int, row: F64, expected: F64, loud: Sequence[int]) -> Both:
        lasted = duration((ts_ms - self.onset_ms) / 1000 + self.step_ms / 1000)
        if state == "clear":
            return Both(f"各水质参数恢复一致，历时 {lasted.zh}", f"the quality channels agree again, after {lasted.en}")
        zh, en = [], []
        for i in [i for i in loud if np.isfinite(row[i])][:3]:
            name, unit, digits = NAMES[self.members[i].kind]
            value, usual = f"{row[i]:.{digits}f} {unit}".strip(), f"{expected[i]:.{digits}f}"
            zh.append(f"{name.zh} {value}（按其他参数应约 {usual}）")
            en.append(f"{name.en} {value} ({usual} expected from the others)")
        zeros = int(np.sum([row[i] == 0.0 for i in range(len(row)) if self.members[i].kind in NAMES]))
        hint = ("；多个参数同时为零，请先检查仪表和取样管", "; several read zero at once: check the instruments first")
        tail = hint if zeros >= 2 else ("", "")
        return Both(
            f"多参数联合异常：{'、'.join(zh)}，持续 {lasted.zh}{tail[0]}",
            f"unusual together: {', '.join(en)}, for {lasted.en}{tail[1]}",
        )

    def dump(self) -> Any:
        frames = [[f, t.tolist(), v.tolist()] for f, (t, v) in sorted(self.frames.items())]
        own = [self.closed, self.onset_ms, self.told_ms, [list(p) for p in self.series]]
        return [FORMAT, self.scorer.snapshot(), frames, own]

    def load(self, dumped: Any) -> None:
        if dumped[0] != FORMAT:
            raise ValueError(f"state of format {dumped[0]}, want {FORMAT}")
        self.scorer.restore(dumped[1])
        self.frames = {f: (np.array(t, np.int64), np.array(v, np.float64)) for f, t, v in dumped[2]}
        self.closed, self.onset_ms, self.told_ms = dumped[3][:3]
        self.series = [(int(t), float(v)) for t, v in dumped[3][3]]


def stations(zone: str, members: Sequence[Member]) -> list[GroupDetector]:
    """One detector for each place of the zone with at least three channels of quality; members without a place are
    taken as one station."""
    at: dict[str, list[int]] = {}
    for i, m in enumerate(members):
        if m.kind in NAMES or m.kind in CONTEXT:
            key = "" if m.lon is None or m.lat is None else f"{m.lon:.4f}_{m.lat:.4f}"  # 10 m
            at.setdefault(key, []).append(i)
    quality = {k: sum(members[i].kind in NAMES for i in v) for k, v in at.items()}
    return [Station(k, members, at[k]) for k in sorted(at) if quality[k] >= LEAST_CHANNELS]
