"""Findings of the compiled loops: one EVENT record each, with its numbers and the readings that led to it."""

from __future__ import annotations

import math
from typing import Any

from detectors import adaptive, series
from detectors.compiled import jit
from detectors.layout import ACTIVE, CLEAR, DEVIATION, DROP, HIGH, IDLE, LOW, RANGE, SEASON, SILENT, UPDATE


@jit
def mark(r: Any, s: Any, slot: int) -> None:
    """Keep the sensor's `busy` bits in step with a slot's phase."""
    if s.phase == IDLE:
        r.busy &= 255 ^ (1 << slot)
    else:
        r.busy |= 1 << slot


@jit
def emit(
    state: Any, p: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float, z: float, turn: float, s: Any, slot: int,
    action: int, level: int, cause: int, magnitude: float, events: Any, n_events: int,
) -> int:  # fmt: skip
    """Write one event with its numbers and the readings that led to it."""
    r = state[row]
    e = events[n_events]
    e.ts = ts
    e.onset = s.onset
    e.value = x
    e.row = row
    e.slot = slot
    e.action = action
    e.level = level
    e.cause = cause
    e.magnitude = magnitude
    e.relearned = 0
    e.expected = e.low = e.high = e.score = e.threshold = math.nan
    if slot in (LOW, HIGH):
        e.relearned = r.relearned if action == CLEAR else 0
        if action != UPDATE:
            r.relearned = 0
        if r.n >= p.warm_n:
            e.expected = r.level
            e.low = r.level - turn * adaptive.sigma(r, p)
            e.high = r.level + turn * adaptive.sigma(r, p)
        e.score = max(adaptive.score(z), min(1.0, 0.5 * (1.0 + magnitude)) if cause != DEVIATION else 0.0)
        e.threshold = adaptive.score(turn) if cause == DEVIATION else 0.5
    elif slot == RANGE:
        e.low = p.range_min
        e.high = p.range_max
        e.score = 1.0 if s.phase == ACTIVE else 0.0
        e.threshold = 0.5
    elif cause >= SEASON:
        e.score = min(1.0, 0.5 * (1.0 + magnitude)) if s.phase == ACTIVE else 0.0
        e.threshold = 0.5
    e.series_n = series.copy(
        r, ring_t, ring_v, row, r.last_ts, events["series_ts"][n_events], events["series"][n_events]
    )
    return n_events + 1


@jit
def silent(
    state: Any,
    params: Any,
    slots: Any,
    ring_t: Any,
    ring_v: Any,
    rows: Any,
    actions: Any,
    n: int,
    now: int,
    events: Any,
) -> int:
    """Events of the first n findings of `dropout.tick` at time `now` (len(events) >= n). Returns n."""
    for k in range(n):
        row = rows[k]
        p = params[state[row].profile]
        last = state[row].last
        emit(
            state, p, ring_t, ring_v, row, now, last, 0.0, 1.0, slots[row, DROP], DROP, actions[k], 0, SILENT, 0.0,
            events, k,
        )  # fmt: skip
    return n
