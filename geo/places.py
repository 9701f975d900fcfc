"""Where is a point: own polygons first, then the county by its polygon, then the nearest seats in it.

The nearest seat in metres of the county's own scale is exactly the Voronoi cell that `geo.cells` draws. What follows
from a seat is approximate; what an own polygon holds is exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from geo import files, metric, seat_table
from geo.boundaries import Boundaries
from geo.cache import fetch
from geo.divisions import LEVELS, TABLE, Divisions
from geo.metric import Floats
from geo.seats import METHOD, make_seats

__all__ = ["Places", "Where", "make_seats"]


class Where(NamedTuple):
    """The answer of `where`: unit codes, None where unknown; `approximate`: the deepest of them follows from a seat."""

    lon: float
    lat: float
    county: str | None
    township: str | None
    village: str | None
    approximate: bool
    distance_m: float | None  # to the village's seat
    exact: str | None = None  # the deepest level that a polygon gives

    @property
    def unit(self) -> str | None:
        """The deepest unit known."""
        return self.village or self.township or self.county

    def is_approximate(self, level: str) -> bool:
        """Does the unit of that level follow from a seat?"""
        return self.exact is not None and LEVELS.index(level) > LEVELS.index(self.exact)


class Places:
    """Seat points of every township and village; `Places.load()` for the table, polygons and seats in force."""

    def __init__(self, seats: Mapping[str, tuple[float, float]], boundaries: Boundaries, divisions: Divisions) -> None:
        self.seats = seats
        self.boundaries = boundaries
        self.divisions = divisions
        self._own = boundaries.own
        self._below: dict[str, tuple[list[str], Floats]] = {}
        for unit in divisions:
            if unit.level in ("county", "township"):
                children = [child.code for child in divisions.children(unit.code)]
                codes = [code for code in children if code in seats and code not in self._own]
                points = np.array([seats[code] for code in codes], dtype=np.float64).reshape(-1, 2)
                self._below[unit.code] = codes, points
        self._scales = {code: scale_of(boundaries, code) for code in boundaries.by_code}

    @staticmethod
    def load(cache_folder: str | Path = "") -> Places:
        """Seats in force, made once and kept in the cache folder (about a second).

        Raises:
            BoundaryError: county polygons cannot be had.
            UnitError: an own table, polygon or seat file that was damaged.
        """
        return _load(str(cache_folder), files.current())

    @property
    def version(self) -> str:
        """Changes with table, polygons and seats: a part of the names of files that are derived from them."""
        text = msgspec.json.encode([sorted(self.seats.items()), self.boundaries.version])
        return hashlib.sha256(text).hexdigest()[:12]

    def seat(self, code: str) -> tuple[float, float]:
        """lon, lat of a township's or village's seat (approximate).

        Raises:
            KeyError: the code is not of a township or village.
        """
        return self.seats[code]

    def free(self, parent: str) -> tuple[list[str], Floats]:
        """Children of a unit that have no own polygon, and their seats float64[n, 2]."""
        return self._below[parent]

    def scale(self, county: str) -> tuple[float, float]:
        """Metres per degree of longitude and latitude that measure within this county."""
        return self._scales[county]

    def where(self, lon: float, lat: float) -> Where:
        """All four levels of a point (WGS-84 degrees).

        The codes always contain each other: the village is one of the township, that one of the county.
        """
        village = self._own.holder("village", lon, lat)
        if village:
            away = metric.distance_m(lon, lat, *self.seats[village]) if village in self.seats else None
            return Where(lon, lat, village[:6], village[:9], village, False, away, "village")
        township = self._own.holder("township", lon, lat)
        county = township[:6] if township else self.boundaries.county_of(lon, lat)
        if county is None:
            return Where(lon, lat, None, None, None, False, None)
        exact = "township" if township else "county"
        township = township or self._nearest(county, county, lon, lat)[0]
        if township is None:
            return Where(lon, lat, county, None, None, False, None, exact)
        found, away = self._nearest(county, township, lon, lat)
        return Where(lon, lat, county, township, found, found is not None or exact == "county", away, exact)

    def _nearest(self, county: str, parent: str, lon: float, lat: float) -> tuple[str | None, float | None]:
        codes, points = self._below.get(parent, ((), ()))
        if not codes:
            return None, None
        away = np.hypot(*((points - np.array([lon, lat])) * np.array(self._scales[county])).T)
        best = int(away.argmin())
        return codes[best], float(away[best])


def scale_of(boundaries: Boundaries, county: str) -> tuple[float, float]:
    """Metres per degree at the middle of a county."""
    _, south, _, north = boundaries.box(county)
    return metric.scale((south + north) / 2)


_cached = msgspec.json.Decoder(dict[str, tuple[float, float]])


@cache
def _load(cache_folder: str, own: files.Files) -> Places:
    boundaries, divisions, known = Boundaries.load(cache_folder), Divisions.load(), seat_table.load()
    table = files.stamp(own.divisions) or files.stamp(str(TABLE))
    given = files.stamp(own.seats)
    name = f"seats-{METHOD}-{table}-{boundaries.version}{given and f'+{given}'}.json"
    wanted = sum(unit.level in ("township", "village") for unit in divisions)

    def usable(data: bytes) -> bool:
        try:
            return len(_cached.decode(data)) == wanted
        except msgspec.MsgspecError:
            return False

    def make() -> bytes:
        return msgspec.json.encode(make_seats(boundaries, divisions, known))

    return Places(_cached.decode(fetch(name, make, usable, cache_folder)), boundaries, divisions)
