"""Registry records: JSON there and back, ids, and each thing that makes a record invalid."""

from __future__ import annotations

import math

import msgspec
import pytest

from geo.assets import (
    KINDS,
    AssetError,
    Problem,
    Sensor,
    Zone,
    check,
    decode,
    encode,
    kind_of,
    location_problem,
    parse_sensor_id,
    parse_zone_id,
    problems,
    profile_for,
)

GOOD = Sensor(
    id="522601-W-PRS-000123", domain="water", kind="pressure", zone="522601-W-DMA03", unit_code="522601002",
    lon=107.98, lat=26.58, name_zh="㵲水", params={"high": 60.0}, demo=True,
)  # fmt: skip
ZONE = Zone(id="522601-W-DMA03", domain="water", county="522601", partition=2)


def test_records_survive_json() -> None:
    for record in (GOOD, ZONE):
        assert decode(encode(record)) == record
    assert b'"type":"sensor"' in encode(GOOD)
    assert b'"approximate":false' in encode(GOOD)  # defaults are written: other programs read this too
    assert not problems(GOOD)
    assert not problems(ZONE)
    check([GOOD, ZONE])


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b"{}", b'{"type":"pump"}', b"\xff", b'{"type":"zone","id":1}'])
def test_unusable_json_is_one_error(value: bytes) -> None:
    with pytest.raises(AssetError, match="registry record is not usable"):
        decode(value)


def test_every_type_has_a_kind() -> None:
    for letter, domain in (("W", "water"), ("G", "gas"), ("P", "pipeline"), ("T", "traffic")):
        for kind_type, kind in KINDS[domain].items():
            assert kind_of(f"522601-{letter}-{kind_type}-000001") == kind.kind
        assert kind_of(f"522601-{letter}-GEN-000001") == "generic"


@pytest.mark.parametrize(
    ("sensor_id", "reason"),
    [
        ("", "want county-domain-type-serial"),
        ("522601-W-PRS-123", "want county-domain-type-serial"),
        ("522601-W-PRS-000123\n", "want county-domain-type-serial"),
        ("522601-X-PRS-000123", "unknown domain letter 'X'; there are W water"),
        ("522601-G-PRS-000123", "gas has no type 'PRS'; it has CH4, MPM, MVL, ETH, GPR, GPI, GPO, GFL, GTM, VNT, GEN"),
    ],
)
def test_bad_sensor_ids_say_why(sensor_id: str, reason: str) -> None:
    with pytest.raises(AssetError, match=reason):
        parse_sensor_id(sensor_id)


def test_bad_zone_ids_say_why() -> None:
    with pytest.raises(AssetError, match="want county-domain-serial"):
        parse_zone_id("522601-W")
    with pytest.raises(AssetError, match="unknown domain letter"):
        parse_zone_id("522601-Q-DMA01")


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"id": "522699-W-PRS-000123"}, "id", "522699 is no county of the prefecture"),
        ({"domain": "gas"}, "domain", "is 'gas', but the id says 'water'"),
        ({"kind": "flow"}, "kind", "is 'flow', but type PRS of water is 'pressure'"),
        ({"zone": "DMA03"}, "zone", "want county-domain-serial"),
        ({"zone": "522601-G-GRD01"}, "zone", "is a zone of gas, the sensor is of water"),
        ({"unit_code": "522601999"}, "unit_code", "is not in the table"),
        ({"unit_code": "522622100"}, "unit_code", "is not in the id's county 522601"),
        ({"lon": 26.58, "lat": 107.98}, "lon", "look swapped"),
        ({"lat": None}, "lon", "give both lon and lat"),
        ({"interval_s": 0.0}, "interval_s", "want seconds above 0"),
        ({"interval_s": math.nan}, "interval_s", "want seconds above 0"),
        ({"params": {"high": math.inf}}, "params", "high is not a finite number"),
    ],
)
def test_each_fault_of_a_sensor_is_named(changes: dict[str, object], field: str, reason: str) -> None:
    found = problems(msgspec.structs.replace(GOOD, **changes))
    assert [p for p in found if p.field == field and reason in p.reason], found
    with pytest.raises(AssetError, match="522"):
        check([GOOD, msgspec.structs.replace(GOOD, **changes)])


def test_faults_of_a_zone() -> None:
    bad = Zone(id="522601-W-DMA03", domain="gas", county="522622", partition=-1)
    assert [p.field for p in problems(bad)] == ["domain", "county", "partition"]
    assert problems(Zone(id="x", domain="gas", county="522622", partition=0))[0].field == "id"
    assert isinstance(problems(bad)[0], Problem)


@pytest.mark.parametrize(
    ("lon", "lat", "reason"),
    [
        (107.98, 26.58, ""),
        (None, None, ""),
        (26.58, 107.98, "try 107.98 26.58"),
        (0.0, 0.0, "outside China"),
        (-107.98, 26.58, "outside China"),
        (math.nan, 26.58, "not finite"),
        (107.98, None, "both"),
    ],
)
def test_places(lon: float | None, lat: float | None, reason: str) -> None:
    assert reason in location_problem(lon, lat)
    assert bool(reason) == bool(location_problem(lon, lat))


def test_profile_is_the_sensors_own_or_domain_and_kind() -> None:
    assert profile_for(GOOD) == "water.pressure"
    assert profile_for(msgspec.structs.replace(GOOD, profile="water.booster")) == "water.booster"
