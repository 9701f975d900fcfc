"""Conditions of the instrument itself, for one reading: impossible, stuck, silent before, a wrong clock."""

from __future__ import annotations

from typing import Any

from detectors import debounce
from detectors.compiled import jit
from detectors.emitting import emit, mark
from detectors.layout import (
    ABNORMAL,
    CLOCK,
    DROP,
    FLAT,
    IDLE,
    NONE,
    NORMAL,
    OUTSIDE,
    RANGE,
    SILENT,
    SKEWED,
    STUCK,
)


@jit
def equipment(
    state: Any, slots: Any, p: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float, out: bool, stuck: float,
    off: int, at: int, gap: bool, events: Any, n_events: int,
) -> int:  # fmt: skip
    """Impossible value, flat-line, the end of a drop-out, and a wrong clock (in time of arrival), for one reading."""
    r = state[row]
    s = slots[row, CLOCK]
    if at != 0 and (s.phase != IDLE or off != NORMAL):
        action = debounce.step(
            s, off, at, at, False, 0.0, 0, SKEWED, 1, p.clock_hold_ms, 1, p.clock_hold_ms, p.slow_update_ms
        )  # fmt: skip
        mark(r, s, CLOCK)
        if action != NONE:
            n_events = emit(
                state, p, ring_t, ring_v, row, at, r.lag / 1000.0, 0.0, 1.0, s, CLOCK, action, 0, SKEWED, 0.0, events,
                n_events,
            )  # fmt: skip
    for slot in (RANGE, FLAT, DROP):
        s = slots[row, slot]
        if slot == RANGE:
            how, cause, onset, on_n, on_ms = ABNORMAL if out else NORMAL, OUTSIDE, ts, p.on_n, p.on_ms
        elif slot == FLAT:
            how, cause, onset, on_n, on_ms = ABNORMAL if stuck >= 1.0 else NORMAL, STUCK, r.flat_since, 1, 0
        else:
            how, cause, onset, on_n, on_ms = NORMAL, SILENT, ts, 1, 0
        if s.phase == IDLE and how == NORMAL:
            continue
        action = debounce.step(
            s, how, ts, onset, gap, 0.0, 0, cause, on_n, on_ms, p.off_n, p.off_ms, p.slow_update_ms
        )  # fmt: skip
        mark(r, s, slot)
        if action != NONE:
            n_events = emit(
                state, p, ring_t, ring_v, row, ts, x, 0.0, 1.0, s, slot, action, 0, cause, 0.0, events, n_events
            )
    return n_events
