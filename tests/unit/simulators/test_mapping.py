"""Mappings: options and TOML, guesses by name, places, and the sensors that come of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.assets import Sensor, Zone, check
from simulators.mapping import ColumnMap, ColumnSpec, check_place, guess_kind, read_mapping, records, with_options
from streams.errors import UsageError

TOML = """
domain = "water"
time = "DATETIME"
time_format = "%d/%m/%y %H"
value = ["P_J280", "F_PU1"]
unit_code = "522601001"
[columns.P_J280]
kind = "pressure"
id = "522601-W-PRS-000042"
name_zh = "节点280"
params = { "limits.low_1" = 12 }
[columns.F_PU1]
kind = "FLW"
"""


@pytest.mark.parametrize(
    ("domain", "column", "file", "kind"),
    [
        ("water", "Tp", "", "temperature"),
        ("water", "Cl", "", "chlorine"),
        ("water", "Cl_2", "", "chlorine"),
        ("water", "pH", "", "ph"),
        ("water", "Redox", "", "redox"),
        ("water", "Leit", "", "conductivity"),
        ("water", "Trueb", "", "turbidity"),
        ("water", "Trüb", "", "turbidity"),
        ("water", "Fm_2", "", "flow"),
        ("water", "P_J280", "", "pressure"),
        ("water", "L_T1", "", "generic"),
        ("traffic", "value", "traffic_speed_7578.csv", "speed"),
        ("traffic", "value", "traffic_occupancy_6005.csv", "occupancy"),
        ("traffic", "mystery", "traffic_speed.csv", "generic"),
        ("gas", "CH4_well3", "", "methane"),
        ("pipeline", "flow_in", "", "flow"),
    ],
)
def test_guesses(domain: str, column: str, file: str, kind: str) -> None:
    assert guess_kind(domain, column, file) == kind


def test_a_mapping_file_becomes_valid_registry_records(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(TOML, "utf-8")
    mapping = check_place(read_mapping(file))
    made, ids = records(mapping, ["P_J280", "F_PU1"], {"P_J280": 3600.0, "F_PU1": 3600.0}, "x.csv", (107.98, 26.58))
    check(made)
    zone, pressure, flow = made
    assert isinstance(zone, Zone)
    assert isinstance(pressure, Sensor)
    assert isinstance(flow, Sensor)
    assert zone.id == "522601-W-RPL01" == pressure.zone
    assert ids == {"P_J280": "522601-W-PRS-000042", "F_PU1": "522601-W-FLW-900001"}
    assert (pressure.params, pressure.interval_s, pressure.name_zh) == ({"limits.low_1": 12.0}, 3600.0, "节点280")
    assert (pressure.unit, pressure.approximate, pressure.unit_code) == ("m", True, "522601001")


def test_options_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(TOML, "utf-8")
    mapping = with_options(read_mapping(file), ["F_PU1=generic"], unit_code="522622", domain=None, value=())
    assert (mapping.unit_code, mapping.domain, mapping.value) == ("522622", "water", ("P_J280", "F_PU1"))
    assert mapping.columns["F_PU1"].kind == "generic"
    assert mapping.columns["P_J280"].kind == "pressure"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "the domain is missing: give --domain water"),
        ({"domain": "air"}, "domain 'air'"),
        ({"domain": "water", "unit_code": "110101"}, "--unit-code 110101"),
        ({"domain": "water", "unit_code": "522600"}, "belongs to a county"),
        ({"domain": "water", "zone": "522601-G-DMA01"}, "is a gas zone"),
        ({"domain": "water", "zone": "522622-W-DMA01"}, "zone of 522622"),
        ({"domain": "water", "zone": "dma1"}, "--zone: zone id 'dma1'"),
    ],
)
def test_places_that_do_not_fit(change: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_place(with_options(ColumnMap(), **change))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time = ", "not a TOML mapping"),
        ("tiem = 'ts'", "unknown field `tiem`"),
        ("[columns.a]\nkinds = 'x'", "unknown field `kinds`"),
        ("unit_code = 522601", "Expected `str`"),
    ],
)
def test_bad_mapping_files(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "m.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=said) as error:
        read_mapping(file)
    assert "m.toml" in str(error.value)


def test_bad_options() -> None:
    with pytest.raises(UsageError, match="COLUMN=KIND"):
        with_options(ColumnMap(), ["turbidity"])
    mapping = check_place(with_options(ColumnMap(), ["a=colour"], domain="water"))
    with pytest.raises(UsageError, match="kind 'colour': water has pressure"):
        records(mapping, ["a"], {}, "x.csv")
    spec = ColumnSpec(id="522601-W-GEN-000001")
    two = check_place(ColumnMap(domain="water", columns={"a": spec, "b": spec}))
    with pytest.raises(UsageError, match="two columns have the sensor id"):
        records(two, ["a", "b"], {}, "x.csv")


def test_missing_mapping_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_mapping(tmp_path / "none.toml")
