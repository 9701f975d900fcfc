"""Score of the Battle of the Attack Detection Algorithms.

Taormina et al. 2018, *Battle of the Attack Detection Algorithms: Disclosing Cyber Attacks on Water Distribution
Networks*, J. Water Resour. Plann. Manage. 144(8):

    S_TTD = 1 - mean over attacks of (time to detection / duration); an attack that is not seen counts its duration
    S_CM  = (TPR + TNR) / 2, by rows
    S     = 0.5 S_TTD + 0.5 S_CM

An alarm that is always on gets 1, (1 + 0) / 2 and so 0.75: TPR and TNR stand beside S.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.scoring.events import Bools, runs


class BatadalScore(NamedTuple):
    s: float
    s_ttd: float
    s_cm: float
    tpr: float
    tnr: float
    attacks: int
    detected: int
    rows_to_detection: tuple[int, ...]  # the whole duration where it was not


def score_batadal(alarm: Bools, truth: Bools, use: NDArray[np.bool_] | None = None) -> BatadalScore:
    """Alarm bool[T] against truth bool[T]; `use` bool[T]: rows that count for TPR and TNR (all).

    Raises:
        ValueError: the lengths differ, or there is no attack or no calm row.
    """
    if len(alarm) != len(truth):
        raise ValueError(f"{len(alarm)} rows of alarm, {len(truth)} of truth")
    counted = np.ones(len(truth), bool) if use is None else use
    attacks = runs(truth)
    hot, calm = truth & counted, ~truth & counted
    if not attacks or not hot.any() or not calm.any():
        raise ValueError("want at least one attack and one row without")
    waits = []
    for a, b in attacks:
        rows = np.flatnonzero(alarm[a:b])
        waits.append(int(rows[0]) if len(rows) else b - a)
    s_ttd = 1.0 - float(np.mean([w / (b - a) for w, (a, b) in zip(waits, attacks, strict=True)]))
    tpr, tnr = float(alarm[hot].mean()), float(1.0 - alarm[calm].mean())
    s_cm = (tpr + tnr) / 2.0
    detected = sum(w < b - a for w, (a, b) in zip(waits, attacks, strict=True))
    return BatadalScore(0.5 * s_ttd + 0.5 * s_cm, s_ttd, s_cm, tpr, tnr, len(attacks), detected, tuple(waits))
