"""The user's own polygons of units, at any level: kept as one JSON file a level, found by every process.

They win over what ships (counties) and over what is made up (townships, villages).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from geo import files, raycast
from geo.raycast import Floats
from geo.units import LEVELS, UnitError, level_of

Coordinates = list[list[list[tuple[float, float]]]]  # a GeoJSON MultiPolygon's: polygons, rings, points


class Outline(msgspec.Struct, frozen=True):
    """One unit's polygons, WGS-84 lon, lat, and where they are from."""

    code: str
    name: str
    coordinates: Coordinates
    source: str = ""
    as_of: str = ""

    @property
    def rings(self) -> list[Floats]:
        """Every ring of every part, float64[n, 2] lon, lat."""
        return [np.asarray(ring, dtype=np.float64) for polygon in self.coordinates for ring in polygon]


_decoder = msgspec.json.Decoder(list[Outline])


class OwnAreas:
    """Own polygons by unit code. Where two overlap, the lower code has the point; borders as `geo.raycast` has them."""

    def __init__(self, outlines: Iterable[Outline] = (), version: str = "") -> None:
        self.by_code = {o.code: o for o in sorted(outlines, key=lambda o: o.code)}
        self.version = version  # changes with the polygons; "" where there are none
        self._levels: dict[str, list[str]] = {level: [] for level in LEVELS}
        for code in self.by_code:
            self._levels[level_of(code)].append(code)
        self._segments = {code: raycast.edges(o.rings) for code, o in self.by_code.items()}
        self._boxes = {
            level: np.array([box_of(self.by_code[c]) for c in codes]) for level, codes in self._levels.items()
        }

    @staticmethod
    def load() -> OwnAreas:
        """The imported polygons (`geo.files`), read once a process; none where nothing was imported.

        Raises:
            UnitError: a stored file was damaged.
        """
        return _load(files.current().boundaries)

    @staticmethod
    def reread() -> None:
        """The next `load` reads the files again: for the program that has just written them."""
        _load.cache_clear()

    def level(self, level: str) -> list[Outline]:
        """Outlines of a level in order of code."""
        return [self.by_code[code] for code in self._levels[level]]

    def holder(self, level: str, lon: float, lat: float) -> str | None:
        """Code of the own polygon of that level that holds the point."""
        boxes = self._boxes[level]
        if not len(boxes):
            return None
        near = (boxes[:, 0] <= lon) & (lon <= boxes[:, 2]) & (boxes[:, 1] <= lat) & (lat <= boxes[:, 3])
        codes = (self._levels[level][i] for i in np.flatnonzero(near))
        return next((code for code in codes if raycast.inside(self._segments[code], lon, lat)), None)

    def holds(self, code: str, points: Floats) -> np.typing.NDArray[np.bool_]:
        """bool[n]: which of the points float64[n, 2] an own polygon holds."""
        return raycast.inside_many(self._segments[code], points[:, 0], points[:, 1])

    def __contains__(self, code: object) -> bool:
        return code in self.by_code


def encode(outlines: Iterable[Outline]) -> bytes:
    """The stored form of a level's polygons."""
    return msgspec.json.encode(sorted(outlines, key=lambda o: o.code))


def path_of(folder: str | Path, level: str) -> Path:
    return Path(folder) / f"{level}.json"


def box_of(outline: Outline) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees."""
    points = np.concatenate(outline.rings)
    (west, south), (east, north) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return west, south, east, north


@cache
def _load(folder: str) -> OwnAreas:
    paths = [str(path_of(folder, level)) for level in LEVELS]
    out: list[Outline] = []
    for path in filter(os.path.isfile, paths):
        try:
            out += _decoder.decode(Path(path).read_bytes())
        except msgspec.MsgspecError as error:
            raise UnitError(f"{path}: the stored boundaries are damaged ({error}); import them again") from None
    return OwnAreas(out, files.stamp(*paths))
