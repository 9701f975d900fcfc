"""Polygons of every unit: own ones, else made-up cells inside the parent, each marked approximate.

A cell is the Voronoi cell of the unit's seat, in metres of the county's scale, cut by the parent's polygon (less the
own polygons of its siblings): what `Places.where` answers by the nearest seat. All lines of a parent are noded on one
grid of 1e-7 degrees and the faces given to their nearest seats, so neighbours share their points: no gap, no overlap,
and the union is the parent up to that grid. Cells of a county are made in about 0.2 s and kept in the cache folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from geo import files
from geo.boundary_import import GRID, coordinates, polygons
from geo.cache import fetch
from geo.divisions import PREFECTURE
from geo.drawing import collection, feature, multi, simplified
from geo.own import Coordinates, Outline
from geo.places import Places
from geo.raycast import Floats

METHOD = 1  # raise it when cells change, so that cached ones are made again
SOURCE = "cells around made-up or known seats"


class Cell(msgspec.Struct, frozen=True):
    """A unit's polygons, WGS-84 lon, lat; none where own polygons of its siblings leave it no room."""

    code: str
    coordinates: Coordinates
    approximate: bool
    source: str

    @property
    def rings(self) -> list[Floats]:
        """Every ring of every part, float64[n, 2] lon, lat."""
        return [np.asarray(ring, dtype=np.float64) for polygon in self.coordinates for ring in polygon]


class Cells:
    """Cells of all townships and villages, `Cells.load()` for those in force; a county's are made when asked for."""

    def __init__(self, places: Places, cache_folder: str | Path = "", keep: bool = True) -> None:
        self.places = places
        self._cache, self._keep = cache_folder, keep
        self._counties: dict[str, dict[str, Cell]] = {}
        self._version = places.version

    @staticmethod
    def load(cache_folder: str | Path = "") -> Cells:
        """Raises what `Places.load` does."""
        return _load(str(cache_folder), files.current())

    def cell(self, code: str) -> Cell:
        """The polygons of a county, township or village.

        Raises:
            UnitError: a code that is not in the table.
            KeyError: the prefecture (it is `Boundaries.geojson("prefecture")`) or a retired unit.
        """
        unit = self.places.divisions.get(code)
        if unit.level == "county":
            return _exact(self.places.boundaries.by_code[unit.code], self.places.boundaries.source(unit.code))
        return self._of_county(unit.code[:6])[unit.code]

    def children(self, code: str) -> list[Cell]:
        """Cells of the units right below, in order of code."""
        return [self.cell(unit.code) for unit in self.places.divisions.children(code)]

    def geojson(self, code: str, simplify_m: float = 50.0) -> dict[str, Any]:
        """A FeatureCollection of the units right below, without bends of up to about `simplify_m` metres."""
        unit = self.places.divisions.get(code)
        if unit.code == PREFECTURE:
            return self.places.boundaries.geojson("county", simplify_m)
        found = [cell for cell in self.children(unit.code) if cell.coordinates]
        shapes = simplified([shape_of(cell) for cell in found], simplify_m)
        return collection(
            feature(cell.code, shape, cell.source, cell.approximate) for cell, shape in zip(found, shapes, strict=True)
        )

    def _of_county(self, county: str) -> dict[str, Cell]:
        if county not in self._counties:
            name = f"cells-{METHOD}-{self._version}-{county}.json"
            make = partial(_encoded, self.places, county)
            data = fetch(name, make, _usable, self._cache) if self._keep else make()
            self._counties[county] = {cell.code: cell for cell in _cached.decode(data)}
        return self._counties[county]


def _encoded(places: Places, county: str) -> bytes:
    return msgspec.json.encode(make_cells(places, county))


def make_cells(places: Places, county: str) -> list[Cell]:
    """Cells of all townships and villages of a county, in order of code."""
    out: list[Cell] = []
    scale = places.scale(county)
    for town in _cut(places, county, shape_of(places.boundaries.by_code[county]), scale):
        out.append(town)
        if town.coordinates:
            out += _cut(places, town.code, shape_of(town), scale)
        else:
            out += [_empty(child.code) for child in places.divisions.children(town.code)]
    return sorted(out, key=lambda cell: cell.code)


def shape_of(outline: Cell | Outline) -> Any:
    """The shapely polygon of a cell or an outline."""
    import shapely

    return shapely.geometry.shape(multi(outline.coordinates))


def _cut(places: Places, parent: str, land: Any, scale: tuple[float, float]) -> list[Cell]:
    """Cells of the units right below: own polygons, and the rest of the land for the others. A village's own polygon
    belongs to its township, wherever it lies."""
    import shapely

    own = places.boundaries.own
    units = places.divisions.children(parent)
    given = [own.by_code[u.code] for u in units if u.code in own]
    codes, seats = places.free(parent)
    inner = {code: _own_below(places, code) for code in codes}
    for shape in (*map(shape_of, given), *(shape for shapes in inner.values() for shape in shapes)):
        land = land.difference(shape, grid_size=GRID)
    out = [_exact(outline, outline.source) for outline in given]
    for code, made in zip(codes, voronoi(land, seats, scale), strict=True):
        parts = [*([made] if made is not None else []), *inner[code]]
        whole = shapely.union_all(parts, grid_size=GRID) if inner[code] else made
        out.append(Cell(code, coordinates(whole), True, SOURCE) if parts else _empty(code))
    return out


def _own_below(places: Places, code: str) -> list[Any]:
    """Own polygons of a township's villages."""
    own = places.boundaries.own
    return [shape_of(own.by_code[u.code]) for u in places.divisions.children(code) if u.code in own]


def voronoi(land: Any, seats: Floats, scale: tuple[float, float]) -> list[Any]:
    """One shapely polygon for each seat float64[n, 2] lon, lat: the part of `land` that is nearer to it than to the
    others, None for one without any. `scale`: metres per degree of longitude and of latitude."""
    import shapely

    land = polygons(shapely.set_precision(land, GRID))
    if not len(seats) or land.is_empty:
        return [None] * len(seats)
    metres = np.array(scale)
    lines = [land.boundary]
    if len(np.unique(seats, axis=0)) > 1:
        around = shapely.transform(land.envelope, lambda xy: xy * metres)
        points = shapely.multipoints(seats * metres)
        borders = shapely.voronoi_polygons(points, extend_to=around, only_edges=True)
        lines.append(shapely.transform(borders, lambda xy: xy / metres))
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines, grid_size=GRID)]))
    inner = shapely.point_on_surface(faces)
    shapely.prepare(land)
    within = shapely.intersects(land, inner)
    faces, middles = faces[within], shapely.get_coordinates(inner[within])
    owner = _nearest(middles, seats, metres)
    groups: Sequence[Any] = [faces[owner == i] for i in range(len(seats))]
    return [shapely.coverage_union_all(group) if len(group) else None for group in groups]


def _nearest(points: Floats, seats: Floats, metres: Floats) -> np.typing.NDArray[np.int64]:
    away = np.hypot(*((points[:, None] - seats[None]) * metres).transpose(2, 0, 1))
    nearest: np.typing.NDArray[np.int64] = away.argmin(axis=1)
    return nearest


def _exact(outline: Outline, source: str) -> Cell:
    return Cell(outline.code, outline.coordinates, False, source)


def _empty(code: str) -> Cell:
    return Cell(code, [], True, SOURCE)


_cached = msgspec.json.Decoder(list[Cell])


def _usable(data: bytes) -> bool:
    try:
        return len(_cached.decode(data)) > 0
    except msgspec.MsgspecError:
        return False


@cache
def _load(cache_folder: str, own: files.Files) -> Cells:
    return Cells(Places.load(cache_folder), cache_folder)
