"""Assets as records: what is wrong with one by itself, and JSON of before there were assets."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from geo.assets import Asset, Code, Contact, Pipe, Sensor, decode, encode, problems

VALVE = Asset(
    id="522601-W-VLV-000123", domain="water", kind="valve", name_zh="阀门", lon=107.98, lat=26.58,
    unit_code="522601002", zone="522601-W-DMA01", codes=(Code("scada", "V-7"),), contacts=(Contact("巡线", "杨工"),),
    downstream=(Pipe("522601-W-PIP-000001", 12.0, 300.0),), installed="2019-05-31", customers=120,
)  # fmt: skip
PIPE = Asset(
    id="522601-W-PIP-000001", domain="water", kind="pipe", unit_code="522601", lon=107.98, lat=26.58,
    line=((107.97, 26.58), (107.99, 26.58)),
)  # fmt: skip
SENSOR = Sensor(
    id="522601-W-PRS-000001", domain="water", kind="pressure", zone="522601-W-DMA01", unit_code="522601002",
    valid={"pressure": (0.0, 160.0)}, codes=(Code("guizhou", "GZ1"),), moving=False, battery="2025-01-31",
)  # fmt: skip


def test_good_ones_have_no_problem_and_survive_json() -> None:
    for record in (VALVE, PIPE, SENSOR):
        assert problems(record) == []
        assert decode(encode(record)) == record


def test_json_of_an_older_version_still_decodes() -> None:
    old = b'{"type":"sensor","id":"522601-W-PRS-000001","domain":"water","kind":"pressure","zone":"522601-W-DMA01",' \
          b'"unit_code":"522601002"}'  # fmt: skip
    found = decode(old)
    assert isinstance(found, Sensor)
    assert (found.valid, found.codes, found.moving, found.battery) == ({}, (), False, "")


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"id": "522601-W-VLV-1"}, "id", "want county-domain-type-serial"),
        ({"id": "522699-W-VLV-000123", "unit_code": "522600"}, "id", "522699 is no county"),
        ({"id": "522601-U-VLV-000123"}, "id", "urban has no type 'VLV'"),
        ({"domain": "gas"}, "domain", "the id says 'water'"),
        ({"kind": "pipe"}, "kind", "type VLV is 'valve'"),
        ({"unit_code": "522622"}, "unit_code", "is not in the id's county 522601"),
        ({"unit_code": "522601999"}, "unit_code", "is not in the table"),
        ({"lon": 26.58, "lat": 107.98}, "lon", "look swapped"),
        ({"lon": 2.35, "lat": 48.85}, "lon", "outside China"),
        ({"line": ((107.0, 26.0), (107.1, 26.0))}, "line", "a valve is a point"),
        ({"zone": "522601-G-GRD01"}, "zone", "is a zone of gas, the asset is of water"),
        ({"parent": "522601-W-VLV-000123"}, "parent", "is the asset itself"),
        ({"parent": "522601-W-PRS-000001"}, "parent", "water has no type 'PRS'"),
        ({"downstream": (Pipe("522601-W-VLV-000123"),)}, "downstream", "names the asset itself"),
        ({"downstream": (Pipe("522601-W-PIP-000001"),) * 2}, "downstream", "twice"),
        ({"downstream": (Pipe("522601-W-PIP-000001", -1.0),)}, "downstream", "0 or more"),
        ({"people": -1}, "people", "want a whole number"),
        ({"length_m": float("nan")}, "length_m", "want a number"),
        ({"codes": (Code("", "x"),)}, "codes", "want a system and a value"),
        ({"codes": (Code("a", "x"), Code("a", "y"))}, "codes", "system 'a' is twice"),
        ({"contacts": (Contact("a", " "),)}, "contacts", "and a name"),
        ({"installed": "31.5.2019"}, "installed", "want year-month-day"),
        ({"name_zh": "长" * 201}, "name_zh", "at most 200"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str, told: str) -> None:
    found = problems(msgspec.structs.replace(VALVE, **changes))
    assert [(p.field, told in p.reason) for p in found] == [(field, True)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"line": ((107.97, 26.58),)}, "line"),
        ({"line": ((107.97, 26.58), (26.58, 107.99))}, "line"),
        ({"lon": None, "lat": None}, "lon"),
    ],
)
def test_lines(changes: dict[str, Any], field: str) -> None:
    assert [p.field for p in problems(msgspec.structs.replace(PIPE, **changes))] == [field]


def test_a_sensors_new_fields_are_checked() -> None:
    bad = msgspec.structs.replace(SENSOR, valid={"pressure": (9.0, 1.0)}, battery="yesterday", codes=(Code("a", ""),))
    assert [p.field for p in problems(bad)] == ["valid", "codes", "battery"]
