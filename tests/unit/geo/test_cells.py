"""Cells of townships and villages: whole, without gap or overlap, what `where` answers; own polygons and seats win."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely import box

import geo.cells
from geo.boundaries import Boundaries
from geo.boundary_import import coordinates
from geo.cells import Cells, make_cells, shape_of, voronoi
from geo.divisions import Divisions
from geo.own import Outline, OwnAreas
from geo.places import Places
from geo.seats import make_seats
from geo.units import Unit

REAL = Places.load()
UNITS = [
    Unit("522600", "黔东南苗族侗族自治州", "", "prefecture", "520000"),
    Unit("522601", "凯里市", "", "county", "522600"),
    *(Unit(f"52260100{t}", f"{t}镇", "", "township", "522601") for t in range(1, 5)),
    *(Unit(f"52260100{t}00{v}", f"{t}{v}村", "", "village", f"52260100{t}") for t in range(1, 5) for v in range(1, 4)),
]
TABLE = Divisions(UNITS)
LAND = box(108.0, 26.0, 108.4, 26.3).difference(box(108.1, 26.1, 108.13, 26.13)).union(box(108.6, 26.1, 108.65, 26.15))


def _outline(code: str, shape: shapely.Polygon) -> Outline:
    return Outline(code, "", coordinates(shape), "survey")


def _places(
    own: dict[str, shapely.Polygon] | None = None, known: dict[str, tuple[float, float]] | None = None
) -> Places:
    areas = OwnAreas([_outline(code, shape) for code, shape in (own or {}).items()], "v1")
    boundaries = Boundaries([_outline("522601", LAND)], "test", areas)
    return Places(make_seats(boundaries, TABLE, known or {}), boundaries, TABLE)


def _whole(cells: Cells, parent: str, land: shapely.Polygon) -> None:
    shapes = [shape_of(cell) for cell in cells.children(parent) if cell.coordinates]
    assert shapely.coverage_is_valid(shapes)  # neighbours share their points: no overlap, no gap
    union = shapely.union_all(shapes)
    assert union.symmetric_difference(land).area < 2e-7 * land.length  # half a grid along the border
    assert sum(s.area for s in shapes) == pytest.approx(union.area, rel=1e-12)


def _agree(places: Places, cells: Cells, area: shapely.Polygon, n: int = 300) -> None:
    west, south, east, north = area.bounds
    for lon, lat in np.random.default_rng(5).uniform([west, south], [east, north], (n, 2)).tolist():
        found, point = places.where(lon, lat), shapely.Point(lon, lat)
        assert (found.county is not None) == (area.covers(point) or found.exact in ("township", "village"))
        for code in (found.township, found.village):
            if code:
                assert shape_of(cells.cell(code)).distance(point) < 2e-7


@pytest.mark.parametrize("county", ["522601", "522627"])  # Tianzhu lies in two parts
def test_cells_of_real_counties_are_whole_and_what_where_answers(county: str) -> None:
    cells = Cells(REAL, keep=False)
    land = shape_of(REAL.boundaries.by_code[county])
    _whole(cells, county, land)
    for town in cells.children(county):
        assert town.approximate
        _whole(cells, town.code, shape_of(town))
    assert all(cell.approximate for town in cells.children(county) for cell in cells.children(town.code))
    for lon, lat in np.random.default_rng(7).uniform(land.bounds[:2], land.bounds[2:], (200, 2)).tolist():
        found = REAL.where(lon, lat)
        if found.county == county:
            assert found.approximate
            assert shape_of(cells.cell(found.village or "")).distance(shapely.Point(lon, lat)) < 2e-7


def test_holes_and_parts_of_the_parent_are_those_of_its_cells() -> None:
    places = _places()
    cells = Cells(places, keep=False)
    _whole(cells, "522601", LAND)
    for town in cells.children("522601"):
        _whole(cells, town.code, shape_of(town))
    assert places.where(108.115, 26.115).county is None  # the hole
    assert places.where(108.625, 26.125).county == "522601"  # the exclave
    _agree(places, cells, LAND)


def test_cells_are_the_same_again() -> None:
    assert make_cells(_places(), "522601") == make_cells(_places(), "522601")


def test_own_polygons_win_and_the_others_share_the_rest() -> None:
    town, village = box(108.0, 26.0, 108.2, 26.2), box(108.3, 26.25, 108.35, 26.3)
    places = _places({"522601003": town, "522601004001": village})
    cells = Cells(places, keep=False)
    inside = places.where(108.05, 26.05)
    assert (inside.township, inside.exact) == ("522601003", "township")
    assert inside.approximate  # its village follows from a seat
    assert [inside.is_approximate(level) for level in ("county", "township", "village")] == [False, False, True]
    spot = places.where(108.32, 26.27)
    assert (spot.village, spot.township, spot.exact, spot.approximate) == (
        "522601004001", "522601004", "village", False,
    )  # fmt: skip
    drawn = cells.cell("522601003")
    assert not drawn.approximate
    assert drawn.source == "survey"
    assert shape_of(drawn).equals(town)
    assert shape_of(cells.cell("522601004")).intersection(village).equals(village)  # a village is of its township
    rest = [shape_of(cell) for cell in cells.children("522601") if cell.code != "522601003"]
    assert shapely.union_all(rest).symmetric_difference(LAND.difference(town)).area < 1e-6
    assert shapely.union_all(rest).intersection(town).area < 1e-6
    _whole(cells, "522601003", town)
    _agree(places, cells, LAND)


def test_a_county_whose_townships_all_are_own_has_no_guesses() -> None:
    west = {f"52260100{t}": box(107.9 + t / 10, 26.0, 108.0 + t / 10, 26.3) for t in range(1, 5)}
    places = _places(west)
    assert places.where(108.625, 26.125).township is None  # in the county, in none of them
    assert not places.where(108.625, 26.125).approximate
    assert places.where(108.05, 26.05).township == "522601001"


def test_known_seats_stay_and_the_others_make_room() -> None:
    known = {"522601002": (108.05, 26.05), "522601002002": (108.06, 26.06)}
    places = _places(known=known)
    assert {code: places.seat(code) for code in known} == known
    assert len(places.seats) == 16
    assert places.where(108.05, 26.05).township == "522601002"
    assert places.where(108.06, 26.06).village == "522601002002"
    cells = Cells(places, keep=False)
    _whole(cells, "522601", LAND)
    assert all(cell.approximate for cell in cells.children("522601"))


def test_seats_find_room_in_an_area_too_small_for_samples() -> None:
    towns = {"522601001": (108.05, 26.05), "522601002": (108.05001, 26.05), "522601003": (108.05, 26.05001)}
    places = _places(known=towns)
    assert len(places.seats) == 16
    assert len(set(places.seats.values())) == 16


def test_a_county_is_kept_on_disk_and_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Cells(_places(), tmp_path).children("522601")
    monkeypatch.setattr(geo.cells, "make_cells", lambda *_: pytest.fail("made again"))
    assert Cells(_places(), tmp_path).children("522601") == first
    (file,) = (tmp_path / "geo").iterdir()
    assert file.name.endswith("-522601.json")
    with pytest.raises(pytest.fail.Exception):
        Cells(_places(known={"522601002": (108.05, 26.05)}), tmp_path).children("522601")  # other seats: other cells


def test_drawn_cells_say_what_they_are() -> None:
    drawn = Cells(REAL).geojson("522601")
    assert drawn["note"]["zh"] == "示意图"
    assert len(drawn["features"]) == len(REAL.divisions.children("522601"))
    assert all(f["properties"]["approximate"] and f["properties"]["source"] for f in drawn["features"])
    shapes = [shapely.geometry.shape(f["geometry"]) for f in drawn["features"]]
    assert all(shape.is_valid for shape in shapes)
    assert not any(f["properties"]["approximate"] for f in Cells(REAL).geojson("522600")["features"])
    assert Cells(REAL).geojson("522601001001")["features"] == []


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_seats(n: int) -> None:
    seats = np.array([[108.1, 26.2], [108.1, 26.2]])[:n]
    found = voronoi(LAND, seats, (100_000.0, 110_000.0))
    assert len(found) == n
    if n:
        assert found[0].symmetric_difference(LAND).area < 1e-6
    assert found[1:] == [None] * (n - 1)  # of two at one place the first has it


def test_prefecture_is_the_own_polygon_else_the_union_with_its_holes() -> None:
    one = box(108.0, 26.0, 108.2, 26.3).difference(box(108.05, 26.05, 108.1, 26.1))
    two = box(108.2, 26.0, 108.4, 26.3).union(box(108.6, 26.0, 108.7, 26.1))
    pair = [_outline("522601", one), _outline("522622", two)]
    (feature,) = Boundaries(pair, "test").geojson("prefecture", simplify_m=0)["features"]
    union = shapely.geometry.shape(feature["geometry"])
    assert union.equals(one.union(two))
    assert len(feature["geometry"]["coordinates"]) == 2
    assert sum(len(polygon) - 1 for polygon in feature["geometry"]["coordinates"]) == 1
    own = OwnAreas([_outline("522600", box(107.9, 25.9, 108.8, 26.4))], "v1")
    (feature,) = Boundaries(pair, "test", own).geojson("prefecture", simplify_m=0)["features"]
    assert shapely.geometry.shape(feature["geometry"]).equals(box(107.9, 25.9, 108.8, 26.4))
    assert feature["properties"]["source"] == "survey"


def test_an_enclave_belongs_to_the_county_in_the_hole() -> None:
    around = box(108.0, 26.0, 108.3, 26.3).difference(box(108.1, 26.1, 108.2, 26.2))
    within = box(108.1, 26.1, 108.2, 26.2).union(box(108.5, 26.0, 108.6, 26.1))
    both = Boundaries([_outline("522601", around), _outline("522622", within)], "test")
    assert both.county_of(108.15, 26.15) == "522622"
    assert both.county_of(108.05, 26.15) == "522601"
    assert both.county_of(108.55, 26.05) == "522622"
    edges = [both.county_of(lon, lat) for lon, lat in ((108.1, 26.15), (108.2, 26.15), (108.15, 26.1), (108.15, 26.2))]
    assert edges == ["522622", "522601", "522622", "522601"]  # one owner each: east and north of the border
