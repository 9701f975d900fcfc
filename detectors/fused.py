"""All single-sensor detectors in one pass over a batch; those that few sensors have join in from `blocks.py`.

The state of a sensor is touched once a reading; nothing is allocated. Findings are rare and go into an EVENT table;
when it is full the pass stops and says where to go on.
"""

from __future__ import annotations

import math
from typing import Any

from detectors import adaptive, blocks, clock, debounce, ewma, flatline, limits, rate, series
from detectors.compiled import jit
from detectors.emitting import emit, mark, silent
from detectors.instrument import equipment
from detectors.layout import (
    ABNORMAL,
    ACTIVE,
    BETWEEN,
    BIT_STILL,
    BLOCK_SLOTS,
    DEVIATION,
    DROP,
    HIGH,
    LIMIT,
    LOW,
    NONE,
    NORMAL,
    OFF_SCALE,
    RATE,
    SEASON,
    SLOTS,
)

LATE, DUPLICATE, NAN, UNKNOWN, BAD = 0, 1, 2, 3, 4  # counters of readings that are not judged
OFF = 2  # side of a slot that is not watched any more
HAZARD = (1 << LOW) | (1 << HIGH)
BOXED = 1 << SLOTS  # least `busy` with an open slot of a block
__all__ = ["apply", "emit", "silent"]


@jit
def apply(
    state: Any, slots: Any, params: Any, ring_t: Any, ring_v: Any, rows: Any, idx: Any, ts_ms: Any, values: Any,
    quality: Any, counts: Any, now: int, at: int, events: Any, first: int, boxes: Any, box_slots: Any, seasons: Any,
) -> tuple[int, int]:  # fmt: skip
    """Readings first..n-1 of a batch: rows int32[s] (sensor index -> row, -1 unknown), idx int32[n], ts_ms int64[n],
    values float64[n], quality uint8[n] or uint8[0]; counts int64[5] grows by LATE, DUPLICATE, NAN, UNKNOWN, BAD;
    `now` is the newest tick, `at` epoch ms at which the batch arrived, 0 where nobody knows (a replay);
    `boxes`, `box_slots`, `seasons` are the bank's blocks.

    Returns (events written, reading to go on with; n when done).
    """
    n_events = 0
    n = len(idx)
    most = len(events) - SLOTS - BLOCK_SLOTS
    for i in range(first, n):
        k = idx[i]
        row = rows[k] if 0 <= k < len(rows) else -1
        if row < 0:
            counts[UNKNOWN] += 1
            continue
        r = state[row]
        r.heard = now
        x = values[i]
        if not math.isfinite(x):
            counts[NAN] += 1
            continue
        if len(quality) > 0 and quality[i] == 2:
            counts[BAD] += 1
            continue
        ts = ts_ms[i]
        if ts <= r.last_ts:
            counts[DUPLICATE if ts == r.last_ts else LATE] += 1
            continue
        p = params[r.profile]
        if p.only != 0:
            if r.busy == 0 and ewma.calm(r, x, p):
                r.last_ts = ts
                r.last = x
                continue
            n_events = lean(state, slots, p, ring_t, ring_v, row, ts, x, events, n_events)
        else:
            n_events = one(
                state, slots, params, ring_t, ring_v, row, ts, x, at, events, n_events, boxes, box_slots, seasons
            )
        if n_events > most:
            return n_events, i + 1
    return n_events, n


@jit
def one(
    state: Any,
    slots: Any,
    params: Any,
    ring_t: Any,
    ring_v: Any,
    row: int,
    ts: int,
    x: float,
    at: int,
    events: Any,
    n_events: int,
    boxes: Any,
    box_slots: Any,
    seasons: Any,
) -> int:
    """One reading of one sensor through every detector. Returns the number of events so far."""
    r = state[row]
    p = params[r.profile]
    gap = r.last_ts != 0 and ts - r.last_ts > p.gap_ms
    r.last_ts = ts
    r.last = x
    off = clock.step(r, float(at - ts), r.seen == 0, p) if at != 0 else NORMAL
    series.push(r, ring_t, ring_v, row, ts, x)
    out = limits.impossible(x, p)
    stuck = flatline.step(r, ts, x, p)
    more = p.blocks != 0 or r.busy >= BOXED
    if p.blocks & BIT_STILL != 0 and not out:
        stuck = max(stuck, blocks.still(boxes[r.block], x, gap, p))
    if r.busy != 0 or out or stuck >= 1.0 or off != NORMAL:
        n_events = equipment(state, slots, p, ring_t, ring_v, row, ts, x, out, stuck, off, at, gap, events, n_events)
    if out:
        return n_events
    z = adaptive.judge(r, x, p)
    turn = adaptive.threshold(r, p)
    up = limits.high_level(x, 0, p)
    down = limits.low_level(x, 0, p)
    steep = 0.0
    if p.rise_per_ms > 0.0 or p.fall_per_ms > 0.0:
        steep = rate.excess(rate.slope(r, ring_t, ring_v, row, p), p)
    over, why, onset = 0.0, 0, ts
    if more:
        over, why, onset = blocks.judge(boxes[r.block], seasons, r, ts, x, gap, p)
        n_events = blocks.slow(state, boxes, box_slots, p, ring_t, ring_v, row, ts, x, gap, events, n_events)
    if r.busy & HAZARD != 0 or abs(z) > turn or up + down > 0 or abs(steep) > 1.0 or abs(over) > 1.0:
        before = n_events
        n_events = sides(
            state, slots, p, ring_t, ring_v, row, ts, x, z, turn, steep, gap, events, n_events, over, why, onset
        )
        if more:
            for k in range(before, n_events):
                if events[k].cause >= SEASON:
                    blocks.fill(events[k], boxes[r.block], events[k].cause, p)
    settled = r.relearned
    adaptive.learn(r, ring_v, row, ts, x, p)
    if more and r.relearned > settled:
        blocks.settle(boxes[r.block], r.level, p)
    return n_events


@jit
def lean(
    state: Any, slots: Any, p: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float, events: Any, n_events: int
) -> int:  # fmt: skip
    """A reading that the moving average does not find calm, of a sensor that has nothing else (`adaptive.only`)."""
    r = state[row]
    gap = r.last_ts != 0 and ts - r.last_ts > p.gap_ms
    r.last_ts = ts
    r.last = x
    series.push(r, ring_t, ring_v, row, ts, x)
    z = ewma.deviation(r, x, p)
    n_events = sides(state, slots, p, ring_t, ring_v, row, ts, x, z, p.z_on, 0.0, gap, events, n_events, 0.0, 0, ts)
    ewma.learn(r, x, p.open_gain, p)
    if r.busy & (1 << DROP) != 0:
        n_events = equipment(state, slots, p, ring_t, ring_v, row, ts, x, False, 0.0, NORMAL, 0, gap, events, n_events)
    return n_events


@jit
def sides(
    state: Any, slots: Any, p: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float, z: float, turn: float,
    steep: float, gap: bool, events: Any, n_events: int, over: float, why: int, onset: int,
) -> int:  # fmt: skip
    """Both hazard slots of a sensor, or the one where both directions are one kind of alert."""
    low = p.low_slot == LOW
    n = n_events
    if low or state[row].busy & (1 << LOW) != 0:  # the latter: left from a profile with two directions
        n = hazard(
            state, slots, p, ring_t, ring_v, row, ts, x, z if low else 0.0, turn, steep if low else 0.0,
            -1 if low else OFF, LOW, gap, events, n, over if low else 0.0, why, onset,
        )  # fmt: skip
    return int(hazard(
        state, slots, p, ring_t, ring_v, row, ts, x, z, turn, steep, 1 if low else 0, HIGH, gap, events, n, over, why,
        onset,
    ))  # fmt: skip


@jit
def hazard(
    state: Any, slots: Any, p: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float, z: float, turn: float,
    steep: float, side: int, slot: int, gap: bool, events: Any, n_events: int, over: float, why: int, onset: int,
) -> int:  # fmt: skip
    """The low (side -1), high (+1) or two-sided (0) hazard slot of a sensor for one reading."""
    s = slots[row, slot]
    how, cause, level, magnitude = condition(s, x, z, turn, steep, side, p, over, why)
    began = onset if cause == why and why != 0 else ts
    off_ms = p.off_ms
    if s.phase == ACTIVE and s.level == OFF_SCALE:
        off_ms = max(off_ms, p.latch_ms)
        if how == ABNORMAL:
            level, cause = OFF_SCALE, LIMIT
    action = debounce.step(
        s, how, ts, began, gap, magnitude, level, cause, p.on_n, p.on_ms, p.off_n, off_ms, p.update_ms
    )  # fmt: skip
    mark(state[row], s, slot)
    if action != NONE:
        n_events = emit(
            state, p, ring_t, ring_v, row, ts, x, z, turn, s, slot, action, level, cause, magnitude, events, n_events
        )
    return n_events


@jit
def condition(
    s: Any, x: float, z: float, turn: float, steep: float, side: int, p: Any, over: float, why: int
) -> tuple[int, int, int, float]:  # fmt: skip
    """(NORMAL | BETWEEN | ABNORMAL, cause, hard level, magnitude) of a reading for one hazard slot."""
    if side == OFF:
        return NORMAL, int(s.cause), 0, 0.0
    held = int(s.level) if s.phase == ACTIVE else 0
    level, magnitude = 0, 0.0
    if side >= 0:
        level = limits.high_level(x, held, p)
        if level > 0:
            magnitude = limits.beyond(x, p.high_1) if x > p.high_1 else 0.0
    if side <= 0 and level == 0:
        level = limits.low_level(x, held, p)
        if level > 0:
            magnitude = limits.beyond(x, p.low_1) if x < p.low_1 else 0.0
    if level > 0:
        return ABNORMAL, LIMIT, level, magnitude
    toward = abs(steep) if side == 0 else steep * side
    if toward > 1.0:
        return ABNORMAL, RATE, 0, toward - 1.0
    away = z * side
    if side == 0:
        away = abs(z)
    if (z > 0.0 and p.up == 0) or (z < 0.0 and p.down == 0):
        away = 0.0
    boxed = abs(over) if side == 0 else over * side
    if boxed > 1.0:
        return ABNORMAL, why, 0, max(boxed, away / turn) - 1.0
    if away > turn:
        return ABNORMAL, DEVIATION, 0, away / turn - 1.0
    if away > turn * p.off_ratio or boxed > p.off_ratio:
        return BETWEEN, DEVIATION, 0, 0.0
    return NORMAL, int(s.cause), 0, 0.0
