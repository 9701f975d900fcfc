"""No parameter of a fence hides a hard limit, whether it was checked when it was written or not."""

from __future__ import annotations

import numpy as np
import pytest

from geo.assets import Sensor
from geo.fences import Circle, Effect, Fence
from streams.columns import from_rows
from streams.fence_plan import plan
from streams.kernel import Kernel

T0 = 1_700_000_000_000
NAME = "522601-G-CH4-000001"
OWN = {"limits.high_1": 8.0}


def fence(params: dict[str, float], key: str = "gas.methane") -> Fence:
    shape, effect = Circle(107.98, 26.58, 300.0), Effect(params={key: params})
    return Fence(id="F1", name_zh="围栏", kind="custom", shape=shape, effect=effect)


def hard(params: dict[str, float], value: float, own: dict[str, float]) -> bool:
    """Is a hard limit told within 60 readings?"""
    k = Kernel("gas")
    place = {"zone": "522601-G-W01", "unit_code": "522601001", "lon": 107.98, "lat": 26.58}
    k.configure([Sensor(id=NAME, kind="methane", domain="gas", interval_s=1.0, params=own, **place), fence(params)])
    k.tick(T0)
    values = [*np.random.default_rng(0).normal(1.0, 0.02, 120), *[value] * 60]
    found = k.process(from_rows([(NAME, T0 + i * 1000, float(v)) for i, v in enumerate(values)]))
    return any(d.kind == "gas_concentration" and d.hard for d in found)


HIDING = [
    {"range.max": 5.0},
    {"range.min": 100.0},
    {"delay.on_n": 200.0},
    {"delay.on_n": 200.0, "delay.on_s": 1e6, "delay.on_most_s": 0.0},
    {"limits.high_1": 97.0, "limits.high_2": 98.0, "limits.high_3": 99.0},
    {"limits.off_scale": 1e9},
]


@pytest.mark.parametrize("params", HIDING)
def test_a_kernel_takes_it_at_the_profiles_value(params: dict[str, float]) -> None:
    assert hard(params, 60.0, {})


def test_a_fence_that_does_not_fit_leaves_the_sensors_own_limits() -> None:
    assert hard({"limits.high_2": 9.0}, 9.0, OWN)  # below high_1 of the profile


def test_a_fence_may_tighten() -> None:
    assert not hard({}, 6.0, {})
    assert hard({"limits.high_1": 5.0}, 6.0, {})


@pytest.mark.parametrize("params", HIDING)
def test_who_writes_it_is_told(params: dict[str, float]) -> None:
    wrong = plan([("", fence_seen(params))], {}, "", 0).problems
    assert [p.field for p in wrong].count("effect.params") >= 1


@pytest.mark.parametrize(
    ("key", "params"),
    [
        ("gas.methane_ppm", {"limits.high_1": 9e5, "limits.high_2": 9.1e5, "limits.high_3": 9.2e5}),
        ("gas.tunnel_methane", {"limits.high_3": 99.0}),
    ],
)
def test_of_every_profile(key: str, params: dict[str, float]) -> None:
    assert plan([("", fence_seen(params, key))], {}, "", 0).problems


def test_a_stricter_one_is_taken() -> None:
    assert plan([("", fence_seen({"limits.high_1": 5.0, "delay.on_n": 1.0}))], {}, "", 0).problems == []


def fence_seen(params: dict[str, float], key: str = "gas.methane") -> Fence:
    """As people write it: no version was seen."""
    from msgspec.structs import replace

    return replace(fence(params, key), version=0)
