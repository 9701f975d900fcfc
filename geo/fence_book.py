"""The fences in force, and which of them hold each point, while they change.

A change is seen by the next look-up: changed fences are tested directly, beside the compiled index of the others, till
that is made anew (off the path, by a thread of its own or on demand) and swapped by one reference. Answers are the same
before and after. A point on a border belongs to the fence east of it, on a level border to the one north of it
(`geo.raycast`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo import fence_direct
from geo.fence_direct import Ints, Outline, Pack
from geo.fence_index import FenceIndex
from geo.fence_shapes import UnitRings, flat, rings
from geo.fences import Fence, FenceError
from geo.raycast import Floats

OVERLAY = 64  # changed fences that are tested directly before the index is made anew


class _Entry(NamedTuple):
    fence: Fence
    outline: Outline


class Compiled(NamedTuple):
    """An index and the fences it was made of, as they were then, in order of id."""

    fence_index: FenceIndex | None
    entries: list[tuple[str, _Entry]]


class _View(NamedTuple):
    """All that a look-up needs, never changed: readers hold one while the next is made."""

    fences: list[Fence]
    fence_index: FenceIndex | None
    mapping: Ints  # the index's number -> number in fences, -1: changed or gone
    overlay: Pack  # fences that the index does not know
    plain: bool  # the index's answers are the answers
    movers: list[Fence]  # those that watch moving assets
    boxes: Floats  # float64[k, 4], theirs


class FenceBook:
    """Fences by id; look-ups may run in one thread while another puts fences.

    >>> from geo.fences import Circle
    >>> book = FenceBook(unit_rings=lambda code: [])
    >>> book.put(Fence(id="F-1", name_zh="医院", kind="hospital", shape=Circle(107.98, 26.58, 300.0)))
    True
    >>> [fence.id for fence in book.at(107.981, 26.58)], book.at(107.99, 26.58)
    (['F-1'], [])
    """

    def __init__(self, unit_rings: UnitRings, indexed: bool = True) -> None:
        """`unit_rings` gives the polygons of an administrative unit, each a list of rings; KeyError: none.

        Not `indexed`: every look-up tests the boxes of all fences, and no memory goes to a grid.
        """
        self._indexed = indexed
        self._unit_rings = unit_rings
        self._entries: dict[str, _Entry] = {}
        self._versions: dict[str, int] = {}  # of removed ones too, so that a late older version does not come back
        self._lock = threading.Lock()
        self._compiled = Compiled(None, [])
        self._view: _View | None = None
        self._builder: threading.Thread | None = None

    def put(self, fence: Fence) -> bool:
        """Add or replace by id, or take away a `removed` one; only a newer version counts. True: something changed.

        Raises:
            FenceError: the shape cannot be made into polygons; nothing has changed.
        """
        return self.put_all([fence]) == 1

    def put_all(self, fences: Iterable[Fence]) -> int:
        """`put` of several at once: a look-up sees all of them or none. How many changed something.

        Raises:
            FenceError: a shape cannot be made into polygons; nothing has changed.
        """
        made = [(fence, None if fence.removed else self._entry(fence)) for fence in fences if self._newer(fence)]
        changed = 0
        with self._lock:
            for fence, entry in made:
                if not self._newer(fence):
                    continue
                self._versions[fence.id] = fence.version
                known = self._entries.pop(fence.id, None)
                if entry is not None:
                    self._entries[fence.id] = entry
                changed += entry is not None or known is not None
            self._view = None if changed else self._view
        return changed

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
        if self._indexed and len(view.overlay.numbers) > OVERLAY:
            self.rebuild_soon()
        lon, lat = np.ascontiguousarray(lon, dtype=np.float64), np.ascontiguousarray(lat, dtype=np.float64)
        none = np.zeros(len(lon) + 1, dtype=np.int32)
        starts, numbers = view.fence_index.holding(lon, lat) if view.fence_index else (none, none[:0])
        if not view.plain:
            starts, numbers = _merged(view, lon, lat, starts, numbers)
        return starts, numbers, view.fences

    def inside(self, fence_id: str, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        """bool[n]: does this fence hold each point float64[n]? An unknown id holds none."""
        entry = self._entries.get(fence_id)
        if entry is None:
            return np.zeros(len(lon), dtype=np.bool_)
        return fence_direct.inside(entry.outline, *(np.ascontiguousarray(a, dtype=np.float64) for a in (lon, lat)))

    def moving(self, west: float, south: float, east: float, north: float) -> list[Fence]:
        """Fences that watch moving assets and whose box meets this one (degrees), in order of id."""
        view = self._now()
        b = view.boxes
        near = (b[:, 0] <= east) & (b[:, 2] >= west) & (b[:, 1] <= north) & (b[:, 3] >= south)
        return [view.movers[n] for n in np.flatnonzero(near).tolist()]

    def holds(self, fence_id: str, lon: float, lat: float) -> bool:
        """`inside` for one point."""
        return bool(self.inside(fence_id, np.array([lon]), np.array([lat]))[0])

    def edges(self, fence_id: str) -> Floats:
        """float64[m, 4] lon, lat, lon, lat of the edges of its outline; none of an unknown id."""
        entry = self._entries.get(fence_id)
        return entry.outline.edges if entry else np.empty((0, 4))

    def compile(self) -> Compiled:
        """An index of the fences as they are now; takes a while, and look-ups and puts go on meanwhile."""
        with self._lock:
            entries = sorted(self._entries.items())
        index = FenceIndex.of_edges([entry.outline.edges for _, entry in entries]) if entries else None
        return Compiled(index, entries)

    def adopt(self, compiled: Compiled) -> None:
        """Look up in this index from now on; what changed since it was made stays beside it."""
        with self._lock:
            self._compiled = compiled
            self._view = self._make()

    def rebuild(self) -> None:
        """`compile` and `adopt`, now."""
        self.adopt(self.compile())

    def rebuild_soon(self) -> None:
        """`rebuild` in a thread of its own, unless one is at it; `holding` asks for it where much has changed."""
        with self._lock:
            if self._builder is None or not self._builder.is_alive():
                self._builder = threading.Thread(target=self.rebuild, name="fences")
                self._builder.start()

    @property
    def pending(self) -> int:
        """Fences that are tested directly, until the next rebuild."""
        return len(self._now().overlay.numbers)

    def _newer(self, fence: Fence) -> bool:
        return fence.version > self._versions.get(fence.id, 0)

    def _entry(self, fence: Fence) -> _Entry:
        try:
            return _Entry(fence, fence_direct.outline(flat(rings(fence.shape, self._unit_rings))))
        except FenceError:
            raise
        except (ValueError, ArithmeticError) as error:  # a record that nobody checked: no finite numbers, no points
            raise FenceError(f"its shape cannot be used: {error}") from None

    def _now(self) -> _View:
        view = self._view
        if view is None:
            with self._lock:
                view = self._view = self._make()
        return view

    def _make(self) -> _View:
        keys = sorted(self._entries)
        number = {key: n for n, key in enumerate(keys)}
        mapping = np.full(len(self._compiled.entries), -1, dtype=np.int32)
        for n, (key, entry) in enumerate(self._compiled.entries):
            if self._entries.get(key) is entry:
                mapping[n] = number.pop(key)
        overlay = fence_direct.pack([self._entries[key].outline for key in number], list(number.values()))
        plain = not number and bool((mapping >= 0).all())
        fences = [self._entries[key].fence for key in keys]
        movers = [fence for fence in fences if fence.moving]
        boxes = np.array([self._entries[fence.id].outline.box for fence in movers]).reshape(-1, 4)
        return _View(fences, self._compiled.fence_index, mapping, overlay, plain, movers, boxes)


def _merged(view: _View, lon: Floats, lat: Floats, base_starts: Ints, base: Ints) -> tuple[Ints, Ints]:
    starts = np.empty(len(lon) + 1, dtype=np.int32)
    out = np.empty(2 * len(lon) + len(base), dtype=np.int32)
    n = fence_direct.merge(lon, lat, base_starts, base, view.mapping, *view.overlay, starts, out)
    if n > len(out):
        out = np.empty(n, dtype=np.int32)
        fence_direct.merge(lon, lat, base_starts, base, view.mapping, *view.overlay, starts, out)
    return starts, out[:n]
