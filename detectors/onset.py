"""Onset of a wave at one station: the change point of several channels together, with its uncertainty.

Before the onset each channel is level, after it a step and a straight line (friction's tail follows a front; a leak
that opens slowly is all line). For every possible onset the sum of squares is known from prefix sums; weighted by
the channels' noise it is a log-likelihood, whose mean and spread are the pick and its standard deviation. This is the
likelihood form of the AIC picker (Maeda 1985, *Zisin* 38; Sleeman & van Eck 1999, *Phys. Earth Planet. Inter.* 113)
with the noise taken from before the onset and its correlation allowed for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from detectors.compiled import jit
from detectors.group import F64


class Pick(NamedTuple):
    """`at`: index of the onset, between the samples; `sd` in samples; `z`: step of each channel over its noise."""

    at: float
    sd: float
    z: float
    step: F64


@jit
def costs(y: Any, margin: Any, out: Any) -> None:
    """out[k] += sum of squares of y float64[n] with the onset before sample k; margin <= k <= n - margin."""
    n = len(y)
    # suffix sums for the line, prefix sums for the level
    s1 = s2 = 0.0
    left = np.zeros(n + 1)
    for i in range(n):
        s1 += y[i]
        s2 += y[i] * y[i]
        left[i + 1] = s2 - s1 * s1 / (i + 1)
    m = st = stt = sy = syy = sty = 0.0
    for k in range(n - 1, margin - 1, -1):
        t = float(k)
        m += 1.0
        st += t
        stt += t * t
        sy += y[k]
        syy += y[k] * y[k]
        sty += t * y[k]
        if k > n - margin:
            continue
        vt = stt - st * st / m
        cov = sty - st * sy / m
        right = syy - sy * sy / m - (cov * cov / vt if vt > 0.0 else 0.0)
        out[k] += left[k] + right


def noise(y: F64) -> tuple[float, float]:
    """(standard deviation, inflation of sums by correlation >= 1) of a stretch without a wave, float64[n]."""
    e = y - y.mean()
    var = float(e @ e) / max(len(e) - 1, 1)
    if var <= 0.0:
        return 0.0, 1.0
    rho = [float(e[k:] @ e[:-k]) / float(e @ e) for k in range(1, 6)]
    return float(np.sqrt(var)), float(np.clip(1.0 + 2.0 * sum(r for r in rho if r > 0.1), 1.0, 8.0))


def pick(channels: F64, quiet: int, digits: F64, margin: int = 8) -> Pick | None:
    """The onset in channels float64[C, n], whose first `quiet` samples are without a wave; None where too much is lost.

    Args:
        digits: least noise of each channel float64[C], in its unit (resolution).
    """
    bad = ~np.isfinite(channels)
    if bad.mean() > 0.1 or channels.shape[1] < 3 * margin:
        return None
    count, n = channels.shape
    total, factor = np.zeros(n + 1), 1.0
    sds = np.empty(count)
    filled = np.empty((count, n))
    for c in range(count):
        index = np.arange(n)
        y = np.interp(index, index[~bad[c]], channels[c][~bad[c]])
        sd, inflate = noise(y[: max(quiet, margin)])
        sds[c] = max(sd, float(digits[c]))
        factor = max(factor, inflate)
        squares = np.zeros(n + 1)
        costs(y - y[0], margin, squares)
        total += squares / sds[c] ** 2
        filled[c] = y
    ks = np.arange(margin, n - margin + 1)
    log = total[ks] / factor
    weight = np.exp(-0.5 * (log - log.min()))
    weight /= weight.sum()
    at = float(weight @ ks)
    spread = float(np.sqrt(weight @ (ks - at) ** 2 + 1.0 / 12.0))
    k = round(at)
    before, after = filled[:, :k], filled[:, k:]
    length = np.minimum(len(before[0]), len(after[0]))
    step = after.mean(axis=1) - before[:, -3 * length :].mean(axis=1)
    z = float(np.sqrt((step**2 / (sds**2 * factor * 2.0 / length)).sum()))
    return Pick(at - 0.5, spread, z, step)
