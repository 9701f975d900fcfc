"""Where is a point: county by its polygon, township and village by the nearest seat in it.

No open data set gives the seats of the 217 townships and 2,438 villages, so each gets a **made-up,
deterministic point** inside its county: townships are spread evenly (Lloyd's relaxation of points
seeded by the county's code), villages likewise inside their township's cell. Everything derived from
a seat is marked `approximate`; a user's own table of places replaces it.
Lloyd: IEEE Trans. Inf. Theory 28(2), 1982. Low-discrepancy points: M. Roberts, the R2 sequence, 2018.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from geo import metric
from geo.boundaries import Boundaries
from geo.cache import fetch
from geo.divisions import AS_OF, PREFECTURE, TABLE, Divisions
from geo.metric import Floats

METHOD = 1  # raise it when the points change, so that cached ones are made again
SAMPLES = 12_000  # points tried in a county's box
ROUNDS = 12  # of Lloyd's relaxation
_R2 = (0.7548776662466927, 0.5698402909980532)  # 1/p and 1/p² of the plastic number p


class Where(NamedTuple):
    """The answer of `where`: unit codes, None where unknown; `approximate` speaks of township and village."""

    lon: float
    lat: float
    county: str | None
    township: str | None
    village: str | None
    approximate: bool
    distance_m: float | None  # to the village's seat

    @property
    def unit(self) -> str | None:
        """The deepest unit known."""
        return self.village or self.township or self.county


class Places:
    """Seat points of every township and village, `Places.load()` for the shipped table and polygons."""

    def __init__(self, seats: dict[str, tuple[float, float]], boundaries: Boundaries, divisions: Divisions) -> None:
        self.seats = seats
        self._boundaries = boundaries
        self._below: dict[str, tuple[list[str], Floats]] = {}
        for unit in divisions:
            if unit.level in ("county", "township"):
                codes = [child.code for child in divisions.children(unit.code) if child.code in seats]
                points = np.array([seats[code] for code in codes], dtype=np.float64).reshape(-1, 2)
                self._below[unit.code] = codes, points

    @staticmethod
    def load(cache_folder: str | Path = "") -> Places:
        """Seats of the shipped table, made once and kept in the cache folder (about a second)."""
        return _load(str(cache_folder))

    def seat(self, code: str) -> tuple[float, float]:
        """lon, lat of a township's or village's seat (approximate).

        Raises:
            KeyError: the code is not of a township or village.
        """
        return self.seats[code]

    def where(self, lon: float, lat: float) -> Where:
        """All four levels of a point (WGS-84 degrees).

        The village is the nearest of the nearest township, so that the codes agree with each other.
        """
        county = self._boundaries.county_of(lon, lat)
        if county is None:
            return Where(lon, lat, None, None, None, False, None)
        township, _ = self._nearest(county, lon, lat)
        if township is None:
            return Where(lon, lat, county, None, None, False, None)
        village, away = self._nearest(township, lon, lat)
        return Where(lon, lat, county, township, village, True, away)

    def _nearest(self, parent: str, lon: float, lat: float) -> tuple[str | None, float | None]:
        codes, points = self._below[parent]
        if not codes:
            return None, None
        away = np.hypot(*metric.to_metres(points, lon, lat).T)
        best = int(away.argmin())
        return codes[best], float(away[best])


def make_seats(boundaries: Boundaries, divisions: Divisions) -> dict[str, tuple[float, float]]:
    """lon, lat of every township and village, 6 decimals; the same for the same polygons and table."""
    out: dict[str, tuple[float, float]] = {}
    for county in divisions.children(PREFECTURE):
        land = _samples(boundaries, county.code)
        centre = land.mean(axis=0)
        points = metric.to_metres(land, *centre.tolist())
        towns = divisions.children(county.code)
        chosen = _spread(points, len(towns))
        cell = _owners(points, points[chosen])
        for i, town in enumerate(towns):
            out[town.code] = _place(land[chosen[i]])
            villages = divisions.children(town.code)
            members = np.flatnonzero(cell == i)
            for village, member in zip(villages, _spread(points[members], len(villages)), strict=True):
                out[village.code] = _place(land[members[member]])
    return out


def _samples(boundaries: Boundaries, county: str) -> Floats:
    """float64[n, 2]: evenly spread points inside a county, offset by its code."""
    start = zlib.crc32(county.encode()) % 100_000
    unit = np.mod(np.outer(np.arange(start, start + SAMPLES), _R2), 1.0)
    west, south, east, north = boundaries.box(county)
    points: Floats = np.array([west, south]) + unit * np.array([east - west, north - south])
    return points[boundaries.holds(county, points[:, 0], points[:, 1])]


def _spread(points: Floats, n: int) -> NDArray[np.int64]:
    """int64[n]: indexes of n different points, spread evenly: farthest-point start, then Lloyd's rounds."""
    if n == 0:
        return np.empty(0, dtype=np.int64)
    if n > len(points):
        raise ValueError(f"{n} seats do not fit {len(points)} sample points; raise SAMPLES")
    centres = [points[0]]
    away = np.hypot(*(points - points[0]).T)
    for _ in range(n - 1):
        centres.append(points[int(away.argmax())])
        away = np.minimum(away, np.hypot(*(points - centres[-1]).T))
    seats = np.array(centres)
    for _ in range(ROUNDS):
        owner = _owners(points, seats)
        count = np.bincount(owner, minlength=n)
        for axis in (0, 1):
            total = np.bincount(owner, weights=points[:, axis], minlength=n)
            seats[:, axis] = np.where(count > 0, total / np.maximum(count, 1), seats[:, axis])
    taken: list[int] = []
    for seat in seats:
        order = np.argsort(np.hypot(*(points - seat).T), kind="stable")
        taken.append(next(int(i) for i in order if int(i) not in taken))
    return np.array(taken, dtype=np.int64)


def _owners(points: Floats, seats: Floats) -> NDArray[np.int64]:
    """int64[n]: index of the nearest seat of each point, the first where two are equally near."""
    square = (points[:, None, 0] - seats[None, :, 0]) ** 2 + (points[:, None, 1] - seats[None, :, 1]) ** 2
    owner: NDArray[np.int64] = square.argmin(axis=1)
    return owner


def _place(point: Floats) -> tuple[float, float]:
    lon, lat = point.round(6).tolist()
    return lon, lat


_cached = msgspec.json.Decoder(dict[str, tuple[float, float]])


@cache
def _load(cache_folder: str) -> Places:
    boundaries, divisions = Boundaries.load(cache_folder), Divisions.load()
    table = hashlib.sha256(TABLE.read_bytes()).hexdigest()[:12]
    name = f"seats-{METHOD}-{AS_OF}-{table}-{boundaries.version}.json"
    data = fetch(name, lambda: msgspec.json.encode(make_seats(boundaries, divisions)), _usable, cache_folder)
    return Places(_cached.decode(data), boundaries, divisions)


def _usable(data: bytes) -> bool:
    try:
        return len(_cached.decode(data)) > 2_000
    except msgspec.MsgspecError:
        return False
