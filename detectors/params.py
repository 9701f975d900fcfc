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

from detectors.layout import RING

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
    Param("limits.high_1", OFF, -INF, INF, "hard limit, watch"),
    Param("limits.high_2", OFF, -INF, INF, "hard limit, low alarm"),
    Param("limits.high_3", OFF, -INF, INF, "hard limit, high alarm"),
    Param("limits.low_1", OFF, -INF, INF, "hard limit from below, watch"),
    Param("limits.low_2", OFF, -INF, INF, "hard limit from below, low alarm"),
    Param("limits.low_3", OFF, -INF, INF, "hard limit from below, high alarm"),
    Param("limits.hysteresis", 0.05, 0, 0.9, "a limit is left at this share inside it"),
    Param("range.min", -INF, -INF, INF, "a value below is impossible: equipment trouble"),
    Param("range.max", INF, -INF, INF, "a value above is impossible: equipment trouble"),
    Param("rate.rise_per_min", OFF, 0, INF, "rise a minute that is a condition"),
    Param("rate.fall_per_min", OFF, 0, INF, "fall a minute that is a condition"),
    Param("rate.window_s", 10, 0.001, 1e6, "time over which the rate is taken, at least one reading"),
    Param("delay.on_n", 3, 1, 200, "abnormal readings before an episode begins"),
    Param("delay.on_s", 5, 0, 1e6, "seconds the condition holds before an episode begins"),
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
        "high_1", "high_2", "high_3", "low_1", "low_2", "low_3", "hysteresis", "range_min", "range_max",
        "rise_per_ms", "fall_per_ms", "flat_eps", "flat_longest_k", "clock_ahead_ms", "clock_behind_ms",
    )]
    + [(name, "i8") for name in (
        "up", "down", "low_slot", "warm_n", "relearn_n", "relearn_ms", "rate_n", "on_n", "on_ms", "off_n", "off_ms",
        "update_ms", "gap_ms", "flat_n", "flat_ms", "flat_zero_ok", "drop_ms", "slow_update_ms",
        "clock_hold_ms", "only",
    )],
    align=True,
)  # fmt: skip


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


def check_together(values: Mapping[str, float]) -> None:
    """Raises ParamError where two values do not go together: limits out of order, an empty range."""
    for side, sign in (("high", 1.0), ("low", -1.0)):
        rungs = [values[f"limits.{side}_{k}"] for k in (1, 2, 3)]
        present = [v for v in rungs if not math.isnan(v)]
        if present != rungs[: len(present)] or any(sign * a >= sign * b for a, b in pairwise(present)):
            raise ParamError(f"limits.{side}_1, _2, _3 must be given from the first on and grow more severe")
    if values["range.min"] >= values["range.max"]:
        raise ParamError("range.min must be below range.max")


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
    for name in ("high_1", "high_2", "high_3", "low_1", "low_2", "low_3", "hysteresis"):
        out[name] = v[f"limits.{name}"]
    out["level_gain"] = 1.0 / window
    out["scale_gain"] = 1.0 / (window * v["adaptive.scale_windows"])
    out["relearn_ms"] = v["adaptive.relearn_s"] * 1000.0
    out["range_min"], out["range_max"] = v["range.min"], v["range.max"]
    out["rise_per_ms"], out["fall_per_ms"] = v["rate.rise_per_min"] / 60_000.0, v["rate.fall_per_min"] / 60_000.0
    out["rate_n"] = min(max(round(v["rate.window_s"] / interval_s), 1), RING - 1)
    out["on_n"], out["off_n"] = v["delay.on_n"], v["delay.off_n"]
    out["on_ms"], out["off_ms"] = v["delay.on_s"] * 1000.0, v["delay.off_s"] * 1000.0
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
    return out[()]
