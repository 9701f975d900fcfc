"""How many alarms come at once: the average, the peak, periods and times of flood.

ISA-18.2 and IEC 62682 name a flood by 10 minutes with more than 10 alarms for an operator; it ends when fewer than 5
come in 10 minutes. Shares of periods use whole periods of the clock (00:00, 00:10 …); peak and times of flood use the
10 minutes before each moment, so that nothing hides across a border.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
TEN_MIN_MS = 600_000
HOUR_MS = 3_600_000
FLOOD_ABOVE = 10
FLOOD_ENDS_BELOW = 5
HOUR_ABOVE = 30


class Flood(NamedTuple):
    """From the alarm that was one too many until fewer than 5 were in the last 10 minutes; None: it goes on."""

    from_ms: int
    until_ms: int | None
    alarms: int  # in it, with those of the 10 minutes before it began


def periods(at: Times, from_ms: int, to_ms: int, width_ms: int) -> Times:
    """Alarms in each whole period of the clock between the two times; int64 (periods,).

    >>> periods(np.array([0, 5, 10, 19]), 0, 25, 10)
    array([2, 2])
    """
    first, last = -(-from_ms // width_ms), to_ms // width_ms
    n = max(0, last - first)
    slot = at // width_ms - first
    return np.bincount(slot[(slot >= 0) & (slot < n)], minlength=n).astype(np.int64)


def peak(at: Times, width_ms: int = TEN_MIN_MS) -> int:
    """Most alarms in any stretch of `width_ms`; `at` in order.

    >>> peak(np.array([0, 1, 9, 11]), 10)
    3
    """
    return int(_before(at, width_ms).max()) if len(at) else 0


def _before(at: Times, width_ms: int) -> Times:
    """Alarms in (t - width, t] at each alarm."""
    return np.searchsorted(at, at, "right") - np.searchsorted(at, at - width_ms, "right")


def floods(at: Times, to_ms: int) -> list[Flood]:
    """Times of flood among alarms in order, as known at `to_ms`."""
    begins = np.flatnonzero(_before(at, TEN_MIN_MS) > FLOOD_ABOVE)
    gone = at + TEN_MIN_MS  # the moment at which an alarm leaves the last 10 minutes
    left = np.searchsorted(at, gone, "right") - np.searchsorted(at, at, "right")
    ends = gone[left < FLOOD_ENDS_BELOW]
    out: list[Flood] = []
    k = 0
    while k < len(begins):
        began = int(at[begins[k]])
        j = int(np.searchsorted(ends, began))
        until = int(ends[j]) if j < len(ends) and ends[j] < to_ms else None
        upto = to_ms if until is None else until
        inside = np.searchsorted(at, upto, "right") - np.searchsorted(at, began - TEN_MIN_MS, "right")
        out.append(Flood(began, until, int(inside)))
        if until is None:
            break
        k = int(np.searchsorted(at[begins], until, "left"))
    return out


def flood_ms(found: list[Flood], from_ms: int, to_ms: int) -> int:
    """Milliseconds of flood between the two times."""
    spans = ((max(f.from_ms, from_ms), min(to_ms if f.until_ms is None else f.until_ms, to_ms)) for f in found)
    return sum(max(0, b - a) for a, b in spans)
