"""The score of the Numenta Anomaly Benchmark.

Lavin & Ahmad 2015, *Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark* (ICMLA),
sections II.B-II.D: every row whose score reaches the threshold is a detection; its weight is a sigmoid of its place
relative to the label windows,

    sigma(y) = 2 / (1 + exp(5 y)) - 1

with y = -1 at a window's first row and near 0 at its last (early is worth most, only the best row of a window
counts), and y > 0 in window widths behind it (-1 from 3 widths on and before any window). A window without a
detection costs A_FN. The first 15 % of a file's rows, at most 750, are for learning and are not judged. One threshold
for all files is chosen to maximise the corpus' score, which is then normalised: 100 is every window found at its
first row and nothing else, 0 is a detector that never speaks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Window = tuple[int, int]  # first and last row, both inside
PROBATION, PROBATION_MOST = 0.15, 750
_FAR = 3.0


@dataclass(frozen=True)
class Weights:
    """What one profile of the benchmark pays and charges (no weight for a true negative is ever used)."""

    tp: float
    fp: float
    fn: float


PROFILES = {
    "standard": Weights(1.0, 0.11, 1.0),
    "reward_low_FP": Weights(1.0, 0.22, 1.0),
    "reward_low_FN": Weights(1.0, 0.11, 2.0),
}


@dataclass(frozen=True)
class Outcome:
    """A corpus' score at one threshold: `score` normalised (100 perfect, 0 silent), counts in rows and windows."""

    score: float
    threshold: float
    found: int
    windows: int
    false_rows: int


def sigmoid(y: float) -> float:
    """
    >>> sigmoid(0.0), round(sigmoid(-1.0), 4), sigmoid(3.5)
    (0.0, 0.9866, -1.0)
    """
    return -1.0 if y > _FAR else 2.0 / (1.0 + math.exp(5.0 * y)) - 1.0


def probation(rows: int) -> int:
    """Rows of a file that are for learning only.

    >>> probation(4032), probation(1624), probation(22695)
    (604, 243, 750)
    """
    return min(int(PROBATION * rows), PROBATION_MOST)


def window_rows(timestamps: npt.NDArray[np.datetime64], spans: Sequence[tuple[str, str]]) -> list[Window]:
    """Label windows given by their first and last time as rows of a file.

    Raises:
        ValueError: a window holds no row.
    """
    out = []
    for begin, end in spans:
        inside = np.flatnonzero((timestamps >= np.datetime64(begin, "ns")) & (timestamps <= np.datetime64(end, "ns")))
        if not len(inside):
            raise ValueError(f"the window from {begin} to {end} holds no row of this file")
        out.append((int(inside[0]), int(inside[-1])))
    return sorted(out)


def best(scores: Sequence[Floats], windows: Sequence[Sequence[Window]], profile: str = "standard") -> Outcome:
    """The corpus at the threshold that is best for it, as the benchmark publishes.

    Args:
        scores: float64[T] of each file, larger is stranger; windows: the label windows of each file, by row.

    Raises:
        ValueError: there is no window to find.
    """
    score, gain, tp, fp = _sorted(scores, windows, PROFILES[profile])
    total = np.concatenate([[0.0], np.cumsum(gain)])
    last = np.concatenate([[0], np.flatnonzero(np.diff(score, append=-np.inf)) + 1])  # equal scores go together
    k = int(last[np.argmax(total[last])])
    threshold = float(score[k - 1]) if k else math.inf
    return _outcome(float(total[k]), threshold, int(tp[:k].sum()), int(fp[:k].sum()), windows, PROFILES[profile])


def at(
    scores: Sequence[Floats], windows: Sequence[Sequence[Window]], threshold: float, profile: str = "standard"
) -> Outcome:
    """The corpus at a threshold fixed before; arguments and errors as in `best`."""
    score, gain, tp, fp = _sorted(scores, windows, PROFILES[profile])
    k = int(np.count_nonzero(score >= threshold))
    return _outcome(float(gain[:k].sum()), threshold, int(tp[:k].sum()), int(fp[:k].sum()), windows, PROFILES[profile])


def _outcome(
    gained: float, threshold: float, found: int, false: int, windows: Sequence[Sequence[Window]], pay: Weights
) -> Outcome:
    n = sum(len(w) for w in windows)
    if not n:
        raise ValueError("there is no label window in these files: nothing to normalise by")
    return Outcome(100.0 * gained / (n * (pay.tp + pay.fn)), threshold, found, n, false)


def sweep(rows: int, windows: Sequence[Window]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """sigma of each row (float64[rows]) and its window (int64[rows], -1 outside)."""
    value, member = np.full(rows, -1.0), np.full(rows, -1, dtype=np.int64)
    top = sigmoid(-1.0)
    ordered = sorted(windows)
    for k, (begin, end) in enumerate(ordered):
        width = end - begin + 1
        for i in range(begin, end + 1):
            value[i], member[i] = sigmoid(-(end - i + 1) / width) / top, k
        until = ordered[k + 1][0] if k + 1 < len(ordered) else rows
        for i in range(end + 1, until):
            value[i] = sigmoid((i - end) / max(width - 1, 1))
    return value, member


def _sorted(
    scores: Sequence[Floats], windows: Sequence[Sequence[Window]], pay: Weights
) -> tuple[Floats, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """All judged rows of all files, strangest first: score, what it adds, newly found window, false row."""
    parts: list[tuple[Floats, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]] = []
    for values, spans in zip(scores, windows, strict=True):
        value, member = sweep(len(values), spans)
        start = probation(len(values))
        s, value, member = np.asarray(values, dtype=np.float64)[start:], value[start:], member[start:]
        gain = np.where(member < 0, pay.fp * value, 0.0)
        new = np.zeros(len(s), dtype=np.bool_)
        for k in range(len(spans)):
            rows = np.flatnonzero(member == k)
            if not len(rows):
                continue  # it lies in the probation
            rows = rows[np.argsort(-s[rows], kind="stable")]
            reached = np.maximum.accumulate(pay.tp * value[rows])
            gain[rows] = np.diff(reached, prepend=-pay.fn)
            new[rows[0]] = True
        parts.append((s, gain, new, member < 0))
    score, gain, new, false = (np.concatenate([p[k] for p in parts]) for k in range(4))
    order = np.argsort(-score, kind="stable")
    return score[order], gain[order], new[order], false[order]
