"""Drop-out: a sensor that has reported before says nothing for several of its intervals.

Driven by ticks, because a silent sensor sends nothing that could drive it. What counts is when it was last *heard*, in
the ticks' time, not how old its newest reading is: a logger that uploads hours late isn't silent. The episode ends by
readings, in `fused`. A sensor that never reported is not judged.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.compiled import jit
from detectors.debounce import step
from detectors.layout import ABNORMAL, ACTIVE, DROP, NONE, SILENT


@jit
def silence(r: Any, now: int, p: Any) -> float:
    """Silence over what is allowed: > 1 is a drop-out. 0 where it is not watched or nothing was ever heard."""
    since = max(r.last_ts, r.heard)
    if p.drop_ms <= 0 or r.last_ts == 0 or now <= since:
        return 0.0
    return float((now - since) / p.drop_ms)


@jit
def tick(state: Any, slots: Any, params: Any, now: int, first: int, n: int, rows: Any, actions: Any) -> tuple[int, int]:
    """Look at rows first..n-1 at time `now`.

    Writes up to len(rows) findings (rows int32[], actions uint8[]); returns (findings, row to go on with).
    """
    found = 0
    for row in range(first, n):
        r = state[row]
        p = params[r.profile]
        s = slots[row, DROP]
        over = silence(r, now, p)
        if over <= 1.0:
            continue
        action = step(
            s, ABNORMAL, now, r.last_ts, False, 0.0, 0, SILENT, 1, 0, p.off_n, p.off_ms, p.slow_update_ms
        )  # fmt: skip
        if s.phase == ACTIVE:
            r.busy |= 1 << DROP
        if action != NONE:
            rows[found] = row
            actions[found] = action
            found += 1
            if found == len(rows):
                return found, row + 1
    return found, n


@jit
def run(state: Any, rows: Any, ts_ms: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone, over a series with ticks: a NaN value is a tick at ts_ms, another one a reading. Scores
    float64[n] of sensors rows int32[n], 0.5 at the limit; band float64[n, 3] is NaN: it expects no value."""
    for i in range(len(rows)):
        r = state[rows[i]]
        scores[i] = min(silence(r, ts_ms[i], p) / 2.0, 1.0)
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if math.isfinite(values[i]):
            r.last_ts = max(r.last_ts, ts_ms[i])
