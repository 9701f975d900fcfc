"""Are boundaries half a kilometre off, as GCJ-02 or BD-09 would put them? Judged by the counties' borders.

Points each 400 m along the outer border of what is imported, those within 1.5 km of the county's border, are read three
ways: as they are, as GCJ-02 and as BD-09. Where another reading brings their median distance from the county's border
to less than half, the reading is questioned: a border that is wrong in another way comes no nearer by it. The measure
and its bounds are this project's choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from geo import metric
from geo.projections import SHIFTED
from geo.raycast import Floats

STEP_M, REACH_M, LEAST = 400.0, 1_500.0, 40  # at least 16 km of border
BETTER = 0.5
TITLES = {"": "WGS-84", "GCJ02": "GCJ-02", "BD09": "BD-09"}


class Doubt(NamedTuple):
    """The reading that was declared ("" as it is, GCJ02, BD09), a better one, and their median distances in metres."""

    declared: str
    better: str
    declared_m: float
    better_m: float

    def __str__(self) -> str:
        fix = f"--crs {self.better.lower()}" if self.better else "no --crs gcj02 or bd09"
        return (
            f"the borders lie {self.declared_m:.0f} m (median) from the counties' read as {TITLES[self.declared]}, "
            f"but {self.better_m:.0f} m read as {TITLES[self.better]}: repeat with {fix}, or with --as-is if they "
            "are right"
        )


def doubt(shapes: Iterable[tuple[str, Any]], counties: Mapping[str, Any], declared: str = "") -> Doubt | None:
    """Compare shapely polygons by county code, in the longitude and latitude that the file has, with the counties' true
    ones; None where nothing speaks against the reading or too little border is near to tell."""
    import shapely

    pieces: dict[str, list[Any]] = {}
    for county, shape in shapes:
        pieces.setdefault(county, []).append(shape)
    away: dict[str, list[Floats]] = {reading: [] for reading in TITLES}
    for county, parts in pieces.items():
        if county in counties:
            points = _along(shapely.union_all(parts), shapely)
            for reading, distances in _distances(points, counties[county], declared, shapely).items():
                away[reading].append(distances)
    if sum(len(d) for d in away[declared]) < LEAST:
        return None
    median = {reading: float(np.median(np.concatenate(d))) for reading, d in away.items()}
    best = min(median, key=lambda reading: (median[reading], reading))
    if median[best] > BETTER * median[declared]:
        return None
    return Doubt(declared, best, median[declared], median[best])


def _along(shape: Any, shapely: Any) -> Floats:
    """float64[n, 2]: points each STEP_M or less along a polygon's border."""
    degrees = STEP_M / metric.scale(shape.centroid.y)[1]
    points: Floats = shapely.get_coordinates(shapely.segmentize(shape.boundary, degrees))
    return points


def _distances(points: Floats, county: Any, declared: str, shapely: Any) -> dict[str, Floats]:
    """Metres from the county's border for each reading, float64[n], of the points that the declared puts near it."""
    scale = np.array(metric.scale(county.centroid.y))
    border = shapely.transform(county.boundary, lambda xy: xy * scale)
    shapely.prepare(border)

    def measured(reading: str, some: Floats) -> Floats:
        true = SHIFTED[reading](some) if reading else some
        out: Floats = shapely.distance(border, shapely.points(true * scale))
        return out

    near = points[measured(declared, points) < REACH_M]
    return {reading: measured(reading, near) for reading in TITLES}
