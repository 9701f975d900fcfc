"""Seat points of townships and villages: known ones where they were given, made-up ones elsewhere.

No open data set gives the seats of the 217 townships and 2,438 villages, so each gets a **made-up, deterministic
point** inside its county: townships are spread evenly (Lloyd's relaxation of points seeded by the county's code),
villages likewise inside their township. Known seats stay where they are and the others spread around them; units with
an own polygon have their points inside it.
Lloyd: IEEE Trans. Inf. Theory 28(2), 1982. Low-discrepancy points: M. Roberts, the R2 sequence, 2018.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from geo import metric
from geo.boundaries import Boundaries
from geo.divisions import PREFECTURE, Divisions, Unit
from geo.metric import Floats
from geo.own import OwnAreas, box_of

METHOD = 1  # raise it when the points change, so that cached ones are made again
SAMPLES = 12_000  # points tried in a county's box
ROUNDS = 12  # of Lloyd's relaxation
CLOSE_M = 50.0
_R2 = (0.7548776662466927, 0.5698402909980532)  # 1/p and 1/p² of the plastic number p

Seats = dict[str, tuple[float, float]]  # lon, lat by unit code
Box = tuple[float, float, float, float]


def make_seats(boundaries: Boundaries, divisions: Divisions, known: Mapping[str, tuple[float, float]] = {}) -> Seats:
    """lon, lat of every township and village, 6 decimals; the same for the same polygons, table and known seats."""
    spread = _Spreader(known)
    own = boundaries.own
    for county in divisions.children(PREFECTURE):
        land = _samples(county.code, boundaries.box(county.code), _in_county(boundaries, county.code))
        spread.begin(land)
        towns = divisions.children(county.code)
        free = [town for town in towns if town.code not in own]
        rest = _without(land, towns, own)
        cell = spread.units(rest, free, _place(land[0]))
        for i, town in enumerate(free):
            villages = divisions.children(town.code)
            spread.units(_without(rest[cell == i], villages, own), villages, spread.seats[town.code])
        for town in towns:
            if town.code in own:
                inside = _samples(town.code, box_of(own.by_code[town.code]), partial(own.holds, town.code))
                spread.units(inside, (town,), spread.known.get(town.code, _place(land[0])))
                spread.units(inside, divisions.children(town.code), spread.seats[town.code])
    return spread.seats


def _in_county(boundaries: Boundaries, county: str) -> Callable[[Floats], NDArray[np.bool_]]:
    return lambda points: boundaries.holds(county, points[:, 0], points[:, 1])


class _Spreader:
    """Puts seats of units onto sample points, one county after the other."""

    def __init__(self, known: Mapping[str, tuple[float, float]]) -> None:
        self.known = known
        self.seats: Seats = {}
        self._origin = (0.0, 0.0)

    def begin(self, land: Floats) -> None:
        """Metres are measured from the middle of this county's land."""
        lon, lat = land.mean(axis=0).tolist()
        self._origin = lon, lat

    def units(self, land: Floats, units: Sequence[Unit], around: tuple[float, float]) -> NDArray[np.int64]:
        """A seat for each unit on the land float64[n, 2]; int64[n]: index of the unit with the nearest seat to each
        point of it. Where the land has fewer points than units lack a seat, those stand close `around` one point."""
        free = [unit.code for unit in units if unit.code not in self.known]
        given = {unit.code: self.known[unit.code] for unit in units if unit.code in self.known}
        self.seats.update(given)
        points = self._metres(land)
        at = {code: self._metres(np.array([place]))[0] for code, place in given.items()}
        if len(free) > len(land):
            turns = [2 * math.pi * k / len(free) for k in range(len(free))]
            made = [metric.shift(*around, CLOSE_M * math.cos(t), CLOSE_M * math.sin(t)) for t in turns]
            self.seats.update((code, _place(np.array(place))) for code, place in zip(free, made, strict=True))
        else:
            chosen = _spread(points, len(free), np.array(list(at.values())).reshape(-1, 2))
            self.seats.update((code, _place(land[index])) for code, index in zip(free, chosen, strict=True))
            at.update((code, points[index]) for code, index in zip(free, chosen, strict=True))
        if len(at) < len(units) or not units:
            return np.zeros(len(land), dtype=np.int64)
        return _owners(points, np.array([at[unit.code] for unit in units]))

    def _metres(self, points: Floats) -> Floats:
        return metric.to_metres(points, *self._origin)


def _samples(code: str, box: Box, holds: Callable[[Floats], NDArray[np.bool_]]) -> Floats:
    """float64[n, 2]: evenly spread points inside a polygon, offset by the unit's code."""
    start = zlib.crc32(code.encode()) % 100_000
    unit = np.mod(np.outer(np.arange(start, start + SAMPLES), _R2), 1.0)
    west, south, east, north = box
    points: Floats = np.array([west, south]) + unit * np.array([east - west, north - south])
    return points[holds(points)]


def _without(land: Floats, towns: Sequence[Unit], own: OwnAreas) -> Floats:
    """The points outside of those towns' own polygons."""
    for town in towns:
        if town.code in own:
            land = land[~own.holds(town.code, land)]
    return land


def _spread(points: Floats, n: int, fixed: Floats) -> NDArray[np.int64]:
    """int64[n]: indexes of n different points, spread evenly around fixed ones float64[k, 2]: farthest-point start,
    then Lloyd's rounds, in which the fixed ones stay."""
    if n == 0:
        return np.empty(0, dtype=np.int64)
    centres = [*fixed] or [points[0]]
    away = np.min([np.hypot(*(points - centre).T) for centre in centres], axis=0)
    while len(centres) < len(fixed) + n:
        centres.append(points[int(away.argmax())])
        away = np.minimum(away, np.hypot(*(points - centres[-1]).T))
    seats = np.array(centres)
    for _ in range(ROUNDS):
        owner = _owners(points, seats)
        count = np.bincount(owner, minlength=len(seats))
        for axis in (0, 1):
            total = np.bincount(owner, weights=points[:, axis], minlength=len(seats))
            moved = np.where(count > 0, total / np.maximum(count, 1), seats[:, axis])
            seats[len(fixed) :, axis] = moved[len(fixed) :]
    taken: list[int] = []
    for seat in seats[len(fixed) :]:
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
