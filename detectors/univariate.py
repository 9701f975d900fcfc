"""One channel of any kind: how strange is its newest row? The frozen default for signals that nobody described.

Two views, added in decades (`excess.decades`): how new the recent past is (`analog.novelty`), and whether the value
lies beyond all before it by more than RECORD_TOLERANCE of their range (as the spatial alarm of Ahmad et al. 2017,
*Unsupervised real-time anomaly detection for streaming data*). Alarms are kept rare by `rarity.ratio`; a score is
ratio / (1 + ratio), so 0.5 is the bar. Scores up to row WARM stay below it.

Only the order of rows counts, not their times: gaps are no rows, a row without a finite value scores 0 and teaches
nothing, nor does an exact repetition (same time and value) of the row before. State: 65 kB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.analog import MEMORY, novelty
from detectors.bank import records
from detectors.compiled import jit
from detectors.excess import decades
from detectors.rarity import ratio

Floats = npt.NDArray[np.float64]
WARM = 100  # rows before the first alarm
RECORD_TOLERANCE = 0.05  # of the range so far
SAME = 1e-9  # of the largest value so far: a difference that is none
NAT = np.iinfo(np.int64).min

# name: default. Chosen on labelled recordings by leaving groups out, docs/detection/outside.md
PARAMS: Mapping[str, float] = {
    "keep": 0.94,  # weight of a row that is one older: stretches of 17 rows are compared
    "skip": 18,  # newest lags that are not looked at
    "quantile": 0.97,
    "gain": 0.0025,  # of the running quantile: memory of 400 rows
    "record": 2.0,  # decades that a new extreme adds
    "bar": 1.85,  # decades
    "lift": 1.75,
    "rest": 60.0,  # rows
    "rest_share": 0.015,
}
PARAM = np.dtype([(name, "f8") for name in PARAMS])
STATE = np.dtype(
    [(name, "f8") for name in ("u", "m", "mean", "low", "high", "strength", "value")]
    + [(name, "i8") for name in ("n", "seen", "told", "ts")]
)


@jit
def run(state: Any, ring: Any, dist: Any, ts_ns: Any, values: Any, params: Any, scores: Any) -> None:
    """Score rows in order: ts_ns int64[T], values float64[T] -> scores float64[T]; state STATE[1], params PARAM[1]."""
    r, p = state[0], params[0]
    for i in range(len(values)):
        x = values[i]
        scores[i] = 0.0
        if not np.isfinite(x) or (r.n > 0 and ts_ns[i] == r.ts and x == r.value and ts_ns[i] != NAT):
            continue
        r.ts, r.value = ts_ns[i], x
        if r.n == 0:
            r.low, r.high, r.told = x, x, -1
        size = max(abs(r.low), abs(r.high), abs(x))
        new = novelty(ring, dist, r.n, x, p.keep, int(p.skip))
        strange = decades(r, new, SAME * size + 1e-300, p.quantile, p.gain)
        if r.n >= WARM:
            beyond = max(x - r.high, r.low - x, 0.0) / max(r.high - r.low, SAME * size + 1e-300)
            strange += p.record * min(beyond / RECORD_TOLERANCE, 1.0)
            v = ratio(r, strange, p)
            scores[i] = v / (1.0 + v)
        r.low, r.high = min(r.low, x), max(r.high, x)
        r.n += 1


class Univariate:
    """State of one channel; `score` takes its rows chunk by chunk."""

    def __init__(self, params: Mapping[str, float] = PARAMS) -> None:
        self._params = records(np.zeros(1, PARAM))
        for name, value in {**PARAMS, **params}.items():
            self._params[name] = value
        self._state = records(np.zeros(1, STATE))
        self._ring, self._dist = np.zeros(MEMORY), np.zeros(MEMORY)

    def score(self, ts_ns: npt.NDArray[np.int64], values: Floats) -> Floats:
        """Scores float64[T] in [0, 1) of rows ts_ns int64[T] (epoch ns), values float64[T]; alarm from 0.5 on."""
        scores = np.zeros(len(values))
        run(self._state, self._ring, self._dist, ts_ns, np.ascontiguousarray(values), self._params, scores)
        return scores

    def dump(self) -> dict[str, bytes]:
        """Everything that decides later answers, as bytes."""
        return {"state": self._state.tobytes(), "ring": self._ring.tobytes(), "dist": self._dist.tobytes()}

    def load(self, dumped: Mapping[str, bytes]) -> None:
        """Go on exactly where the scorer of `dump` was. Raises ValueError for bytes of another layout."""
        if [len(dumped[k]) for k in ("state", "ring", "dist")] != [STATE.itemsize, 8 * MEMORY, 8 * MEMORY]:
            raise ValueError("these bytes are no state of this scorer: their lengths do not fit")
        self._state = records(np.frombuffer(dumped["state"], STATE).copy())
        self._ring, self._dist = (np.frombuffer(dumped[k], np.float64).copy() for k in ("ring", "dist"))
