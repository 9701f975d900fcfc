"""What the choice of parameters is worth on time that did not choose: cross-validation in time of the recording.

The recording is cut into FOLDS parts of equal length. Every configuration of CONFIGS drawn at random runs over all of
it (causally, so a later part is judged with what the earlier ones taught); each part is then counted with the
configuration and threshold that are best on the other parts together: share of events found less PRICE for each false
run a week. The sum over the parts is what a stranger's part of the same plant may expect of parameters chosen here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.multivariate import PARAMS, Multivariate
from detectors.scoring.events import WEEK_S, score_events

FOLDS, CONFIGS, SEED = 4, 60, 11
PRICE = 0.2
RANGES: Mapping[str, tuple[float, ...]] = {
    "level_s": (3_600.0, 7_200.0, 14_400.0, 28_800.0),
    "accuracy": (0.002, 0.003, 0.005),
    "quantile": (0.97, 0.98, 0.99),
    "freeze": (2.5, 3.5, 5.0),
    "scale_rows": (10_000.0, 20_000.0, 40_000.0),
}
THRESHOLDS = (2.5, 2.75, 3.0, 3.25, 3.5, 3.75)  # up to where the held peak goes flat


class Held(NamedTuple):
    """Of all parts together, each by the choice of the others."""

    recall: float
    false_per_week: float
    found: tuple[int, ...]  # by part
    events: tuple[int, ...]
    false_runs: tuple[int, ...]
    of_median: float  # share found by the median configuration at the default threshold


def draw(rng: np.random.Generator) -> dict[str, float]:
    """One random configuration."""
    return {**PARAMS, **{name: float(rng.choice(values)) for name, values in RANGES.items()}}


def folds(
    ts_ns: NDArray[np.int64],
    values: NDArray[np.float64],
    truth: NDArray[np.bool_],
    names: Sequence[str] | None,
    configs: int = CONFIGS,
) -> Held:
    """Cross-validate rows ts_ns int64[T], values float64[T, C], truth bool[T]; `names` of the channels or None."""
    rng = np.random.default_rng(SEED)
    cuts = np.linspace(0, len(ts_ns), FOLDS + 1).astype(int)
    found = np.zeros((configs, len(THRESHOLDS), FOLDS))
    false, events = np.zeros_like(found), np.zeros(FOLDS)
    for c in range(configs):
        params = draw(rng)
        meta = {"names": list(names)} if names else {}
        scores = Multivariate(values.shape[1], params, **meta).score(ts_ns, values)
        for t, threshold in enumerate(THRESHOLDS):
            alarm = scores >= threshold / (threshold + params["threshold"])
            for k in range(FOLDS):
                part = slice(cuts[k], cuts[k + 1])
                at = score_events(ts_ns[part], alarm[part], truth[part])
                found[c, t, k], false[c, t, k], events[k] = at.found, at.false_runs, at.events
    weeks = float(ts_ns[-1] - ts_ns[0]) * 1e-9 / WEEK_S / FOLDS
    hits, runs = [], []
    for k in range(FOLDS):
        rest = [j for j in range(FOLDS) if j != k]
        worth = found[:, :, rest].sum(2) / events[rest].sum() - PRICE * false[:, :, rest].sum(2) / (weeks * len(rest))
        pick = np.unravel_index(int(np.argmax(worth)), worth.shape)
        hits.append(int(found[..., k][pick]))
        runs.append(int(false[..., k][pick]))
    usual = found[:, THRESHOLDS.index(PARAMS["threshold"]), :].sum(1) / events.sum()
    return Held(
        sum(hits) / float(events.sum()), sum(runs) / (weeks * FOLDS), tuple(hits),
        tuple(int(e) for e in events), tuple(runs), float(np.median(usual)),
    )  # fmt: skip
