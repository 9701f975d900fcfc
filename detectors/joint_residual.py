"""Does each channel agree with the others of its station? One row of the joint model.

Channels are brought to z = (x - level) / scale with a robust recursive level and scale (see `adaptive.py`). The model
is one covariance S of the features f = z, or (z, z of the row before) for slow sampling where levels follow from flows
(`lag`). With P = S^-1, what the other features do not explain of feature i, in its own standard deviations, is

    r_i = (P f)_i / sqrt(P_ii)                   (conditional residual of a normal vector; Lauritzen 1996, §5.1.3)

Predictors count no farther than CLIP, as they are learned: a line is not followed beyond where it was fitted. A model
of f features from n rows is uncertain, so r is taken times sqrt(1 - f / n) (the factor of Hotelling's T^2 for samples).

It is the slope of Mahalanobis' T^2 = f' P f (Hotelling 1947) in the direction of channel i, and with a full model
it plays the part of the Q statistic (SPE; Jackson & Mudholkar 1979) by channel: one regression of each channel
on all others at the price of one inverse.

Each |r_i| is divided by its own high quantile (stochastic approximation, Robbins & Monro 1951): heavy-tailed channels
count less. The joint statistic is J = sqrt(sum of min(e_i, clip)^2 - BASE * channels that live): clipping lets several
channels say more than one wild one; BASE is what a quiet normal channel contributes on average.

A channel that rests at one value nearly always (a standby pump) and starts for a few rows says only on or off: where
it went before, it counts as CLIP, so the start is a mode that the others' coefficients learn; farther, it is evidence.

A channel that was out alone for ALONE rows is at work (a flow) or drifts; from then on its evidence has the weight
LESS, with which it can no longer raise alone.

Instruments are not exact: `accuracy` of the reading is added to the diagonal of S, so a near-constant channel or one
that is rounded otherwise than before is no evidence.
Missing values are replaced by what the others expect (Gauss-Seidel on the missing rows of P f = 0), are never
evidence and never learned.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import jit
from detectors.precision import inverse

F64 = NDArray[np.float64]
BASE = 0.18  # mean of (|r| / quantile)^2 of a normal signal: 1 / 2.326^2
CLIP = 5.0
LEAST_TAIL = 0.3  # a channel that the others explain perfectly may still differ by this many deviations
FIRST = 50  # rows that only set level and scale
WARM = 300  # rows before anything is judged
REFRESH = 60  # rows between two inverses
HELD = 0.05  # a row beyond `freeze` is learned at this share of the usual gain
HELD_TAIL = 0.1  # ... its quantile at this one, so that a threshold that is too low can still grow
SHORT = 6  # rows of an episode by which a channel at rest shows how far it goes
AT_REST = 0.9  # share of a channel's readings that are one value
REACHED = 1.1  # times its reach: as far as it was
ALONE, MOSTLY, LESS = 60.0, 0.7, 0.5  # rows, share of the squares, weight
RIDGE = 1e-4  # on the diagonal of S: no inverse is wild
WILD = 50.0
RELEARN = 480  # rows of an episode after which it is the new normal
# places in `n`
ROWS, LEARNED, HOT, LAG = 0, 1, 2, 3


class Joint(NamedTuple):
    """State of a station with C channels; fixed size."""

    level: F64  # [C] in the channel's unit
    scale: F64  # [C] standard deviation around the level
    seen: F64  # [C] readings learned
    tail: F64  # [C] high quantile of |r|
    feature: F64  # [2C] z of this row and of the row before
    missing: F64  # [2C] 1: not known
    excess: F64  # [C] e_i with the sign of r_i, of the last row
    cov: F64  # [2C, 2C]
    prec: F64  # [2C, 2C]
    rest: F64  # [C] the value most often read, exactly
    votes: F64  # [C] readings of it less others since it is the candidate
    same: F64  # [C] readings of it since it is the candidate
    reach: F64  # [C] how far from `rest` short episodes went
    pending: F64  # [C] how far the episode goes
    alone: F64  # [C] rows of the episode in which the channel is nearly all of J
    weight: F64  # [C] of its evidence
    n: NDArray[np.int64]  # [4] counts, see above


def joint(channels: int) -> Joint:
    c, f = channels, 2 * channels
    one = np.ones(c)
    parts = (np.zeros(c), np.zeros(c), np.zeros(c), one, np.zeros(f), np.ones(f), np.zeros(c))
    rest = (np.zeros(c), np.zeros(c), np.zeros(c), np.zeros(c), np.zeros(c))
    return Joint(*parts, np.zeros((f, f)), np.eye(f), *rest, np.zeros(c), np.ones(c), np.zeros(4, np.int64))


@jit
def standardise(s: Any, p: Any, x: Any) -> None:
    """Features of the row x float64[C]; the row before becomes the lag."""
    c = len(s.level)
    for i in range(c):
        s.feature[c + i], s.missing[c + i] = s.feature[i], s.missing[i]
        s.missing[i] = 0.0 if math.isfinite(x[i]) else 1.0
        s.feature[i] = 0.0
        if s.missing[i] == 0.0:
            if s.seen[i] == 0.0:
                s.level[i] = x[i]
            d = x[i] - s.level[i]
            unit = max(s.scale[i], p.accuracy * abs(s.level[i]), 0.1 * abs(d) if s.scale[i] == 0.0 else 0.0, 1e-12)
            most = CLIP if visited(s, i, x[i]) else WILD
            s.feature[i] = max(-most, min(most, d / unit))


@jit
def visited(s: Any, i: int, x: float) -> bool:
    """Whether channel i rests at one value nearly always and x is not farther from it than short episodes went."""
    at_rest = s.seen[i] > WARM and s.same[i] > AT_REST * s.seen[i]
    return bool(at_rest and abs(x - s.rest[i]) <= REACHED * s.reach[i])


@jit
def visit(s: Any, i: int, x: float) -> None:
    """Majority vote (Boyer & Moore 1991) of channel i's readings, and how far from it they go."""
    if s.votes[i] == 0.0:
        s.rest[i], s.same[i], s.reach[i] = x, 0.0, 0.0
    s.votes[i] += 1.0 if x == s.rest[i] else -1.0
    s.same[i] += 1.0 if x == s.rest[i] else 0.0
    s.pending[i] = max(s.pending[i], abs(x - s.rest[i]))


@jit
def commit(s: Any) -> None:
    """An episode is over: where it went is known, unless it was a long one."""
    for i in range(len(s.level)):
        if s.n[HOT] <= SHORT or s.n[HOT] > RELEARN:
            s.reach[i] = max(s.reach[i], s.pending[i])
        s.pending[i] = 0.0


@jit
def lonely(s: Any, hot: bool) -> None:
    """A channel that was out for ALONE rows while the others agreed counts less from then on."""
    total = 0.0
    for i in range(len(s.level)):
        total += s.excess[i] ** 2
    for i in range(len(s.level)):
        if not hot:
            s.alone[i] = 0.0
        elif s.excess[i] ** 2 > MOSTLY * total:
            s.alone[i] += 1.0
            if s.alone[i] == ALONE:
                s.weight[i] = LESS


@jit
def row_product(s: Any, i: int, f: int) -> float:
    """(P f)_i over the first f features."""
    total = 0.0
    for k in range(f):
        total += s.prec[i, k] * s.feature[k]
    return total


@jit
def residual(s: Any, i: int, f: int) -> float:
    """r_i; the others count as they are learned, no farther than CLIP."""
    total = s.prec[i, i] * s.feature[i]
    for k in range(f):
        if k != i:
            total += s.prec[i, k] * max(-CLIP, min(CLIP, s.feature[k]))
    return float(total / math.sqrt(s.prec[i, i]))


@jit
def judge(s: Any, p: Any, raises: Any) -> float:
    """J of the row in `feature`; raises float64[C]: 1 where a channel is evidence, 0 where it only explains others."""
    c = len(s.level)
    f = 2 * c if s.n[LAG] else c
    if s.n[ROWS] < WARM:
        return 0.0
    for _ in range(3):
        for a in range(f):
            if s.missing[a] == 1.0:
                s.feature[a] -= row_product(s, a, f) / s.prec[a, a]
    young = math.sqrt(max(1.0 - f / s.n[LEARNED], 0.1))
    total = 0.0
    for i in range(c):
        s.excess[i] = 0.0
        if s.missing[i] == 0.0:
            e = young * residual(s, i, f) / max(s.tail[i], LEAST_TAIL)
            s.excess[i] = max(-CLIP, min(CLIP, e))
            if raises[i] > 0.0:
                total += (s.weight[i] * s.excess[i]) ** 2
                if s.scale[i] > 1e-9 * (1.0 + abs(s.level[i])):
                    total -= BASE
    return math.sqrt(max(total, 0.0))


@jit
def learn(s: Any, p: Any, x: Any, hot: bool, level_rows: float) -> None:
    """Move level, scale, quantiles and covariance by the row x; `hot`: it is beyond what is learned freely."""
    c = len(s.level)
    f = 2 * c if s.n[LAG] else c
    judged = s.n[ROWS] >= WARM
    s.n[ROWS] += 1
    lonely(s, hot)
    if not hot or s.n[HOT] > RELEARN:
        commit(s)
    s.n[HOT] = s.n[HOT] + 1 if judged and hot else 0
    held = 0 < s.n[HOT] <= RELEARN
    gain = HELD if held else 1.0
    for i in range(c):
        if s.missing[i] == 1.0:
            continue
        s.seen[i] += 1.0
        visit(s, i, x[i])
        d, young = x[i] - s.level[i], 1.0 / s.seen[i]
        wide = s.seen[i] > WARM and s.scale[i] > 0.0
        most = 3.0 * s.scale[i]
        s.level[i] += max(gain / level_rows, young) * (max(-most, min(most, d)) if wide else d)
        share = max(gain / p.scale_rows, young)
        square = min(d * d, 16.0 * s.scale[i] ** 2) if wide else d * d
        s.scale[i] = math.sqrt((1.0 - share) * s.scale[i] ** 2 + share * square)
        if judged:
            r = abs(s.excess[i]) * max(s.tail[i], LEAST_TAIL)
            step = max(0.002, min(0.05, 20.0 / s.n[ROWS])) * (HELD_TAIL if held else 1.0)
            s.tail[i] *= math.exp(step * p.quantile if r > s.tail[i] else -step * (1.0 - p.quantile))
    if s.n[ROWS] > FIRST:
        s.n[LEARNED] += 1
        share = max(gain / p.scale_rows, 1.0 / s.n[LEARNED])
        for a in range(f):
            if s.missing[a] == 1.0:
                continue
            za = max(-CLIP, min(CLIP, s.feature[a]))
            for b in range(a + 1):
                if s.missing[b] == 0.0:
                    zb = max(-CLIP, min(CLIP, s.feature[b]))
                    s.cov[a, b] += share * (za * zb - s.cov[a, b])
                    s.cov[b, a] = s.cov[a, b]
    if s.n[ROWS] >= WARM and (s.n[ROWS] - WARM) % REFRESH == 0:
        invert(s, p, f)


@jit
def invert(s: Any, p: Any, f: int) -> None:
    """P from S with the accuracy of the instruments on the diagonal."""
    c = len(s.level)
    m = s.cov.copy()
    for a in range(f):
        i = a % c
        own = 1.0  # a channel that never moved: nothing to explain it by
        if s.scale[i] > 1e-9 * (1.0 + abs(s.level[i])):
            own = (p.accuracy * (abs(s.level[i]) + s.scale[i]) / max(s.scale[i], p.accuracy * abs(s.level[i]))) ** 2
        m[a, a] += own + RIDGE
    inverse(m, f, s.prec)
