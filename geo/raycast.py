"""Point in polygon by even-odd ray cast: the readable form, and the rule for points on a border.

The ray goes east. An edge is crossed when exactly one of its ends is north of the point (an end at
the same height counts as south) and the point is strictly west of it. So every point has exactly one
owner among polygons that share edges: **a point on a border belongs to the polygon east of it, on a
level border to the one north of it**; holes follow by parity. The crossing is always computed from
the edge's southern end, so that two neighbours that store an edge in opposite directions agree to the
last bit. Source of the test: Shimrat, CACM 5(8), 1962, algorithm 112.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rings = Sequence[Floats]  # each float64[n, 2] lon, lat; open or closed; outer rings, holes and parts alike


def all_edges(rings: Rings) -> Floats:
    """float64[m, 4] of x_south, y_south, x_north, y_north of every edge."""
    out = []
    for ring in rings:
        ends = np.column_stack([ring, np.roll(ring, -1, axis=0)]).astype(np.float64)
        down = ends[:, 1] > ends[:, 3]
        ends[down] = ends[down][:, [2, 3, 0, 1]]
        out.append(ends)
    return np.concatenate(out) if out else np.empty((0, 4))


def edges(rings: Rings) -> Floats:
    """`all_edges` without the level ones, which a ray to the east never crosses."""
    every = all_edges(rings)
    return every[every[:, 1] < every[:, 3]]


def inside(segments: Floats, lon: float, lat: float) -> bool:
    """Is the point inside the polygon of `edges`? Even-odd, border rule as above; NaN is outside.

    >>> square = edges([np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])])
    >>> inside(square, 1, 1), inside(square, 0, 1), inside(square, 2, 1), inside(square, 1, 0), inside(square, 1, 2)
    (True, True, False, True, False)
    """
    x0, y0, x1, y1 = segments.T
    spans = (y0 <= lat) & (lat < y1)
    x0, y0, x1, y1 = x0[spans], y0[spans], x1[spans], y1[spans]
    crossing = x0 + (lat - y0) * (x1 - x0) / (y1 - y0)
    return bool(np.count_nonzero(lon < crossing) & 1)


def inside_many(segments: Floats, lon: Floats, lat: Floats, chunk: int = 2_000) -> NDArray[np.bool_]:
    """bool[n]: `inside` for float64[n] columns, the same answers."""
    x0, y0, x1, y1 = segments.T
    slope = x1 - x0, y1 - y0
    out = np.empty(len(lon), dtype=np.bool_)
    for start in range(0, len(lon), chunk):
        part = slice(start, start + chunk)
        x, y = lon[part, None], lat[part, None]
        with np.errstate(invalid="ignore"):
            crossed = (y0 <= y) & (y < y1) & (x < x0 + (y - y0) * slope[0] / slope[1])
        out[part] = (np.count_nonzero(crossed, axis=1) & 1).astype(np.bool_)
    return out
