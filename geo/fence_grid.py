"""The grid of `geo.fence_index`: for each cell the polygons that hold all of it or touch it, compiled.

A cell that an edge of a polygon touches is that polygon's border cell; of the others the middle decides. Each polygon
keeps its edges in bands of latitude of its own, so that a point in a border cell is tested against those few that its
eastward ray can meet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo.raycast import Floats

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
MARGIN = 1e-6  # of a cell: marks cells that an edge touches up to rounding
EDGE = 1e-9  # degrees around all polygons: rounding may bring a point in that lies a hair outside
MOST_CELLS = 1_024  # along each side
MOST_ENTRIES = 1 << 24  # of the cells' lists together: a grid that would need more is made coarser
MOST_BANDS = 4_096  # of one polygon
NONE = -1


class Grid(NamedTuple):
    """Arrays for the compiled look-ups.

    `cell`: NONE, the one polygon that holds all of the cell while no other touches it, or -2 - k for list k. Its
    polygons are `codes[starts[k]:starts[k + 1]]`: 2 * polygon + (1: holds all of the cell), rising. A polygon's bands
    begin at `bands[p]` = south, bands a degree; their edges at `band_starts[band_at[p] + band]`.
    """

    frame: Floats  # float64[5]: west, south, cells per degree of lon and of lat, cells along a side
    cell: Ints
    starts: Ints
    codes: Ints
    bands: Floats  # float64[n, 2]
    band_at: Longs  # [n + 1]
    band_starts: Longs
    edges: Floats  # float64[m, 4] as raycast.edges, by polygon and band


def build(edges: Floats, starts: Longs, cells: int = 0) -> Grid:
    """The grid of polygons whose edges `raycast.all_edges` float64[m, 4] are `edges[starts[p]:starts[p + 1]]`.

    `cells` along a side; 0: as many as fit the memory, at most 1,024.
    """
    boxes = _boxes(edges, starts)
    low = np.nanmin(boxes[:, :2], axis=0) - EDGE
    span = np.nanmax(boxes[:, 2:], axis=0) + EDGE - low
    cells = cells or _fitting(boxes, span)
    size = span / cells
    cell_of, codes = _cover(edges, starts, boxes, low, size, cells)
    cell, lists, sorted_codes = _by_cell(cell_of, codes, cells * cells)
    frame = np.array([low[0], low[1], 1.0 / size[0], 1.0 / size[1], float(cells)])
    return Grid(frame, cell, lists, sorted_codes, *_by_band(edges, starts, boxes))


def _boxes(edges: Floats, starts: Longs) -> Floats:
    """float64[n, 4]: west, south, east, north of each polygon, NaN where it has no edges."""
    out = np.full((len(starts) - 1, 4), np.nan)
    some = np.diff(starts) > 0
    first = starts[:-1][some]
    out[some, 0] = np.minimum.reduceat(np.minimum(edges[:, 0], edges[:, 2]), first)
    out[some, 1] = np.minimum.reduceat(edges[:, 1], first)
    out[some, 2] = np.maximum.reduceat(np.maximum(edges[:, 0], edges[:, 2]), first)
    out[some, 3] = np.maximum.reduceat(edges[:, 3], first)
    return out


def _fitting(boxes: Floats, span: Floats) -> int:
    """Cells along a side: the lists hold at most as many entries as the polygons' boxes have cells."""
    share = (boxes[:, 2:] - boxes[:, :2]) / span
    cells = MOST_CELLS
    while cells > 16 and np.nansum((share * cells + 2).prod(axis=1)) > MOST_ENTRIES:
        cells //= 2
    return cells


@njit(cache=True, nogil=True)
def _clip(value: float, cells: int) -> int:
    return int(min(max(np.floor(value), 0.0), cells - 1.0))


@njit(cache=True, nogil=True)
def _cover(edges: Floats, starts: Longs, boxes: Floats, low: Floats, size: Floats, cells: int) -> tuple[Ints, Ints]:
    """(cell, 2 * polygon + holds all of it) of every polygon, polygons rising."""
    cell_of, codes = np.empty(1 << 16, dtype=np.int32), np.empty(1 << 16, dtype=np.int32)
    n = 0
    for p in range(len(starts) - 1):
        if starts[p] == starts[p + 1]:
            continue
        c0 = _clip((boxes[p, 0] - low[0]) / size[0] - MARGIN, cells)
        r0 = _clip((boxes[p, 1] - low[1]) / size[1] - MARGIN, cells)
        c1 = _clip((boxes[p, 2] - low[0]) / size[0] + MARGIN, cells)
        r1 = _clip((boxes[p, 3] - low[1]) / size[1] + MARGIN, cells)
        border = np.zeros((r1 - r0 + 1, c1 - c0 + 1), dtype=np.bool_)
        flips = np.zeros((r1 - r0 + 1, c1 - c0 + 2), dtype=np.bool_)
        for e in range(starts[p], starts[p + 1]):
            x0, y0 = (edges[e, 0] - low[0]) / size[0], (edges[e, 1] - low[1]) / size[1]
            x1, y1 = (edges[e, 2] - low[0]) / size[0], (edges[e, 3] - low[1]) / size[1]
            _touch(border, x0, y0, x1, y1, r0, c0, cells)
            _flip(flips, x0, y0, x1, y1, r0, c0)
        need = n + border.size
        if need > len(codes):
            more = max(need, 2 * len(codes))
            cell_of, codes = _longer(cell_of, more), _longer(codes, more)
        for r in range(border.shape[0]):
            inside = False
            for c in range(border.shape[1] - 1, -1, -1):  # a flip at k turns all middles west of it
                inside ^= flips[r, c + 1]
                if border[r, c] or inside:
                    cell_of[n] = (r + r0) * cells + c + c0
                    codes[n] = 2 * p + (0 if border[r, c] else 1)
                    n += 1
    return cell_of[:n], codes[:n]


@njit(cache=True, nogil=True)
def _longer(values: Ints, length: int) -> Ints:
    out = np.empty(length, dtype=np.int32)
    out[: len(values)] = values
    return out


@njit(cache=True, nogil=True)
def _touch(border: NDArray[np.bool_], x0: float, y0: float, x1: float, y1: float, r0: int, c0: int, cells: int) -> None:
    """Mark the cells that the edge (in cells) touches, up to MARGIN."""
    rise = y1 - y0
    for row in range(_clip(y0 - MARGIN, cells), _clip(y1 + MARGIN, cells) + 1):
        enter, leave = x0, x1
        if rise > MARGIN:  # a flatter edge is taken whole, so that no tiny rise is divided by
            enter = x0 + (min(max(row - MARGIN, y0), y1) - y0) / rise * (x1 - x0)
            leave = x0 + (min(max(row + 1.0 + MARGIN, y0), y1) - y0) / rise * (x1 - x0)
        left, right = _clip(min(enter, leave) - MARGIN, cells), _clip(max(enter, leave) + MARGIN, cells)
        for column in range(left, right + 1):
            border[row - r0, column - c0] = True


@njit(cache=True, nogil=True)
def _flip(flips: NDArray[np.bool_], x0: float, y0: float, x1: float, y1: float, r0: int, c0: int) -> None:
    """In each row whose middle the edge crosses: the number of middles west of the crossing is flipped.

    Rounding only moves middles that lie in border cells, whose answer is not used.
    """
    rows, width = flips.shape
    for row in range(max(int(np.floor(y0 - 0.5)), r0), min(int(np.ceil(y1 + 0.5)), r0 + rows - 1) + 1):
        middle = row + 0.5
        if y0 <= middle and middle < y1:
            crossing = x0 + (middle - y0) * (x1 - x0) / (y1 - y0)
            west = int(np.ceil(crossing - 0.5)) - c0
            k = min(max(west, 0), width - 1)
            flips[row - r0, k] ^= True


@njit(cache=True, nogil=True)
def _by_cell(cell_of: Ints, codes: Ints, n_cells: int) -> tuple[Ints, Ints, Ints]:
    """(cell, starts, codes) of `Grid`: entries sorted by cell, polygons rising as they came."""
    ends = np.zeros(n_cells + 1, dtype=np.int32)
    for c in cell_of:
        ends[c + 1] += 1
    for c in range(n_cells):
        ends[c + 1] += ends[c]
    place = ends[:-1].copy()
    out = np.empty(len(codes), dtype=np.int32)
    for k in range(len(codes)):
        out[place[cell_of[k]]] = codes[k]
        place[cell_of[k]] += 1
    cell = np.full(n_cells, NONE, dtype=np.int32)
    starts = np.zeros(len(codes) + 1, dtype=np.int32)
    lists, n = 0, 0  # cells of one whole polygon need no list
    for c in range(n_cells):
        first, last = ends[c], ends[c + 1]
        if last == first + 1 and out[first] & 1:
            cell[c] = out[first] >> 1
        elif last > first:
            cell[c] = -2 - lists
            for k in range(first, last):
                out[n] = out[k]
                n += 1
            lists += 1
            starts[lists] = n
    return cell, starts[: lists + 1].copy(), out[:n].copy()


@njit(cache=True, nogil=True)
def _by_band(edges: Floats, starts: Longs, boxes: Floats) -> tuple[Floats, Longs, Longs, Floats]:
    """(bands, band_at, band_starts, edges) of `Grid`: half as many bands as edges, so that few edges share one.

    Level edges are left out: no ray to the east crosses them.
    """
    n = len(starts) - 1
    bands, band_at = np.zeros((n, 2)), np.zeros(n + 1, dtype=np.int64)
    for p in range(n):
        count = min(max((starts[p + 1] - starts[p]) // 2, 1), MOST_BANDS)
        band_at[p + 1] = band_at[p] + count
        if starts[p] < starts[p + 1]:
            bands[p, 0], bands[p, 1] = boxes[p, 1], count / max(boxes[p, 3] - boxes[p, 1], EDGE)
    band_starts = np.zeros(band_at[n] + 1, dtype=np.int64)
    out, place = np.empty((0, 4)), band_starts
    for fill in (False, True):
        if fill:
            band_starts = np.cumsum(band_starts)
            place = band_starts.copy()
            out = np.empty((band_starts[-1], 4))
        for p in range(n):
            count = band_at[p + 1] - band_at[p]
            for e in range(starts[p], starts[p + 1]):
                if edges[e, 1] < edges[e, 3]:
                    a = _clip((edges[e, 1] - bands[p, 0]) * bands[p, 1] - MARGIN, count)
                    b = _clip((edges[e, 3] - bands[p, 0]) * bands[p, 1] + MARGIN, count)
                    for band in range(band_at[p] + a, band_at[p] + b + 1):
                        if fill:
                            out[place[band]] = edges[e]
                            place[band] += 1
                        else:
                            band_starts[band + 1] += 1
    return bands, band_at, band_starts, out
