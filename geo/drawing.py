"""Polygons of units as GeoJSON for maps: simplified together, each with what a map must say of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from geo import metric
from geo.divisions import Divisions
from geo.own import Coordinates

NOTE = {"zh": "示意图", "en": "schematic map, not for navigation or legal use"}


def multi(coordinates: Coordinates) -> dict[str, Any]:
    """The GeoJSON geometry of an outline."""
    return {"type": "MultiPolygon", "coordinates": coordinates}


def collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "note": NOTE, "features": list(features)}


def simplified(shapes: Sequence[Any], size_m: float) -> list[Any]:
    """Shapely polygons without bends of up to about `size_m` metres; neighbours stay neighbours, without gaps.

    shapely's coverage_simplify, Visvalingam and Whyatt, Cartographic J. 30(1), 1993.
    """
    import shapely  # here, so that workers that only look points up do not pay for it

    if size_m <= 0 or not shapes:
        return list(shapes)
    boxes = np.array([shape.bounds for shape in shapes])
    scale = np.array(metric.scale(float(boxes[:, [1, 3]].mean())))
    metres = [shapely.transform(shape, lambda xy: xy * scale) for shape in shapes]
    return [shapely.transform(s, lambda xy: xy / scale) for s in shapely.coverage_simplify(metres, size_m)]


def feature(code: str, shape: Any, source: str, approximate: bool = False) -> dict[str, Any]:
    """One unit's polygon, 6 decimals, with a point inside for its name."""
    unit = Divisions.load().get(code)
    parts = list(getattr(shape, "geoms", [shape]))
    largest = max(parts, key=lambda part: part.area)
    middle = largest.centroid
    if not largest.contains(middle):
        middle = largest.representative_point()
    rings = [[_rounded(ring.coords) for ring in (part.exterior, *part.interiors)] for part in parts]
    properties = {
        "code": code,
        "name": unit.name,
        "name_en": unit.name_en,
        "level": unit.level,
        "lon": round(middle.x, 6),
        "lat": round(middle.y, 6),
        "source": source,
        "approximate": approximate,
    }
    return {"type": "Feature", "id": code, "properties": properties, "geometry": multi(rings)}


def _rounded(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(round(x, 6), round(y, 6)) for x, y in points]
