"""Is a boundary valve open, or does the inlet meter read low? Balance and pressure that do not belong together.

When customers take less, head losses shrink and pressures rise by what the head model says. When the meters show a
deficit and the gauges another one, water comes from somewhere else or the meter reads low: near the inlet pressures
hardly rise, and at the far end an open boundary valve raises them more than thrift would. Half-way in between the two
cannot be told apart. (Proof is a zero-pressure test: IWA Water Loss Task Force 2007, *DMA Guidance Notes*.) Judged
over two hours, by day, when head losses are large enough to tell. The neighbour's finding is the mirror: its own inflow
is up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.adaptive import score
from detectors.group import Finding, Member
from detectors.leak_filter import SIGMA
from detectors.texts import Both
from detectors.water_sight import Sight

VERSION = "boundary_valve/1"
SPAN_MS = 7_200_000
FROM_MIN, TO_MIN = 420.0, 1320.0
Z_ON = 4.0
LEAST = 0.10  # deficit of the usual inflow that matters
FLOOR = 0.02
MEMORY = 3_000.0  # frames
FEWEST = 500


class BoundaryValve:
    """One zone: trailing two hours of (excess by meters, the same less that by gauges), scale of the latter."""

    def __init__(self, members: Sequence[Member], step_ms: int) -> None:
        self.meters = tuple(m.id for m in members if m.flow_sign)
        self.keep = max(2, round(SPAN_MS / step_ms))
        self.pairs: list[list[float]] = []
        self.scale, self.n = FLOOR, 0.0
        self.onset_ms = self.told_ms = 0  # onset 0: no episode

    def step(self, s: Sight) -> tuple[list[Finding], bool]:
        """Always calm: what lasts for days is learned."""
        on = np.isfinite(s.drop)
        if not (s.trusted and FROM_MIN <= s.minute < TO_MIN and on.any()):
            self.pairs.clear()
            return [], True
        whole = (1.0 + s.excess) * (1.0 + s.level) - 1.0  # against the pattern: the level would hide what lasts
        self.pairs = [*self.pairs, [whole, s.excess - s.gauges]][-self.keep :]
        if len(self.pairs) < self.keep:
            return [], True
        meters, apart = (float(x) for x in np.array(self.pairs).mean(axis=0))
        sigma = max(self.scale * SIGMA, FLOOR)
        z = abs(apart) / sigma
        hit = self.n >= FEWEST and z > Z_ON and meters < -LEAST and abs(apart) > 0.6 * LEAST
        if not self.onset_ms:
            if not hit:
                self.n += 1.0
                self.scale += max(1.0 / self.n, 1.0 / MEMORY) * (min(abs(apart), 3.0 * sigma) - self.scale)
                return [], True
            self.onset_ms, self.told_ms = s.end_ms - SPAN_MS, s.end_ms
            return [self._finding(s, "raise", z, meters)], True
        if z < 0.5 * Z_ON or s.end_ms - self.onset_ms > 7 * 86_400_000:
            finding = self._finding(s, "clear", z, meters)
            self.onset_ms = 0
            return [finding], True
        if s.end_ms - self.told_ms < SPAN_MS:
            return [], True
        self.told_ms = s.end_ms
        return [self._finding(s, "update", z, meters)], True

    def _finding(self, s: Sight, state: str, z: float, share: float) -> Finding:
        says = Both(
            f"分区流入比同时段少 {-share * 100:.0f}%，而压力没有相应升高，可能由边界阀进水或流量计偏低",
            f"inflow {-share * 100:.0f} % below the usual while pressures do not rise accordingly; "
            "water may enter by a boundary valve, or the meter reads low",
        )
        if state == "clear":
            says = Both("分区流入与压力恢复一致", "inflow and pressures agree again")
        return Finding(
            key="boundary", kind="boundary_valve", state=state, ts_ms=s.end_ms, onset_ms=self.onset_ms, value=s.flow,
            expected=s.usual, low=s.usual * (1.0 - LEAST), high=s.usual * (1.0 + LEAST), unit="m³/h",
            score=float(score(z)), threshold=float(score(Z_ON)), magnitude=max(z / Z_ON - 1.0, 0.0), reason=says,
            sensors=self.meters, detector=VERSION,
        )  # fmt: skip

    def dump(self) -> Any:
        return [[list(p) for p in self.pairs], self.scale, self.n, self.onset_ms, self.told_ms]

    def load(self, dumped: Any) -> None:
        pairs, self.scale, self.n, self.onset_ms, self.told_ms = dumped
        self.pairs = [list(p) for p in pairs]
