"""`cityops geo boundaries` and `seats`: files in, refused in one sentence or kept for every process, files out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely import box

from geo import china_shift, files, seat_table
from geo.boundaries import Boundaries
from geo.cells import Cells
from geo.divisions import Divisions
from geo.own import OwnAreas
from geo.places import Places
from geo.units import UnitError
from streams.cli import run

TOWN = box(107.9, 26.5, 108.0, 26.6)
Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CITYOPS_DATA", str(tmp_path / "data"))
    files.forget()
    yield tmp_path / "data"
    files.forget()


def _frame(shape: Any = TOWN, crs: Any = "EPSG:4326", **fields: Any) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(fields, geometry=[shape], crs=crs)


def _written(path: Path, frame: geopandas.GeoDataFrame, **options: Any) -> Path:
    frame.to_file(path, **options)
    return path


def _import(file: Path, *options: str, level: str = "township") -> int:
    return run(["geo", "boundaries", "import", str(file), "--level", level, *options])


def _refused(capsys: Out, file: Path, *options: str, level: str = "township") -> str:
    assert _import(file, *options, level=level) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert not Path(files.current().boundaries).exists()
    return told


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "shp"])
def test_an_own_township_is_found_by_every_process(tmp_path: Path, suffix: str, capsys: Out) -> None:
    town = _frame(code=["522601002"], mc=["凯里市大十字街道"])
    file = _written(tmp_path / f"towns.{suffix}", town)
    assert _import(file, "--dry-run") == 0
    assert not Path(files.current().boundaries).exists()
    assert _import(file, "--source", "survey", "--as-of", "2025-06", "--json") == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["units"], report["crs"], report["imported"], report["notes"]) == (1, "EPSG:4326", True, [])
    files.forget()  # as another process, which has the environment alone
    found = Boundaries.load().own.by_code["522601002"]
    assert (found.source, found.as_of) == ("survey", "2025-06")
    assert Boundaries.load().own.holder("township", 107.95, 26.55) == "522601002"
    assert run(["geo", "boundaries", "list"]) == 0
    assert "522601002     凯里市大十字街道  5 points, survey 2025-06" in capsys.readouterr().out
    assert run(["geo", "boundaries", "remove", "--level", "township", "522601003"]) == 2
    assert run(["geo", "boundaries", "remove", "--level", "township"]) == 0
    assert OwnAreas.load().by_code == {}


def test_later_imports_add_and_replace(tmp_path: Path) -> None:
    assert _import(_written(tmp_path / "a.geojson", _frame(code=["522601002"]))) == 0
    assert _import(_written(tmp_path / "b.geojson", _frame(box(108.0, 26.5, 108.1, 26.6), code=["522601003"]))) == 0
    assert _import(_written(tmp_path / "c.geojson", _frame(box(107.9, 26.5, 107.95, 26.6), code=["522601002"]))) == 0
    own = OwnAreas.load()
    assert sorted(own.by_code) == ["522601002", "522601003"]
    assert own.holder("township", 107.98, 26.55) is None
    assert own.by_code["522601002"].source == "c.geojson"


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "shp"])
def test_rare_characters_survive_every_kind_of_file(tmp_path: Path, suffix: str, capsys: Out) -> None:
    file = tmp_path / f"out.{suffix}"
    assert run(["geo", "boundaries", "export", str(file), "--unit", "522626"]) == 0
    assert "示意图" in capsys.readouterr().out
    back = geopandas.read_file(file).set_index("code")
    assert back.loc["522626001", "name"] == "㵲水街道"
    assert back.loc["522626001", "full_name"] == "岑巩县㵲水街道"
    assert set(back["approx"]) == {1}
    assert _import(file, "--name-field", "full_name", "--code-field", "code") == 0
    assert OwnAreas.load().by_code["522626001"].name == "㵲水街道"


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
def test_names_of_a_shapefile_are_read_as_declared(tmp_path: Path, encoding: str, capsys: Out) -> None:
    cell = shapely.geometry.shape(Cells.load().geojson("522626")["features"][0]["geometry"])
    file = _written(tmp_path / "t.shp", _frame(cell, mc=["岑巩县㵲水街道"]), encoding=encoding)
    file.with_suffix(".cpg").unlink()
    assert _import(file, "--name-field", "mc", "--encoding", encoding) == 0
    assert list(OwnAreas.load().by_code) == ["522626001"]


def test_an_undeclared_encoding_says_how_to_declare_it(tmp_path: Path, capsys: Out) -> None:
    file = _written(tmp_path / "t.shp", _frame(mc=["岑巩县㵲水街道"]), encoding="GB18030")
    file.with_suffix(".cpg").unlink()
    told = _refused(capsys, file)
    assert "--encoding gb18030" in told


def test_shifted_files_are_refused_until_they_are_declared(tmp_path: Path, capsys: Out) -> None:
    counties = Boundaries.load().geojson("county", 0)["features"][:3]
    true = geopandas.GeoDataFrame.from_features(counties, crs="EPSG:4326")
    moved = true.set_geometry(true.geometry.apply(lambda s: shapely.transform(s, china_shift.wgs84_to_gcj02)))
    file = _written(tmp_path / "gcj.geojson", moved)
    told = _refused(capsys, file, level="county")
    assert "m read as GCJ-02: repeat with --crs gcj02, or with --as-is if they are right; nothing was imported" in told
    assert _import(file, "--crs", "gcj02", level="county") == 0
    kept = shapely.union_all(
        [shapely.MultiPolygon([(p[0], p[1:]) for p in o.coordinates]) for o in OwnAreas.load().level("county")]
    )
    assert kept.symmetric_difference(true.union_all()).area / kept.area < 1e-5
    assert _import(file, "--as-is", level="county") == 0


@pytest.mark.parametrize(
    ("name", "frame", "options", "told"),
    [
        ("a.shp", _frame(crs=None, code=["522601002"]), (), "does not say its coordinate system (there is no .prj"),
        ("a.gpkg", _frame(code=["522601002"]), ("--crs", "4524"), "says EPSG:4326 (WGS 84), but --crs says EPSG:4524"),
        ("a.gpkg", _frame(code=["522601002"]).to_crs(2436), (), "coordinate system 'EPSG:2436' is not taken; want"),
        ("a.gpkg", _frame(code=["522601002"]).to_crs(4524), ("--crs", "gcj02"), "--crs gcj02 speaks of degrees"),
        ("a.gpkg", _frame(code=["522601002"]), ("--crs", "xian80"), "--crs: coordinate system 'xian80' is not taken"),
        ("a.gpkg", _frame(a=["522601002"]), (), "no field holds a code or a name; say --code-field, one of a"),
        ("a.gpkg", _frame(a=["522601002"]), ("--code-field", "b"), "there is no field 'b'; there are a"),
        ("a.gpkg", _frame(code=["522601002"]), ("--layer", "b"), "has no layer 'b'; there are a"),
        ("a.gpkg", _frame(code=["522699002"]), (), "feature 1: code: 522699002: its parent 522699 does not"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_what_a_file_is_refused_for(
    tmp_path: Path, name: str, frame: Any, options: tuple[str, ...], told: str, capsys: Out
) -> None:
    text = _refused(capsys, _written(tmp_path / name, frame), *options)
    assert told in text
    assert str(tmp_path / name) in text or "--crs:" in text


def test_files_that_are_no_boundaries_are_refused(tmp_path: Path, capsys: Out) -> None:
    large = tmp_path / "large.geojson"
    with large.open("wb") as out:
        out.truncate(200_000_000)
    assert "large.geojson: 200 MB, the limit is 100 MB; leave out what is not needed" in _refused(capsys, large)
    broken = tmp_path / "broken.geojson"
    broken.write_text('{"type": "FeatureCollection", "features": [')
    assert "broken.geojson: cannot be read" in _refused(capsys, broken)
    assert "want a GeoJSON" in _refused(capsys, tmp_path / "a.kml")
    assert "no such file" in _refused(capsys, tmp_path / "absent.shp")
    two = tmp_path / "two.gpkg"
    _written(two, _frame(code=["522601002"]), layer="a")
    _written(two, _frame(code=["522601002"]), layer="b")
    assert "has 2 layers (a, b); say which with --layer" in _refused(capsys, two)
    plain = tmp_path / "plain.geojson"
    plain.write_text('{"type": "FeatureCollection", "features": []}')
    assert _refused(capsys, plain)


def test_declared_zones_of_files_are_taken(tmp_path: Path) -> None:
    for number, file in ((4524, "gk.shp"), (4545, "gk.gpkg"), (4490, "cgcs.shp"), (3857, "web.gpkg")):
        written = _written(tmp_path / file, _frame(code=["522601002"]).to_crs(number))
        assert _import(written) == 0
        outline = OwnAreas.load().by_code["522601002"]
        assert shapely.Polygon(outline.rings[0]).hausdorff_distance(TOWN) < 2e-7
    written = _written(tmp_path / "bare.shp", _frame(code=["522601002"]).to_crs(4524))
    written.with_suffix(".prj").unlink()
    assert _import(written, "--crs", "EPSG:4524") == 0


def test_seats_are_kept_and_stay_where_they_are(tmp_path: Path, capsys: Out) -> None:
    file = tmp_path / "seats.csv"
    file.write_text("code,lon,lat\n522601002,107.98,26.58\n522601002001,107.981,26.581\n", "utf-8")
    assert run(["geo", "seats", "import", str(file), "--dry-run"]) == 0
    assert seat_table.load() == {}
    assert run(["geo", "seats", "import", str(file)]) == 0
    files.forget()
    assert seat_table.load() == {"522601002": (107.98, 26.58), "522601002001": (107.981, 26.581)}
    places = Places.load()
    assert places.seat("522601002") == (107.98, 26.58)
    assert places.where(107.98, 26.58).township == "522601002"
    assert run(["geo", "seats", "list"]) == 0
    assert "522601002     107.980000 26.580000  凯里市大十字街道" in capsys.readouterr().out
    shifted = china_shift.wgs84_to_gcj02(shapely.get_coordinates(shapely.Point(107.99, 26.59)))[0]
    file.write_text(f"code,lon,lat\n522601003,{shifted[0]},{shifted[1]}\n", "utf-8")
    assert run(["geo", "seats", "import", str(file), "--crs", "gcj02"]) == 0
    assert seat_table.load()["522601003"] == (107.99, 26.59)
    assert run(["geo", "seats", "remove"]) == 0
    assert seat_table.load() == {}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("522601002,26.58,107.98", "line 2: lon: lon 26.58, lat 107.98 look swapped"),
        ("522601002,x,26.58", "line 2: lon: 'x' is not a number"),
        ("522601,107.98,26.58", "line 2: code: 522601 is a county; seats are of townships and villages"),
        ("522601999,107.98,26.58", "line 2: code: unit code 522601999 is not in the table"),
        ("522601002,107.98,26.58\n522601002,107.98,26.58", "line 3: code: 522601002 is twice in the file"),
        ("522601002,109.2,26.0", "seat of 522601002: lon: 109"),
        ("", "the file has no rows"),
    ],
)
def test_bad_seats_say_line_and_field(tmp_path: Path, rows: str, told: str, capsys: Out) -> None:
    file = tmp_path / "seats.csv"
    file.write_text(f"code,lon,lat\n{rows}\n", "utf-8")
    assert run(["geo", "seats", "import", str(file)]) == 2
    text = capsys.readouterr().err
    assert told in text if not told.endswith("109") else "km outside county 522601" in text
    assert "nothing was imported" in text
    assert not Path(files.current().seats).exists()


def test_stored_files_that_were_damaged_say_so(data: Path) -> None:
    places = files.current()
    files.write_whole(Path(places.boundaries) / "county.json", b"[{]")
    OwnAreas.reread()
    with pytest.raises(UnitError, match=r"county.json: the stored boundaries are damaged.*import them again"):
        OwnAreas.load()
    assert run(["geo", "where", "107.98", "26.58"]) == 1
    files.write_whole(places.seats, b"code,lon\n522601002,3\n")
    with pytest.raises(UnitError, match="the stored seats are damaged"):
        seat_table.load()


def test_retired_units_have_no_seat(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_whole(files.current().seats, b"code,lon,lat\n522601002,107.98,26.58\n522601998,108.0,26.5\n")
    assert list(seat_table.load()) == ["522601002"]
    assert "522601998" not in Divisions.load()
