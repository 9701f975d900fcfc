"""The kernel and time: late data, clocks, batched uploads, balances of zones; metrics, retirement, older snapshots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streams.columns import Columns, from_rows
from streams.kernel import Kernel
from tests.unit.test_kernel import T0, ready, send, sensor

HOUR = 3_600_000


def test_late_data_is_judged_and_its_alert_says_so() -> None:
    batched = sensor(report="batched", upload_s=86_400.0, interval_s=900.0)
    k = Kernel("water")
    k.configure([batched])
    values = [40.0 + 0.1 * (i % 3) for i in range(90)] + [20.0] * 6
    cols = from_rows([(batched.id, T0 + i * 900_000, v) for i, v in enumerate(values)])
    (found,) = [d for d in k.process(cols, at_ms=T0 + 96 * 900_000 + 5 * HOUR) if d.state == "raise"]
    assert found.delayed_by_s == pytest.approx(6 * 3600, abs=900)
    assert "数据迟到 6 小时" in found.reason.zh
    assert "(data 6 h" in found.reason.en


def test_data_in_time_is_not_called_late() -> None:
    k = ready()
    (found,) = k.process(from_rows([(sensor().id, T0 + (120 + i) * 1000, 25.0) for i in range(8)]), T0 + 129_000)
    assert found.delayed_by_s == 0
    assert "迟到" not in found.reason.zh


def test_a_batched_sensor_is_silent_after_its_upload_interval_not_its_sampling_interval() -> None:
    k = Kernel("water", blind_ms=None)
    k.configure([sensor(report="batched", upload_s=86_400.0, interval_s=900.0)])
    k.tick(T0)
    k.process(from_rows([(sensor().id, T0, 40.0)]), at_ms=T0)
    assert k.tick(T0 + 70 * HOUR) == []
    (silent,) = k.tick(T0 + 73 * HOUR)
    assert silent.kind == "dropout"


@pytest.mark.parametrize(("off_s", "words"), [(45, "45 s ahead"), (-600, "10 min late")])
def test_a_wrong_clock_is_an_equipment_alert_and_ends_when_it_is_set(off_s: int, words: str) -> None:
    k = Kernel("water")
    k.configure([sensor()])
    found = []
    for i in range(720):
        stamp = T0 + i * 1000 + (off_s * 1000 if i < 400 else 0) + 1_000_000
        found += k.process(from_rows([(sensor().id, stamp, 40 + 0.1 * (i % 7))]), at_ms=T0 + i * 1000 + 1_000_050)
    told = [(d.kind, d.cls, d.state) for d in found if d.kind == "clock_skew"]
    assert told[0] == ("clock_skew", "equipment", "raise")
    assert words in found[0].reason.en
    assert found[0].evidence.unit == "s"
    if off_s < 0:  # set forward: the stamps go on. Set back, they are older than the newest until time caught up
        assert told[-1][2] == "clear"


def test_a_slow_minute_of_the_network_is_no_wrong_clock() -> None:
    k = Kernel("water")
    k.configure([sensor()])
    for i in range(900):
        lag = 240_000 if 300 <= i < 600 else 300
        assert k.process(from_rows([(sensor().id, T0 + i * 1000, 40 + 0.1 * (i % 7))]), T0 + i * 1000 + lag) == []


def meters() -> list[object]:
    flow = {"kind": "flow", "interval_s": 10.0}
    return [
        sensor("522601-W-FLW-000001", flow_sign=1, **flow),
        sensor("522601-W-FLW-000002", flow_sign=-1, **flow),
    ]


def test_a_balance_of_a_zone_is_judged_and_late_rows_count_until_the_window_closes() -> None:
    k = Kernel("water", blind_ms=None)
    k.configure(meters())  # type: ignore[arg-type]
    base = T0 // 60_000 * 60_000
    rng = np.random.default_rng(3)
    found = []
    for minute in range(90):
        leak = 60.0 if minute >= 75 else 0.0
        rows = [
            (name, base + minute * 60_000 + s * 1000, float(rng.normal(x, 0.5)))
            for s in range(0, 60, 10)
            for name, x in (("522601-W-FLW-000001", 100.0 + leak), ("522601-W-FLW-000002", 60.0))
        ]
        shuffled = [rows[j] for j in rng.permutation(len(rows))]  # late by seconds: judged no more, but summed
        found += k.process(from_rows(shuffled))
        found += k.tick(base + (minute + 1) * 60_000 + 31_000)
    told = [d for d in found if d.kind == "balance_high"]
    assert [d.state for d in told][:2] == ["raise", "update"]
    assert (told[0].asset, told[0].zone, told[0].county) == ("522601-W-DMA03", "522601-W-DMA03", "522601")
    assert told[0].evidence.value == pytest.approx(100.0, abs=1.0)
    assert k.counters["late_for_balance"] == 0
    assert k.counters["late"] > 0


def test_a_window_without_a_member_is_a_gap_and_a_row_behind_the_watermark_is_counted() -> None:
    k = Kernel("water", blind_ms=None)
    k.configure(meters())  # type: ignore[arg-type]
    base = T0 // 60_000 * 60_000
    k.process(from_rows([("522601-W-FLW-000001", base, 1.0)]))
    k.tick(base + 95_000)
    k.process(from_rows([("522601-W-FLW-000002", base + 1000, 1.0)]))
    assert (k.counters["balance_gap"], k.counters["late_for_balance"]) == (1, 1)


def test_balances_survive_a_snapshot() -> None:
    base = T0 // 60_000 * 60_000

    def play(cut: bool) -> list[str]:
        k = Kernel("water", blind_ms=None)
        k.configure(meters())  # type: ignore[arg-type]
        out = []
        for minute in range(90):
            for s, sign in ((0, 1), (20, 2), (40, 1)):
                x = 100.0 + (60 if minute > 80 and sign == 1 else 0) + minute % 5
                out += k.process(from_rows([(f"522601-W-FLW-00000{sign}", base + minute * 60_000 + s * 1000, x)]))
                if cut and minute % 7 == 3 and s == 20:
                    data = k.snapshot()
                    k = Kernel("water", blind_ms=None)
                    assert k.restore(data) == []
                    assert k.snapshot() == data
            out += k.tick(base + minute * 60_000 + 45_000)
        return [d.id for d in out]

    assert play(True) == play(False)
    assert play(True)


def test_metrics_of_a_sensor_have_rows_and_profiles_of_their_own() -> None:
    k = Kernel("water")
    k.configure([sensor(params={"limits.low_1": 38.0})])
    n = 80
    cols = Columns(
        [sensor().id], np.zeros(3 * n, np.int32), np.repeat(T0 + np.arange(n) * 1000, 3),
        np.array([[39.0 + 0.1 * (i % 3), 7.4 + 0.01 * (i % 4), 10.0] for i in range(n)]).reshape(-1),
        metrics=["pressure", "ph", "odd"], metric_idx=np.tile(np.array([0, 1, 2], np.int16), n),
    )  # fmt: skip
    assert k.process(cols) == []
    assert len(k) == 3
    assert k.counters["unknown"] == k.counters["duplicate"] == 0
    low = Columns([sensor().id], np.zeros(8, np.int32), T0 + np.arange(n, n + 8) * 1000, np.full(8, 5.5), ["ph"],
                  np.zeros(8, np.int16))  # fmt: skip
    (found,) = k.process(low)
    assert (found.kind, found.sensor, found.evidence.detector.split("/")[0]) == (
        "quality_anomaly", sensor().id, "water.ph",
    )  # fmt: skip
    again = Kernel("water")
    again.restore(k.snapshot())
    assert again.snapshot() == k.snapshot()
    assert [d.state for d in send(again, [37.0] * 8, 200)] == ["raise"]


def test_the_limit_that_is_said_is_the_sensors_own() -> None:
    k = ready("water", sensor(params={"limits.low_1": 30.0}))
    (found,) = send(k, [28.0] * 8, 120)
    assert found.evidence.limit == 30.0
    assert "0.29 MPa" in found.reason.zh


def test_a_retired_sensor_ends_its_episodes_and_is_silent_in_peace() -> None:
    k = ready()
    assert [d.state for d in send(k, [25.0] * 10, 120)] == ["raise"]
    (end,) = k.configure([sensor(version=2, retired=True)])
    assert (end.state, end.kind, end.reason.zh) == ("clear", "pressure_low", "监测点已停用")
    assert end.onset_ms == T0 + 120_000
    assert k.configure([sensor(version=2, retired=True)]) == []
    for hour in range(5):
        assert k.tick(T0 + hour * HOUR) == []


def test_a_snapshot_of_the_version_before_goes_on_with_its_open_episode() -> None:
    k = Kernel("water")
    notes = k.restore((Path(__file__).parent / "data" / "kernel-format3.msgpack").read_bytes())
    assert notes == ["format 3 became 5", "what detectors 1 learned is used by detectors 2"]
    (end,) = send(k, [40.0] * 12, 130)
    assert (end.state, end.onset_ms) == ("clear", T0 + 120_000)


def test_a_sensor_with_the_moving_average_alone_has_episodes_and_drop_outs() -> None:
    only = {"adaptive.only": 1.0, "adaptive.warm_n": 60.0}
    k = ready("water", sensor(params=only))
    found = send(k, [25.0] * 10 + [40.0] * 12, 120)
    assert [(d.state, d.kind) for d in found] == [("raise", "pressure_low"), ("clear", "pressure_low")]
    assert found[0].evidence.expected == pytest.approx(40.0, abs=0.5)
    k.tick(T0 + 200_000)
    assert [d.kind for d in k.tick(T0 + 230_000)] == ["dropout"]
    assert [d.state for d in send(k, [40.0] * 10, 231)] == ["clear"]


def test_ids_that_are_still_bytes_give_the_same_answers() -> None:
    from streams.packed import pack, unpack

    k, twin = ready(), ready()
    cols = from_rows([(sensor().id, T0 + (120 + i) * 1000, 25.0) for i in range(10)] + [("nobody", T0, 1.0)])
    assert [d.id for d in k.process(unpack(pack(cols), trusted=True).cols)] == [d.id for d in twin.process(cols)]
    assert k.counters == twin.counters
    assert k.snapshot() == twin.snapshot()
