"""Reading one record of the log: what is kept, and what is poison."""

from __future__ import annotations

import orjson
import pytest

from api.records import PoisonError, parse
from tests.unit.api.conftest import T0, alert_json, record


def test_the_columns_of_a_record() -> None:
    r = parse(record("a", 3, T0 + 7, lon=None), b"522622", "run.storm1.alerts")
    assert (r.id, r.version, r.changed_ms) == ("a", 3, T0 + 7)
    assert (r.columns["run"], r.columns["county"]) == ("storm1", "522622")
    assert [r.columns[u] for u in ("u4", "u6", "u9", "u12")] == ["5226", "522601", "522601001", "522601001001"]
    assert orjson.loads(r.alert) == alert_json("a", 3, lon=None)
    assert "series" not in r.slim


@pytest.mark.parametrize(("key", "zone", "county"), [(None, "522601-W-DMA01", "522601"), (b"junk", "", "522601")])
def test_the_routing_county_without_a_key(key: bytes | None, zone: str, county: str) -> None:
    assert parse(record(zone=zone), key).columns["county"] == county


def broken(**changes: object) -> bytes:
    return orjson.dumps({"alert": {**alert_json(), **changes}, "transition": {"at": "2025-11-23T08:00:00.000Z"}})


@pytest.mark.parametrize(
    "value",
    [
        None, b"", b"junk", b"[]", b"{}", b'{"alert": 1, "transition": 2}',
        broken(severity="V"), broken(version=0), broken(version=True), broken(version="1"), broken(id=""),
        broken(unit=None), broken(unit={"code": "Kaili"}), broken(first_seen="today"), broken(lon="east"),
        broken(domain=None), broken(version=2**31), broken(kind="a\x00"),
        orjson.dumps({"alert": alert_json(), "transition": {}}),
    ],
)  # fmt: skip
def test_poison(value: bytes | None) -> None:
    with pytest.raises(PoisonError):
        parse(value)
