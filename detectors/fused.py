"""All single-sensor detectors in one pass over a batch.

The state of a sensor is touched once a reading; nothing is allocated. Findings are rare and go into an EVENT table;
when it is full the pass stops and says where to go on.
"""

from __future__ import annotations

import math
from typing import Any

from detectors import adaptive, clock, debounce, ewma, flatline, limits, rate, series
from detectors.compiled import jit
from detectors.layout import (
    ABNORMAL,
    ACTIVE,
    BETWEEN,
    CLEAR,
    CLOCK,
    DEVIATION,
    DROP,
    FLAT,
    HIGH,
    IDLE,
    LIMIT,
    LOW,
    NONE,
    NORMAL,
    OUTSIDE,
    RANGE,
    RATE,
    SILENT,
    SKEWED,
    SLOTS,
    STUCK,
    UPDATE,
)

LATE, DUPLICATE, NAN, UNKNOWN, BAD = 0, 1, 2, 3, 4  # counters of readings that are not judged
OFF = 2  # side of a slot that is not watched any more
HAZARD = (1 << LOW) | (1 << HIGH)


@jit
def apply(
    state: Any, slots: Any, params: Any, ring_t: Any, ring_v: Any, rows: Any, idx: Any, ts_ms: Any, values: Any,
    quality: Any, counts: Any, now: int, at: int, events: Any, first: int,
) -> tuple[int, int]:  # fmt: skip
    """Readings first..n-1 of a batch: rows int32[s] (sensor index -> row, -1 unknown), idx int32[n], ts_ms int64[n],
    values float64[n], quality uint8[n] or uint8[0]; counts int64[5] grows by LATE, DUPLICATE, NAN, UNKNOWN, BAD;
    `now` is the newest tick, `at` epoch ms at which the batch arrived, 0 where nobody knows (a replay).

    Returns (events written, reading to go on with; n when done).
    """
    n_events = 0
    n = len(idx)
    most = len(events) - SLOTS
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
            n_events = one(state, slots, params, ring_t, ring_v, row, ts, x, at, events, n_events)
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
    if r.busy & HAZARD != 0 or abs(z) > turn or up + down > 0 or abs(steep) > 1.0:
        if p.low_slot == LOW:
            n_events = hazard(
                state, slots, p, ring_t, ring_v, row, ts, x, z, turn, steep, -1, LOW, gap, events, n_events
            )
            n_events = hazard(
                state, slots, p, ring_t, ring_v, row, ts, x, z, turn, steep, 1, HIGH, gap, events, n_events
            )
        else:
            n_events = hazard(
                state, slots, p, ring_t, ring_v, row, ts, x, z, turn, steep, 0, HIGH, gap, events, n_events
            )
            if r.busy & (1 << LOW) != 0:  # left from a profile with two directions
                n_events = hazard(
                    state, slots, p, ring_t, ring_v, row, ts, x, 0.0, turn, 0.0, OFF, LOW, gap, events, n_events
                )
    adaptive.learn(r, ring_v, row, ts, x, p)
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
    if p.low_slot == LOW:
        n_events = hazard(
            state, slots, p, ring_t, ring_v, row, ts, x, z, p.z_on, 0.0, -1, LOW, gap, events, n_events
        )  # fmt: skip
        n_events = hazard(state, slots, p, ring_t, ring_v, row, ts, x, z, p.z_on, 0.0, 1, HIGH, gap, events, n_events)
    else:
        n_events = hazard(state, slots, p, ring_t, ring_v, row, ts, x, z, p.z_on, 0.0, 0, HIGH, gap, events, n_events)
    ewma.learn(r, x, p.open_gain, p)
    if r.busy & (1 << DROP) != 0:
        n_events = equipment(state, slots, p, ring_t, ring_v, row, ts, x, False, 0.0, NORMAL, 0, gap, events, n_events)
    return n_events


@jit
def hazard(
    state: Any, slots: Any, p: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float, z: float, turn: float,
    steep: float, side: int, slot: int, gap: bool, events: Any, n_events: int,
) -> int:  # fmt: skip
    """The low (side -1), high (+1) or two-sided (0) hazard slot of a sensor for one reading."""
    s = slots[row, slot]
    how, cause, level, magnitude = condition(s, x, z, turn, steep, side, p)
    action = debounce.step(
        s, how, ts, ts, gap, magnitude, level, cause, p.on_n, p.on_ms, p.off_n, p.off_ms, p.update_ms
    )  # fmt: skip
    mark(state[row], s, slot)
    if action != NONE:
        n_events = emit(
            state, p, ring_t, ring_v, row, ts, x, z, turn, s, slot, action, level, cause, magnitude, events, n_events
        )
    return n_events


@jit
def condition(s: Any, x: float, z: float, turn: float, steep: float, side: int, p: Any) -> tuple[int, int, int, float]:
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
    if away > turn:
        return ABNORMAL, DEVIATION, 0, away / turn - 1.0
    if away > turn * p.off_ratio:
        return BETWEEN, DEVIATION, 0, 0.0
    return NORMAL, int(s.cause), 0, 0.0


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
