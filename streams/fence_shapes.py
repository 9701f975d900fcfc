"""Fences on the map and the question what they would do at a place: for the command line and the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from geo import fence_shapes, raycast
from geo.boundaries import Boundaries
from geo.divisions import PREFECTURE, in_subtree
from geo.effects import active, combined, marks
from geo.fence_wire import feature, public
from geo.fences import Fence, FenceError, UnitArea
from geo.raycast import Floats
from geo.unit_rings import unit_rings
from geo.units import normalise, prefix

DIGITS = 6  # of a degree: 0.1 m
NEAR_DEG = 0.01  # about 1 km here


class Outlines:
    """Fences with their outlines for look-ups of single places: no index and nothing compiled, unlike `FenceBook`.

    A fence whose unit has no polygon is left out.
    """

    def __init__(self, fences: Iterable[Fence]) -> None:
        self._fences: list[tuple[Fence, Floats]] = []
        boxes = []
        for fence in sorted(fences, key=lambda f: f.id):
            polygons = _polygons(fence)
            if polygons and not fence.removed:
                self._fences.append((fence, raycast.edges(fence_shapes.flat(polygons))))
                boxes.append(fence_shapes.box(polygons))
        self._boxes = np.array(boxes).reshape(-1, 4)

    def at(self, lon: float, lat: float) -> list[Fence]:
        """All that hold a place, in order of id; a border is its eastern or northern neighbour's."""
        west, south, east, north = self._boxes.T
        near = np.flatnonzero((west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)).tolist()
        return [fence for fence, edges in map(self._fences.__getitem__, near) if raycast.inside(edges, lon, lat)]


def _polygons(fence: Fence) -> fence_shapes.Polygons:
    try:
        return fence_shapes.rings(fence.shape, unit_rings)
    except FenceError:
        return []


def unit_of(fence: Fence) -> str:
    """The unit that a fence belongs to: its own, else the county of its middle, else the prefecture."""
    if isinstance(fence.shape, UnitArea):
        return normalise(fence.shape.unit)
    polygons = _polygons(fence)
    return (Boundaries.load().county_of(*fence_shapes.centre(polygons)) if polygons else None) or PREFECTURE


def leaves(fence: Fence, unit: str) -> bool:
    """Does it reach over the border of this unit, by more than about a kilometre: drawn borders are no sharper?"""
    if prefix(PREFECTURE).startswith(prefix(unit)):
        return False
    if isinstance(fence.shape, UnitArea):
        return not in_subtree(fence.shape.unit, unit)
    import shapely  # here, so that workers do not pay for it

    try:
        own, area = (
            shapely.union_all([shapely.make_valid(shapely.Polygon(p[0], p[1:])) for p in polygons])
            for polygons in (unit_rings(unit), fence_shapes.rings(fence.shape, unit_rings))
        )
    except (KeyError, FenceError):
        return True  # no border to judge by
    return not own.buffer(NEAR_DEG).covers(area)


def drawn(fence: Fence) -> dict[str, Any]:
    """The fence as a GeoJSON feature, its shape as polygons; without geometry where its unit has no polygon."""
    polygons = _polygons(fence)
    if not polygons:
        return {"type": "Feature", "id": fence.id, "geometry": None, "properties": public(fence)}
    rings = [[[(round(x, DIGITS), round(y, DIGITS)) for x, y in ring.tolist()] for ring in p] for p in polygons]
    return feature(fence, [[_closed(ring) for ring in p] for p in rings])


def collection(fences: Iterable[Fence]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [drawn(f) for f in fences]}


def verdict(
    fences: Outlines, lon: float, lat: float, kind: str, severity: str, hard: bool, now_ms: int
) -> dict[str, Any]:
    """Which fences hold a point, and what they would do to an alert of `kind` ("": only which) with `severity`."""
    there = fences.at(lon, lat)
    found = [{**public(f), "active": active(f, now_ms)} for f in there]
    answer: dict[str, Any] = {"lon": lon, "lat": lat, "fences": found}
    if kind:
        does = marks(there, kind, now_ms, hard)
        moved, zh, en = combined(severity, does, grounded=hard, hard=hard)
        answer |= {
            "kind": kind,
            "severity": moved,
            "suppressed": any(m.suppress for m in does),
            "why": {"zh": "；".join(zh), "en": "; ".join(en)},
            "people": sum(m.people for m in does),
        }
    return answer


def _closed(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return ring if ring[0] == ring[-1] else [*ring, ring[0]]
