"""Which of a few fences hold each point, tested one by one: box, then the ray cast of `geo.raycast`, bit for bit.

For fences that changed since the grid of `geo.fence_index` was built, and for single fences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo import raycast
from geo.raycast import Floats, Rings

Ints = NDArray[np.int32]
MARGIN = 1e-9  # degrees: a box may only leave out what rounding cannot bring in


class Outline(NamedTuple):
    """One fence made ready: box float64[4] west, south, east, north, edges float64[m, 4] of `raycast.all_edges`."""

    box: Floats
    edges: Floats


class Pack(NamedTuple):
    """Outlines side by side for the compiled loop, each with the number it answers by, rising."""

    numbers: Ints
    boxes: Floats  # float64[k, 4]
    starts: NDArray[np.int64]  # [k + 1] into edges
    edges: Floats  # float64[m, 4]


def outline(rings: Rings) -> Outline:
    """The outline of rings float64[n, 2]; a coordinate that is not finite raises ValueError."""
    points = np.concatenate(list(rings))
    if not np.isfinite(points).all():
        raise ValueError("a polygon has a coordinate that is not a finite number")
    box = np.concatenate([points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN])
    return Outline(box, np.ascontiguousarray(raycast.all_edges(rings)))


def pack(outlines: Sequence[Outline], numbers: Sequence[int]) -> Pack:
    """Outlines in the order of their numbers."""
    counts = np.array([0, *(len(each.edges) for each in outlines)], dtype=np.int64)
    return Pack(
        np.array(numbers, dtype=np.int32),
        np.array([each.box for each in outlines], dtype=np.float64).reshape(-1, 4),
        np.cumsum(counts),
        np.concatenate([np.empty((0, 4)), *(each.edges for each in outlines)]),
    )


def inside(one: Outline, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """bool[n]: does it hold each point float64[n]? NaN: no."""
    out = np.zeros(len(lon), dtype=np.bool_)
    _inside(one.box, one.edges, lon, lat, out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def holds(edges: Floats, first: int, last: int, x: float, y: float) -> bool:
    """Even-odd ray cast over edges[first:last], level ones or not; without branches, which would be guessed wrong."""
    hit = False
    for e in range(first, last):
        y0, y1 = edges[e, 1], edges[e, 3]
        crossing = edges[e, 0] + (y - y0) * (edges[e, 2] - edges[e, 0]) / (y1 - y0)
        hit ^= (y0 <= y) & (y < y1) & (x < crossing)
    return hit


@njit(cache=True, nogil=True)
def _inside(box: Floats, edges: Floats, lon: Floats, lat: Floats, out: NDArray[np.bool_]) -> None:
    for i in range(len(lon)):
        x, y = lon[i], lat[i]
        if box[0] <= x and x <= box[2] and box[1] <= y and y <= box[3]:
            out[i] = holds(edges, 0, len(edges), x, y)


@njit(cache=True, nogil=True)
def merge(
    lon: Floats, lat: Floats, base_starts: Ints, base: Ints, mapping: Ints,
    numbers: Ints, boxes: Floats, edge_starts: NDArray[np.int64], edges: Floats, starts: Ints, out: Ints,
) -> int:  # fmt: skip
    """Fill `starts` int32[n + 1] and `out` with the numbers that hold each point, rising; how many there are.

    Base answers go through `mapping` (rising, -1: gone); the packed fences are tested here. Where `out` is too short
    the rest is only counted.
    """
    n = 0
    starts[0] = 0
    for i in range(len(lon)):
        x, y = lon[i], lat[i]
        at, end = base_starts[i], base_starts[i + 1]
        for k in range(len(numbers)):
            if not (boxes[k, 0] <= x and x <= boxes[k, 2] and boxes[k, 1] <= y and y <= boxes[k, 3]):
                continue
            if not holds(edges, edge_starts[k], edge_starts[k + 1], x, y):
                continue
            while at < end and mapping[base[at]] < numbers[k]:
                if mapping[base[at]] >= 0:
                    if n < len(out):
                        out[n] = mapping[base[at]]
                    n += 1
                at += 1
            if n < len(out):
                out[n] = numbers[k]
            n += 1
        while at < end:
            if mapping[base[at]] >= 0:
                if n < len(out):
                    out[n] = mapping[base[at]]
                n += 1
            at += 1
        starts[i + 1] = n
    return n
