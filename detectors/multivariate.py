"""What the channels of one station say together: a causal score of any recording with several channels.

    f = Multivariate(9, names=["Tp", "Cl", "pH", …])
    scores = f.score(ts_ns, values)          # chunk by chunk

Each row is judged by `joint_residual.py` (does every channel agree with the others and with its own level?), made an
episode by `peak_hold.py` and told as score = H / (H + threshold): 0.5 is the alarm threshold. What lasts scores
beyond what was only strong, so a threshold may also be taken from the scores of a clean year. Nothing is set by hand:
the sampling interval comes from the timestamps, and what follows from it is

- level: memory of `level_s` seconds, but at least `level_rows` rows. Quick channels are judged against the last
  two hours, hourly ones against the last days;
- lag: at LAG_S and slower the row before is part of the model, since tanks then integrate flows within a row;
- debounce: 6 of 8 minutes; one row where rows are slower than that.

The first rows (joint_residual.WARM) score 0. A row with NaN is judged by its other channels; one without any value
scores 0 and is as if it had not been; one not newer than the row before is not learned and repeats its score. After
a gap of GAP_ROWS intervals an episode is over and the row before is unknown. Channels named in `meta` like a plant's
operation (flow, temperature) beside at least three of water quality explain the others and are themselves no alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import joint_residual as jr
from detectors.bank import records
from detectors.compiled import jit
from detectors.peak_hold import MOST, hold, kth_largest, lasting, together
from detectors.station_names import explains_only

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
LEVEL_MOST = 7_200.0  # rows
LAG_S = 300.0
DEBOUNCE_S = 480.0
GAP_ROWS = 20.0
PROBE = 32  # differences of time from which the interval is taken
NAMES = ("names", "channels", "channel_names", "columns")
VERSION = 2
# name: default
PARAMS: Mapping[str, float] = {
    "threshold": 3.25,
    "level_s": 7_200.0,  # memory of the level
    "level_rows": 120.0,  # ... and at least so many rows
    "quantile": 0.98,  # of |r|: what counts as one
    "accuracy": 0.003,  # of the reading: a good transmitter
    "scale_rows": 20_000.0,  # memory of scale and covariance
    "freeze": 3.5,  # a row beyond this J is hardly learned
    "decay": 0.97,  # of the held peak, a row of a minute or more
    "keep": 0.93,  # of the mean of what lasts, likewise
}
PARAM = np.dtype([(name, "f8") for name in PARAMS])
# places in `clock`: ns of the last row, rows in the ring, differences taken; in `held`: peak, score, interval (s), mean
LAST, RINGED, TAKEN = 0, 1, 2
HELD, SCORE, INTERVAL, LASTING = 0, 1, 2, 3


class Stream(NamedTuple):
    """What is kept between rows beside the joint model."""

    clock: I64  # [3]
    held: F64  # [4]
    ring: F64  # [MOST] last values of J
    probe: F64  # [PROBE] first differences of time, seconds


class Multivariate:
    """Streaming detector of `n_channels` channels.

    meta: `interval_s` (else learned), `names` (also `channels`, `channel_names`, `columns`), `context` (indices of
    channels that explain but never raise). Others are ignored.

    >>> f = Multivariate(2)
    >>> f.score(np.array([0, 60_000_000_000]), np.ones((2, 2))).tolist()
    [0.0, 0.0]
    """

    def __init__(self, n_channels: int, params: Mapping[str, float] = PARAMS, **meta: Any) -> None:
        if n_channels < 1:
            raise ValueError(f"n_channels is {n_channels}, want 1 or more")
        self.n_channels = n_channels
        self.params = records(np.zeros(1, PARAM))
        for name, value in {**PARAMS, **params}.items():
            self.params[name] = value
        self.raises = np.ones(n_channels)
        for i in _context(n_channels, meta):
            self.raises[i] = 0.0
        self.model = jr.joint(n_channels)
        self.stream = Stream(np.zeros(3, np.int64), np.zeros(4), np.zeros(MOST), np.zeros(PROBE))
        interval = meta.get("interval_s")
        if interval is not None and float(interval) > 0.0:
            self.stream.held[INTERVAL] = float(interval)

    def score(self, ts_ns: I64, values: F64) -> F64:
        """Scores float64[T] in [0, 1) of values float64[T, C] at ts_ns int64[T] (epoch ns); inputs stay as they are.

        Raises:
            ValueError: the shapes do not fit.
        """
        ts = np.ascontiguousarray(ts_ns, dtype=np.int64)
        table = np.ascontiguousarray(values, dtype=np.float64)
        if table.ndim != 2 or table.shape != (len(ts), self.n_channels):
            raise ValueError(f"values {table.shape}, want ({len(ts)}, {self.n_channels})")
        out = np.zeros(len(ts))
        run(self.model, self.stream, self.params, self.raises, ts, table, out)
        return out

    def contributions(self) -> F64:
        """Of the last row: float64[C], how far each channel is from what the others expect, in its own 98 % quantiles,
        signed, at most 5."""
        return self.model.excess * self.raises

    def expected(self, values: F64) -> tuple[F64, F64]:
        """For the last row, values float64[C]: what the other channels (and the row before) expect of each, and half
        of the band that 98 % of rows keep, in the channels' units."""
        m, c = self.model, self.n_channels
        f = 2 * c if m.n[jr.LAG] else c
        own = np.diag(m.prec)[:c]
        unit = np.maximum(np.maximum(m.scale, self.params[0]["accuracy"] * np.abs(m.level)), 1e-12)
        gap = (m.prec[:f, :f] @ m.feature[:f])[:c] / own
        half = np.maximum(m.tail, jr.LEAST_TAIL) / np.sqrt(own)
        return np.where(np.isfinite(values), values, m.level) - gap * unit, half * unit

    def snapshot(self) -> dict[str, Any]:
        """State as plain values."""
        parts = [a.tobytes() for a in (*self.model, *self.stream)]
        return {"version": VERSION, "channels": self.n_channels, "raises": self.raises.tolist(), "parts": parts}

    def restore(self, dumped: dict[str, Any]) -> None:
        """Go on from a `snapshot`.

        Raises:
            ValueError: it is of another version or number of channels.
        """
        if dumped.get("version") != VERSION or dumped.get("channels") != self.n_channels:
            raise ValueError(f"snapshot of version {dumped.get('version')} with {dumped.get('channels')} channels")
        self.raises = np.array(dumped["raises"])
        for array, data in zip((*self.model, *self.stream), dumped["parts"], strict=True):
            array[...] = np.frombuffer(data, array.dtype).reshape(array.shape)


def _context(n: int, meta: dict[str, Any]) -> Sequence[int]:
    given = meta.get("context")
    if given is not None:
        return [int(i) for i in given if 0 <= int(i) < n]
    for key in NAMES:
        names = meta.get(key)
        if isinstance(names, Sequence) and not isinstance(names, str) and len(names) == n:
            return explains_only([str(x) for x in names])
    return ()


@jit
def pace(s: Any, t: Any, seconds: float) -> None:
    """Take the interval from the first differences of time: their median."""
    if t.clock[TAKEN] < PROBE:
        t.probe[t.clock[TAKEN]] = seconds
        t.clock[TAKEN] += 1
        if t.clock[TAKEN] == PROBE and t.held[INTERVAL] == 0.0:
            ordered = np.sort(t.probe)
            t.held[INTERVAL] = ordered[PROBE // 2]


@jit
def run(s: Any, t: Any, params: Any, raises: Any, ts: Any, values: Any, out: Any) -> None:
    """One row after the other: out float64[T]."""
    p = params[0]
    for i in range(len(ts)):
        first = s.n[jr.ROWS] == 0
        if not np.isfinite(values[i]).any():
            continue
        if not first and ts[i] <= t.clock[LAST]:
            out[i] = t.held[SCORE]
            continue
        seconds = 0.0 if first else (ts[i] - t.clock[LAST]) * 1e-9
        t.clock[LAST] = ts[i]
        if not first:
            pace(s, t, seconds)
        interval = t.held[INTERVAL]
        lag = interval >= LAG_S
        s.n[jr.LAG] = 1 if lag else 0
        jr.standardise(s, p, values[i])
        if interval > 0.0 and seconds > GAP_ROWS * interval:
            s.missing[len(raises) :] = 1.0
            s.feature[len(raises) :] = 0.0
            s.n[jr.HOT] = 0
            t.ring[:] = 0.0
            t.held[HELD] = t.held[LASTING] = 0.0
        j = jr.judge(s, p, raises)
        rows = max(interval, 1e-3)
        jr.learn(s, p, values[i], j > p.freeze, min(max(p.level_s / rows, p.level_rows), LEVEL_MOST))
        t.ring[t.clock[RINGED] % MOST] = j
        t.clock[RINGED] += 1
        n = min(max(round(DEBOUNCE_S / rows), 1), MOST)
        steady = kth_largest(t.ring, t.clock[RINGED], n, math.ceil(0.75 * n))
        part = min(1.0, rows / 60.0)
        t.held[HELD] = hold(steady, t.held[HELD], p.decay**part)
        t.held[LASTING] = lasting(steady, t.held[LASTING], p.keep**part)
        total = together(t.held[HELD], t.held[LASTING])
        t.held[SCORE] = total / (total + p.threshold)
        out[i] = t.held[SCORE]
