"""The detectors that only some sensors have (`[kind.seasonal]`, `cusum`, `drift` …), for one reading.

Each keeps its memory in the sensor's BLOCK. Deviations of a side (season, shift, mean, quantile) are conditions of the
sensor's low or high slot, told with that kind of alert; drift and variance have slots of their own. A profile that no
longer asks ends what was open by normal readings.
"""

from __future__ import annotations

import math
from typing import Any

from detectors import adaptive, cusum, debounce, drift, page_hinkley, quantile, seasonal, stuck, variance
from detectors.compiled import jit
from detectors.emitting import emit, mark
from detectors.layout import (
    ABNORMAL,
    BETWEEN,
    BIT_DRIFT,
    BIT_MEAN,
    BIT_MOVE,
    BIT_QUANTILE,
    BIT_SEASON,
    BIT_SHIFT,
    BIT_STILL,
    CALMER,
    DRIFT,
    DRIFTS,
    HIGH,
    IDLE,
    LOW,
    MEAN,
    NOISE,
    NOISIER,
    NONE,
    NORMAL,
    QUANTILE,
    SEASON,
    SHIFT,
    SLOTS,
)

HAZARD = (1 << LOW) | (1 << HIGH)


@jit
def still(b: Any, x: float, gap: bool, p: Any) -> float:
    """How stuck the sensor is (`stuck.py`): >= 1 is told."""
    if p.blocks & BIT_STILL == 0 or b.move_n == 0 or gap:
        return 0.0
    return float(stuck.step(b, x - b.before, p))


@jit
def allowed(over: float, bit: int, p: Any) -> float:
    """The deviation where its side is watched, else 0."""
    if (over > 0.0 and p.block_up & bit == 0) or (over < 0.0 and p.block_down & bit == 0):
        return 0.0
    return over


@jit
def judge(
    b: Any, seasons: Any, r: Any, ts: int, x: float, gap: bool, p: Any
) -> tuple[float, int, int]:  # fmt: skip
    """(strongest deviation over its threshold, signed; its cause; when it began) of detectors that have a side.

    They learn from the reading here: each keeps out what is wild by itself, and an open hazard slows them.
    """
    held = r.busy & HAZARD != 0
    over, why, onset = 0.0, 0, ts
    calm, summed, ripe = x, True, True
    if p.blocks & BIT_SEASON != 0:
        here = seasonal.look(b, seasons, ts, p)
        got = allowed(seasonal.judge(b, x, p) / seasonal.turn(b, p), BIT_SEASON, p) if b.bins_seen > 0 else 0.0
        over, why = got, SEASON
        seasonal.learn(b, seasons, x, here, held, p)
        calm = b.base + seasonal.left(b, seasons, ts, x, p)  # sums are of what is left without the season
        summed = b.bins_seen >= p.season_warm and not math.isnan(calm)
        ripe = b.bins_seen >= 2 * p.season_warm  # a bin seen once is known too badly for sums
    if p.blocks & BIT_QUANTILE != 0:
        got = allowed(quantile.judge(b, x, p) / p.quantile_z, BIT_QUANTILE, p)
        quantile.learn(b, x, held, p)
        if abs(got) > max(abs(over), 1.0) or why == 0:
            over, why = got, QUANTILE
    if p.blocks & BIT_SHIFT != 0 and summed:
        got = allowed(cusum.step(b, ts, calm, gap, held, p), BIT_SHIFT, p) * (1.0 if ripe else 0.0)
        if (abs(got) > abs(over) and abs(over) <= 1.0) or why == 0:
            over, why = got, SHIFT
            onset = b.up_since if got > 0.0 else b.down_since
    if p.blocks & BIT_MEAN != 0 and summed:
        got = allowed(page_hinkley.step(b, calm, gap, held, p), BIT_MEAN, p) * (1.0 if ripe else 0.0)
        if (abs(got) > abs(over) and abs(over) <= 1.0) or why == 0:
            over, why, onset = got, MEAN, ts
    return over, why, onset


@jit
def fill(e: Any, b: Any, cause: int, p: Any) -> None:
    """Expected value and band of a deviation into its event."""
    wide = math.nan
    if cause == SEASON:
        e.expected = b.expected
        wide = seasonal.turn(b, p) * b.sigma
    elif cause == QUANTILE:
        e.expected = b.median
        wide = p.quantile_z * quantile.sigma(b, p)
    elif cause == SHIFT:
        e.expected = b.shift_level
        wide = (p.cusum_k + 0.1 * cusum.turn(b, p)) * cusum.sigma(b, p)
    elif cause == MEAN:
        e.expected = b.mean_level
        wide = (p.mean_delta + 0.02 * page_hinkley.turn(b, p)) * page_hinkley.sigma(b, p)
    if cause in (SHIFT, MEAN) and p.blocks & BIT_SEASON != 0:
        e.expected += b.expected - b.base
    e.low = e.expected - wide
    e.high = e.expected + wide


@jit
def settle(b: Any, level: float, p: Any) -> None:
    """The open episode lasted so long that its level is the new normal."""
    if p.blocks & BIT_SEASON != 0:
        seasonal.settle(b, level)
        level = b.base
    if p.blocks & BIT_SHIFT != 0:
        cusum.settle(b, level)
    if p.blocks & BIT_MEAN != 0:
        page_hinkley.settle(b, level)


@jit
def slow(
    state: Any, blocks: Any, block_slots: Any, p: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float, gap: bool,
    events: Any, n_events: int,
) -> int:  # fmt: skip
    """Drift and variance of one reading, in slots of their own. Returns the number of events so far."""
    r = state[row]
    b = blocks[r.block]
    bad = 0.0
    if p.blocks & BIT_DRIFT != 0 and r.busy & HAZARD == 0:
        bad = drift.step(b, x, p)
    s = block_slots[r.block, DRIFT - SLOTS]
    if r.busy & HAZARD == 0 and (s.phase != IDLE or abs(bad) > 1.0):
        how = ABNORMAL if abs(bad) > 1.0 else (BETWEEN if abs(bad) > p.off_ratio else NORMAL)
        before = n_events
        n_events = _tell(
            state, p, ring_t, ring_v, row, ts, x, s, DRIFT, how, DRIFTS, abs(bad) - 1.0, gap, events, n_events
        )
        if n_events > before:
            e = events[before]
            e.value = b.drift_now
            e.expected = b.drift_ref
            e.low = b.drift_ref - p.drift_z * drift.sigma(b, p)
            e.high = b.drift_ref + p.drift_z * drift.sigma(b, p)
    z = 0.0
    if p.blocks & BIT_MOVE != 0:
        z = variance.step(b, x, gap, r.busy & (1 << NOISE) != 0, p)
        if (z > 0.0 and p.block_up & BIT_MOVE == 0) or (z < 0.0 and p.block_down & BIT_MOVE == 0):
            z = 0.0
    else:
        b.before = x
        b.move_n += 1
    s = block_slots[r.block, NOISE - SLOTS]
    turn = variance.turn(b, p)
    if s.phase != IDLE or abs(z) > turn:
        how = ABNORMAL if abs(z) > turn else (BETWEEN if abs(z) > turn * p.off_ratio else NORMAL)
        cause = CALMER if z < 0.0 else NOISIER
        before = n_events
        n_events = _tell(
            state, p, ring_t, ring_v, row, ts, x, s, NOISE, how, cause, abs(z) / turn - 1.0, gap, events, n_events
        )
        if n_events > before:
            e = events[before]
            e.score = adaptive.score(z)
            e.threshold = adaptive.score(turn)
            e.value = math.sqrt(max(b.move_now, 0.0) / 2.0)  # the swing (one sigma) now and as usual
            e.expected = math.sqrt(max(b.move_ref, 0.0) / 2.0)
    return n_events


@jit
def _tell(
    state: Any, p: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float, s: Any, slot: int, how: int, cause: int,
    magnitude: float, gap: bool, events: Any, n_events: int,
) -> int:  # fmt: skip
    magnitude = max(magnitude, 0.0)
    action = debounce.step(
        s, how, ts, ts, gap, magnitude, 0, cause, p.on_n, p.on_ms, p.off_n, p.off_ms, p.slow_update_ms
    )  # fmt: skip
    mark(state[row], s, slot)
    if action != NONE:
        n_events = emit(
            state, p, ring_t, ring_v, row, ts, x, 0.0, 1.0, s, slot, action, 0, cause, magnitude, events, n_events
        )
    return n_events
