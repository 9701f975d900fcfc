"""The fences that a kernel knows: which rows are inside, what that asks of parameters and says of detections. Pure.

A fence that is an administrative unit holds the sensors whose unit is in its subtree; any other holds the places in its
polygon.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from geo import effects
from geo.assets import Sensor
from geo.divisions import UnitError, in_subtree
from geo.fence_book import FenceBook
from geo.fence_checks import unworkable
from geo.fences import Fence, FenceError, Mark, UnitArea
from geo.unit_rings import unit_rings


class Fencing:
    """`put` fences and `place` rows in any order; equal ones in equal order give equal answers."""

    def __init__(self) -> None:
        self.book = FenceBook(unit_rings=unit_rings, indexed=False)  # those that have polygons
        self._fences: dict[str, Fence] = {}
        self._inside: list[tuple[str, ...]] = []  # by row: ids of the fences that hold it, in order
        self._places = np.empty((0, 2))  # by row: lon, lat, NaN where unknown
        self._units: list[str] = []
        self._changes: dict[str, int] = {}  # when each fence with parameters begins or ends next

    def __len__(self) -> int:
        return len(self._fences)

    def place(self, row: int, sensor: Sensor) -> None:
        """A row's place; new rows come in order."""
        lon, lat = (math.nan, math.nan) if sensor.lon is None or sensor.lat is None else (sensor.lon, sensor.lat)
        if row == len(self._inside):
            self._inside.append(())
            self._units.append(sensor.unit_code)
            if row == len(self._places):
                self._places = np.concatenate([self._places, np.full((max(row, 64), 2), math.nan)])
        self._places[row], self._units[row] = (lon, lat), sensor.unit_code
        self._inside[row] = tuple(f.id for f in self.at(lon, lat, sensor.unit_code))

    def take(self, fence: Fence, now_ms: int) -> list[int]:
        """`put` of a record from outside: one that went round the checks would stop every reading in it.

        Raises:
            FenceError: it cannot be worked with; what it was before stays.
        """
        for bad in unworkable(fence):
            raise FenceError(f"{bad.field}: {bad.reason}")
        return self.put(fence, now_ms)

    def put(self, fence: Fence, now_ms: int) -> list[int]:
        """Take over a newer version of a fence; the rows that were or are inside it.

        Raises:
            FenceError: its shape cannot be made; what it was before stays.
        """
        old = self._fences.get(fence.id)
        if old is not None and fence.version <= old.version:
            return []
        try:
            self.book.put(fence)
        except FenceError:
            if not isinstance(fence.shape, UnitArea):
                raise
            self.book.put(replace(fence, removed=True))  # else the polygon of an older version would stay
        self._fences[fence.id] = fence
        inside = self._holds(fence)
        touched = [row for row, ids in enumerate(self._inside) if inside[row] or fence.id in ids]
        for row in touched:
            others = (i for i in self._inside[row] if i != fence.id)
            self._inside[row] = tuple(sorted((*others, fence.id))) if inside[row] else tuple(others)
        self._schedule([fence], now_ms)
        return touched

    def _holds(self, fence: Fence) -> Sequence[bool] | NDArray[np.bool_]:
        n = len(self._inside)
        if fence.removed:
            return np.zeros(n, np.bool_)
        if isinstance(fence.shape, UnitArea):
            return [_below(unit, fence) for unit in self._units]
        return self.book.inside(fence.id, self._places[:n, 0], self._places[:n, 1])

    def at(self, lon: float, lat: float, unit: str = "") -> list[Fence]:
        """Every fence that holds a place (NaN: unknown) of a unit ("": unknown), in order of id."""
        known = [] if math.isnan(lon) else self.book.at(lon, lat)
        if not unit:
            return known
        known = [f for f in known if not isinstance(f.shape, UnitArea)]
        known += [f for f in self._fences.values() if not f.removed and _below(unit, f)]
        return sorted(known, key=lambda f: f.id)

    def params(self, row: int, key: str, now_ms: int) -> dict[str, float]:
        """What the active fences around a row ask of the profile `key`."""
        return effects.params_for(self._of(row), key, now_ms) if self._inside[row] else {}

    def marks(self, row: int, kind: str, now_ms: int, hard: bool) -> tuple[Mark, ...]:
        """The active fences around a row, with what they do to an alert of this kind."""
        return effects.marks(self._of(row), kind, now_ms, hard) if self._inside[row] else ()

    def marks_at(
        self, lon: float | None, lat: float | None, unit: str, kind: str, now_ms: int, hard: bool
    ) -> tuple[Mark, ...]:
        """`marks` of a place that is no row's."""
        place = (math.nan, math.nan) if lon is None or lat is None else (lon, lat)
        return effects.marks(self.at(*place, unit), kind, now_ms, hard) if self._fences else ()

    def due(self, now_ms: int) -> list[int]:
        """Rows whose parameters may differ now, because a fence began or ended."""
        changed = {i for i, at_ms in self._changes.items() if at_ms <= now_ms}
        if not changed:
            return []
        self._schedule([self._fences[i] for i in changed], now_ms)
        return [row for row, ids in enumerate(self._inside) if not changed.isdisjoint(ids)]

    def _of(self, row: int) -> list[Fence]:
        return [self._fences[i] for i in self._inside[row]]

    def _schedule(self, fences: Iterable[Fence], now_ms: int) -> None:
        for fence in fences:
            at_ms = effects.next_change(fence, now_ms) if fence.effect.params and not fence.removed else None
            self._changes.pop(fence.id, None)
            if at_ms is not None:
                self._changes[fence.id] = at_ms

    def dump(self) -> list[Fence]:
        """All fences, removed ones too, for a snapshot; the rows say the rest."""
        return list(self._fences.values())

    def load(self, fences: Iterable[Fence], now_ms: int) -> None:
        """Take over a dump, before rows are placed."""
        for fence in fences:
            self.put(fence, now_ms)


def _below(unit: str, fence: Fence) -> bool:
    """A unit's fence holds what is in its subtree, whether it has a polygon or not."""
    if not unit or not isinstance(fence.shape, UnitArea):
        return False
    try:
        return in_subtree(unit, fence.shape.unit)
    except UnitError:  # a sensor's record that nobody checked
        return False
