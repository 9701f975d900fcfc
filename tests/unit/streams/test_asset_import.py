"""Files of assets: what is taken, what is refused and how it is told; nothing half."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import msgspec
import pytest
from shapely.geometry import LineString, Point

from geo.assets import Asset, Code, Pipe, Record, Sensor, Zone
from geo.codes import code_of
from geo.network import Network
from streams.assets import files
from streams.assets.crs import converter
from streams.assets.files import Reading, read
from streams.assets.geojson import exported
from streams.assets.plan import Maker, Plan, plan
from streams.errors import UsageError
from streams.registry import Registry

V = "522601-W-VLV-000001"
ZONE = Zone(id="522601-W-DMA01", domain="water", county="522601", partition=0)
SENSOR = Sensor(id="522601-W-PRS-000001", domain="water", kind="pressure", zone=ZONE.id, unit_code="522601")


def imported(path: Path, *known: Record, **how: Any) -> Plan:
    maker = Maker("cli:test", 1000, how.pop("county", ""), how.pop("domain", ""), converter(how.get("crs", "")))
    return plan(read(path, Reading(**how)), Registry([ZONE, SENSOR, *known]), maker)


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding)
    return path


def collection(tmp_path: Path, *features: dict[str, Any], **more: Any) -> Path:
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features), **more}), "utf-8")
    return path


def feature(geometry: dict[str, Any] | None, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def point(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


CSV = f"""\
id,name_zh,lon,lat,zone,codes,downstream,contacts,people,customers
{code_of(V)},一号阀,107.98,26.58,522601-W-DMA01,scada=V-1; guizhou=GZ1,522601-W-VLV-000002 12.5 300,巡线/杨工/138,,40
522601 w vlv 000002,,107.981,26.58,,,,,,
522601-U-SCH-000001,一中,107.982,26.58,,,,,800,
"""


def test_a_table_in_csv(tmp_path: Path) -> None:
    found = imported(table(tmp_path, CSV))
    assert found.problems == []
    valve, second, school = found.added
    assert (valve.id, valve.kind, valve.domain, valve.name_zh, valve.by, valve.at_ms) == (
        V, "valve", "water", "一号阀", "cli:test", 1000,
    )  # fmt: skip
    assert valve.codes == (Code("scada", "V-1"), Code("guizhou", "GZ1"))
    assert valve.downstream == (Pipe("522601-W-VLV-000002", 12.5, 300.0),)
    assert len(valve.unit_code) == 12
    assert valve.approximate
    assert (second.id, school.people, school.domain) == ("522601-W-VLV-000002", 800, "urban")
    again = imported(tmp_path / "a.csv", *found.added)
    assert (again.records, again.unchanged) == ([], 3)


def test_empty_cells_leave_what_is_registered(tmp_path: Path) -> None:
    first = imported(table(tmp_path, CSV)).added
    found = imported(table(tmp_path, f"id,name_zh,people\n{V},,7\n"), *first)
    (changed,) = found.changed
    assert (changed.name_zh, changed.people, changed.version) == ("一号阀", 7, 2)
    assert changed.codes == first[0].codes


def test_gbk_is_told_and_read(tmp_path: Path) -> None:
    path = table(tmp_path, CSV, "gb18030")
    with pytest.raises(UsageError, match=r"not UTF-8.*it reads as gb18030: repeat with --encoding gb18030"):
        imported(path)
    assert imported(path, encoding="gb18030").added[0].name_zh == "一号阀"
    with pytest.raises(UsageError, match="no such encoding"):
        imported(path, encoding="klingon")


@pytest.mark.parametrize(
    ("row", "field", "told"),
    [
        (f"{V}-0,,107.98,26.58,,,", "id", "check character 0 is wrong"),
        (f"{V},,26.58,107.98,,,", "lon", "look swapped"),
        (f"{V},,2.3,48.8,,,", "lon", "outside China"),
        (f"{V},,36498000,2940000,,,", "lon", "are metres, no degrees.*--crs EPSG:n"),
        (f"{V},,109.2,26.2,,,", "lon", "km outside 522601"),
        (f"{V},,107.98,,,,", "lon", "give both"),
        (f"{V},,,,,,", "lon", "is empty: give a geometry"),
        (f"{V},,107.98,26.58,522601999,,", "unit_code", "not in the table"),
        (f"{V},,107.98,26.58,522622,,", "unit_code", "not in the id's county"),
        (f"{V},,,,522601,,", "lon", "the geometry is empty"),
        (f"{V},,107.98,26.58,,522601-W-VLV-000009,", "downstream", "no object of the registry or of the file"),
        (f"{V},,107.98,26.58,,522601-W-PRS-000001,", "downstream", "no object of the registry or of the file"),
        (f"{V},,107.98,26.58,,,522601-W-DMA09", "zone", "522601-W-DMA09 is not registered"),
        ("522601-W-PRS-000002,,107.98,26.58,,,", "id", "is a sensor's id"),
        (",,107.98,26.58,,,", "id", "is empty: give it, or a type and codes"),
        ("522699-W-VLV-000001,,107.98,26.58,522600,,", "id", "522699 is no county"),
    ],
)
def test_each_bad_row_has_place_field_and_reason(tmp_path: Path, row: str, field: str, told: str) -> None:
    head = "id,name_zh,lon,lat,unit_code,downstream,zone\n"
    found = imported(table(tmp_path, f"{head}522601-W-WEL-000077,,107.98,26.58,,,\n{row}\n"))
    assert [(p.place, p.field) for p in found.problems] == [("line 3", field)]
    import re

    assert re.search(told, found.problems[0].reason)


def test_duplicates_in_the_file_and_against_the_registry(tmp_path: Path) -> None:
    head = "id,lon,lat,codes\n"
    twice = imported(table(tmp_path, f"{head}{V},107.98,26.58,\n{code_of(V)},107.98,26.58,\n"))
    assert twice.problems == [("line 3", "id", f"{V} is also on line 2; one row an object")]
    known = Asset(
        id="522601-W-VLV-000009", domain="water", kind="valve", unit_code="522601", codes=(Code("scada", "7"),),
        lon=107.98, lat=26.58,
    )  # fmt: skip
    taken = imported(table(tmp_path, f"{head}{V},107.98,26.58,scada=7\n"), known)
    assert [(p.place, p.field) for p in taken.problems] == [("line 2", "codes")]
    both = f"{head}{V},107.98,26.58,scada=8\n522601-W-VLV-000002,107.98,26.58,scada=8\n"
    assert [(p.place, p.field) for p in imported(table(tmp_path, both)).problems] == [("line 3", "codes")]
    gone = msgspec.structs.replace(known, retired=True)
    again = imported(table(tmp_path, f"{head}{known.id},107.98,26.58,\n"), gone)
    assert "retire --undo 522601-W-VLV-000009" in again.problems[0].reason


def test_circles(tmp_path: Path) -> None:
    text = "id,lon,lat,parent\n522601-W-VLV-000001,107.98,26.58,522601-W-STN-000001\n" \
           "522601-W-STN-000001,107.98,26.58,522601-W-VLV-000001\n"  # fmt: skip
    assert [p.field for p in imported(table(tmp_path, text)).problems] == ["parent", "parent"]


def test_an_object_known_by_another_systems_code_keeps_its_id(tmp_path: Path) -> None:
    path = collection(tmp_path, feature(point(107.98, 26.58), type="VLV", domain="water", codes="gis=A1", people=1))
    first = imported(path).added
    assert [a.id for a in first] == [V]
    path = collection(
        tmp_path,
        feature(point(107.98, 26.58), type="VLV", codes="gis=A1", people=2),
        feature(point(107.98, 26.58), type="VLV", codes="gis=A2", parent="gis:A1"),
    )
    found = imported(path, *first, domain="water")
    assert found.problems == []
    assert [(a.id, a.people) for a in found.changed] == [(V, 2)]
    assert [(a.id, a.parent) for a in found.added] == [("522601-W-VLV-000002", V)]


@pytest.mark.parametrize(
    ("geometry", "told"),
    [
        (None, "give a geometry"),
        ({"type": "Point", "coordinates": []}, "give a geometry"),
        ({"type": "Polygon", "coordinates": [[[107.9, 26.5], [107.9, 26.6], [108, 26.6]]]}, "is a Polygon; want"),
        ({"type": "LineString", "coordinates": [[107.9, 26.5]]}, "line of one point"),
        ({"type": "Point", "coordinates": ["a", "b"]}, "are not numbers"),
        ({"type": "LineString", "coordinates": [[107.9, 26.58], [26.58, 107.9]]}, "point 2: .*look swapped"),
    ],
)  # fmt: skip
def test_geometries(tmp_path: Path, geometry: dict[str, Any] | None, told: str) -> None:
    good = feature(point(107.98, 26.58), id=V)
    found = imported(collection(tmp_path, good, feature(geometry, id="522601-W-PIP-000001")))
    import re

    assert [p.place for p in found.problems] == ["feature 2"]
    assert re.search(told, found.problems[0].reason)


def test_what_was_exported_is_read_back_unchanged(tmp_path: Path) -> None:
    first = imported(table(tmp_path, CSV)).added
    pipe = Asset(
        id="522601-W-PIP-000001", domain="water", kind="pipe", lon=107.985, lat=26.58, unit_code="522601",
        line=((107.98, 26.58), (107.99, 26.58)), demo=True,
    )  # fmt: skip
    records = [*first, pipe]
    again = imported(collection(tmp_path, *map(exported, records)), *records)
    assert (again.problems, again.records, again.unchanged) == ([], [], 4)


def test_coordinate_systems(tmp_path: Path) -> None:
    metres = feature(point(498_000.0, 2_940_000.0), id=V)
    found = imported(collection(tmp_path, metres), crs="EPSG:4545")
    assert found.problems == []
    assert (found.added[0].lon, found.added[0].lat) == (
        pytest.approx(107.98, abs=0.001),
        pytest.approx(26.57, abs=0.001),
    )
    named = {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4545"}}}
    with pytest.raises(UsageError, match="its coordinates are EPSG:4545; repeat with --crs EPSG:4545"):
        imported(collection(tmp_path, metres, **named))
    assert imported(collection(tmp_path, metres, **named), crs="epsg:4545").problems == []
    with pytest.raises(UsageError, match="no such coordinate system"):
        converter("EPSG:999999")
    with pytest.raises(UsageError, match="want gcj02, bd09 or EPSG:n"):
        converter("GCJ")
    wrong = imported(collection(tmp_path, metres), crs="EPSG:4547")  # of 114° E
    assert "outside the prefecture" in wrong.problems[0].reason


def test_a_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame = geopandas.GeoDataFrame(
        {"type": ["VLV", "PIP"], "codes": ["gis=1", "gis=2"], "downstream": ["gis:2", None], "people": [5.0, None]},
        geometry=[Point(498_000, 2_940_000), LineString([(498_000, 2_940_000), (498_300, 2_940_000)])],
        crs="EPSG:4545",
    )
    frame.to_file(path, layer="net", driver="GPKG")
    with pytest.raises(UsageError, match="repeat with --crs EPSG:4545"):
        imported(path, domain="water")
    found = imported(path, domain="water", crs="EPSG:4545")
    assert found.problems == []
    assert [(a.id, len(a.line)) for a in found.added] == [(V, 0), ("522601-W-PIP-000001", 2)]
    assert found.added[0].downstream == (Pipe("522601-W-PIP-000001"),)
    path.write_bytes(b"no database")
    with pytest.raises(UsageError, match="not a GeoPackage"):
        imported(path)


INP = """\
[TITLE]
a small town
[JUNCTIONS]
;ID Elev Demand
 J1  10   1
 J2  12   1
[RESERVOIRS]
 R1  50
[PIPES]
 P1  R1 J1  100  300 120 0 Open
 P2  J2 J1  200  200 120 0 Open ; drawn against the flow
[VALVES]
 V1  J1 J2 150 PRV 30 0
[OPTIONS]
 Units LPS
[COORDINATES]
 R1 0 0
 J1 100 0
 J2 300 0
[VERTICES]
 P2 200 50
"""


def test_an_epanet_network_points_away_from_its_source(tmp_path: Path) -> None:
    path = tmp_path / "town.inp"
    path.write_text(INP, "utf-8")
    with pytest.raises(UsageError, match=r"town.inp: its coordinates \(0, 0\) are a drawing's; say where"):
        imported(path)
    found = imported(path, place=(107.98, 26.58, 1.0))
    assert found.problems == []
    by_code = {a.codes[0].value: a for a in found.added}
    assert {k: a.id[9:12] for k, a in by_code.items()} == {
        "node/J1": "JUN", "node/J2": "JUN", "node/R1": "SRC", "link/P1": "PIP", "link/P2": "PIP", "link/V1": "VLV",
    }  # fmt: skip
    assert by_code["link/P2"].downstream == (Pipe(by_code["node/J2"].id, 200.0, 200.0),)
    assert len(by_code["link/P2"].line) == 3
    assert by_code["link/P2"].line[0] == (by_code["node/J1"].lon, by_code["node/J1"].lat)
    walk = Network(found.added).downstream(by_code["node/R1"].id)
    assert [(r.id, r.metres) for r in walk.reached][-1] == (by_code["node/J2"].id, 100.0)  # by the valve
    assert len(walk.reached) == 5
    assert imported(path, *found.added, place=(107.98, 26.58, 1.0)).unchanged == 6


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("P1  R1 J1  100", "P1  R1 J9  100", "line 10: link P1 ends at node J9"),
        ("100  300 120", "long  300 120", r"line 10: \[PIPES\] 'P1 R1 J1 long"),
        ("Units LPS", "Units FURLONG", "line 15: units 'FURLONG'"),
        ("[COORDINATES]", "[NOTHING]", r"has no \[COORDINATES\]"),
        (" J2  12   1", " J1  12   1", "line 6: node J1 is also on line 5"),
    ],
)
def test_epanet_files_that_cannot_be_read(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "town.inp"
    path.write_text(INP.replace(old, new), "utf-8")
    with pytest.raises(UsageError, match=told):
        imported(path, place=(107.98, 26.58))


def test_feet_become_metres(tmp_path: Path) -> None:
    path = tmp_path / "town.inp"
    path.write_text(INP.replace("Units LPS", "Units GPM"), "utf-8")
    found = imported(path, place=(107.98, 26.58))
    pipe = next(a for a in found.added if a.codes[0].value == "link/P1")
    assert (pipe.length_m, pipe.diameter_mm) == (30.48, 7620.0)


def test_files_that_are_refused_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text, told in (
        ("a.shp", "", "want a file named"),
        ("a.csv", "id,colour\n", "unknown column 'colour'.*--ignore colour"),
        ("a.csv", "id\na,b\n", "line 2: more cells than columns"),
        ("a.csv", "id,lon\n", "there is nothing in it"),
        ("a.geojson", "{", "not GeoJSON"),
        ("a.geojson", '{"type": "Feature"}', "want a FeatureCollection, not 'Feature'"),
        ("a.json", "[1]", "not GeoJSON"),
    ):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        with pytest.raises(UsageError, match=told):
            imported(path)
    assert imported(table(tmp_path, f"id,colour,lon,lat\n{V},red,107.98,26.58\n"), ignore=("colour",)).problems == []
    with pytest.raises(UsageError, match="no such file"):
        imported(tmp_path / "absent.csv")
    monkeypatch.setattr(files, "MAX_BYTES", 3 << 20)
    big = tmp_path / "big.csv"
    with big.open("wb") as file:
        file.truncate(200 << 20)
    with pytest.raises(UsageError, match="200 MB are too much, at most 3 MB are read"):
        imported(big)


def test_shifted_degrees_are_converted_when_they_are_declared() -> None:
    from streams.assets.crs import converter

    for crs, point in (("GCJ-02", (107.984128, 26.576456)), ("bd09", (107.990578, 26.582676))):
        assert converter(crs)(point) == pytest.approx((107.98, 26.58), abs=2e-6)
