"""Is the methane of a well sewer gas? A suspicion that is told beside the alert and lowers nothing.

By ethane, where an ethane sensor stands in the same well: natural gas brings ethane along, sewer gas hardly any (often
under 0.1 %; ethane as the tracer of fossil methane: Defratyka et al. 2021, Atmos. Meas. Tech. 14, 5049). Very dry
natural gas may have little: no ethane is a hint, no proof.

By shape, all of it: a low plateau (under the low alarm), slow, at this hour of the day as it was on earlier days (air
exchange follows the temperature, water use the hour), not at the same time in a neighbouring well, and the well is not
known to be without drainage (fact `drain` = 0). The pattern needs days and takes in a change slowly, so that a leak
that stays does not pass as usual within days.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.gas import LEL_PER_UNIT, LEL_VOL, METHANE
from detectors.group import F64, I32, I64, Finding, Member, Note
from detectors.readings import Readings
from detectors.texts import Both
from detectors.well_places import apart_m, wells_of

FORMAT = 1
FRAME_MS, HOUR_MS, DAY_MS, UTC_OFFSET_MS = 300_000, 3_600_000, 86_400_000, 28_800_000
RING = 24  # frames of five minutes
FEWEST_DAYS, SLOWEST_DAYS = 3, 10
MOST_A_DAY = 1.5  # %LEL by which an hour of the pattern may rise in a day
PLATEAU = 25.0  # %LEL
STEEP = 0.4  # %LEL a minute between frames
JUMP = 4.0  # %LEL of the newest reading above the last frame
USUAL, ROOM = 1.35, 2.0  # at most this times what the hour usually has, and so many %LEL
SWING = 0.2  # of the pattern's mean: a constant source has no daily swing
NEAR_M, UP = 100.0, 3.0  # a neighbour within so many m is up by so many %LEL
SAME_WELL_M = 10.0
ENOUGH_PPM = 2_000.0  # of methane, before ethane says anything
NATURAL, BIOGENIC = 0.005, 0.001  # ethane by methane
FRESH_MS = 900_000
TS, NOW, FRAME, SUM, N, HOUR, HSUM, HN = range(8)


@jit
def follow(who: Any, ts: Any, x: Any, wells: Any, ring: Any, pattern: Any, days: Any) -> None:
    """Readings in order of time (%LEL, of ethane ppm) into wells float64[W, 8], ring float64[W, 24] (means of frames),
    pattern float64[W, 24] (%LEL by hour of the local day) and days int64[W, 24]."""
    for i in range(len(who)):
        w = wells[who[i]]
        if ts[i] <= w[TS]:
            continue
        w[TS], w[NOW] = ts[i], x[i]
        frame, hour = ts[i] // FRAME_MS, (ts[i] + UTC_OFFSET_MS) // HOUR_MS
        if frame != w[FRAME]:
            if w[N] > 0.0:
                ring[who[i], int(w[FRAME]) % RING] = w[SUM] / w[N]
            for k in range(max(int(w[FRAME]) + 1, frame - RING + 1), frame + 1):
                ring[who[i], k % RING] = math.nan
            w[FRAME], w[SUM], w[N] = frame, 0.0, 0.0
        w[SUM] += x[i]
        w[N] += 1.0
        if hour != w[HOUR]:
            if w[HN] > 0.0:
                h = int(w[HOUR]) % 24
                days[who[i], h] += 1
                off = w[HSUM] / w[HN] - pattern[who[i], h]
                step = off / min(days[who[i], h], SLOWEST_DAYS)
                pattern[who[i], h] += step if days[who[i], h] <= FEWEST_DAYS else min(step, MOST_A_DAY)
            w[HOUR], w[HSUM], w[HN] = hour, 0.0, 0.0
        w[HSUM] += x[i]
        w[HN] += 1.0


class SewerGas:
    """Wells of one zone, and the ethane sensors that stand in them."""

    name = "sewer_gas"

    def __init__(self, members: Sequence[Member]) -> None:
        wells = wells_of(members)
        ethane = [k for k, m in enumerate(members) if m.kind == "ethane"]
        self.mine = [members[k] for k in (*wells, *ethane)]
        self.n = len(wells)
        self.at = {m.id: k for k, m in enumerate(self.mine[: self.n])}
        self.scale = [LEL_PER_UNIT[m.unit or METHANE[m.kind]] for m in self.mine[: self.n]]
        self.readings = Readings(members, [*wells, *ethane], [*self.scale, *(1.0 for _ in ethane)])
        self.apart = apart_m(self.mine)
        self.drained = [dict(m.params).get("drain", 1.0) != 0.0 for m in self.mine]
        self.wells = np.zeros((len(self.mine), 8))
        self.ring = np.full((len(self.mine), RING), np.nan)
        self.pattern, self.days = np.zeros((len(self.mine), 24)), np.zeros((len(self.mine), 24), np.int64)

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        self.readings.add(member, ts_ms, values)

    def advance(self, now_ms: int) -> list[Finding]:
        who, ts, x = self.readings.due(now_ms)
        if len(who):
            follow(who, ts, x, self.wells, self.ring, self.pattern, self.days)
        return []

    def note(self, member: str, value: float) -> Note | None:
        """What the gas of a well is taken for."""
        k = self.at.get(member)
        if k is None or self.wells[k, TS] == 0.0:
            return None
        x, share = value * self.scale[k], self._ethane(k)
        if share >= NATURAL:
            says = (
                f"乙烷为甲烷的 {100 * share:.1f}%，疑似天然气",
                f"ethane is {100 * share:.1f} % of methane: natural gas suspected",
            )
            return Note("natural_gas", Both(*says))
        if share < BIOGENIC and self._slow(k, x):
            return Note(
                "sewer_gas",
                Both("未测到乙烷，疑似沼气，须现场确认", "no ethane measured: sewer gas suspected, confirm on site"),
            )
        if not math.isfinite(share) and self._shaped(k, x):
            return Note("sewer_gas", Both(
                "缓慢、与往日同时段相近、邻井无异常，疑似沼气，须现场确认",
                "slow, as on other days at this hour, neighbouring wells quiet: sewer gas suspected, confirm on site",
            ))  # fmt: skip
        return None

    def _ethane(self, k: int) -> float:
        """Ethane by methane in the well, NaN where unknown."""
        near = [j for j in range(self.n, len(self.mine)) if self.apart[k, j] <= SAME_WELL_M]
        fresh = [j for j in near if abs(self.wells[j, TS] - self.wells[k, TS]) <= FRESH_MS and self.wells[j, TS] > 0.0]
        ppm = float(self.wells[k, NOW]) * LEL_VOL * 100.0
        if not fresh or ppm < ENOUGH_PPM:
            return math.nan
        return max(float(self.wells[fresh[0], NOW]), 0.0) / ppm

    def _slow(self, k: int, now: float) -> bool:
        """Nothing rose fast in the newest two hours."""
        last = int(self.wells[k, FRAME])
        means = np.array([self.ring[k, f % RING] for f in range(last - RING + 1, last)])
        at = np.flatnonzero(np.isfinite(means))
        if not len(at):
            return False
        rise = np.diff(means[at]) / (np.diff(at) * FRAME_MS / 60_000.0)
        return bool((rise <= STEEP).all() and now <= means[at[-1]] + JUMP)

    def _shaped(self, k: int, now: float) -> bool:
        hour = int((self.wells[k, TS] + UTC_OFFSET_MS) // HOUR_MS) % 24
        near = [(hour + d) % 24 for d in (-1, 0, 1)]
        pattern = self.pattern[k]
        swings = np.ptp(pattern) >= SWING * pattern.mean() > 0.0
        usual = USUAL * float(pattern[near].max()) + ROOM
        known = bool((self.days[k, near] >= FEWEST_DAYS).all())
        if not (self.drained[k] and known and swings and now <= min(usual, PLATEAU) and self._slow(k, now)):
            return False
        return not any(
            self.apart[k, j] <= NEAR_M and self.wells[j, NOW] > self.pattern[j, hour] + UP
            for j in range(self.n)
            if j != k
        )

    def dump(self) -> Any:
        parts = (self.wells, self.ring, self.pattern, self.days)
        return [FORMAT, self.readings.dump(), *(part.tobytes() for part in parts)]

    def load(self, dumped: Any) -> None:
        form, readings, wells, ring, pattern, days = dumped
        if form != FORMAT or len(wells) != self.wells.nbytes:
            raise ValueError(
                f"wells: state of format {form} and {len(wells)} bytes, want {FORMAT}, {self.wells.nbytes}"
            )
        self.readings.load(readings)
        self.wells = np.frombuffer(wells).reshape(self.wells.shape).copy()
        self.ring = np.frombuffer(ring).reshape(self.ring.shape).copy()
        self.pattern = np.frombuffer(pattern).reshape(self.pattern.shape).copy()
        self.days = np.frombuffer(days, np.int64).reshape(self.days.shape).copy()
