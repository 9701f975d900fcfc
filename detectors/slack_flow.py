"""Slack flow: the column breaks at a high point whose pressure falls to boiling, and a cavity takes up the difference.

While the cavity grows more leaves the stretch than enters it; while it fills again more enters than leaves, which looks
like a leak as long as the refill lasts (column separation: Wylie & Streeter 1993, ch. 8). So what was taken out is
counted, and only what enters beyond it is lost. A leak that is smaller than the refill is told when the cavity is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.pipeline_stations import GRAVITY, Pipe, Station

NEAR_MPA = 0.05  # this close to boiling is slack
CLOSED_S = 1800.0  # this long after the last sign of it no cavity is left
USUAL_S = 300.0
DRIFT = 0.005  # of the flow: what meters may have drifted since the column broke
SPARE = 1.15  # a cavity may be so much larger than was counted: it began before it was seen


def slack(line: Sequence[Station], pipe: Pipe, pressures: Sequence[float]) -> bool:
    """Is the line's high point near its vapour pressure? pressures MPa at the stations; False where none is told.

    The head there is read off the straight line between the stations, which is the truth before the column breaks and
    too low afterwards.
    """
    if pipe.peak is None or pipe.gas or len(line) < 2:
        return False
    weight = pipe.density * GRAVITY / 1e6
    heads = [p + weight * s.elevation_m for p, s in zip(pressures, line, strict=True)]
    at = float(np.interp(pipe.peak[0], [s.chainage_m for s in line], heads))
    return at - weight * pipe.peak[1] < pipe.vapour_mpa + NEAR_MPA


class Cavity:
    """Vapour in one stretch. `volume` m3; `usual`: the imbalance (m3/h) without it."""

    def __init__(self, step_s: float) -> None:
        self.step_s = step_s
        self.volume, self.usual, self.full_s = 0.0, 0.0, CLOSED_S

    def explain(self, lost: float, flow: float, loose: bool) -> float:
        """The imbalance m3/h of a step without what the cavity takes or gives; `loose`: the high point boils.

        >>> cavity = Cavity(1.0)
        >>> [round(cavity.explain(x, 0.0, x < 0), 6) + 0.0 for x in (0.0, -36.0, -36.0, 36.0, 36.0, 36.0)]
        [0.0, 0.0, 0.0, 0.0, 0.0, 25.2]
        """
        if lost != lost:
            return lost
        self.full_s = 0.0 if loose else self.full_s + self.step_s
        if not loose and self.volume <= 0.0:
            self.usual += self.step_s / USUAL_S * (lost - self.usual)
            return lost
        before, hours = self.volume, self.step_s / 3600.0
        taken = lost - self.usual - DRIFT * abs(flow)
        self.volume = max(before - taken * hours * (SPARE if taken < 0.0 else 1.0), 0.0)
        taken = lost - self.usual if self.volume > 0.0 else min(before / hours, lost - self.usual)
        if self.full_s > CLOSED_S:
            self.volume = 0.0
        return lost - taken

    @property
    def recent(self) -> bool:
        """Whether the column is broken or was so a short time ago."""
        return self.volume > 0.0 or self.full_s < CLOSED_S

    def forget(self) -> None:
        self.volume, self.full_s = 0.0, CLOSED_S

    def dump(self) -> Any:
        return [self.volume, self.usual, self.full_s]

    def load(self, dumped: Any) -> None:
        self.volume, self.usual, self.full_s = dumped
