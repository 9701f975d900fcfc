"""Own boundaries: what is taken, repaired, questioned and refused, feature by feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from geo import china_shift
from geo.boundaries import Boundaries
from geo.boundary_codes import Names, checked_code
from geo.boundary_import import Feature, Taken, take
from geo.cells import Cells, shape_of
from geo.divisions import Divisions
from geo.faults import FileRefused
from geo.places import Places
from geo.units import UnitError

DIVISIONS = Divisions.load()
COUNTIES = {c.code: shape_of(c) for c in Boundaries.load().counties()}
KAILI = COUNTIES["522601"]
TOWN = box(107.9, 26.5, 108.0, 26.6)  # in Kaili


def _take(
    shape: Any, code: str = "522601002", level: str = "township", crs: str = "EPSG:4326", name: str = ""
) -> Taken:
    return take([Feature("f.geojson, feature 1", code, name, shape)], level, crs, DIVISIONS, COUNTIES, "survey", "2025")


def _refusal(*args: Any, **named: Any) -> str:
    with pytest.raises(FileRefused) as caught:
        _take(*args, **named)
    (fault,) = caught.value.faults
    return str(fault)


def test_a_polygon_is_kept_as_it_is() -> None:
    (outline,) = _take(TOWN).outlines
    assert (outline.code, outline.name, outline.source, outline.as_of) == ("522601002", "大十字街道", "survey", "2025")
    assert shape_of(outline).equals(TOWN)


def test_parts_and_holes_are_kept() -> None:
    holed = TOWN.difference(box(107.94, 26.54, 107.95, 26.55)).union(box(107.85, 26.5, 107.86, 26.51))
    (outline,) = _take(shapely.force_3d(holed, 12.0)).outlines
    assert len(outline.coordinates) == 2
    assert len(outline.rings) == 3
    assert shape_of(outline).equals(holed)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (None, "geometry: is empty"),
        (Polygon(), "geometry: is empty"),
        (shapely.Point(108, 26.5), "geometry: is a Point; want Polygon or MultiPolygon"),
        (Polygon([(107.9, 26.5), (108, 26.6), (108, 26.5), (107.9, 26.6)]), "Self-intersection"),
        (Polygon([(26.5, 107.9), (26.6, 107.9), (26.6, 108)]), "look swapped: longitude comes first, try 107.9 26.5"),
        (box(-10, 50, -9, 51), "are outside China"),
        (box(36_490_000, 2_930_000, 36_500_000, 2_940_000), "its coordinates are no degrees: they look like CGCS2000"),
        (box(108.9, 26.5, 109.0, 26.6), "lies near 108.95 26.55, 100% of it outside 522601 凯里市: check the code"),
        (Polygon([(107.9, 26.5), (np.inf, 26.5), (107.9, 26.6)]), "a coordinate that is not a finite number"),
        (box(107.9, 26.5, 107.9 + 1e-9, 26.5 + 1e-9), "is smaller than a centimetre"),
    ],
)
def test_a_shape_that_cannot_be_used_says_why(shape: Any, told: str) -> None:
    text = _refusal(shape)
    assert text.startswith("f.geojson, feature 1: geometry: ")
    assert told in text


def test_a_small_crossing_is_mended_and_told_a_large_one_refused() -> None:
    ring = [
        (107.9, 26.5),
        (108.0, 26.5),
        (108.0, 26.6),
        (107.95, 26.6),
        (107.95, 26.601),
        (107.951, 26.6),
        (107.9, 26.6),
    ]
    taken = _take(Polygon(ring))
    (note,) = taken.notes
    assert "Self-intersection" in note.reason
    assert "mended, its area changed by 0.0" in note.reason
    assert shape_of(taken.outlines[0]).is_valid
    bow = Polygon([(107.9, 26.5), (108, 26.6), (108, 26.5), (107.9, 26.6)])
    assert "mending it would change its area by 100%, more than 1 %; redraw it" in _refusal(bow)


@pytest.mark.parametrize(
    ("code", "level", "told"),
    [
        ("522601", "township", "522601 is the code of a county, not of a township; see --level"),
        ("522601999", "township", "522601999 is not in the table of divisions"),
        ("522699001", "township", "522699001: its parent 522699 does not exist"),
        ("522601999001", "village", "522601999001: its parent 522601999 does not exist"),
        ("kaili", "county", "unit code 'kaili': want 6 digits"),
    ],
)
def test_a_wrong_code_says_which_and_why(code: str, level: str, told: str) -> None:
    text = _refusal(TOWN, code, level)
    assert text.startswith("f.geojson, feature 1: code: ")
    assert told in text


def test_codes_and_names_are_read_as_tables_have_them() -> None:
    assert checked_code("522601002.0", "township", DIVISIONS) == "522601002"
    assert checked_code("522601002000", "township", DIVISIONS) == "522601002"
    names = Names(DIVISIONS, "village")
    for text in ("岑巩县㵲水街道㵲水社区", "黔东南苗族侗族自治州 岑巩县 㵲水街道 㵲水社区居民委员会", "㵲水社区"):
        assert names.code(text) == "522626001001"
    with pytest.raises(UnitError, match=r"'甘溪村' is the name of \d units \(5226.*give the full name or --code-field"):
        names.code("甘溪村")
    with pytest.raises(UnitError, match="no village 村（社区） is named '甘'"):
        names.code("甘")
    assert "name: no township" in _refusal(TOWN, "", name="大十字")
    assert "code: is empty, and there is no name" in _refusal(TOWN, "")
    assert _take(TOWN, "", name="凯里市大十字街道").outlines[0].code == "522601002"


def test_all_or_nothing_with_every_fault() -> None:
    features = [
        Feature("feature 1", "522601002", "", TOWN),
        Feature("feature 2", "522601002", "", TOWN),
        Feature("feature 3", "522601003", "", None),
    ]
    with pytest.raises(FileRefused) as caught:
        take(features, "township", "EPSG:4326", DIVISIONS, COUNTIES)
    assert [f.where for f in caught.value.faults] == ["feature 2", "feature 3"]
    assert "522601002 is twice in the file: also feature 1" in caught.value.faults[0].reason
    with pytest.raises(FileRefused, match="has no features"):
        take([], "township", "EPSG:4326", DIVISIONS, COUNTIES)


def test_polygons_that_lie_on_each_other_are_told() -> None:
    features = [Feature("f 1", "522601002", "", TOWN), Feature("f 2", "522601003", "", box(107.95, 26.5, 108.05, 26.6))]
    (note,) = take(features, "township", "EPSG:4326", DIVISIONS, COUNTIES).notes
    assert "522601003 lies on 522601002 with 50%" in note.reason


def _counties(change: Any) -> list[Feature]:
    return [Feature(code, code, "", shapely.transform(shape, change)) for code, shape in list(COUNTIES.items())[:4]]


@pytest.mark.parametrize(
    ("change", "declared", "better"),
    [
        (china_shift.wgs84_to_gcj02, "EPSG:4326", "GCJ02"),
        (china_shift.wgs84_to_bd09, "EPSG:4326", "BD09"),
        (china_shift.wgs84_to_bd09, "GCJ02", "BD09"),
        (lambda xy: xy, "GCJ02", ""),
        (lambda xy: xy, "EPSG:4326", None),
        (china_shift.wgs84_to_gcj02, "GCJ02", None),
        (china_shift.wgs84_to_bd09, "BD09", None),
    ],
)
def test_half_a_kilometre_is_questioned(change: Any, declared: str, better: str | None) -> None:
    found = take(_counties(change), "county", declared, DIVISIONS, COUNTIES).doubt
    assert (found and found.better) == better
    if found:
        assert "or with --as-is if they are right" in str(found)


def test_a_border_that_is_off_in_another_way_is_not_questioned() -> None:
    half = _counties(lambda xy: xy + 0.55 * (china_shift.wgs84_to_gcj02(xy) - xy))
    assert take(half, "county", "EPSG:4326", DIVISIONS, COUNTIES).doubt is None
    east = _counties(lambda xy: xy + np.array([-0.005, 0.0]))
    assert take(east, "county", "EPSG:4326", DIVISIONS, COUNTIES).doubt is None


@pytest.mark.parametrize("metres", [50.0, 150.0, 300.0])
def test_other_surveys_of_the_border_are_not_questioned_unless_they_are_shifted(metres: float) -> None:
    """The same border drawn with more points that wander by `metres`, without a common direction."""

    def wander(xy: Any) -> Any:
        return xy + metres / 111_000 * np.sin(np.column_stack([7_919.0 * xy[:, 1], 6_101.0 * xy[:, 0]]))

    drawn = {
        code: shapely.transform(shapely.segmentize(shape, 0.03), wander).buffer(0)
        for code, shape in list(COUNTIES.items())[:4]
    }
    features = [Feature(code, code, "", shape) for code, shape in drawn.items()]
    assert take(features, "county", "EPSG:4326", DIVISIONS, COUNTIES).doubt is None
    moved = [Feature(c, c, "", shapely.transform(s, china_shift.wgs84_to_gcj02)) for c, s in drawn.items()]
    found = take(moved, "county", "EPSG:4326", DIVISIONS, COUNTIES).doubt
    assert metres > 200 or (found and found.better == "GCJ02")


def test_townships_along_a_border_are_questioned_too_and_few_are_not() -> None:
    cells = [c for c in Cells(Places.load(), keep=False).children("522601") if c.coordinates]
    moved = [Feature(c.code, c.code, "", shapely.transform(shape_of(c), china_shift.wgs84_to_gcj02)) for c in cells]
    found = take(moved, "township", "EPSG:4326", DIVISIONS, COUNTIES).doubt
    assert found
    assert found.better == "GCJ02"
    inner = [Feature("f", "522601002", "", shapely.transform(TOWN, china_shift.wgs84_to_gcj02))]
    assert take(inner, "township", "EPSG:4326", DIVISIONS, COUNTIES).doubt is None  # no border near: cannot be told


def test_declared_systems_are_brought_to_wgs84() -> None:
    pyproj = pytest.importorskip("pyproj")
    for crs in ("EPSG:4490", "EPSG:4524", "EPSG:4545", "EPSG:3857"):
        forward = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
        there = shapely.transform(TOWN, lambda xy, f=forward: np.column_stack(f(xy[:, 0], xy[:, 1])))
        (outline,) = _take(there, crs=crs).outlines
        assert shape_of(outline).hausdorff_distance(TOWN) < 2e-7
    shifted = shapely.transform(TOWN, china_shift.wgs84_to_bd09)
    (outline,) = _take(shifted, crs="BD09").outlines
    assert shape_of(outline).hausdorff_distance(TOWN) < 2e-7


def test_the_wrong_zone_is_told_from_where_the_shape_comes_to_lie() -> None:
    numbered = box(36_490_000, 2_930_000, 36_500_000, 2_940_000)
    text = _refusal(numbered, crs="EPSG:4545")
    assert "was read as EPSG:4545: they look like CGCS2000 3° zone 36 with the zone number: --crs EPSG:4524" in text
