"""Unknown sensors out of refused messages: counted, placed, and with the command that registers them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from geo.assets import AssetError, Sensor, Zone
from streams import codec
from streams.columns import Columns
from streams.intake.checks import Limits, check
from streams.intake.rejects import Rejected
from streams.intake.unknown import REASON, command, suggested, unknown
from streams.registry import Registry

T0 = 1_763_884_800_000
NEW = "522601-W-PRS-000009"
KNOWN = Sensor(
    id="522601-W-PRS-000001", domain="water", kind="pressure", zone="522601-W-DMA02", unit_code="522601", lon=107.98,
    lat=26.58,
)  # fmt: skip
FAR = msgspec.structs.replace(KNOWN, id="522601-W-PRS-000002", zone="522601-W-DMA01", lon=108.1)
REGISTRY = Registry(
    [
        *(Zone(id=z, domain="water", county="522601", partition=0) for z in ("522601-W-DMA01", "522601-W-DMA02")),
        KNOWN,
        FAR,
    ]
)


def rejected(
    value: bytes, rows: tuple[int, ...] = (), reason: str = f"sensor 'x' {REASON}: …", **more: Any
) -> Rejected:
    return Rejected(1, T0, reason, more.pop("source", "readings.raw.water"), rows, value, **more)


def reading(sensor: str, seconds: int, value: float = 1.0, **place: float) -> dict[str, Any]:
    return {"sensor": sensor, "ts": T0 + 1000 * seconds, "value": value, **place}


def test_the_packers_reason_is_the_one_that_is_looked_for() -> None:
    cols = Columns(["x"], np.zeros(1, np.int32), np.array([T0]), np.ones(1))
    (refusal,) = check(cols, "water", {}, {}, Limits(None, 60, 60)).refused
    assert REASON in refusal.reason


def test_they_are_counted_by_sensor_with_a_sample() -> None:
    rows = [reading(NEW, 5, 41.0, lon=107.981, lat=26.58), reading(KNOWN.id, 1), reading("well-7", 2), reading(NEW, 1)]
    items = [
        rejected(json.dumps(rows).encode(), (0, 2, 3)),
        rejected(codec.pack(Columns(["well-7"], np.zeros(1, np.int32), np.array([T0]), np.ones(1)), "s", 1), (0,)),
        rejected(json.dumps(reading("late", 1)).encode(), (), "ts is older than 7 days"),
        rejected(b"{", (), full_size=10_000_000),
    ]
    found, short = unknown(items, REGISTRY)
    assert short == 1
    assert [(u.sensor, u.domain, u.count, u.first_ms, u.last_ms) for u in found] == [
        (NEW, "water", 2, T0 + 1000, T0 + 5000),
        ("well-7", "water", 2, T0, T0 + 2000),
    ]
    assert (found[0].value, found[0].lon, found[0].lat) == (41.0, 107.981, 26.58)
    assert suggested(found[0], REGISTRY) == {"zone": "522601-W-DMA02", "lon": "107.981000", "lat": "26.580000"}
    assert command(found[0]) == f"cityops sensors add {NEW} --from-unknown"
    assert "--sensor 'well-7=522601-W-…'" in command(found[1])
    with pytest.raises(AssetError, match="want county-domain-type-serial"):
        suggested(found[1], REGISTRY)


def test_without_a_place_the_county_stands_and_a_first_zone_is_made() -> None:
    found, _ = unknown([rejected(json.dumps([reading("522622-G-CH4-000001", 1)]).encode())], REGISTRY)
    assert suggested(found[0], REGISTRY) == {"zone": "522622-G-GRD01", "unit_code": "522622"}


def test_of_a_run() -> None:
    item = rejected(json.dumps([reading(NEW, 1)]).encode(), source="run.a.readings.raw.water")
    assert unknown([item], REGISTRY, "run.a.")[0][0].domain == "water"
    assert unknown([item], REGISTRY)[0][0].domain == ""
    assert command(unknown([item], REGISTRY)[0][0], "run.a.").endswith("--prefix run.a.")


def test_only_the_refused_rows_of_a_message_count() -> None:
    value = json.dumps([reading(NEW, 1), reading(NEW, 2), reading(NEW, 3)]).encode()
    ((one,), _) = unknown([rejected(value, (0, 1))], REGISTRY)
    assert (one.count, one.last_ms) == (2, T0 + 2000)
