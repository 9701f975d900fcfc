"""Methane through the kernel: units, full scale that latches, rare sampling, tunnels, batteries of every domain."""

from __future__ import annotations

import numpy as np
import pytest

from geo.assets import Sensor
from streams.alerts.severity import decide, default_rules
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

T0 = 1_763_884_800_000
TYPE = {"methane": "CH4", "methane_ppm": "MPM", "methane_vol": "MVL", "ethane": "ETH"}


def sensor(kind: str = "methane", **fields: object) -> Sensor:
    base: dict[str, object] = {
        "id": f"522601-G-{TYPE[kind]}-000001", "domain": "gas", "kind": kind, "zone": "522601-G-GRD01",
        "unit_code": "522601", "lon": 107.98, "lat": 26.58, "interval_s": 1.0,
    }  # fmt: skip
    return Sensor(**{**base, **fields})  # type: ignore[arg-type]


def play(
    s: Sensor, values: list[float], metric: str = "", domain: str = "gas", calm: float = 1.0, n: int = 100
) -> list[Detection]:
    """`n` readings about `calm`, then the values; every detection."""
    kernel = Kernel(domain, blind_ms=None)
    kernel.configure([s])
    rng = np.random.default_rng(1)
    x = np.concatenate([calm + 0.01 * calm * rng.normal(size=n), values])
    ts = T0 + np.arange(len(x)) * round(s.interval_s * 1000)
    cols = Columns([s.id], np.zeros(len(x), np.int32), ts, x)
    if metric:
        cols = Columns(
            [s.id], cols.idx, ts, x, metrics=[metric], metric_idx=np.zeros(len(x), np.int16)
        )  # fmt: skip
    return kernel.process(cols)


@pytest.mark.parametrize(
    ("kind", "unit", "factor"),
    [
        ("methane", "", 1.0),
        ("methane", "%LEL", 1.0),
        ("methane", "ppm", 500.0),
        ("methane", "%VOL", 0.05),
        ("methane_ppm", "ppm", 500.0),
        ("methane_vol", "%VOL", 0.05),
    ],
)
def test_each_unit_is_judged_by_the_same_levels_and_told_in_lel_and_vol(kind: str, unit: str, factor: float) -> None:
    found = play(sensor(kind, unit=unit), [26.0 * factor] * 10, calm=factor)
    (first,) = [d for d in found if d.state == "raise"]
    assert (first.kind, first.hard, first.level) == ("gas_concentration", True, 2)
    assert "26.0 %LEL (1.3 %VOL)" in first.reason.en
    assert "26.0 %LEL (1.3 %VOL)" in first.reason.zh
    assert (first.evidence.also, first.evidence.also_unit) == (1.3, "%VOL")
    assert first.evidence.value == pytest.approx(26.0 * factor)
    assert first.evidence.limit == pytest.approx(25.0 * factor)
    assert decide(first, default_rules())[0] == "II"


def test_full_scale_latches_though_the_bead_then_reads_low() -> None:
    tail = [100.0] * 5 + [12.0] * 100 + [1.0] * 1500
    found = play(sensor(), tail)
    (first,) = [d for d in found if d.state == "raise"]
    assert first.level == 4
    assert "full-scale limit of 100.0 %LEL" in first.reason.en
    assert decide(first, default_rules())[0] == "I"
    assert [d for d in found if d.state == "clear"] == []  # 25 min below the watch level are not enough
    later = [d for d in found if d.state == "update" and d.evidence.value == 12.0]
    assert later
    assert all(d.hard and d.level == 4 for d in later)
    assert "曾超出满量程" in later[0].reason.zh
    assert [d.state for d in play(sensor(), [*tail, *[1.0] * 400]) if d.state != "update"] == ["raise", "clear"]


def test_a_plain_high_alarm_does_not_latch() -> None:
    assert [d.state for d in play(sensor(), [80.0] * 5 + [1.0] * 20) if d.state != "update"] == ["raise", "clear"]


def test_above_full_scale_is_gas_and_a_code_of_the_instrument_is_not() -> None:
    assert {d.kind for d in play(sensor(), [130.0] * 5)} == {"gas_concentration"}
    assert {d.kind for d in play(sensor(), [999.0] * 5)} == {"out_of_range"}


@pytest.mark.parametrize("interval_s", [1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0])
@pytest.mark.parametrize("level", [11.5, 60.0])
def test_a_rise_of_10_lel_is_told_within_a_minute_and_the_sampling(interval_s: float, level: float) -> None:
    found = play(sensor(interval_s=interval_s), [level] * 5)
    (first,) = [d for d in found if d.state == "raise"]
    before = T0 + 99 * round(interval_s * 1000)  # the rise came at any moment after this reading
    assert first.ts_ms - before <= (60.0 + interval_s) * 1000.0


def test_tunnels_have_the_levels_of_their_standard() -> None:
    for value, level in ((12.0, 1), (21.0, 2), (26.0, 3)):
        (first,) = [d for d in play(sensor(chainage_m=350.0), [value] * 5) if d.state == "raise"]
        assert (first.kind, first.level) == ("tunnel_gas", level)
    (laser,) = [d for d in play(sensor("methane_ppm", chainage_m=5.0), [10_500.0] * 5, calm=2.0) if d.state == "raise"]
    assert (laser.kind, laser.level) == ("tunnel_gas", 2)
    assert decide(laser, default_rules())[0] == "II"
    assert "通风" in laser.reason.zh


def test_ethane_alone_raises_nothing() -> None:
    assert play(sensor("ethane"), [5_000.0] * 50, calm=5.0) == []


PLACES = {"water": ("W", "PRS", "pressure"), "gas": ("G", "CH4", "methane"),
          "pipeline": ("P", "PPR", "pressure"), "traffic": ("T", "OCC", "occupancy")}  # fmt: skip


@pytest.mark.parametrize("domain", PLACES)
@pytest.mark.parametrize(
    ("facts", "full", "low", "unit"),
    [({}, 90.0, 18.0, "%"), ({"battery_v": 3.6}, 3.6, 3.2, "V"), ({"battery_v": 12.0}, 12.4, 10.7, "V")],
)
def test_a_low_battery_is_equipment_in_every_domain(
    domain: str, facts: dict[str, float], full: float, low: float, unit: str
) -> None:
    letter, code, kind = PLACES[domain]
    s = Sensor(
        id=f"522601-{letter}-{code}-000001", domain=domain, kind=kind, zone=f"522601-{letter}-ZON01",
        unit_code="522601", interval_s=60.0, params=facts, chainage_m=100.0 if domain == "pipeline" else None,
    )  # fmt: skip
    assert play(s, [full] * 20, "battery", domain, calm=full) == []
    found = play(s, [low] * 20, "battery", domain, calm=full)
    (first,) = [d for d in found if d.state == "raise"]
    assert (first.kind, first.cls, first.hard, first.evidence.unit) == ("battery_low", "equipment", True, unit)
    assert first.sensor == s.id
    assert unit in first.reason.zh
    assert "电池" in first.title.zh
    assert decide(first, default_rules())[0] == "IV"


def test_what_the_zone_takes_a_gas_for_is_told_beside_the_alert_and_lowers_nothing() -> None:
    """Methane with 3 % of ethane in the same well, then without ethane."""
    for ethane, says in ((0.03, "natural_gas"), (0.0, "sewer_gas")):
        well, other = sensor(), sensor("ethane")
        kernel = Kernel("gas", blind_ms=None)
        kernel.configure([well, other])
        out: list[Detection] = []
        for k in range(2000):
            lel = 1.0 + 0.01 * k  # slow: 0.6 %LEL a minute would be steep, this is 0.1
            ts = np.full(2, T0 + k * 6_000)
            x = np.array([lel, lel * 500.0 * ethane])
            out += kernel.process(Columns([well.id, other.id], np.arange(2, dtype=np.int32), ts, x))
            out += kernel.tick(int(ts[0]))
        found = [d for d in out if d.kind == "gas_concentration" and d.state != "clear"]
        assert found[-1].evidence.suspect == says
        assert {"natural_gas": "疑似天然气", "sewer_gas": "疑似沼气，须现场确认"}[says] in found[-1].reason.zh
        assert found[-1].hard
        assert decide(found[0], default_rules())[0] == "III"
        assert [d.evidence.suspect for d in out if d.state == "clear" or d.cls == "equipment"].count(says) == 0
