"""Profiles that name a kind of alert for one direction only."""

from __future__ import annotations

import math

from detectors.params import DEFAULTS

LOW = ("limits.low_1", "limits.low_2", "limits.low_3", "rate.fall_per_min")
HIGH = ("limits.high_1", "limits.high_2", "limits.high_3", "limits.off_scale", "rate.rise_per_min")


def one_sided(params: dict[str, float], low: bool, high: bool) -> None:
    """A direction without a kind of alert is not watched."""
    sided = [name.removesuffix(".up") for name in DEFAULTS if name.endswith(".up") and name != "variance.up"]
    params.update({f"{name}.down": 0.0 for name in sided if not low})
    params.update({f"{name}.up": 0.0 for name in sided if not high})
    for side, names in ((low, LOW), (high, HIGH)):
        if not side:
            params.update(dict.fromkeys(names, math.nan))
