"""The kernel: episodes, ids, attribution, bad input, silence, configuration, snapshots."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.bank import StateError
from geo.assets import Sensor
from streams.columns import Columns, from_rows
from streams.events import Detection, stable_id
from streams.kernel import Kernel

T0 = 1_700_000_000_000
ROOT = Path(__file__).resolve().parents[2]


def sensor(name: str = "522601-W-PRS-000001", kind: str = "pressure", domain: str = "water", **over: Any) -> Sensor:
    base = {"zone": "522601-W-DMA03", "unit_code": "522601001", "interval_s": 1.0}
    return Sensor(id=name, kind=kind, domain=domain, **{**base, **over})


def ready(domain: str = "water", *sensors: Sensor, n: int = 120, level: float = 40.0, **over: Any) -> Kernel:
    """A kernel whose sensors have seen n calm readings, the last at T0 + (n - 1) s."""
    made = Kernel(domain, **over)
    made.configure(sensors or [sensor()])
    rng = np.random.default_rng(0)
    ids = [s.id for s in sensors] or [sensor().id]
    for k in range(n):
        assert made.process(from_rows([(i, T0 + k * 1000, float(rng.normal(level, 0.1))) for i in ids])) == []
    return made


def send(
    k: Kernel, values: list[float], start: int, name: str = "522601-W-PRS-000001", step: int = 1
) -> list[Detection]:
    return k.process(from_rows([(name, T0 + (start + i * step) * 1000, v) for i, v in enumerate(values)]))


def test_an_episode_from_raise_to_clear() -> None:
    k = ready("water", sensor(asset="522601-V-9", lon=107.9, lat=26.5, name_zh="北门压力", name_en="North gate"))
    found = send(k, [25.0 + 0.01 * (i % 2) for i in range(70)] + [40.0] * 10, 120)
    assert [d.state for d in found] == ["raise", "update", "update", "clear"]
    first, last = found[0], found[-1]
    assert (first.kind, first.cls, first.domain) == ("pressure_low", "hazard", "water")
    assert (first.county, first.unit, first.zone) == ("522601", "522601001", "522601-W-DMA03")
    assert (first.asset, first.sensor, first.lon, first.lat) == ("522601-V-9", "522601-W-PRS-000001", 107.9, 26.5)
    assert (first.name.zh, first.title.en) == ("北门压力", "Low water pressure")
    assert first.onset_ms == T0 + 120_000
    assert {d.onset_ms for d in found} == {first.onset_ms}
    assert "低于" not in first.reason.zh
    assert first.reason.zh.startswith("压力比预期低 0.15 MPa（预期 0.39 MPa）")
    assert last.reason.en.startswith("pressure back to normal (0.39 MPa)")
    assert first.id == stable_id("", first.sensor, "pressure_low", first.onset_ms, "raise", first.ts_ms)
    assert first.evidence.low is not None
    assert first.evidence.low < 40 < (first.evidence.high or 0)
    assert first.evidence.series[-1] == (first.ts_ms, 25.01)
    assert (first.hard, first.level, first.magnitude > 1) == (False, 0, True)
    assert first.interval_s == 1.0


def test_updates_come_at_most_each_30_s() -> None:
    found = send(ready(), [25.0] * 200, 120)
    updates = [d.ts_ms for d in found if d.state == "update"]
    assert len(updates) == 6
    assert min(np.diff(updates)) >= 30_000


def test_a_rise_of_the_hard_level_is_told_at_once() -> None:
    gas = sensor("522601-G-CH4-000001", "methane", "gas")
    found = send(ready("gas", gas, level=1.0), [12.0] * 5 + [30.0] * 5 + [55.0] * 5 + [1.0] * 12, 120, gas.id)
    told = [(d.state, d.level, d.hard) for d in found]
    assert told == [("raise", 1, True), ("update", 2, True), ("update", 3, True), ("clear", 0, False)] or told[:3] == [
        ("raise", 1, True), ("update", 2, True), ("update", 3, True),
    ]  # fmt: skip
    assert found[-1].state == "clear"
    assert found[0].kind == "gas_concentration"
    assert "10.0 %LEL" in found[0].reason.en
    assert "高报限值 50.0 %LEL" in found[2].reason.zh


def test_hard_limits_need_no_warm_up() -> None:
    gas = sensor("522601-G-CH4-000001", "methane", "gas")
    k = Kernel("gas")
    k.configure([gas])
    assert [d.state for d in send(k, [60.0] * 4, 0, gas.id)] == ["raise"]


def test_impossible_values_are_equipment_and_teach_nothing() -> None:
    k = ready()
    found = send(k, [9999.0] * 10 + [40.0] * 10, 120)
    assert [(d.state, d.kind, d.cls) for d in found] == [
        ("raise", "out_of_range", "equipment"),
        ("clear", "out_of_range", "equipment"),
    ]
    assert found[0].evidence.high == 250.0


def test_a_stuck_sensor() -> None:
    s = sensor(params={"flatline.n": 30, "flatline.s": 20})
    found = send(ready("water", s), [40.0] * 60 + [40.1, 39.9, 40.05, 39.95, 40.0, 40.02, 40.1], 120)
    assert [(d.state, d.kind) for d in found] == [("raise", "flatline"), ("clear", "flatline")]
    assert found[0].ts_ms - found[0].onset_ms == 29_000


def test_a_value_that_stopped_moving_in_an_open_hazard_needs_ten_times_longer() -> None:
    s = sensor(params={"flatline.n": 30, "flatline.s": 20})
    found = [d for d in send(ready("water", s), [25.0] * 400, 120) if d.state == "raise"]
    assert [d.kind for d in found] == ["pressure_low", "flatline"]
    assert found[1].ts_ms - found[1].onset_ms == 299_000


def test_silence_and_return() -> None:
    k = ready(blind_ms=None)
    last = T0 + 119_000
    assert k.tick(last + 14_000) == []
    found = k.tick(last + 16_000)
    assert [(d.state, d.kind, d.cls, d.onset_ms) for d in found] == [("raise", "dropout", "equipment", last)]
    assert "16 秒没有数据" in found[0].reason.zh
    assert k.tick(last + 20_000) == []
    again = send(k, [40.0] * 8, 145)
    assert [(d.state, d.kind) for d in again] == [("clear", "dropout")]


def test_our_own_outage_is_nobodys_silence() -> None:
    k = ready()
    k.tick(T0 + 119_000)
    assert k.tick(T0 + 3_600_000) == []
    assert [d.kind for d in k.tick(T0 + 3_620_000)] == ["dropout"]


def test_a_late_upload_is_no_silence() -> None:
    k = ready()
    for s in range(119, 400, 5):
        assert k.tick(T0 + s * 1000) == []
        send(k, [40.0], 120 + (s - 119) // 10)


def test_a_sensor_that_never_spoke_is_not_silent() -> None:
    k = Kernel("water", blind_ms=None)
    k.configure([sensor()])
    assert k.tick(T0) == []
    assert k.tick(T0 + 10**9) == []


def test_ticks_that_go_back_are_ignored() -> None:
    k = ready(blind_ms=None)
    assert len(k.tick(T0 + 200_000)) == 1
    assert k.tick(T0 + 190_000) == []


def test_what_is_not_judged_is_counted() -> None:
    k = ready()
    bad = Columns(
        ["522601-W-PRS-000001", "nobody"], np.array([0, 0, 0, 0, 0, 1, 0], np.int32),
        T0 + np.array([120, 120, 60, 121, 122, 123, 124]) * 1000,
        np.array([40.0, 41.0, 40.0, np.nan, np.inf, 40.0, 40.0]), quality=np.array([0, 0, 0, 0, 0, 0, 2], np.uint8),
    )  # fmt: skip
    assert k.process(bad) == []
    assert k.counters == {
        "late": 1,
        "duplicate": 1,
        "nan": 2,
        "unknown": 1,
        "bad": 1,
        "late_for_balance": 0,
        "balance_gap": 0,
    }


def test_a_list_seen_before_knows_sensors_configured_since() -> None:
    k = Kernel("water")
    k.configure([sensor("a")])
    k.process(from_rows([("a", T0, 40.0), ("b", T0, 40.0)]))
    k.configure([sensor("b")])
    k.process(from_rows([("a", T0 + 1000, 40.0), ("b", T0 + 1000, 40.0)]))
    assert k.counters["unknown"] == 1


def test_lists_that_read_alike_are_kept_apart() -> None:
    k = Kernel("water")
    k.configure([sensor("a\nb"), sensor("c")])
    k.process(from_rows([("a\nb", T0, 40.0), ("c", T0, 40.0)]))
    k.process(from_rows([("a", T0, 40.0), ("b\nc", T0, 40.0)]))
    assert k.counters["unknown"] == 2


def test_an_empty_batch() -> None:
    assert ready().process(from_rows([])) == []


def test_a_metric_is_its_own_sensor() -> None:
    k = Kernel("water")
    k.configure([sensor("a"), sensor("a/ph", "ph")])
    ts = np.full(2, T0)
    cols = Columns(["a"], np.zeros(2, np.int32), ts, np.array([40.0, 7.0]), ["ph"], np.array([-1, 0], np.int16))
    assert k.process(cols) == []
    assert k.counters["duplicate"] == k.counters["unknown"] == 0


def test_a_lasting_new_level_becomes_normal() -> None:
    s = sensor(params={"adaptive.relearn_n": 60, "adaptive.relearn_s": 60})
    found = send(ready("water", s), [30.0 + 0.1 * (i % 3) for i in range(120)], 120)
    assert [d.state for d in found if d.state != "update"] == ["raise", "clear"]
    assert "稳定在新水平 0.29 MPa" in found[-1].reason.zh
    assert found[-1].evidence.expected == pytest.approx(30.1, abs=0.3)


def test_the_level_does_not_chase_an_open_episode() -> None:
    found = send(ready(), [30.0] * 600, 120)
    assert found[-1].state == "update"
    assert found[-1].evidence.expected == pytest.approx(40, abs=0.3)


def test_configure_is_idempotent_and_takes_only_newer_versions() -> None:
    k = ready()
    before = k.snapshot()
    k.configure([sensor()])
    k.configure([sensor(name_en="late news", version=0)])
    assert k.snapshot() == before
    k.configure([sensor(name_en="North gate", version=2)])
    assert send(k, [25.0] * 10, 120)[0].name.en == "North gate"


def test_another_profile_learns_anew_and_open_episodes_still_end() -> None:
    k = ready()
    assert send(k, [25.0] * 10, 120)[0].kind == "pressure_low"
    k.configure([sensor(kind="ph", version=2)])
    found = send(k, [7.0] * 10, 130)
    assert [(d.state, d.kind) for d in found] == [("clear", "pressure_low")]


def test_refused_parameters_are_told_and_not_used() -> None:
    k = Kernel("water")
    k.configure([sensor(params={"limits.lwo": 3.0})])
    assert k.problems == [
        "sensor 522601-W-PRS-000001: params: limits.lwo: there is no such parameter; "
        "its profile water.pressure is used without them"
    ]


def test_a_delayed_upload_says_so() -> None:
    k = ready()
    k.tick(T0 + 7_200_000)
    assert send(k, [25.0] * 10, 120)[0].delayed_by_s == pytest.approx(7_200 - 125, abs=3)


def test_run_and_mode_are_part_of_the_detection_and_its_id() -> None:
    live, test = send(ready(), [25.0] * 10, 120)[0], send(ready(run="r1", mode="test"), [25.0] * 10, 120)[0]
    assert (test.run, test.mode) == ("r1", "test")
    assert live.id != test.id


def test_many_findings_in_one_batch() -> None:
    k = Kernel("gas")
    ids = [f"g{i}" for i in range(700)]
    k.configure(sensor(i, "methane", "gas") for i in ids)
    cols = from_rows([(i, T0 + s * 1000, 60.0) for s in range(4) for i in ids])
    found = k.process(cols)
    assert [d.sensor for d in found] == ids
    assert len({d.id for d in found}) == 700


def test_a_restored_kernel_knows_the_kind_of_an_open_episode() -> None:
    before, after = ready(), Kernel("water")
    assert send(before, [25.0] * 10, 120)[0].kind == "pressure_low"
    after.restore(before.snapshot())
    after.configure([sensor(kind="ph", version=2)])
    assert [(d.state, d.kind) for d in send(after, [7.0] * 10, 130)] == [("clear", "pressure_low")]


def test_snapshot_of_another_kernel_is_refused() -> None:
    data = ready().snapshot()
    with pytest.raises(StateError, match="snapshot is of water//actual, not gas//actual"):
        Kernel("gas").restore(data)
    with pytest.raises(StateError, match="cannot be read"):
        Kernel("water").restore(data[:50])


PROGRAM = """
import json, sys
import numpy as np
from geo.assets import Sensor
from streams.columns import Columns
from streams.kernel import Kernel
out = []
cases = ("water", "pressure", 40.0, -15.0), ("gas", "methane", 1.0, 60.0), ("water", "ph", 7.0, 1.0)
for domain, kind, level, jump in cases:
    k = Kernel(domain, blind_ms=None)
    k.configure([Sensor(id=i, domain=domain, kind=kind, zone="522601-W-DMA01", unit_code="522601", interval_s=1.0,
        params={"flatline.n": 20, "flatline.s": 10, "adaptive.relearn_n": 40, "adaptive.relearn_s": 40,
        "rate.rise_per_min": 500, "adaptive.warm_n": 40}) for i in ("a", "b")])
    x = np.random.default_rng(3).normal(level, 0.05, 400)
    x[120:260] += jump; x[300:360] = level; x[370:380] = 1e9; x[50] = np.nan
    ts = 1_700_000_000_000 + np.arange(400) // 2 * 1000
    for a in range(0, 400, 50):
        found = k.process(Columns(["a", "b"], np.tile(np.arange(2, dtype=np.int32), 25), ts[a:a+50], x[a:a+50]))
        out += [d.id for d in found + k.tick(int(ts[a + 49]) + 9000)]
    out.append(k.snapshot().hex())
print(json.dumps(out))
"""


def _program(**env: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_compiled_kernel_equals_the_uncompiled_one() -> None:
    fast, slow = _program(), _program(NUMBA_DISABLE_JIT="1")
    assert len(fast) > 8
    assert fast == slow


def test_the_cache_goes_where_it_is_told_and_a_read_only_place_is_no_trouble(tmp_path: Path) -> None:
    code = "from detectors.compiled import cache_folder; print(cache_folder())"
    readonly = tmp_path / "ro"
    readonly.mkdir()
    readonly.chmod(stat.S_IRUSR | stat.S_IXUSR)
    blocked = tmp_path / "file"
    blocked.write_text("")
    for base, inside in ((tmp_path / "cache", True), (blocked, False)):
        env = {**os.environ, "NUMBA_CACHE_DIR": str(base), "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        assert (str(base) in done.stdout) == inside
        assert Path(done.stdout.strip()).is_dir()
