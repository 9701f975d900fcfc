"""What a configuration is worth on groups that did not choose it: leave one group out, random search on the others.

The frozen configuration of `univariate.PARAMS` was chosen with all development groups in sight, so its own figure
flatters it. Here every group is scored by the configuration that does best on the other groups, of CONFIGS drawn at
random; the sum over the groups, normalised, is the honest figure. The median of all draws says how much hangs on the
choice at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.evaluate import THRESHOLD
from detectors.scoring import nab
from detectors.univariate import PARAMS, Univariate

CONFIGS, SEED = 80, 5
# what was searched; `bar` evenly in between
RANGES: Mapping[str, tuple[float, ...]] = {
    "keep": (0.92, 0.94, 0.96),
    "skip": (12.0, 18.0, 25.0),
    "quantile": (0.9, 0.95, 0.97),
    "gain": (0.002, 0.0025, 0.005),
    "record": (1.0, 2.0, 3.0),
    "lift": (1.5, 1.75, 2.0),
    "rest": (30.0, 60.0, 90.0),
    "rest_share": (0.0, 0.015, 0.03),
}
BAR = (1.6, 2.6)


@dataclass(frozen=True)
class Folds:
    """Normalised scores (standard profile, threshold 0.5): the groups left out together and each, the median draw."""

    left_out: float
    by_group: dict[str, float]
    median: float
    configs: int


def draw(rng: np.random.Generator) -> dict[str, float]:
    """One random configuration."""
    out = {name: float(rng.choice(values)) for name, values in RANGES.items()}
    return {**PARAMS, **out, "bar": float(rng.uniform(*BAR))}


def folds(
    groups: Sequence[str],
    streams: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]],
    windows: Sequence[Sequence[nab.Window]],
    configs: int = CONFIGS,
) -> Folds:
    """Leave one group out, for files given by group, (ts_ns int64[T], values float64[T]) and label windows.

    Groups without a label window count by their false rows.
    """
    names = sorted(set(groups))
    count = np.array([sum(len(w) for g, w in zip(groups, windows, strict=True) if g == name) for name in names])
    rng = np.random.default_rng(SEED)
    won = np.zeros((configs, len(names)))  # points above silence, of 2 a window
    for row in won:
        params = draw(rng)
        for (ts_ns, values), spans, group in zip(streams, windows, groups, strict=True):
            row[names.index(group)] += points(Univariate(params).score(ts_ns, values), spans)
    total = won.sum(axis=1)
    picked = [int(np.argmax(total - won[:, k])) for k in range(len(names))]
    by_group = {
        n: 50.0 * float(won[p, k]) / count[k] for k, (n, p) in enumerate(zip(names, picked, strict=True)) if count[k]
    }
    together = sum(float(won[p, k]) for k, p in enumerate(picked))
    return Folds(50.0 * together / count.sum(), by_group, 50.0 * float(np.median(total)) / count.sum(), configs)


def points(scores: nab.Floats, windows: Sequence[nab.Window]) -> float:
    """What one file adds at the alarm threshold, above a silent detector, in the standard profile."""
    pay = nab.PROFILES["standard"]
    value, member = nab.sweep(len(scores), windows)
    told = np.flatnonzero(scores >= THRESHOLD)
    told = told[told >= nab.probation(len(scores))]
    out = pay.fp * float(value[told[member[told] < 0]].sum())
    for k in range(len(windows)):
        inside = value[told[member[told] == k]]
        out += pay.tp * float(inside.max()) + pay.fn if len(inside) else 0.0
    return out
