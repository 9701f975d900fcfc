"""Readings as columns: what travels packed and what the detectors take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I16 = NDArray[np.int16]

GOOD, UNCERTAIN, BAD = 0, 1, 2


@dataclass(frozen=True)
class Columns:
    """n readings. `idx` (int32[n]) points into `sensors`; `ts_ms` int64[n]; `value` float64[n].

    Optional columns are None or length n: `metric_idx` int16[n] into `metrics` (-1: none), `lon`, `lat`
    float64[n] degrees WGS-84 (NaN: none), `accuracy` float32[n] metres, `quality` uint8[n] (0 good,
    1 uncertain, 2 bad).
    """

    sensors: Sequence[str]
    idx: I32
    ts_ms: I64
    value: F64
    metrics: list[str] | None = None
    metric_idx: I16 | None = None
    lon: F64 | None = None
    lat: F64 | None = None
    accuracy: F32 | None = None
    quality: U8 | None = None

    def __len__(self) -> int:
        return len(self.idx)

    def pick(self, rows: NDArray[np.int64] | slice) -> Columns:
        """The given rows over the same list of sensors; a slice copies nothing."""

        def cut(col: Any) -> Any:
            return None if col is None else col[rows]

        return Columns(
            self.sensors, self.idx[rows], self.ts_ms[rows], self.value[rows], self.metrics, cut(self.metric_idx),
            cut(self.lon), cut(self.lat), cut(self.accuracy), cut(self.quality),
        )  # fmt: skip

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Columns:
        """The given rows (index or mask), with only the sensors they use."""
        idx = self.idx[rows]
        used, new = np.unique(idx, return_inverse=True)

        def pick(col: Any) -> Any:
            return None if col is None else col[rows]

        return Columns(
            [self.sensors[i] for i in used],
            new.astype(np.int32).reshape(-1),
            self.ts_ms[rows],
            self.value[rows],
            self.metrics,
            pick(self.metric_idx),
            pick(self.lon),
            pick(self.lat),
            pick(self.accuracy),
            pick(self.quality),
        )


EMPTY = Columns([], np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64))


def from_rows(rows: Iterable[tuple[str, int, float]]) -> Columns:
    """Columns of (sensor, ts_ms, value) rows.

    >>> c = from_rows([("a", 1, 2.0), ("b", 1, 3.0), ("a", 2, 4.0)])
    >>> c.sensors, c.idx.tolist()
    (['a', 'b'], [0, 1, 0])
    """
    names: dict[str, int] = {}
    listed = list(rows)
    idx = np.fromiter((names.setdefault(r[0], len(names)) for r in listed), np.int32, len(listed))
    return Columns(
        list(names),
        idx,
        np.fromiter((r[1] for r in listed), np.int64, len(listed)),
        np.fromiter((r[2] for r in listed), np.float64, len(listed)),
    )


_OPTIONAL = (
    ("lon", np.float64, np.nan),
    ("lat", np.float64, np.nan),
    ("accuracy", np.float32, np.nan),
    ("quality", np.uint8, 0),
)


def concat(parts: Sequence[Columns]) -> Columns:
    """All rows of the parts, in order, over one list of sensors."""
    parts = [p for p in parts if len(p)]
    if not parts:
        return EMPTY
    if len(parts) == 1:
        return parts[0]
    names: dict[str, int] = {}
    metrics: dict[str, int] = {}
    idx, midx = [], []
    for p in parts:
        idx.append(np.fromiter((names.setdefault(s, len(names)) for s in p.sensors), np.int32, len(p.sensors))[p.idx])
        if p.metric_idx is None:
            midx.append(np.full(len(p), -1, np.int16))
        else:
            where = np.fromiter(
                (metrics.setdefault(m, len(metrics)) for m in p.metrics or []), np.int16, len(p.metrics or [])
            )
            midx.append(
                np.where(p.metric_idx < 0, np.int16(-1), where[p.metric_idx]).astype(np.int16)
                if len(where)
                else np.full(len(p), -1, np.int16)
            )
    extra = {}
    for name, dtype, empty in _OPTIONAL:
        if any(getattr(p, name) is not None for p in parts):
            extra[name] = np.concatenate(
                [getattr(p, name) if getattr(p, name) is not None else np.full(len(p), empty, dtype) for p in parts]
            )
    return Columns(
        list(names),
        np.concatenate(idx),
        np.concatenate([p.ts_ms for p in parts]),
        np.concatenate([p.value for p in parts]),
        list(metrics) if metrics else None,
        np.concatenate(midx) if metrics else None,
        **extra,
    )
