"""Change of variance: a signal swings more (or less) than it does usually, about whatever level it has.

Mean square of successive differences (von Neumann, Kent, Bellinson & Hart 1941, *The Mean Square Successive
Difference*), which a moving level hardly changes: short memory (15 min) over long memory (a day). With no change the
ratio is about chi-squared / m with m = 2/3 (2 - g) / g degrees of freedom; the cube root makes it normal (Wilson &
Hilferty 1931):

    z = (ratio^(1/3) - (1 - c)) / sqrt(c)        c = 2 / (9 m)

Squares are clipped at 25 of the long mean: one step or spike is no change of variance. A high quantile of the
sensor's own z raises the threshold (stochastic approximation as in `adaptive.py`). Score: 1 - two-sided tail
probability of z under Student's t with 4 degrees of freedom. A difference across a gap is not taken; while it is told
the long memory hardly moves; NaN is not given to it; a new device begins anew. Memory: 4 floats and a count in BLOCK.
"""

from __future__ import annotations

import math
from typing import Any

from detectors.adaptive import TAIL_DOWN, TAIL_MOST, TAIL_UP, score
from detectors.compiled import jit

CLIP = 25.0


@jit
def turn(b: Any, p: Any) -> float:
    """|z| from which it is told for this sensor."""
    return float(max(p.move_z, p.move_tail_k * b.move_tail))


@jit
def floor(b: Any, p: Any) -> float:
    """Least mean square that matters: of a tenth of the smallest deviation that does."""
    least = 0.1 * max(p.min_dev, p.min_dev_rel * abs(b.before))
    return float(max(least * least, 1e-18))


@jit
def step(b: Any, x: float, gap: bool, held: bool, p: Any) -> float:
    """Take a reading; z of the variance, signed (> 0: swings more); 0 while too few."""
    b.move_n += 1
    d = x - b.before
    b.before = x
    if b.move_n == 1 or gap:
        return 0.0
    n = b.move_n - 1
    ref = max(b.move_ref, floor(b, p))
    square = min(d * d, CLIP * ref) if n > p.warm_n else d * d
    young = 1.0 / n
    b.move_now += max(p.move_gain, young) * (square - b.move_now)
    share = p.open_gain if held else 1.0
    b.move_ref += max(p.move_ref_gain * share, young) * (square - b.move_ref)
    if n <= p.warm_n or n * p.move_gain < 2.0:
        b.move_tail = p.move_z / max(p.move_tail_k, 1.0) * 0.5
        return 0.0
    c = 2.0 / (9.0 * 2.0 / 3.0 * (2.0 - p.move_gain) / p.move_gain)
    z = (max(b.move_now / ref, 1e-12) ** (1.0 / 3.0) - (1.0 - c)) / math.sqrt(c)
    if not held:
        if abs(z) > b.move_tail:
            b.move_tail = min(b.move_tail * (1.0 + TAIL_UP * p.move_gain), TAIL_MOST)
        else:
            b.move_tail = max(b.move_tail * (1.0 - TAIL_DOWN * p.move_gain), 0.5)
    return float(z)


@jit
def run(blocks: Any, rows: Any, values: Any, p: Any, scores: Any, band: Any) -> None:
    """This detector alone: scores float64[n], band float64[n, 3] (usual size of a difference about the last value)."""
    for i in range(len(rows)):
        b = blocks[rows[i]]
        scores[i] = 0.0
        band[i, 0] = band[i, 1] = band[i, 2] = math.nan
        if not math.isfinite(values[i]):
            continue
        if b.move_n > p.warm_n:
            wide = 3.0 * math.sqrt(b.move_ref)
            band[i, 0] = b.before
            band[i, 1] = b.before - wide
            band[i, 2] = b.before + wide
        scores[i] = score(step(b, values[i], False, False, p))
