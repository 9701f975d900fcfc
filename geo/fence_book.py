"""The fences in force, and which of them hold each point, while they change.

A point on a border belongs to the fence east of it, on a level border to the one north of it (`geo.raycast`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo import fence_direct
from geo.fence_direct import Ints, Outline, Pack
from geo.fence_shapes import UnitRings, flat, rings
from geo.fences import Fence
from geo.raycast import Floats


class _Entry(NamedTuple):
    fence: Fence
    outline: Outline


class _View(NamedTuple):
    """All that a look-up needs, never changed: readers hold one while the next is made."""

    fences: list[Fence]
    mapping: Ints
    overlay: Pack


class FenceBook:
    """Fences by id; look-ups may run in one thread while another puts fences.

    >>> from geo.fences import Circle
    >>> book = FenceBook(unit_rings=lambda code: [])
    >>> book.put(Fence(id="F-1", name_zh="医院", kind="hospital", shape=Circle(107.98, 26.58, 300.0)))
    True
    >>> [fence.id for fence in book.at(107.981, 26.58)], book.at(107.99, 26.58)
    (['F-1'], [])
    """

    def __init__(self, unit_rings: UnitRings) -> None:
        """`unit_rings` gives the polygons of an administrative unit, each a list of rings; KeyError: none."""
        self._unit_rings = unit_rings
        self._entries: dict[str, _Entry] = {}
        self._versions: dict[str, int] = {}  # of removed ones too, so that a late older version does not come back
        self._lock = threading.Lock()
        self._view: _View | None = None

    def put(self, fence: Fence) -> bool:
        """Add or replace by id, or take away a `removed` one; only a newer version counts. True: something changed.

        Raises:
            FenceError: the shape cannot be made into polygons; nothing has changed.
        """
        if fence.version <= self._versions.get(fence.id, 0):
            return False
        entry = None if fence.removed else self._entry(fence)
        with self._lock:
            self._versions[fence.id] = fence.version
            known = self._entries.pop(fence.id, None)
            if entry is not None:
                self._entries[fence.id] = entry
            self._view = None
        return entry is not None or known is not None

    def get(self, fence_id: str) -> Fence | None:
        """The fence, None where there is none or it was removed."""
        entry = self._entries.get(fence_id)
        return entry.fence if entry else None

    def __iter__(self) -> Iterator[Fence]:
        return iter(self._now().fences)

    def __len__(self) -> int:
        return len(self._entries)

    def at(self, lon: float, lat: float) -> list[Fence]:
        """All fences that hold the point, in order of id, whether active or not."""
        _, numbers, fences = self.holding(np.array([lon], dtype=np.float64), np.array([lat], dtype=np.float64))
        return [fences[n] for n in numbers.tolist()]

    def holding(self, lon: Floats, lat: Floats) -> tuple[Ints, Ints, list[Fence]]:
        """For points float64[n]: starts int32[n + 1], fence numbers int32[m], and the fences that they number.

        Point i lies in fences `numbers[starts[i]:starts[i + 1]]`, rising, hence in order of id. NaN lies in none.

        Raises:
            ValueError: not as many latitudes as longitudes.
        """
        if len(lon) != len(lat):
            raise ValueError(f"{len(lon)} longitudes and {len(lat)} latitudes: want as many of each")
        view = self._now()
        lon, lat = np.ascontiguousarray(lon, dtype=np.float64), np.ascontiguousarray(lat, dtype=np.float64)
        none = np.zeros(len(lon) + 1, dtype=np.int32)
        starts, numbers = _merged(view, lon, lat, none, none[:0])
        return starts, numbers, view.fences

    def inside(self, fence_id: str, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        """bool[n]: does this fence hold each point float64[n]? An unknown id holds none."""
        entry = self._entries.get(fence_id)
        if entry is None:
            return np.zeros(len(lon), dtype=np.bool_)
        return fence_direct.inside(entry.outline, *(np.ascontiguousarray(a, dtype=np.float64) for a in (lon, lat)))

    def _entry(self, fence: Fence) -> _Entry:
        return _Entry(fence, fence_direct.outline(flat(rings(fence.shape, self._unit_rings))))

    def _now(self) -> _View:
        view = self._view
        if view is None:
            with self._lock:
                view = self._view = self._make()
        return view

    def _make(self) -> _View:
        entries = [self._entries[key] for key in sorted(self._entries)]
        overlay = fence_direct.pack([entry.outline for entry in entries], range(len(entries)))
        return _View([entry.fence for entry in entries], np.empty(0, dtype=np.int32), overlay)


def _merged(view: _View, lon: Floats, lat: Floats, base_starts: Ints, base: Ints) -> tuple[Ints, Ints]:
    starts = np.empty(len(lon) + 1, dtype=np.int32)
    out = np.empty(2 * len(lon) + len(base), dtype=np.int32)
    n = fence_direct.merge(lon, lat, base_starts, base, view.mapping, *view.overlay, starts, out)
    if n > len(out):
        out = np.empty(n, dtype=np.int32)
        fence_direct.merge(lon, lat, base_starts, base, view.mapping, *view.overlay, starts, out)
    return starts, out[:n]
