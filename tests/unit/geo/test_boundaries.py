"""County polygons: found in the package, cached whole or not at all, drawn as GeoJSON; seats and `where`."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import numpy as np
import pytest
import shapely

from geo import metric, raycast
from geo.boundaries import Boundaries, BoundaryError, extract
from geo.cache import fetch, folder
from geo.divisions import Divisions
from geo.own import Outline
from geo.places import Places, make_seats

BOUNDARIES = Boundaries.load()
DIVISIONS = Divisions.load()


def test_the_sixteen_counties_lie_where_they_are_known_to() -> None:
    assert len(BOUNDARIES.counties()) == 16
    assert BOUNDARIES.county_of(107.98, 26.58) == "522601"  # Kaili
    assert BOUNDARIES.county_of(109.13, 26.23) == "522631"  # Liping
    assert BOUNDARIES.county_of(107.50, 26.49) == "522635"  # Majiang
    assert BOUNDARIES.county_of(106.63, 26.65) is None  # Guiyang
    assert BOUNDARIES.county_of(float("nan"), 26.58) is None


def test_an_enclave_is_not_the_county_around_it() -> None:
    ring = next(r for c in BOUNDARIES.counties() for polygon in c.coordinates for r in polygon[1:])
    hole = shapely.Polygon(ring).representative_point()
    assert BOUNDARIES.county_of(hole.x, hole.y) != "522627"


def test_cache_is_written_once_and_read_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def make() -> bytes:
        calls.append(1)
        return b"good"

    for _ in range(2):
        assert fetch("x.json", make, lambda data: data == b"good", tmp_path) == b"good"
    assert len(calls) == 1
    (tmp_path / "geo" / "x.json").write_bytes(b"half")
    assert fetch("x.json", make, lambda data: data == b"good", tmp_path) == b"good"
    assert len(calls) == 2
    assert [p.name for p in (tmp_path / "geo").iterdir()] == ["x.json"]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder is wanted")
    assert fetch("x.json", lambda: b"made", lambda _: True, blocked) == b"made"
    shut = tmp_path / "shut"
    shut.mkdir()
    shut.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert fetch("x.json", lambda: b"made", lambda _: True, shut) == b"made"
    shut.chmod(0o700)


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CITYOPS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder() == tmp_path / "cityops" / "geo"
    monkeypatch.setenv("CITYOPS_CACHE", str(tmp_path / "c"))
    assert folder() == tmp_path / "c" / "geo"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not the GeoJSON of counties"),
        ('{"features": 3}', "not the GeoJSON of counties"),
        ('{"features": []}', "no polygon of 522601 凯里市"),
    ],
)
def test_a_wrong_package_file_says_so(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "district.geojson"
    path.write_text(text)
    with pytest.raises(BoundaryError, match=reason):
        extract(path)
    with pytest.raises(BoundaryError, match="cannot be read"):
        extract(tmp_path / "absent")


@pytest.mark.parametrize("simplify_m", [0.0, 200.0, 2_000.0])
def test_geojson_is_valid_and_leaves_no_gaps(simplify_m: float) -> None:
    drawn = BOUNDARIES.geojson(simplify_m=simplify_m)
    assert drawn["note"]["zh"] == "示意图"
    shapes = [shapely.geometry.shape(f["geometry"]) for f in drawn["features"]]
    assert len(shapes) == 16
    assert all(shape.is_valid for shape in shapes)
    true = sum(
        shapely.geometry.shape({"type": "MultiPolygon", "coordinates": c.coordinates}).area
        for c in BOUNDARIES.counties()
    )
    union = shapely.union_all(shapes)
    assert union.area == pytest.approx(true, rel=0.01)
    assert sum(s.area for s in shapes) == pytest.approx(union.area, rel=1e-4)
    for feature, shape in zip(drawn["features"], shapes, strict=True):
        assert shape.contains(shapely.Point(feature["properties"]["lon"], feature["properties"]["lat"]))
    sizes = len(msgspec.json.encode(drawn))
    assert sizes < 80_000


def test_prefecture_is_the_union() -> None:
    (feature,) = BOUNDARIES.geojson("prefecture")["features"]
    assert feature["id"] == "522600"
    shape = shapely.geometry.shape(feature["geometry"])
    assert shape.contains(shapely.Point(107.98, 26.58))
    with pytest.raises(ValueError, match="want county or prefecture"):
        BOUNDARIES.geojson("village")


def test_seats_are_the_same_again_and_in_their_own_unit() -> None:
    places = Places.load()
    assert make_seats(BOUNDARIES, DIVISIONS) == places.seats
    assert len(places.seats) == 217 + 2438
    for code, (lon, lat) in places.seats.items():
        found = places.where(lon, lat)
        assert (found.village if len(code) == 12 else found.township) == code
        assert found.county == code[:6]
    villages = [seat for code, seat in places.seats.items() if len(code) == 12]
    assert len(set(villages)) == len(villages)


def test_where_answers_units_that_contain_each_other() -> None:
    found = Places.load().where(107.98, 26.58)
    assert found.county == "522601"
    assert found.village
    assert found.township
    assert found.unit == found.village
    assert DIVISIONS.get(found.village).parent == found.township
    assert found.approximate
    assert found.distance_m is not None
    assert 0 < found.distance_m < 10_000
    nowhere = Places.load().where(116.4, 39.9)
    assert nowhere.unit is None
    assert not nowhere.approximate


def test_where_without_seats_still_names_the_county() -> None:
    bare = Places({}, BOUNDARIES, DIVISIONS).where(107.98, 26.58)
    assert (bare.unit, bare.township, bare.approximate) == ("522601", None, False)


def test_distances_agree_with_the_geodesic() -> None:
    pyproj = pytest.importorskip("pyproj")
    _, _, want = pyproj.Geod(ellps="WGS84").inv(107.98, 26.58, 108.20, 26.40)
    assert metric.distance_m(107.98, 26.58, 108.20, 26.40) == pytest.approx(want, rel=5e-4)
    lon, lat = metric.shift(107.98, 26.58, 300.0, -400.0)
    assert metric.distance_m(107.98, 26.58, lon, lat) == pytest.approx(500.0, rel=1e-3)
    assert BOUNDARIES.distance_m("522601", 107.2, 26.58) > 25_000


def test_a_county_of_one_square_answers_by_the_border_rule() -> None:
    square = Outline("522601", "x", [[[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]]])
    one = Boundaries([square])
    answers = [one.county_of(x, y) for x, y in ((0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0), (0.0, 0.0))]
    assert answers == ["522601", None, "522601", None, "522601"]
    assert raycast.edges([]).shape == (0, 4)
    assert not np.any(raycast.inside_many(raycast.edges([]), np.zeros(3), np.zeros(3)))
