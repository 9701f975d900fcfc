"""Alarms against labelled events: recall, false alarm runs a week, delay.

An event is a contiguous run of labelled rows; it is found when the alarm is on in at least one of its rows. An alarm
run is a contiguous run of alarm rows; one that touches no event is false, and false runs with no more than
`join_s` between the end of one and the begin of the next count once (an officer is called once).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
WEEK_S = 604_800.0
JOIN_S = 1_800.0


class EventScore(NamedTuple):
    events: int
    found: int
    recall: float  # 1 where there is no event
    false_runs: int
    weeks: float
    false_per_week: float
    delay_s: tuple[float, ...]  # from the begin of each event found to its first alarm row
    missed: tuple[int, ...]  # indices of events


def runs(flag: Bools) -> list[tuple[int, int]]:
    """(first row, row after the last) of each contiguous run of True.

    >>> runs(np.array([0, 1, 1, 0, 1], bool))
    [(1, 3), (4, 5)]
    """
    edge = np.diff(flag.astype(np.int8), prepend=0, append=0)
    return list(zip(np.flatnonzero(edge == 1).tolist(), np.flatnonzero(edge == -1).tolist(), strict=True))


def score_events(ts_ns: NDArray[np.int64], alarm: Bools, truth: Bools, join_s: float = JOIN_S) -> EventScore:
    """Alarm bool[T] against truth bool[T] at ts_ns int64[T], ascending.

    Raises:
        ValueError: the lengths differ.
    """
    if not len(ts_ns) == len(alarm) == len(truth):
        raise ValueError(f"lengths {len(ts_ns)}, {len(alarm)}, {len(truth)}: want three of the same")
    events = runs(truth)
    delays, missed = [], []
    for number, (a, b) in enumerate(events):
        rows = np.flatnonzero(alarm[a:b])
        if len(rows):
            delays.append(float(ts_ns[a + rows[0]] - ts_ns[a]) * 1e-9)
        else:
            missed.append(number)
    false_runs, last = 0, None
    for a, b in runs(alarm):
        if truth[a:b].any():
            continue
        if last is None or (ts_ns[a] - ts_ns[last]) * 1e-9 > join_s:
            false_runs += 1
        last = b - 1
    weeks = float(ts_ns[-1] - ts_ns[0]) * 1e-9 / WEEK_S if len(ts_ns) > 1 else 0.0
    rate = false_runs / weeks if weeks else float(false_runs)
    recall = len(delays) / len(events) if events else 1.0
    return EventScore(len(events), len(delays), recall, false_runs, weeks, rate, tuple(delays), tuple(missed))
