"""Every parameter a detector may have: name, default, allowed range, meaning.

Profiles (TOML) and sensors override them by name. `compile_params` makes one fixed record of them for a sampling
interval: windows in seconds become numbers of readings, so that the same profile serves 1 s, 1 min and 5 min data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from detectors.layout import (
    BINS,
    BIT_DRIFT,
    BIT_MEAN,
    BIT_MOVE,
    BIT_QUANTILE,
    BIT_SEASON,
    BIT_SHIFT,
    BIT_STILL,
    RING,
)

OFF = math.nan  # a limit that is not set
INF = math.inf


class ParamError(ValueError):
    """A parameter has no such name or a value that cannot be used."""


@dataclass(frozen=True)
class Param:
    name: str
    default: float
    low: float
    high: float
    help: str


PARAMS: tuple[Param, ...] = (
    Param("adaptive.up", 1, 0, 1, "1: a value far above the expected is a condition"),
    Param("adaptive.down", 1, 0, 1, "1: a value far below the expected is a condition"),
    Param("adaptive.z_on", 6, 1, 100, "deviations (in scales) that make a reading abnormal"),
    Param("adaptive.off_ratio", 0.6, 0.05, 1, "share of the threshold under which a reading is normal again"),
    Param("adaptive.tail_k", 1.5, 0, 20, "the threshold is at least this times the sensor's own high quantile of |z|"),
    Param("adaptive.window_s", 3600, 1, 1e7, "memory of the level, seconds"),
    Param("adaptive.window_min_n", 24, 4, 1e6, "memory of the level, fewest readings"),
    Param("adaptive.window_max_n", 900, 4, 1e6, "memory of the level, most readings"),
    Param("adaptive.scale_windows", 8, 1, 1000, "memory of the scale, in memories of the level"),
    Param("adaptive.min_dev", 0, 0, 1e9, "smallest deviation that matters, in the sensor's unit"),
    Param("adaptive.min_dev_rel", 0.01, 0, 10, "smallest deviation that matters, as a share of the level"),
    Param("adaptive.warm_n", 60, 16, 1e6, "readings before the level is trusted"),
    Param("adaptive.open_gain", 0.05, 0, 1, "share of the usual learning while an episode is open"),
    Param("adaptive.relearn_n", 48, 2, 1e6, "an episode this many readings long ..."),
    Param("adaptive.relearn_s", 14400, 0, 1e7, "... and this many seconds long is the new normal"),
    Param("adaptive.only", 0, 0, 1, "1: a plain moving average is all that judges this sensor (the cheapest)"),
    Param("quantile.on", 0, 0, 1, "1: deviation from the running median, for signals with many spikes"),
    Param("quantile.up", 1, 0, 1, "1: a value far above it is a condition"),
    Param("quantile.down", 1, 0, 1, "1: a value far below it is a condition"),
    Param("quantile.z_on", 8, 1, 100, "deviations (in scales by MAD) that make a reading abnormal"),
    Param("quantile.window_s", 21600, 1, 1e8, "memory of median and MAD, seconds"),
    Param("seasonal.on", 0, 0, 1, "1: deviation from what is usual at this hour of the week"),
    Param("seasonal.up", 1, 0, 1, "1: a value far above it is a condition"),
    Param("seasonal.down", 1, 0, 1, "1: a value far below it is a condition"),
    Param("seasonal.z_on", 6, 1, 100, "deviations (in scales of the hour) that make a reading abnormal"),
    Param("seasonal.tail_k", 1.5, 0, 20, "the threshold is at least this times the sensor's own high quantile of |z|"),
    Param("seasonal.period_s", 604800, 168, 1e8, "length of the season, seconds: a week, or a learned period"),
    Param("seasonal.gain", 0.3, 0.01, 1, "share of its error by which a bin of the season moves a visit"),
    Param("seasonal.trend_s", 172800, 60, 1e9, "memory of the level under the season, seconds"),
    Param("seasonal.warm", 1, 0.1, 100, "periods before it judges"),
    Param("cusum.on", 0, 0, 1, "1: two-sided CUSUM: small shifts that last"),
    Param("cusum.up", 1, 0, 1, "1: a shift up is a condition"),
    Param("cusum.down", 1, 0, 1, "1: a shift down is a condition"),
    Param("cusum.k", 0.5, 0.05, 3, "half the shift that matters, in scales"),
    Param("cusum.h", 15, 1, 1e4, "sum from which a shift is told, in scales"),
    Param("cusum.tail_k", 1.5, 0, 20, "... and at least this times the largest sum that ended by itself"),
    Param("cusum.window_s", 86400, 60, 1e9, "memory of the reference, seconds"),
    Param("page_hinkley.on", 0, 0, 1, "1: Page-Hinkley: the mean has moved off its long mean"),
    Param("page_hinkley.up", 1, 0, 1, "1: a mean moved up is a condition"),
    Param("page_hinkley.down", 1, 0, 1, "1: a mean moved down is a condition"),
    Param("page_hinkley.delta", 0.25, 0.01, 3, "deviation that is allowed, in scales"),
    Param("page_hinkley.lambda", 50, 1, 1e5, "sum from which it is told"),
    Param("page_hinkley.tail_k", 1.5, 0, 20, "... and at least this times the largest sum that ended by itself"),
    Param("page_hinkley.window_s", 604800, 60, 1e9, "memory of the mean, seconds"),
    Param("drift.on", 0, 0, 1, "1: slow drift of the instrument: today's level against the last weeks'"),
    Param("drift.z_on", 6, 1, 100, "differences of the two levels (in their own scale) that are a drift"),
    Param("drift.min_dev", 0, 0, 1e9, "smallest drift that matters, in the sensor's unit"),
    Param("drift.now_s", 86400, 60, 1e9, "short memory, seconds"),
    Param("drift.ref_s", 1209600, 60, 1e9, "long memory, seconds"),
    Param("variance.on", 0, 0, 1, "1: change of variance"),
    Param("variance.up", 1, 0, 1, "1: more is a condition"),
    Param("variance.down", 0, 0, 1, "1: less is a condition"),
    Param("variance.z_on", 5, 1, 100, "z of the ratio of mean square differences that is a condition"),
    Param("variance.tail_k", 1.2, 0, 20, "the threshold is at least this times the sensor's own high quantile of |z|"),
    Param("variance.window_s", 900, 1, 1e8, "short memory, seconds (at least 12 readings)"),
    Param("variance.ref_s", 86400, 60, 1e9, "long memory, seconds"),
    Param("stuck.n", 0, 0, 1e6, "readings of hardly any movement that are a stuck sensor; 0: never"),
    Param("stuck.ratio", 0.1, 1e-6, 0.9, "hardly any: this share of the least movement that was normal"),
    Param("limits.high_1", OFF, -INF, INF, "hard limit, watch"),
    Param("limits.high_2", OFF, -INF, INF, "hard limit, low alarm"),
    Param("limits.high_3", OFF, -INF, INF, "hard limit, high alarm"),
    Param("limits.low_1", OFF, -INF, INF, "hard limit from below, watch"),
    Param("limits.low_2", OFF, -INF, INF, "hard limit from below, low alarm"),
    Param("limits.low_3", OFF, -INF, INF, "hard limit from below, high alarm"),
    Param("limits.hysteresis", 0.05, 0, 0.9, "a limit is left at this share inside it"),
    Param(
        "limits.off_scale", OFF, -INF, INF, "full scale: from here the reading says only that it is more; it latches"
    ),
    Param("limits.latch_s", 1800, 0, 1e6, "... and is left after so many seconds below the watch level"),
    Param("range.min", -INF, -INF, INF, "a value below is impossible: equipment trouble"),
    Param("range.max", INF, -INF, INF, "a value above is impossible: equipment trouble"),
    Param("rate.rise_per_min", OFF, 0, INF, "rise a minute that is a condition"),
    Param("rate.fall_per_min", OFF, 0, INF, "fall a minute that is a condition"),
    Param("rate.window_s", 10, 0.001, 1e6, "time over which the rate is taken, at least one reading"),
    Param("delay.on_n", 3, 1, 200, "abnormal readings before an episode begins"),
    Param("delay.on_s", 5, 0, 1e6, "seconds the condition holds before an episode begins"),
    Param("delay.on_most_s", 0, 0, 1e6, "the delay is at most this long, however rare the readings; 0: no bound"),
    Param("delay.off_n", 3, 1, 200, "normal readings before an episode ends"),
    Param("delay.off_s", 5, 0, 1e6, "seconds without the condition before an episode ends"),
    Param("delay.update_s", 30, 1, 1e6, "least seconds between two updates of an open episode"),
    Param("delay.gap_n", 20, 2, 1e6, "a gap of this many intervals forgets a condition that is not yet an episode"),
    Param("flatline.n", 0, 0, 1e6, "equal readings that are a stuck sensor; 0: never"),
    Param("flatline.s", 600, 0, 1e7, "... and least seconds"),
    Param("flatline.eps", 0, 0, 1e6, "values this close are equal"),
    Param("flatline.longest_k", 3, 0, 100, "... and this times the longest run that was normal for this sensor"),
    Param("flatline.zero_ok", 0, 0, 1, "1: zero may stay for ever"),
    Param("dropout.intervals", 3, 0, 1e6, "intervals of silence that are a drop-out; 0: never"),
    Param("dropout.min_s", 15, 0, 1e7, "... and least seconds"),
    Param("clock.ahead_s", 10, 0.1, 1e6, "a device clock this far ahead of the arrival is wrong"),
    Param("clock.behind_s", 180, 1, 1e7, "readings of a continuous sensor that are never younger than this at arrival"),
    Param("clock.hold_s", 300, 0, 1e6, "... for so long (time of arrival)"),
    Param("equipment.update_s", 600, 1, 1e7, "least seconds between two updates of an open equipment episode"),
)
BY_NAME: Mapping[str, Param] = {p.name: p for p in PARAMS}
DEFAULTS: Mapping[str, float] = {p.name: float(p.default) for p in PARAMS}

RECORD = np.dtype(
    [(name, "f8") for name in (
        "z_on", "off_ratio", "tail_k", "level_gain", "scale_gain", "min_dev", "min_dev_rel", "open_gain",
        "high_1", "high_2", "high_3", "low_1", "low_2", "low_3", "hysteresis", "off_scale", "range_min", "range_max",
        "rise_per_ms", "fall_per_ms", "flat_eps", "flat_longest_k", "clock_ahead_ms", "clock_behind_ms",
        "quantile_gain", "quantile_z", "season_z", "season_tail_k", "season_gain", "season_trend", "season_spread",
        "cusum_k", "cusum_h", "cusum_tail_k", "cusum_gain", "mean_delta", "mean_lambda", "mean_tail_k", "mean_gain",
        "drift_z", "drift_min", "drift_now_gain", "drift_ref_gain", "move_z", "move_tail_k", "move_gain",
        "move_ref_gain", "still_ratio",
    )]
    + [(name, "i8") for name in (
        "up", "down", "low_slot", "warm_n", "relearn_n", "relearn_ms", "rate_n", "on_n", "on_ms", "off_n", "off_ms",
        "latch_ms", "update_ms", "gap_ms", "flat_n", "flat_ms", "flat_zero_ok", "drop_ms", "slow_update_ms",
        "clock_hold_ms", "only", "blocks", "block_up", "block_down", "season_ms", "season_warm", "season_weekly",
        "still_n",
    )],
    align=True,
)  # fmt: skip


ASKED: tuple[tuple[str, int], ...] = (  # detectors with a block: name, bit
    ("seasonal", BIT_SEASON),
    ("cusum", BIT_SHIFT),
    ("page_hinkley", BIT_MEAN),
    ("quantile", BIT_QUANTILE),
    ("drift", BIT_DRIFT),
    ("variance", BIT_MOVE),
)


def blocks_of(values: Mapping[str, float]) -> int:
    """Bits of the detectors with a block that these parameters ask for."""
    bits = sum(bit for name, bit in ASKED if values[f"{name}.on"])
    return bits | (BIT_STILL if values["stuck.n"] else 0)


def check(name: str, value: object) -> float:
    """The value as a float.

    Raises:
        ParamError: no such parameter, not a number, or out of its range; says which and what is allowed.
    """
    if name not in BY_NAME:
        raise ParamError("there is no such parameter")
    if isinstance(value, bool):
        value = float(value)
    if not isinstance(value, int | float) or math.isnan(value):
        raise ParamError(f"{value!r} is not a number")
    p = BY_NAME[name]
    if not p.low <= value <= p.high:
        raise ParamError(f"{value} is out of range, want {p.low:g} to {p.high:g} ({p.help})")
    return float(value)


def present_high(values: Mapping[str, float]) -> list[float]:
    """The hard limits from above that are set."""
    return [v for k in (1, 2, 3) if not math.isnan(v := values[f"limits.high_{k}"])]


def check_together(values: Mapping[str, float]) -> None:
    """Raises ParamError where two values do not go together: limits out of order, an empty range."""
    for side, sign in (("high", 1.0), ("low", -1.0)):
        rungs = [values[f"limits.{side}_{k}"] for k in (1, 2, 3)]
        present = [v for v in rungs if not math.isnan(v)]
        if present != rungs[: len(present)] or any(sign * a >= sign * b for a, b in pairwise(present)):
            raise ParamError(f"limits.{side}_1, _2, _3 must be given from the first on and grow more severe")
    if values["limits.off_scale"] <= max(present_high(values), default=-INF):
        raise ParamError("limits.off_scale must be above limits.high_1, _2, _3")
    if values["range.min"] >= values["range.max"]:
        raise ParamError("range.min must be below range.max")
    for part in ("drift", "variance"):
        short = "now_s" if part == "drift" else "window_s"
        if values[f"{part}.{short}"] >= values[f"{part}.ref_s"]:
            raise ParamError(f"{part}.{short} must be below {part}.ref_s")
    if values["adaptive.only"] and blocks_of(values):
        raise ParamError("adaptive.only leaves no room for other detectors; take it away, or theirs")


def compile_params(values: Mapping[str, float], interval_s: float, low_slot: int = 0, upload_s: float = 0.0) -> Any:
    """One RECORD for a sensor that reports each `interval_s` seconds (and uploads each `upload_s`, 0: at once).

    >>> float(compile_params(DEFAULTS, 60.0)["level_gain"]) == 1 / 60
    True
    """
    v = {**DEFAULTS, **values}
    window = min(max(v["adaptive.window_s"] / interval_s, v["adaptive.window_min_n"]), v["adaptive.window_max_n"])
    out = np.zeros((), RECORD)
    for name in (
        "z_on",
        "off_ratio",
        "tail_k",
        "min_dev",
        "min_dev_rel",
        "open_gain",
        "up",
        "down",
        "warm_n",
        "relearn_n",
        "only",
    ):
        out[name] = v[f"adaptive.{name}"]
    for name in ("high_1", "high_2", "high_3", "low_1", "low_2", "low_3", "hysteresis", "off_scale"):
        out[name] = v[f"limits.{name}"]
    out["level_gain"] = 1.0 / window
    out["scale_gain"] = 1.0 / (window * v["adaptive.scale_windows"])
    out["relearn_ms"] = v["adaptive.relearn_s"] * 1000.0
    out["range_min"], out["range_max"] = v["range.min"], v["range.max"]
    out["rise_per_ms"], out["fall_per_ms"] = v["rate.rise_per_min"] / 60_000.0, v["rate.fall_per_min"] / 60_000.0
    out["rate_n"] = min(max(round(v["rate.window_s"] / interval_s), 1), RING - 1)
    out["on_n"], out["off_n"] = v["delay.on_n"], v["delay.off_n"]
    out["on_ms"], out["off_ms"] = v["delay.on_s"] * 1000.0, v["delay.off_s"] * 1000.0
    if most_s := v["delay.on_most_s"]:
        on_n = min(v["delay.on_n"], 1 + most_s // interval_s)
        out["on_n"], out["on_ms"] = on_n, min(v["delay.on_s"], (on_n - 1) * interval_s) * 1000.0
    out["latch_ms"] = v["limits.latch_s"] * 1000.0
    out["update_ms"], out["slow_update_ms"] = v["delay.update_s"] * 1000.0, v["equipment.update_s"] * 1000.0
    out["gap_ms"] = v["delay.gap_n"] * interval_s * 1000.0
    out["flat_n"], out["flat_ms"] = v["flatline.n"], v["flatline.s"] * 1000.0
    out["flat_eps"], out["flat_longest_k"] = v["flatline.eps"], v["flatline.longest_k"]
    out["flat_zero_ok"] = v["flatline.zero_ok"]
    silent_s = max(v["dropout.intervals"] * max(interval_s, upload_s), v["dropout.min_s"])
    out["drop_ms"] = silent_s * 1000.0 if v["dropout.intervals"] else 0
    out["low_slot"] = low_slot
    out["clock_ahead_ms"], out["clock_hold_ms"] = v["clock.ahead_s"] * 1000.0, v["clock.hold_s"] * 1000.0
    out["clock_behind_ms"] = INF if upload_s else v["clock.behind_s"] * 1000.0
    _compile_blocks(out, v, interval_s)
    return out[()]


def _compile_blocks(out: Any, v: Mapping[str, float], interval_s: float) -> None:
    """The fields of detectors with a block."""

    def gain(seconds: float, least_n: float = 12.0) -> float:
        return 1.0 / max(seconds / interval_s, least_n)

    out["blocks"] = blocks_of(v)
    for side in ("up", "down"):
        out[f"block_{side}"] = sum(bit for name, bit in ASKED if v.get(f"{name}.{side}", 1.0))
    out["quantile_gain"], out["quantile_z"] = gain(v["quantile.window_s"], 24), v["quantile.z_on"]
    period_s = v["seasonal.period_s"]
    out["season_ms"], out["season_weekly"] = round(period_s * 1000.0), period_s == 604800.0
    out["season_z"], out["season_tail_k"] = v["seasonal.z_on"], v["seasonal.tail_k"]
    out["season_gain"], out["season_trend"] = v["seasonal.gain"], gain(v["seasonal.trend_s"])
    out["season_warm"] = round(v["seasonal.warm"] * min(BINS, max(period_s / interval_s, 1.0)))
    out["season_spread"] = gain(10.0 * period_s / BINS)
    out["cusum_k"], out["cusum_h"], out["cusum_tail_k"] = v["cusum.k"], v["cusum.h"], v["cusum.tail_k"]
    out["cusum_gain"] = gain(v["cusum.window_s"], 60)
    out["mean_delta"], out["mean_lambda"] = v["page_hinkley.delta"], v["page_hinkley.lambda"]
    out["mean_tail_k"], out["mean_gain"] = v["page_hinkley.tail_k"], gain(v["page_hinkley.window_s"], 60)
    out["drift_z"], out["drift_min"] = v["drift.z_on"], v["drift.min_dev"]
    out["drift_now_gain"], out["drift_ref_gain"] = gain(v["drift.now_s"]), gain(v["drift.ref_s"])
    out["move_z"], out["move_tail_k"] = v["variance.z_on"], v["variance.tail_k"]
    out["move_gain"], out["move_ref_gain"] = gain(v["variance.window_s"]), gain(v["variance.ref_s"], 24)
    out["still_n"], out["still_ratio"] = v["stuck.n"], v["stuck.ratio"]
