"""On-delay and off-delay: a condition becomes an episode only after it has held, and ends only after calm.

Phases of a slot: IDLE -> PENDING -> ACTIVE -> IDLE. A reading is ABNORMAL (beyond the threshold), BETWEEN (inside the
hysteresis: neither begins, nor confirms, nor ends anything) or NORMAL. (ISA-18.2 has the
words on-delay, off-delay and deadband.)
"""

from __future__ import annotations

from typing import Any

from detectors.compiled import jit
from detectors.layout import ABNORMAL, ACTIVE, CLEAR, IDLE, NONE, NORMAL, OFF_SCALE, PENDING, RAISE, UPDATE

RISE, RISE_ADD = 1.5, 0.5  # an update at once when the magnitude exceeds 1.5 x what was told + 0.5


@jit
def step(
    s: Any, how: int, ts: int, onset: int, gap: bool, magnitude: float, level: int, cause: int,
    on_n: int, on_ms: int, off_n: int, off_ms: int, update_ms: int,
) -> int:  # fmt: skip
    """One reading for one slot `s`: what to say now (NONE, RAISE, UPDATE, CLEAR).

    `onset`: when the condition began if it begins with this reading; `gap`: the reading comes after a long silence.
    """
    if s.phase == ACTIVE:
        return _active(s, how, ts, magnitude, level, cause, off_n, off_ms, update_ms)
    if how == NORMAL:
        s.phase = IDLE
        return NONE
    if s.phase == IDLE or gap:
        if how != ABNORMAL:
            s.phase = IDLE
            return NONE
        s.phase = PENDING
        s.onset = onset
        s.since = ts
        s.n = 0
        s.peak = 0.0
    if how == ABNORMAL:
        s.n = min(int(s.n) + 1, 255)
        s.peak = max(float(s.peak), magnitude)
        if s.n >= on_n and ts - s.since >= on_ms:
            s.phase = ACTIVE
            s.n = 0
            s.emit = ts
            s.level = level
            s.cause = cause
            return RAISE
    return NONE


@jit
def _active(
    s: Any, how: int, ts: int, magnitude: float, level: int, cause: int, off_n: int, off_ms: int, update_ms: int
) -> int:
    if how == NORMAL:
        if s.n == 0:
            s.since = ts
        s.n = min(int(s.n) + 1, 255)
        if s.n >= off_n and ts - s.since >= off_ms:
            s.phase = IDLE
            s.n = 0
            return CLEAR
        return NONE
    s.n = 0
    if how != ABNORMAL:
        return NONE
    if level > s.level or magnitude > RISE * s.peak + RISE_ADD or ts - s.emit >= update_ms:
        s.peak = max(float(s.peak), magnitude)
        s.emit = ts
        if s.level < OFF_SCALE:  # else latched
            s.level = level
        s.cause = cause
        return UPDATE
    return NONE


@jit
def run(slots: Any, slot: int, rows: Any, ts_ms: Any, how: Any, p: Any, actions: Any) -> None:
    """One slot over a batch: actions uint8[n] for how uint8[n] (NORMAL, BETWEEN, ABNORMAL)."""
    for i in range(len(rows)):
        actions[i] = step(
            slots[rows[i], slot], how[i], ts_ms[i], ts_ms[i], False, 0.0, 0, 1,
            p.on_n, p.on_ms, p.off_n, p.off_ms, p.update_ms,
        )  # fmt: skip
