"""Which of many polygons holds each point: a grid whose border cells fall back to an exact test.

A cell that no edge touches is wholly inside or outside each polygon, so one look-up answers it. In a
border cell the point is tested by the ray cast of `geo.raycast` against those edges that share its
grid row: they are all the edges that its eastward ray can cross, hence the answer, also on edges and
vertices, is bit for bit that of `raycast.inside` with all edges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo import raycast
from geo.raycast import Floats, Rings

Ints = NDArray[np.int32]
NONE = -1  # no polygon holds the cell or point
_MIXED = -2  # an edge touches the cell: look at its candidates
_MARGIN = 1e-6  # of a cell: marks cells that an edge touches up to rounding


class FenceIndex:
    """Polygons 0..n-1, each a list of rings (lon, lat degrees). Where polygons overlap, the lowest index answers.

    A point on a border belongs to the polygon east of it, on a level border to the one north of it.

    >>> squares = [[np.array([[x, 0.0], [x + 1, 0], [x + 1, 1], [x, 1]])] for x in (0.0, 1.0)]
    >>> FenceIndex(squares, cells=8).contains(np.array([0.5, 1.0, 1.5, 2.0]), np.full(4, 0.5)).tolist()
    [0, 1, 1, -1]
    """

    def __init__(self, polygons: Sequence[Rings], cells: int = 256) -> None:
        """Build the grid of `cells` x `cells` over all polygons.

        Raises:
            ValueError: no polygons, or a coordinate is not finite.
        """
        segments = [raycast.edges(rings) for rings in polygons]
        every = [np.asarray(ring, dtype=np.float64) for rings in polygons for ring in rings if len(ring)]
        if not every:
            raise ValueError("a fence index needs at least one polygon with points")
        points = np.concatenate(every)
        if not np.isfinite(points).all():
            raise ValueError("a polygon has a coordinate that is not a finite number")
        low, high = points.min(axis=0), points.max(axis=0)
        size = np.maximum(high - low, 1e-9) / cells
        self._grid = np.array([low[0], low[1], 1.0 / size[0], 1.0 / size[1], float(cells)])
        self._cell, self._starts, self._polygon, self._whole = _cells(polygons, low, size, cells)
        self._row_starts, self._edges = _rows(segments, low, size, cells)

    def contains(self, lon: Floats, lat: Floats) -> Ints:
        """int32[n]: index of the polygon that holds each point float64[n], -1 for none or NaN."""
        if len(lon) != len(lat):
            raise ValueError(f"{len(lon)} longitudes and {len(lat)} latitudes: want as many of each")
        out = np.empty(len(lon), dtype=np.int32)
        _contains(
            np.ascontiguousarray(lon, dtype=np.float64), np.ascontiguousarray(lat, dtype=np.float64), self._grid,
            self._cell, self._starts, self._polygon, self._whole, self._row_starts, self._edges, out,
        )  # fmt: skip
        return out


@njit(cache=True, nogil=True)
def _contains(
    lon: Floats, lat: Floats, grid: Floats, cell: Ints, starts: Ints, polygon: Ints, whole: NDArray[np.bool_],
    row_starts: NDArray[np.int64], edges: Floats, out: Ints,
) -> None:  # fmt: skip
    west, south, per_x, per_y, cells = grid[0], grid[1], grid[2], grid[3], int(grid[4])
    for i in range(len(lon)):
        x, y = lon[i], lat[i]
        fx, fy = (x - west) * per_x, (y - south) * per_y
        out[i] = -1
        if not (fx >= 0.0 and fy >= 0.0 and fx <= cells and fy <= cells):
            continue
        column, row = min(int(fx), cells - 1), min(int(fy), cells - 1)
        at = row * cells + column
        if cell[at] != -2:
            out[i] = cell[at]
            continue
        for k in range(starts[at], starts[at + 1]):
            owner = polygon[k]
            hit = whole[k]
            if not hit:
                place = owner * cells + row
                for e in range(row_starts[place], row_starts[place + 1]):
                    y0, y1 = edges[e, 1], edges[e, 3]
                    if y0 <= y and y < y1 and x < edges[e, 0] + (y - y0) * (edges[e, 2] - edges[e, 0]) / (y1 - y0):
                        hit = not hit
            if hit:
                out[i] = owner
                break


def _rows(segments: list[Floats], low: Floats, size: Floats, cells: int) -> tuple[NDArray[np.int64], Floats]:
    """Edges of each (polygon, grid row), as starts int64[n * cells + 1] into float64[m, 4]."""
    keys, picked = [], []
    for n, seg in enumerate(segments):
        first = _clip((seg[:, 1] - low[1]) / size[1] - _MARGIN, cells)
        last = _clip((seg[:, 3] - low[1]) / size[1] + _MARGIN, cells)
        which, row = _spans(first, last)
        keys.append(n * cells + row)
        picked.append(seg[which])
    key = np.concatenate(keys)
    order = np.argsort(key, kind="stable")
    starts = np.searchsorted(key[order], np.arange(len(segments) * cells + 1)).astype(np.int64)
    return starts, np.ascontiguousarray(np.concatenate(picked)[order])


def _cells(
    polygons: Sequence[Rings], low: Floats, size: Floats, cells: int
) -> tuple[Ints, Ints, Ints, NDArray[np.bool_]]:
    """The answer of each cell, and for mixed ones the candidates (lowest polygon first) with 'holds all of it'."""
    centre = (np.arange(cells) + 0.5) * size[0] + low[0]
    at, owner, whole = [], [], []
    for n, rings in enumerate(polygons):
        border = _border(raycast.all_edges(rings), low, size, cells)
        middle = (np.arange(cells) + 0.5) * size[1] + low[1]
        lon, lat = np.meshgrid(centre, middle)
        inside = _fill(raycast.edges(rings), lon, lat) & ~border
        for mask, full in ((border, False), (inside, True)):
            found = np.flatnonzero(mask.ravel())
            at.append(found)
            owner.append(np.full(len(found), n, dtype=np.int32))
            whole.append(np.full(len(found), full))
    cell_of, owners, holds = np.concatenate(at), np.concatenate(owner), np.concatenate(whole)
    order = np.lexsort((owners, cell_of))
    cell_of, owners, holds = cell_of[order], owners[order], holds[order]
    starts = np.searchsorted(cell_of, np.arange(cells * cells + 1)).astype(np.int32)
    answer = np.full(cells * cells, NONE, dtype=np.int32)
    filled = np.flatnonzero(np.diff(starts))
    head = starts[filled]
    answer[filled] = np.where(holds[head], owners[head], _MIXED)
    return answer, starts, owners, holds


def _fill(seg: Floats, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """bool[cells, cells]: is each cell's middle inside? Row by row with that row's edges only."""
    out = np.zeros(lon.shape, dtype=np.bool_)
    for row in range(lon.shape[0]):
        near = seg[(seg[:, 1] <= lat[row, 0]) & (lat[row, 0] < seg[:, 3])]
        if len(near):
            out[row] = raycast.inside_many(near, lon[row], lat[row])
    return out


def _border(seg: Floats, low: Floats, size: Floats, cells: int) -> NDArray[np.bool_]:
    """bool[cells, cells] (row, column): cells that an edge touches, up to `_MARGIN`."""
    out = np.zeros((cells, cells), dtype=np.bool_)
    x0, y0, x1, y1 = ((seg - np.tile(low, 2)) / np.tile(size, 2)).T
    which, row = _spans(_clip(y0 - _MARGIN, cells), _clip(y1 + _MARGIN, cells))
    rise, run, x0, x1, y0, y1 = (a[which] for a in (y1 - y0, x1 - x0, x0, x1, y0, y1))
    climbs = rise > _MARGIN  # a flatter edge is taken whole, so that no tiny rise is divided by
    part = [(np.clip(row + d, y0, y1) - y0) / np.where(climbs, rise, 1.0) for d in (-_MARGIN, 1.0 + _MARGIN)]
    enter, leave = (np.where(climbs, x0 + t * run, end) for t, end in zip(part, (x0, x1), strict=True))
    left, right = _clip(np.minimum(enter, leave) - _MARGIN, cells), _clip(np.maximum(enter, leave) + _MARGIN, cells)
    again, column = _spans(left, right)
    out[row[again], column] = True
    return out


def _clip(values: Floats, cells: int) -> NDArray[np.int64]:
    return np.clip(np.floor(values), 0, cells - 1).astype(np.int64)


def _spans(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(which range, value) of every whole number in the ranges first..last."""
    count = last - first + 1
    which = np.repeat(np.arange(len(first)), count)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + first[which]
