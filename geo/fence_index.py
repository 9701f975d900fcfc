"""Which of many polygons hold each point: a grid whose border cells fall back to an exact test.

A cell that no edge touches is wholly inside or outside each polygon, so one look-up answers it. In a
border cell the point is tested by the ray cast of `geo.raycast` against those edges that share its
grid row: they are all the edges that its eastward ray can cross, hence the answer, also on edges and
vertices, is bit for bit that of `raycast.inside` with all edges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from geo import fence_grid, raycast
from geo.fence_direct import holds
from geo.fence_grid import Grid, Ints, Longs
from geo.raycast import Floats, Rings


class FenceIndex:
    """Polygons 0..n-1, each a list of rings (lon, lat degrees); they may overlap.

    A point on a border belongs to the polygon east of it, on a level border to the one north of it.

    >>> squares = [[np.array([[x, 0.0], [x + 1, 0], [x + 1, 1], [x, 1]])] for x in (0.0, 1.0, 0.5)]
    >>> index = FenceIndex(squares, cells=8)
    >>> index.contains(np.array([0.4, 1.0, 1.5, 2.0]), np.full(4, 0.5)).tolist()
    [0, 1, 1, -1]
    >>> starts, numbers = index.holding(np.array([0.4, 1.0, 1.5, 2.0]), np.full(4, 0.5))
    >>> starts.tolist(), numbers.tolist()
    ([0, 1, 3, 4, 4], [0, 1, 2, 1])
    """

    def __init__(self, polygons: Sequence[Rings], cells: int = 0) -> None:
        """Build the grid of `cells` x `cells` over all polygons; 0: as fine as is useful and fits.

        Raises:
            ValueError: no polygons, or a coordinate is not finite.
        """
        if not any(len(ring) for rings in polygons for ring in rings):
            raise ValueError("a fence index needs at least one polygon with points")
        self._grid = _grid([raycast.all_edges([r for r in rings if len(r)]) for rings in polygons], cells)

    @classmethod
    def of_edges(cls, edges: Sequence[Floats]) -> FenceIndex:
        """The index of polygons whose `raycast.all_edges` float64[m, 4] are at hand."""
        out = cls.__new__(cls)
        out._grid = _grid(edges, 0)
        return out

    def contains(self, lon: Floats, lat: Floats) -> Ints:
        """int32[n]: the lowest polygon that holds each point float64[n], -1 for none or NaN."""
        lon, lat = _columns(lon, lat)
        out = np.empty(len(lon), dtype=np.int32)
        _contains(lon, lat, *self._grid, out)
        return out

    def holding(self, lon: Floats, lat: Floats) -> tuple[Ints, Ints]:
        """Starts int32[n + 1], numbers int32[m]: polygons `numbers[starts[i]:starts[i + 1]]`, rising, hold point i."""
        lon, lat = _columns(lon, lat)
        starts = np.empty(len(lon) + 1, dtype=np.int32)
        out = np.empty(2 * len(lon) + 16, dtype=np.int32)
        n = _holding(lon, lat, *self._grid, starts, out)
        if n >= len(out):  # the last place may be written in vain
            out = np.empty(n + 1, dtype=np.int32)
            _holding(lon, lat, *self._grid, starts, out)
        return starts, out[:n]


def _grid(edges: Sequence[Floats], cells: int) -> Grid:
    together = np.ascontiguousarray(np.concatenate(edges))
    if not np.isfinite(together).all():
        raise ValueError("a polygon has a coordinate that is not a finite number")
    starts: Longs = np.cumsum([0, *(len(each) for each in edges)], dtype=np.int64)
    return fence_grid.build(together, starts, cells)


def _columns(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    if len(lon) != len(lat):
        raise ValueError(f"{len(lon)} longitudes and {len(lat)} latitudes: want as many of each")
    return np.ascontiguousarray(lon, dtype=np.float64), np.ascontiguousarray(lat, dtype=np.float64)


@njit(cache=True, nogil=True)
def _heads(lon: Floats, lat: Floats, frame: Floats, cell: Ints, out: Ints) -> None:
    """The cell's answer for each point. Done first and without branches, so that many cells are fetched at once."""
    west, south, per_x, per_y, cells = frame[0], frame[1], frame[2], frame[3], int(frame[4])
    most, end = float(cells), cells - 0.5
    for i in range(len(lon)):
        fx, fy = (lon[i] - west) * per_x, (lat[i] - south) * per_y
        within = (fx >= 0.0) & (fy >= 0.0) & (fx <= most) & (fy <= most)
        fx, fy = (fx if fx > 0.0 else 0.0), (fy if fy > 0.0 else 0.0)
        fx, fy = (fx if fx < end else end), (fy if fy < end else end)
        head = cell[int(fy) * cells + int(fx)]
        out[i] = head if within else -1


@njit(cache=True, nogil=True)
def _held(code: int, x: float, y: float, bands: Floats, band_at: Longs, band_starts: Longs, edges: Floats) -> bool:
    """Does the polygon of a list's code hold the point?"""
    if code & 1:
        return True
    p = code >> 1
    band = (y - bands[p, 0]) * bands[p, 1]
    count = band_at[p + 1] - band_at[p]
    if not (band >= 0.0 and band <= count):
        return False
    at = band_at[p] + min(int(band), count - 1)
    hit: bool = holds(edges, band_starts[at], band_starts[at + 1], x, y)
    return hit


@njit(cache=True, nogil=True)
def _contains(
    lon: Floats, lat: Floats, frame: Floats, cell: Ints, lists: Ints, codes: Ints,
    bands: Floats, band_at: Longs, band_starts: Longs, edges: Floats, out: Ints,
) -> None:  # fmt: skip
    heads = np.empty(len(lon), dtype=np.int32)
    _heads(lon, lat, frame, cell, heads)
    for i in range(len(lon)):
        head = heads[i]
        out[i] = head
        if head < -1:
            out[i] = -1
            for k in range(lists[-2 - head], lists[-1 - head]):
                if _held(codes[k], lon[i], lat[i], bands, band_at, band_starts, edges):
                    out[i] = codes[k] >> 1
                    break


@njit(cache=True, nogil=True)
def _holding(
    lon: Floats, lat: Floats, frame: Floats, cell: Ints, lists: Ints, codes: Ints,
    bands: Floats, band_at: Longs, band_starts: Longs, edges: Floats, starts: Ints, out: Ints,
) -> int:  # fmt: skip
    """Fill starts and out, how many there are; where `out` is too short the rest is only counted."""
    heads = np.empty(len(lon), dtype=np.int32)
    _heads(lon, lat, frame, cell, heads)
    n, last = 0, len(out) - 1
    starts[0] = 0
    for i in range(len(lon)):
        head = heads[i]
        if head >= -1:
            out[min(n, last)] = head
            n += 1 if head >= 0 else 0
        else:
            for k in range(lists[-2 - head], lists[-1 - head]):
                out[min(n, last)] = codes[k] >> 1
                n += 1 if _held(codes[k], lon[i], lat[i], bands, band_at, band_starts, edges) else 0
        starts[i + 1] = n
    return n
