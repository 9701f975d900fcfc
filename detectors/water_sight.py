"""What one closed frame of a water zone shows: the balance and pressures beside what is usual now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import water_calendar as calendar
from detectors.compiled import jit
from detectors.group import F64, Member
from detectors.head_model import EXPONENT, FEWEST, HeadModel
from detectors.water_frames import Frame
from detectors.water_profile import Profile

LEAST_SHARE = 0.15  # of the zone's mean: residuals are never relative to less


class Sight(NamedTuple):
    """One frame. Flows in m3/h, pressures in m of head; float64[P] over the gauges, NaN where silent."""

    end_ms: int
    step_ms: int
    minute: float  # of the local day
    feast: bool
    flow: float  # net inflow
    usual: float  # expected net inflow
    mean: float  # mean net inflow of the zone
    trusted: bool
    level: float  # of the last hour against the pattern, in `usual` already
    excess: float  # (flow - usual) / usual
    gauges: float  # the same from the gauges alone, 0 while they are new
    load: float  # what the pattern alone lets expect, plus metered outflow, over the mean
    residual: F64  # [1 + P]: net inflow above the pattern alone (a share), pressures below what it gives (m)
    pressure: F64
    drop: F64  # expected less measured pressure
    noise: F64  # of the gauges
    frame: Frame


@jit
def compare(
    pressure: Any, load: float, bare: float, theta: Any, n: Any, noise: Any, drop: Any, residual: Any
) -> float:  # fmt: skip
    """Fill `drop` float64[P] and `residual` float64[1 + P] from the second on, NaN for gauges that are silent or new;
    the relative excess of the flow that the gauges tell of, 0 where none does."""
    x, y = load**EXPONENT, bare**EXPONENT
    said, sure = 0.0, 0.0
    for k in range(len(pressure)):
        drop[k] = residual[k + 1] = np.nan
        if n[k] < FEWEST or not np.isfinite(pressure[k]):
            continue
        drop[k] = theta[k, 0] + theta[k, 1] * x - pressure[k]
        residual[k + 1] = theta[k, 0] + theta[k, 1] * y - pressure[k]
        slope = EXPONENT * x * max(-theta[k, 1], 0.0)  # metres for each unit of relative excess
        said += slope * drop[k] / noise[k] ** 2
        sure += slope * slope / noise[k] ** 2
    return said / sure if sure > 0.0 else 0.0


class Looker:
    """Makes a Sight of a frame and learns from calm ones."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.signs = np.array([m.flow_sign for m in members], np.float64)
        self.meters = np.flatnonzero(self.signs)
        self.gauges: NDArray[np.int64] = np.array([k for k, m in enumerate(members) if m.kind == "pressure"], np.int64)
        self.profile, self.heads = Profile(), HeadModel(len(self.gauges))

    def look(self, frame: Frame, step_ms: int) -> Sight | None:
        """None while a meter is silent or nothing is known about this hour (the frame is learned then)."""
        parts = frame.mean[self.meters] * self.signs[self.meters]
        flow = float(parts.sum())
        if not np.isfinite(flow):
            return None
        middle = frame.end_ms - step_ms // 2
        usual, trusted = self.profile.expected(middle)
        mean, pressure = self.profile.mean(), frame.mean[self.gauges]
        if not np.isfinite(usual) or mean <= 0.0:
            self.profile.learn(middle, flow, usual, True)
            return None
        base = max(usual, LEAST_SHARE * mean)
        excess = (flow - usual) / base
        outflow = -float(parts[parts < 0.0].sum())
        load = max(usual + outflow, 0.0) / mean
        pattern = usual / (1.0 + self.profile.level)
        bare = max(pattern + outflow, 0.0) / mean
        heads, noise = self.heads, self.heads.scale * 1.2533
        drop, residual = np.empty(len(pressure)), np.empty(len(pressure) + 1)
        residual[0] = (flow - pattern) / max(pattern, LEAST_SHARE * mean)
        gauges = compare(pressure, load, bare, heads.theta, heads.n, noise, drop, residual)
        day = calendar.local_day(middle)
        feast = calendar.feast(day) is not None or calendar.feast(day - 1) is not None  # guests leave a day later
        return Sight(
            frame.end_ms, step_ms, calendar.local_minute(middle), feast, flow, usual, mean,
            trusted, self.profile.level, excess, gauges, bare, residual, pressure, drop, noise, frame,
        )  # fmt: skip

    def learn(self, s: Sight, calm: bool) -> None:
        """After the judgement: a calm frame is what is usual."""
        self.profile.learn(s.end_ms - s.step_ms // 2, s.flow, s.usual, calm)
        if calm:
            inflow = float(np.maximum(s.frame.mean[self.meters] * self.signs[self.meters], 0.0).sum())
            self.heads.learn(inflow / s.mean, s.pressure)

    def dump(self) -> Any:
        return [self.profile.dump(), self.heads.dump()]

    def load(self, dumped: Any) -> None:
        self.profile.load(dumped[0])
        self.heads.load(dumped[1])
