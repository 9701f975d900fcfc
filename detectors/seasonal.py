"""Seasonal level with trend: what is usual at this hour of the week (or of a learned period)?

Additive seasonal smoothing (Winters 1960, *Forecasting Sales by Exponentially Weighted Moving Averages*), robust and by
bins: the period has 168 bins (hours of a week), a bin's value is the clipped mean of its readings less the trend,

    expected(t) = base + season(t)     season: linear between the middles of bins     base += g clip(x - expected)

A bin moves by `seasonal.gain` of its error at the end of each visit, so an incident of an hour changes next week's
expectation by at most a third of three scales. Before its first visit a bin borrows the value 24 bins ago
(yesterday). The scale is kept by hour of the day (nights are calmer than mornings), a high quantile of the sensor's
own |z| raises the threshold as in `adaptive.py`. Score: 1 - two-sided tail probability under Student's t with 4
degrees of freedom.

Not judged until `seasonal.warm` periods have passed. A gap closes the bin and changes nothing else; NaN is not given
to it; a new device begins anew. Memory: 168 + 24 float32 (NaN: not seen yet) in `seasons`, the rest in BLOCK. Hours
are of UTC: the bins of local time, in another order (a zone at a whole hour's offset; China has no summer time).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.adaptive import SIGMA, TAIL_DOWN, TAIL_MOST, TAIL_UP, score
from detectors.compiled import jit
from detectors.layout import BINS, HOURS

CLIP = 3.0
JUMP = 2.0
SPREAD_VISITS = 10.0  # memory of a scale, in visits of its hour


@jit
def spread_of(b: int, p: Any) -> int:
    """Which scale belongs to a bin: the hour of the day, or a 24th of a learned period."""
    return BINS + (b % HOURS if p.season_weekly != 0 else b // (BINS // HOURS))


@jit
def known(seasons: Any, k: int, b: int) -> float:
    """The value of a bin, of 24 bins before where it was never visited, else NaN."""
    if not math.isnan(seasons[k, b]):
        return float(seasons[k, b])
    return float(seasons[k, (b - HOURS) % BINS])


@jit
def look(b: Any, seasons: Any, ts: int, p: Any) -> int:
    """Set `expected` and `sigma` for time ts (NaN where nothing is known); returns its bin."""
    at = (ts % p.season_ms) * BINS / p.season_ms
    here = min(int(at), BINS - 1)
    own = known(seasons, b.season, here)
    part = at - here - 0.5
    other = known(seasons, b.season, (here + 1) % BINS if part > 0.0 else (here - 1) % BINS)
    if not math.isnan(other):
        own += abs(part) * (other - own)
    b.expected = b.base + own
    spread = seasons[b.season, spread_of(here, p)]
    floor = max(p.min_dev, p.min_dev_rel * abs(b.expected)) / p.z_on
    b.sigma = max(spread * SIGMA, floor, 1e-9) if not math.isnan(spread) else math.nan
    return here


@jit
def left(b: Any, seasons: Any, ts: int, x: float, p: Any) -> float:
    """What the season leaves of x after `look`, for sums over readings.

    Where the shape bends by more than JUMP scales from bin to bin it jumps, and a straight line through the bins is
    wrong for half an hour on either side, each time: there any value among the three bins is as expected.
    """
    d = x - b.expected
    here = min(int((ts % p.season_ms) * BINS / p.season_ms), BINS - 1)
    own = known(seasons, b.season, here)
    before, after = known(seasons, b.season, (here - 1) % BINS), known(seasons, b.season, (here + 1) % BINS)
    bend = abs(after - 2.0 * own + before)
    bend = max(bend, abs(own - 2.0 * before + known(seasons, b.season, (here - 2) % BINS)))
    bend = max(bend, abs(known(seasons, b.season, (here + 2) % BINS) - 2.0 * after + own))
    if not bend > JUMP * b.sigma:
        return float(d)
    above = x - b.base - max(own, before, after)
    below = x - b.base - min(own, before, after)
    return float(max(above, 0.0) + min(below, 0.0))


@jit
def turn(b: Any, p: Any) -> float:
    """|z| from which a reading is unusual for its hour at this sensor."""
    return float(max(p.season_z, p.season_tail_k * b.season_tail))


@jit
def judge(b: Any, x: float, p: Any) -> float:
    """Signed deviation in scales after `look`; 0 while too little is known."""
    if b.bins_seen < p.season_warm or math.isnan(b.expected) or math.isnan(b.sigma):
        return 0.0
    return float((x - b.expected) / b.sigma)


@jit
def learn(b: Any, seasons: Any, x: float, here: int, held: bool, p: Any) -> None:
    """Take in a reading of bin `here` after `look` and `judge`."""
    k = b.season
    if b.bin == 0 and b.bins_seen == 0:
        b.base = x
        b.expected = math.nan
        b.season_tail = p.season_z / max(p.season_tail_k, 1.0) * 0.5
    if b.bin != here + 1:
        close(b, seasons, p)
        b.bin = here + 1
    d = x - b.expected
    if math.isnan(d):
        b.bin_sum += x - b.base
        b.bin_n += 1
        return
    cell = spread_of(here, p)
    if math.isnan(seasons[k, cell]):
        seasons[k, cell] = abs(d)
    bound = CLIP * max(b.sigma, seasons[k, cell] * SIGMA) if not math.isnan(b.sigma) else abs(d)
    young = b.bins_seen < p.season_warm
    if young:
        bound = max(bound, abs(d))
    clipped = min(max(d, -bound), bound)
    share = p.open_gain if held else 1.0
    b.bin_sum += b.expected - b.base + clipped * share
    b.bin_n += 1
    if b.bins_seen >= HOURS and not math.isnan(seasons[k, here]):  # a first visit teaches the season, not the trend
        b.base += p.season_trend * share * clipped
    gain = p.season_spread * (SPREAD_VISITS if young else 1.0) * share
    seasons[k, cell] += gain * (abs(clipped) - seasons[k, cell])
    if not young and not held and not math.isnan(b.sigma):
        if abs(d) > b.season_tail * b.sigma:
            b.season_tail = min(b.season_tail * (1.0 + TAIL_UP), TAIL_MOST)
        else:
            b.season_tail = max(b.season_tail * (1.0 - TAIL_DOWN), 0.5)


@jit
def close(b: Any, seasons: Any, p: Any) -> None:
    """The bin that was being filled has ended: its mean moves what is known of it."""
    if b.bin > 0 and b.bin_n > 0:
        mean = b.bin_sum / b.bin_n
        at = b.bin - 1
        old = seasons[b.season, at]
        seasons[b.season, at] = mean if math.isnan(old) else old + p.season_gain * (mean - old)
        b.bins_seen += 1
    b.bin_sum = 0.0
    b.bin_n = 0


@jit
def settle(b: Any, level: float) -> None:
    """A lasting change became the new normal: the trend takes the step."""
    if not math.isnan(b.expected):
        b.base += level - b.expected


@jit
def run(blocks: Any, seasons: Any, rows: Any, ts_ms: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n], band float64[n, 3] (expected, low, high); rows' `season` is set."""
    for i in range(len(rows)):
        b = blocks[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if not math.isfinite(values[i]):
            continue
        here = look(b, seasons, ts_ms[i], p)
        z = judge(b, values[i], p)
        scores[i] = score(z)
        if b.bins_seen >= p.season_warm:
            band[i, 0] = b.expected
            band[i, 1] = b.expected - turn(b, p) * b.sigma
            band[i, 2] = b.expected + turn(b, p) * b.sigma
        learn(b, seasons, values[i], here, False, p)


def find_period(values: NDArray[np.float64], interval_s: float, least_s: float = 0.0) -> float:
    """The period in seconds of a regular series float64[n] by autocorrelation, 0.0 where none stands out.

    The highest peak of the autocorrelation of the series less its straight line, beyond its first zero, at 0.3 or more
    (for white noise the standard error is 1 / sqrt(n): Box & Jenkins 1970).

    >>> find_period(np.sin(np.arange(2000) * 2 * np.pi / 90), 60.0)
    5400.0
    """
    n = len(values)
    if n < 8:
        return 0.0
    t = np.arange(n, dtype=float)
    ok = np.isfinite(values)
    slope, cut = np.polyfit(t[ok], values[ok], 1) if ok.sum() > 2 else (0.0, 0.0)
    x = np.where(ok, values - slope * t - cut, 0.0)
    if not np.abs(x).max() > 1e-9 * (1.0 + np.abs(np.where(ok, values, 0.0)).max()):
        return 0.0
    spectrum = np.abs(np.fft.rfft(x, 2 * n)) ** 2
    r = np.fft.irfft(spectrum)[: n // 2]
    r = r / r[0] * n / np.arange(n, n - len(r), -1)
    zero = int(np.argmax(r < 0))
    first = max(zero, int(least_s / interval_s), 1)
    if zero == 0 or first >= len(r) - 1:
        return 0.0
    peaks = [k for k in range(first, len(r) - 1) if r[k - 1] <= r[k] >= r[k + 1] and r[k] >= 0.3]
    if not peaks:
        return 0.0
    top = max(r[k] for k in peaks)
    return float(next(k for k in peaks if r[k] >= 0.95 * top) * interval_s)
