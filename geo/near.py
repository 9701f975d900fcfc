"""What is near a point: a grid of assets by cells of 0.002 degrees (about 200 m), distances in metres.

An asset with a line lies in every cell that its line passes (points along it each quarter of a cell, and a search
looks a quarter of a cell further, so that a clipped corner is not missed).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from geo import metric
from geo.records import Asset

CELL = 0.002
_MARGIN = CELL / 4
Cell = tuple[int, int]


class NearIndex:
    """Assets by place. `put` and `remove` keep it up to date; retired ones and those without a place are left out."""

    def __init__(self, assets: Iterable[Asset] = ()) -> None:
        self._cells: dict[Cell, dict[str, Asset]] = {}
        self._where: dict[str, tuple[Asset, set[Cell]]] = {}
        for asset in assets:
            self.put(asset)

    def __len__(self) -> int:
        return len(self._where)

    def put(self, asset: Asset) -> bool:
        """Add or move one asset; True where that changed anything."""
        old = self._where.get(asset.id)
        if old is not None and old[0] == asset:
            return False
        changed = self.remove(asset.id)
        if asset.retired or asset.lon is None or asset.lat is None:
            return changed
        cells = {_cell(lon, lat) for lon, lat in _points(asset, asset.lon, asset.lat)}
        self._where[asset.id] = asset, cells
        for cell in cells:
            self._cells.setdefault(cell, {})[asset.id] = asset
        return True

    def remove(self, id_: str) -> bool:
        """Forget one asset; False where it was not there."""
        old = self._where.pop(id_, None)
        if old is None:
            return False
        for cell in old[1]:
            members = self._cells[cell]
            del members[id_]
            if not members:
                del self._cells[cell]
        return True

    def near(self, lon: float, lat: float, radius_m: float) -> list[tuple[Asset, float]]:
        """Assets within so many metres of a point (WGS-84 degrees), nearest first, with their distance."""
        per_lon, per_lat = metric.scale(lat)
        east, north = radius_m / per_lon + _MARGIN, radius_m / per_lat + _MARGIN
        x0, y0 = _cell(lon - east, lat - north)
        x1, y1 = _cell(lon + east, lat + north)
        found: dict[str, tuple[Asset, float]] = {}
        for members in self._between(x0, y0, x1, y1):
            for id_, asset in members.items():
                if id_ not in found:
                    away = _distance(asset, lon, lat, per_lon, per_lat)
                    if away <= radius_m:
                        found[id_] = asset, away
        return sorted(found.values(), key=lambda pair: (pair[1], pair[0].id))

    def _between(self, x0: int, y0: int, x1: int, y1: int) -> Iterator[dict[str, Asset]]:
        if (x1 - x0 + 1) * (y1 - y0 + 1) > len(self._cells):
            yield from [m for (x, y), m in self._cells.items() if x0 <= x <= x1 and y0 <= y <= y1]
            return
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                members = self._cells.get((x, y))
                if members is not None:
                    yield members


def _cell(lon: float, lat: float) -> Cell:
    return math.floor(lon / CELL), math.floor(lat / CELL)


def _points(asset: Asset, lon: float, lat: float) -> Iterator[tuple[float, float]]:
    """The asset's place, or points along its line at most a quarter of a cell apart."""
    if not asset.line:
        yield lon, lat
        return
    yield asset.line[0]
    for (x1, y1), (x2, y2) in zip(asset.line, asset.line[1:], strict=False):
        n = max(1, math.ceil(max(abs(x2 - x1), abs(y2 - y1)) / _MARGIN))
        for k in range(1, n + 1):
            yield x1 + (x2 - x1) * k / n, y1 + (y2 - y1) * k / n


def _distance(asset: Asset, lon: float, lat: float, per_lon: float, per_lat: float) -> float:
    """Metres from the point to the asset: its place, or the nearest point of its line."""
    if not asset.line:
        assert asset.lon is not None
        assert asset.lat is not None
        return math.hypot((asset.lon - lon) * per_lon, (asset.lat - lat) * per_lat)
    best = math.inf
    x1, y1 = (asset.line[0][0] - lon) * per_lon, (asset.line[0][1] - lat) * per_lat
    for to_lon, to_lat in asset.line[1:]:
        x2, y2 = (to_lon - lon) * per_lon, (to_lat - lat) * per_lat
        dx, dy = x2 - x1, y2 - y1
        square = dx * dx + dy * dy
        t = min(1.0, max(0.0, -(x1 * dx + y1 * dy) / square)) if square > 0 else 0.0
        best = min(best, math.hypot(x1 + t * dx, y1 + t * dy))
        x1, y1 = x2, y2
    return best
