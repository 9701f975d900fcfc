"""The ring of recent readings of a sensor: evidence for the chart, and the older value for the rate of change.

Arrays: `ring_t` uint32[rows, RING] (low 32 bits of epoch ms), `ring_v` float32[rows, RING].
"""

from __future__ import annotations

from typing import Any

from detectors.compiled import jit
from detectors.layout import RING

_WRAP = 1 << 32


@jit
def push(r: Any, ring_t: Any, ring_v: Any, row: int, ts: int, x: float) -> None:
    """Put a reading into the ring; `r` is the sensor's STATE record."""
    at = r.seen % RING
    ring_t[row, at] = ts & 0xFFFFFFFF
    ring_v[row, at] = x
    r.seen += 1


@jit
def back(r: Any, ring_v: Any, row: int, k: int) -> float:
    """The value k readings before the newest one (k < RING, k < readings seen)."""
    return float(ring_v[row, (r.seen - 1 - k) % RING])


@jit
def copy(r: Any, ring_t: Any, ring_v: Any, row: int, ts: int, out_t: Any, out_v: Any) -> int:
    """Copy the ring, oldest first, into int64[RING] and float32[RING]; `ts` is the newest time. Returns how many."""
    n = min(int(r.seen), RING)
    when = ts
    before = ts & 0xFFFFFFFF
    for k in range(n):
        at = (int(r.seen) - 1 - k) % RING
        low = int(ring_t[row, at])
        when -= (before - low) % _WRAP
        before = low
        out_t[n - 1 - k] = when
        out_v[n - 1 - k] = ring_v[row, at]
    return n
