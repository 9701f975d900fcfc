"""Parameters over parameters: a profile's, over them a fence's, over them a sensor's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from detectors.params import ParamError, blocks_of, check, check_together

if TYPE_CHECKING:
    from detectors.catalog import Profile


# What a fence may only make stricter, so that it can never hide a hard limit: 1: not above the profile's value, -1: not
# below it, 0: not at all (a narrow range makes high readings "impossible", which is equipment trouble).
STRICTER: Mapping[str, int] = {
    **{f"limits.high_{k}": 1 for k in (1, 2, 3)},
    **{f"limits.low_{k}": -1 for k in (1, 2, 3)},
    **dict.fromkeys(("limits.off_scale", "delay.on_n", "delay.on_s", "delay.update_s", "equipment.update_s"), 1),
    **dict.fromkeys(("range.min", "range.max", "delay.on_most_s"), 0),
}


def shape(params: Mapping[str, float]) -> tuple[int, ...]:
    """(plain average alone?, detectors with a block, length of the season in ms): what decides what state means."""
    return int(params["adaptive.only"]), blocks_of(params), round(params["seasonal.period_s"] * 1000)


def merge(profile: Profile, fence: Mapping[str, float], sensor: Mapping[str, float]) -> Mapping[str, float]:
    """The profile's parameters, a fence's over them, the sensor's own over both.

    Raises:
        ParamError: a name or value cannot be used; the text begins with "fence" or the name.
    """
    try:
        inside = override(profile, stricter(profile, fence))
    except ParamError as error:
        raise ParamError(f"fence: {error}") from None
    return override(replace(profile, params=inside), sensor)


def stricter(profile: Profile, fence: Mapping[str, float]) -> dict[str, float]:
    """A fence's parameters, those that would hide a hard limit at the profile's own value."""
    out = {}
    for name, value in fence.items():
        side, usual = STRICTER.get(name), profile.params.get(name, math.nan)
        if side is not None and (side == 0 or (value - usual) * side > 0):
            value = usual
        if name not in STRICTER or not math.isnan(value):
            out[name] = value
    return out


def override(profile: Profile, params: Mapping[str, float]) -> Mapping[str, float]:
    """The profile's parameters with a sensor's own over them.

    Names without a part (`lanes`, `clock_ms`) are facts of the asset, for detectors over several sensors.

    Raises:
        ParamError: a name or value cannot be used; the text begins with the name.
    """
    if not params:
        return profile.params
    out = dict(profile.params)
    for name, value in params.items():
        if "." not in name:
            continue
        try:
            out[name] = check(name, value)
        except ParamError as error:
            raise ParamError(f"{name}: {error}") from None
    check_together(out)
    return out
