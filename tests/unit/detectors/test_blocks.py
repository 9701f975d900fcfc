"""Detectors that a profile asks for: what each tells in the kernel, with its cause, and who pays for the memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.catalog import FOLDER, Catalog
from detectors.layout import BYTES_PER_BLOCK, BYTES_PER_SEASON, BYTES_PER_SENSOR
from detectors.override import merge
from detectors.params import ParamError
from geo.assets import Sensor
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

T0 = 1_699_833_600_000  # a Monday, 00:00 UTC
DAY = 1440
QUIET = {"adaptive.up": 0.0, "adaptive.down": 0.0, "dropout.intervals": 0.0, "flatline.n": 0.0}


def catalog(**asked: float) -> Catalog:
    """Water pressure judged by what is asked for alone."""
    base = Catalog.default()
    params = {**base.get("water.pressure").params, **QUIET, **{k.replace("__", "."): v for k, v in asked.items()}}
    profile = replace(base.get("water.pressure"), params=params)
    return Catalog({**base.profiles, "water.pressure": profile})


def kernel(**asked: float) -> Kernel:
    made = Kernel("water", catalog=catalog(**asked), blind_ms=None)
    made.configure([sensor()])
    return made


def sensor(**over: object) -> Sensor:
    fields = {"id": "s0", "domain": "water", "kind": "pressure", "zone": "522601-W-DMA01", "unit_code": "522601"}
    return Sensor(**{**fields, "interval_s": 60.0, **over})  # type: ignore[arg-type]


def send(k: Kernel, x: np.ndarray, first: int = 0) -> list[Detection]:
    n = len(x)
    return k.process(Columns(["s0"], np.zeros(n, np.int32), T0 + (first + np.arange(n)) * 60_000, x.astype(float)))


def daily(days: float, seed: int = 0, swing: float = 4.0) -> np.ndarray:
    """m of head: a daily curve, higher at weekends, with noise."""
    t = np.arange(int(days * DAY)) / DAY
    noise = np.random.default_rng(seed).normal(0, 0.15, len(t))
    return 40 + swing * np.sin(2 * np.pi * t) + (t % 7 >= 5) * 1.0 + noise


def told(found: list[Detection]) -> list[tuple[str, str, str]]:
    return [(d.state, d.kind, d.evidence.detector) for d in found if d.state != "update"]


def test_the_sentence_of_the_issue_pressure_below_the_usual_for_this_hour() -> None:
    x = daily(15, swing=2.0)
    x[-20:] -= 8.16  # m of head: 0.08 MPa
    k = kernel(seasonal__on=1, delay__on_s=360)
    found = [d for d in send(k, x) if d.state == "raise"]
    assert told(found) == [("raise", "pressure_low", "water.pressure/seasonal")]
    assert found[0].reason.zh.startswith("压力比同时段低 0.08 MPa（0.")
    assert "，持续 6 分钟" in found[0].reason.zh
    assert "pressure 0.08 MPa below the usual for this hour" in found[0].reason.en
    assert ", for 6 min" in found[0].reason.en
    e = found[0].evidence
    assert (e.value or 0) < (e.low or 0) < (e.expected or 0)
    assert e.expected == pytest.approx(40 + 2 * np.sin(2 * np.pi * 15), abs=0.8)


def test_a_daily_curve_itself_is_nothing_to_a_seasonal_detector() -> None:
    assert told(send(kernel(seasonal__on=1), daily(28))) == []


def test_a_jump_of_the_usual_shape_is_nothing_to_sums_beside_a_season() -> None:
    """A weekend begins with a step of seven scales at midnight; bins are an hour wide. Three sensors, six weeks."""
    for seed in range(3):
        x = daily(42, seed, swing=1.0)
        assert told(send(kernel(seasonal__on=1, cusum__on=1), x)) == []
        assert told(send(kernel(seasonal__on=1, page_hinkley__on=1), x)) == []


def test_a_small_shift_is_still_told_on_a_shape_with_jumps() -> None:
    x = daily(24, swing=1.0)
    x[-600:] -= 0.3  # two scales
    found = told(send(kernel(seasonal__on=1, cusum__on=1), x))
    assert found[0] == ("raise", "pressure_low", "water.pressure/cusum")


def test_nothing_is_told_before_a_whole_period_was_seen() -> None:
    x = daily(6)
    x[-100:] -= 20
    k = kernel(seasonal__on=1, limits__low_1=1, limits__low_2=0.9, limits__low_3=0.8)
    assert told(send(k, x)) == []


def test_a_small_lasting_shift_is_told_with_the_time_it_began() -> None:
    x = 40 + np.random.default_rng(3).normal(0, 0.5, 3 * DAY)
    x[-120:] -= 1.2
    found = send(kernel(cusum__on=1, adaptive__min_dev=0.0, adaptive__min_dev_rel=0.0), x)
    assert told(found)[0] == ("raise", "pressure_low", "water.pressure/cusum")
    begun = T0 + (3 * DAY - 120) * 60_000
    assert abs(found[0].onset_ms - begun) <= 5 * 60_000
    assert found[0].ts_ms - begun <= 30 * 60_000
    assert "此前水平持续偏低" in found[0].reason.zh


def test_page_hinkley_finds_what_is_smaller_later() -> None:
    x = 40 + np.random.default_rng(3).normal(0, 0.5, 3 * DAY)
    x[-600:] -= 0.6
    found = send(kernel(page_hinkley__on=1, adaptive__min_dev=0.0, adaptive__min_dev_rel=0.0), x)
    assert told(found)[0] == ("raise", "pressure_low", "water.pressure/page_hinkley")
    assert (found[0].ts_ms - T0) / 60_000 < 3 * DAY - 300


def test_the_running_median_is_not_pulled_along_by_spikes() -> None:
    rng = np.random.default_rng(1)
    x = 40 + rng.normal(0, 0.1, DAY)
    x[rng.random(DAY) < 0.3] += 30  # a third of the readings is wild
    x[-30:] = 30.0
    over = {"quantile__on": 1, "quantile__up": 0, "adaptive__min_dev": 0.5, "limits__low_1": 1, "limits__low_2": 0.9}
    found = send(kernel(**over, limits__low_3=0.8), x)
    assert told(found)[-1] == ("raise", "pressure_low", "water.pressure/quantile")
    assert found[-1].evidence.expected == pytest.approx(40.0, abs=0.5)


def test_more_swing_about_the_same_level_is_an_equipment_fault_unless_the_profile_says_hazard() -> None:
    x = 40 + np.random.default_rng(2).normal(0, 0.2, 2 * DAY)
    x[-60:] = 40 + np.random.default_rng(5).normal(0, 0.8, 60)
    found = send(kernel(variance__on=1), x)
    assert told(found) == [("raise", "noisy", "water.pressure/variance")]
    assert found[0].cls == "equipment"
    assert "波动为平时的" in found[0].reason.zh


def test_a_slow_drift_is_told_in_days_and_a_level_is_not() -> None:
    level = 40 + np.random.default_rng(2).normal(0, 0.2, 40 * DAY)
    assert told(send(kernel(drift__on=1, drift__min_dev=0.3), level)) == []
    level[-10 * DAY :] += np.linspace(0, 3, 10 * DAY)
    found = send(kernel(drift__on=1, drift__min_dev=0.3), level)
    assert told(found)[0] == ("raise", "drift", "water.pressure/drift")
    assert "缓慢上升" in found[0].reason.zh


def test_a_probe_that_only_flickers_is_stuck() -> None:
    x = 40 + np.random.default_rng(2).normal(0, 0.3, 1200)
    x[-400:] = 40 + np.random.default_rng(3).normal(0, 0.002, 400)
    found = send(kernel(stuck__n=30), x)
    assert told(found) == [("raise", "flatline", "water.pressure/flatline")]


def test_only_who_asks_pays_and_all_together_stay_within_a_kilobyte_and_a_season() -> None:
    k = Kernel("water", catalog=catalog())
    k.configure([sensor()])
    assert "blocks" not in k._rows.bank.dump()
    assert BYTES_PER_SENSOR + BYTES_PER_BLOCK <= 1024
    assert BYTES_PER_SEASON <= 1024


ALL = {
    "seasonal__on": 1.0, "cusum__on": 1.0, "page_hinkley__on": 1.0, "quantile__on": 1.0, "drift__on": 1.0,
    "variance__on": 1.0, "stuck__n": 60.0, "seasonal__period_s": 86400.0, "drift__now_s": 3600.0,
    "drift__ref_s": 86400.0,
}  # fmt: skip


def test_snapshots_with_every_block_are_exact() -> None:
    x = daily(6)
    x[-300:-200] -= 15
    whole, first, second = kernel(**ALL), kernel(**ALL), Kernel("water", catalog=catalog(**ALL), blind_ms=None)
    cut = len(x) - 250
    expected = send(whole, x[:cut]) + send(whole, x[cut:], cut)
    got = send(first, x[:cut])
    second.restore(first.snapshot())
    assert got + send(second, x[cut:], cut) == expected
    assert second.snapshot() == whole.snapshot()
    assert any(d.state == "raise" for d in expected)


def test_other_profiles_keep_what_was_learned_and_new_detectors_begin_anew() -> None:
    x = daily(9, swing=2.0)
    k = kernel()
    send(k, x[: 1 * DAY])
    level = float(k._rows.bank.state[0]["level"])
    k.use(catalog(seasonal__on=1))
    assert float(k._rows.bank.state[0]["level"]) == level
    send(k, x[DAY:], DAY)
    seen = int(k._rows.bank.blocks[1]["bins_seen"])
    assert seen > 150
    k.use(catalog(seasonal__on=1, seasonal__z_on=7))
    assert int(k._rows.bank.blocks[1]["bins_seen"]) == seen
    k.use(catalog(seasonal__on=1, seasonal__period_s=86400))
    assert int(k._rows.bank.blocks[1]["bins_seen"]) == 0


def test_a_profile_that_no_longer_asks_ends_what_is_open() -> None:
    x = 40 + np.random.default_rng(2).normal(0, 0.2, 2 * DAY + 60)
    x[2 * DAY - 60 : 2 * DAY] = 40 + np.random.default_rng(5).normal(0, 1.0, 60)
    k = kernel(variance__on=1)
    assert told(send(k, x[: 2 * DAY]))[-1][:2] == ("raise", "noisy")
    k.use(catalog())
    assert told(send(k, x[2 * DAY :], 2 * DAY)) == [("clear", "noisy", "water.pressure/variance")]


def test_a_device_put_in_the_place_of_another_learns_anew() -> None:
    k = kernel(**ALL)
    send(k, daily(6))
    assert int(k._rows.bank.blocks[1]["bins_seen"]) > 24
    k.configure([sensor(version=2, retired=True)])
    k.configure([sensor(version=3)])
    b = k._rows.bank.blocks[1]
    assert (int(b["bins_seen"]), int(b["shift_n"]), int(b["median_n"]), int(b["season"])) == (0, 0, 0, 1)
    assert np.isnan(k._rows.bank.seasons[1]).all()
    x = daily(0.5, seed=9) - 20  # another level is no alert of the new device
    assert send(k, x, 7 * DAY) == []


def test_state_of_layout_3_becomes_layout_4_with_its_open_episode() -> None:
    k = Kernel("water")
    k.restore((Path(__file__).parents[1] / "data" / "kernel-layout3.msgpack").read_bytes())
    assert k._rows.bank.dump()["layout"] == 4
    ts = 1_700_000_000_000 + (201 + np.arange(12)) * 1000
    (end,) = k.process(Columns(["s0"], np.zeros(12, np.int32), ts, np.full(12, 40.0)))
    assert (end.state, end.kind, end.onset_ms) == ("clear", "pressure_low", 1_700_000_190_000)


def test_a_fence_stands_between_profile_and_sensor() -> None:
    p = Catalog.default().get("gas.methane")
    got = merge(p, {"limits.high_1": 5.0, "delay.on_n": 2.0}, {"limits.high_1": 8.0})
    assert (got["limits.high_1"], got["delay.on_n"], got["limits.high_2"]) == (8.0, 2.0, 25.0)
    assert merge(p, {}, {}) == p.params
    with pytest.raises(ParamError, match=r"fence: limits\.high_9"):
        merge(p, {"limits.high_9": 1.0}, {})
    with pytest.raises(ParamError, match=r"^limits\.high_1, _2, _3"):
        merge(p, {"limits.high_2": 12.0}, {"limits.high_1": 20.0})


def test_a_kind_of_a_slot_of_its_own_may_not_be_that_of_a_side(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    water = tmp_path / "water.toml"
    text = water.read_text("utf-8")
    good = text.replace("[chlorine]\n", '[chlorine]\nvariance = { on = 1 }\nvariance_kind = "quality_anomaly"\n')
    water.write_text(good, "utf-8")
    assert Catalog.load(tmp_path).get("water.chlorine").kinds[7].kind == "quality_anomaly"
    water.write_text(text.replace("[chlorine]\n", '[chlorine]\nvariance_kind = "chlorine_low"\n'), "utf-8")
    with pytest.raises(ValueError, match=r"chlorine\.variance_kind: 'chlorine_low' is the kind of a side"):
        Catalog.load(tmp_path)


def test_where_a_season_is_known_the_sums_are_of_what_is_left_without_it() -> None:
    t = np.arange(21 * DAY) / DAY
    x = 40 + 4 * np.sin(2 * np.pi * t) + np.random.default_rng(4).normal(0, 0.2, len(t))
    asked = {"seasonal__on": 1, "cusum__on": 1, "adaptive__min_dev": 0.0, "adaptive__min_dev_rel": 0.0}
    assert told(send(kernel(**asked), x)) == []
    x[-90:] -= 0.6  # three times its noise, a fifth of its daily swing
    found = send(kernel(**asked), x)
    assert found[0].evidence.detector in ("water.pressure/cusum", "water.pressure/seasonal")
    assert found[0].ts_ms >= T0 + (21 * DAY - 90) * 60_000
    assert found[0].evidence.expected == pytest.approx(40 + 4 * np.sin(2 * np.pi * t[-75]), abs=1.0)
