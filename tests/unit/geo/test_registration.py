"""Sensors from rows: what a row becomes, each thing wrong with one, and all or nothing from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from geo import metric
from geo.assets import Sensor, Zone
from geo.boundaries import Boundaries
from geo.demo import demo_registry
from streams import cli, registry
from streams.cli import common
from streams.errors import UsageError
from streams.moves import moves
from streams.registration import BadRow, plan, retired
from streams.registry import Registry

ROW = {"id": "522601-W-PRS-900001", "zone": "522601-W-DMA01", "unit_code": "522601002"}


DEMO = demo_registry()


@pytest.fixture
def known() -> Registry:
    return Registry(DEMO)


def test_a_row_becomes_a_sensor_with_what_its_id_says(known: Registry) -> None:
    result = plan([(2, {**ROW, "params.high": "60", "interval_s": "300", "name_zh": "㵲水"})], known, 4)
    assert not result.problems
    (sensor,) = result.added
    assert (sensor.domain, sensor.kind, sensor.unit) == ("water", "pressure", "m")
    assert (sensor.params, sensor.interval_s, sensor.demo, sensor.version) == ({"high": 60.0}, 300.0, False, 1)
    assert result.zones == []


def test_the_unit_is_found_from_the_place(known: Registry) -> None:
    result = plan([(2, {**ROW, "unit_code": "", "lon": "107.98", "lat": "26.58"})], known, 4)
    (sensor,) = result.added
    assert sensor.unit_code.startswith("522601")
    assert len(sensor.unit_code) == 12
    assert sensor.approximate


def test_codes_ranges_dates_and_contacts(known: Registry) -> None:
    row = {**ROW, "codes": "guizhou=GZ-1", "valid": "pressure 0 160", "contacts": "巡线/杨工/138",
           "battery": "2025-01-31", "moving": "false", "asset": "522601-W-WEL-000001"}  # fmt: skip
    (sensor,) = plan([(2, row)], known, 4).added
    assert (sensor.valid, sensor.battery, sensor.moving) == ({"pressure": (0.0, 160.0)}, "2025-01-31", False)
    assert (sensor.codes[0].value, sensor.contacts[0].name, sensor.asset) == ("GZ-1", "杨工", "522601-W-WEL-000001")
    second = {**row, "id": "522601-W-PRS-900002"}
    both = plan([(2, row), (3, second)], known, 4)
    assert [(p.line, p.field) for p in both.problems] == [(3, "codes")]
    known.put(sensor)
    assert [(p.line, p.field) for p in plan([(2, second)], known, 4).problems] == [(2, "codes")]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"id": ""}, "id", "is empty"),
        ({"zone": " "}, "zone", "is empty"),
        ({"unit_code": ""}, "unit_code", "is empty; give it, or lon and lat"),
        ({"unit_code": "", "lon": "107.98"}, "unit_code", "is empty; give it, or lon and lat"),
        ({"id": "522601-W-PRS-1"}, "id", "want county-domain-type-serial"),
        ({"zone": "522601-G-GRD01"}, "zone", "is a zone of gas"),
        ({"lon": "east"}, "lon", "'east' is not a number"),
        ({"params.high": "x"}, "params.high", "'x' is not a number"),
        ({"lon": "26.58", "lat": "107.98"}, "lon", "look swapped"),
        ({"lon": "26.58", "lat": "107.98", "unit_code": ""}, "lon", "look swapped"),
        ({"lon": "109.13", "lat": "26.23"}, "lon", "km outside 522601 凯里市"),
        ({"lon": "116.4", "lat": "39.9", "unit_code": ""}, "lon", "outside the prefecture"),
        ({"unit_code": "522622"}, "unit_code", "not in the id's county"),
        ({"colour": "red"}, "colour", "no such column"),
        ({"interval_s": "0"}, "interval_s", "want seconds above 0"),
        ({"interval_s": "nan"}, "interval_s", "want seconds above 0"),
        ({"report": "weekly"}, "report", "want one of continuous, batched"),
        ({"report": "batched", "upload_s": "5"}, "upload_s", "of a batched sensor interval_s or more"),
        ({"flow_sign": "0.5"}, "flow_sign", "want +1 (into the zone)"),
        ({"flow_sign": "2"}, "flow_sign", "want +1 (into the zone)"),
        ({"codes": "scada"}, "codes", "want system=value"),
        ({"valid": "pressure 9"}, "valid", "want metric low high"),
        ({"valid": "pressure 9 1"}, "valid", "the lower first"),
        ({"contacts": "杨工"}, "contacts", "want role/name/phone"),
        ({"moving": "sometimes"}, "moving", "want true or false"),
        ({"battery": "last year"}, "battery", "want year-month-day"),
        ({"asset": "522601-W-VLV-999999"}, "asset", "is not registered: import it first"),
    ],
)
def test_each_fault_has_line_field_and_reason(known: Registry, change: dict[str, str], field: str, reason: str) -> None:
    result = plan([(7, {**ROW, **change})], known, 4)
    assert [(p.line, p.field) for p in result.problems] == [(7, field)]
    assert reason in result.problems[0].reason
    assert result.records == []


def test_a_place_just_over_the_drawn_border_is_taken_a_far_one_is_not(known: Registry) -> None:
    rings = Boundaries.load().by_code["522601"].rings
    west, lat = min(tuple(point) for ring in rings for point in ring.tolist())
    for metres, bad in ((300.0, False), (3_000.0, True)):
        lon, _ = metric.shift(west, lat, -metres, 0.0)
        assert Boundaries.load().county_of(lon, lat) != "522601"
        row = {**ROW, "lon": str(lon), "lat": str(lat)}
        assert bool(plan([(2, row)], known, 4).problems) is bad


def test_twice_the_same_id_is_told_with_both_lines(known: Registry) -> None:
    result = plan([(2, ROW), (3, ROW)], known, 4)
    assert result.problems == [BadRow(3, "id", "522601-W-PRS-900001 is also on line 2")]


def test_unchanged_rows_are_not_written_and_changed_ones_get_a_new_version() -> None:
    first = plan([(2, ROW)], Registry(), 4)
    there = Registry(first.records)
    assert plan([(2, ROW)], there, 4).unchanged == 1
    again = plan([(2, {**ROW, "interval_s": "300"})], there, 4)
    assert [s.version for s in again.changed] == [2]


def test_a_sensor_stays_on_its_partition() -> None:
    zones = [
        Zone(id=f"522601-W-DMA0{n}", domain="water", county="522601", partition=p) for n, p in ((1, 0), (2, 1), (3, 0))
    ]
    there = Registry([*zones, _sensor(1)])
    row = {"id": "522601-W-PRS-000001", "zone": "522601-W-DMA02", "unit_code": "522601"}
    result = plan([(4, row)], there, 4)
    assert [(p.line, p.field) for p in result.problems] == [(4, "zone")]
    assert "different partitions (0 and 1)" in result.problems[0].reason
    assert "`cityops sensors retire 522601-W-PRS-000001`" in result.problems[0].reason
    assert result.records == []
    assert plan([(4, {**row, "zone": "522601-W-DMA03"})], there, 4).changed
    new = plan([(4, {**row, "zone": "522601-W-DMA09"})], there, 4)  # made on the emptiest partition, which is another
    assert [(p.line, p.field) for p in new.problems] == [(4, "zone")]
    assert new.zones == []


def test_a_retired_sensor_is_not_brought_back_by_an_import(known: Registry) -> None:
    first = plan([(2, ROW)], known, 4)
    (gone,) = retired([ROW["id"]], Registry([*known, *first.records]))
    assert (gone.retired, gone.version) == (True, 2)
    there = Registry([*known, *first.records, gone])
    result = plan([(3, ROW)], there, 4)
    assert [(p.line, p.field) for p in result.problems] == [(3, "id")]
    assert f"retire --undo {ROW['id']}`" in result.problems[0].reason
    assert retired([ROW["id"]], there) == []
    assert retired([ROW["id"], ROW["id"]], there, undo=True)[0].version == 3
    with pytest.raises(UsageError, match="sensor 'x' is not registered"):
        retired(["x"], there)


def test_retire_from_the_command_line(written: Written, capsys: pytest.CaptureFixture[str], known: Registry) -> None:
    one, two = sorted(known.sensors)[:2]
    assert cli.run(["sensors", "retire", one, two, "--dry-run"]) == 0
    assert "2 sensors would be retired, 0 unchanged" in capsys.readouterr().out
    assert written == []
    assert cli.run(["sensors", "retire", one, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"dry_run": False, "retired": [one], "unchanged": 0}
    assert [(s.id, s.retired) for s in written] == [(one, True)]  # type: ignore[attr-defined]
    assert cli.run(["sensors", "retire", "nobody"]) == 2
    assert "sensor 'nobody' is not registered" in capsys.readouterr().err


def test_a_zone_with_sensors_keeps_its_partition() -> None:
    zone = Zone(id="522601-W-DMA01", domain="water", county="522601", partition=0)
    moved = msgspec.structs.replace(zone, partition=1)
    (fault,) = moves(Registry([zone, _sensor(1), _sensor(2)]), [moved], 4)
    assert fault[:2] == (zone.id, "partition")
    assert "from 0 to 1 while the zone has sensors (2)" in fault.reason
    assert not list(moves(Registry([zone]), [moved], 4))
    (fault,) = moves(Registry(), [msgspec.structs.replace(zone, partition=4)], 4)
    assert "is 4, but CITYOPS_PARTITIONS is 4" in fault.reason


def test_new_zones_go_to_the_partition_with_the_fewest_sensors_and_stay_there() -> None:
    busy = Zone(id="522601-W-DMA01", domain="water", county="522601", partition=0)
    there = Registry([busy, _sensor(1), _sensor(2)])
    rows = [
        (n, {"id": f"522601-W-PRS-{n:06d}", "zone": f"522601-W-DMA{n:02d}", "unit_code": "522601"})
        for n in range(10, 16)
    ]
    result = plan(rows, there, 3)
    assert [z.partition for z in result.zones] == [1, 2, 1, 2, 0, 1]
    assert plan([(2, {**ROW, "id": "522601-W-PRS-900009"})], Registry([*there, *result.records]), 3).zones == []


def _sensor(n: int) -> Sensor:
    return Sensor(
        id=f"522601-W-PRS-{n:06d}", domain="water", kind="pressure", zone="522601-W-DMA01", unit_code="522601"
    )


class Written(list[object]):
    """What the command published."""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, known: Registry) -> Written:
    out = Written()
    monkeypatch.setattr(common, "require_topics", lambda settings: None)
    monkeypatch.setattr(registry, "read_all", lambda settings: known)
    monkeypatch.setattr(registry, "publish", lambda settings, records, known: out.extend(records))
    return out


def _csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    path = tmp_path / "sensors.csv"
    path.write_text(text, encoding=encoding)
    return str(path)


GOOD = "id,zone,lon,lat,name_zh\n522601-W-PRS-900001,522601-W-DMA09,107.98,26.58,㵲水\n"


def test_import_all(tmp_path: Path, written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sensors", "import", _csv(tmp_path, GOOD, "utf-8-sig"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["added"] == ["522601-W-PRS-900001"]
    assert answer["zones"] == ["522601-W-DMA09"]
    assert len(written) == 2


def test_dry_run_writes_nothing(tmp_path: Path, written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sensors", "import", _csv(tmp_path, GOOD), "--dry-run"]) == 0
    assert "1 sensors would be added" in capsys.readouterr().out
    assert written == []


def test_one_bad_row_and_nothing_is_written(
    tmp_path: Path, written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = GOOD + "522601-W-PRS-900002,522601-W-DMA09,26.58,107.98,x\n"
    assert cli.run(["sensors", "import", _csv(tmp_path, bad)]) == 2
    err = capsys.readouterr().err
    assert "sensors.csv, line 3: lon: lon 26.58, lat 107.98 look swapped" in err
    assert "1 problems, nothing was registered" in err
    assert written == []


@pytest.mark.parametrize(
    ("text", "encoding", "reason"),
    [
        ("id;zone\n", "utf-8", "line 1: no column 'id'"),
        ("id,zone,lenght\n", "utf-8", "line 1: unknown column 'lenght'"),
        (GOOD, "gb18030", "not UTF-8"),
        ("id,zone\na,b,c,d\n", "utf-8", "line 2: more cells than columns"),
        ("", "utf-8", "no column 'id'"),
    ],
)
def test_a_file_that_is_no_table(
    tmp_path: Path, written: Written, capsys: pytest.CaptureFixture[str], text: str, encoding: str, reason: str
) -> None:
    assert cli.run(["sensors", "import", _csv(tmp_path, text, encoding)]) == 2
    assert reason in capsys.readouterr().err
    assert written == []


def test_an_absent_file(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sensors", "import", "/nowhere/s.csv"]) == 2
    assert "/nowhere/s.csv: no such file" in capsys.readouterr().err


def test_add_one(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["sensors", "add", "522601-W-PRS-900003", "--zone", "522601-W-DMA01", "--lon", "107.98", "--lat", "26.58"]
    assert cli.run(args) == 0
    assert "1 sensors added" in capsys.readouterr().out
    assert len(written) == 1
    assert cli.run(["sensors", "add", "522601-W-XXX-900003", "--zone", "522601-W-DMA01"]) == 2
    assert "water has no type 'XXX'" in capsys.readouterr().err


def test_list_filters(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sensors", "list", "--unit", "522601", "--domain", "gas", "--kind", "methane", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 8
    assert {row["zone"] for row in rows} == {"522601-G-GRD01"}
    assert cli.run(["sensors", "list", "--unit", "kaili"]) == 2
    assert "--unit: unit code 'kaili'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["107.98", "26.58"], 0, "522601        凯里市 Kaili City"),
        (["26.58", "107.98"], 2, "look swapped"),
        (["-107.98", "26.58"], 2, "outside China"),
        (["x", "26.58"], 2, "'x' is not a valid float"),
        (["116.4", "39.9"], 1, "lie outside 522600"),
    ],
)
def test_geo_where(capsys: pytest.CaptureFixture[str], args: list[str], code: int, text: str) -> None:
    assert cli.run(["geo", "where", *args]) == code
    shown = capsys.readouterr()
    assert text in shown.out + shown.err


def test_geo_where_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["geo", "where", "107.98", "26.58", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["county"]["code"] == "522601"
    assert answer["unit"] == answer["village"]["code"]
    assert answer["approximate"] is True
