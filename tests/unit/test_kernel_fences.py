"""Fences and profiles in the kernel: who is inside, parameters while a fence is active, marks, exact snapshots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.profile_file import ProfileFile
from geo.assets import Sensor
from geo.fences import Area, Circle, Effect, Fence, Once, Shape, UnitArea
from streams.columns import from_rows
from streams.events import Detection
from streams.kernel import Kernel

T0 = 1_700_000_000_000
NAME = "522601-W-PRS-000001"
HERE = Circle(107.98, 26.58, 300.0)
LIMIT = {"water.pressure": {"limits.low_1": 39.0, "limits.low_2": 38.0, "limits.low_3": 30.0}}
PROFILE = """[pressure]
quantity_zh = "压力"
quantity_en = "pressure"
unit = "m"
decimals = 1
both = "pressure_low"
limits = { low_1 = 39.5 }
"""


def sensor(**over: Any) -> Sensor:
    base: dict[str, Any] = {"zone": "522601-W-DMA03", "unit_code": "522601001", "interval_s": 1.0, "lon": 107.98}
    return Sensor(id=NAME, kind="pressure", domain="water", **{"lat": 26.58, **base, **over})


def fence(id_: str = "F1", kind: str = "custom", shape: Shape = HERE, **more: Any) -> Fence:
    return Fence(id=id_, name_zh="围栏", name_en="fence", kind=kind, shape=shape, **more)


def ready(*records: Any, n: int = 120) -> Kernel:
    made = Kernel("water")
    made.configure(records or [sensor()])
    made.tick(T0)
    send(made, calm(n), 0)
    return made


def calm(n: int) -> list[float]:
    return np.random.default_rng(0).normal(40.0, 0.02, n).tolist()


def send(k: Kernel, values: Any, start: int) -> list[Detection]:
    return k.process(from_rows([(NAME, T0 + (start + i) * 1000, float(v)) for i, v in enumerate(values)]))


def test_a_detection_inside_carries_the_active_fences_and_what_they_do() -> None:
    over = fence("F0", active=(Once(T0 - 10_000, T0),))  # over by then
    far = fence("F3", shape=Circle(108.5, 26.2, 300.0))
    inside = [fence("F1", "school", people=900), fence("F2", "works", effect=Effect(suppress=("pressure_low",)))]
    k = ready(sensor(), over, far, *inside)
    (first, *_) = send(k, [25.0] * 10, 120)
    assert [(m.fence, m.kind, m.people, m.suppress) for m in first.fences] == [
        ("F1", "school", 900, False),
        ("F2", "works", 0, True),
    ]


def test_the_same_without_fences_but_for_the_marks() -> None:
    plain = send(ready(sensor()), [25.0] * 10, 120)
    fenced = send(ready(sensor(), fence()), [25.0] * 10, 120)
    assert [d.id for d in plain] == [d.id for d in fenced]
    assert plain[0].fences == ()


@pytest.mark.parametrize(
    ("shape", "over", "held"),
    [
        (UnitArea("522601"), {}, True),
        (UnitArea("522600"), {"lon": None, "lat": None}, True),
        (UnitArea("522601001"), {"lon": None, "lat": None}, True),
        (UnitArea("522622"), {}, False),
        (HERE, {"lon": None, "lat": None}, False),
        (HERE, {"lon": 107.99}, False),
    ],
)
def test_a_unit_holds_by_code_and_a_shape_by_place(shape: Shape, over: dict[str, Any], held: bool) -> None:
    k = ready(sensor(**over), fence(shape=shape))
    (first, *_) = send(k, [25.0] * 10, 120)
    assert bool(first.fences) is held


def test_a_fence_sets_parameters_while_it_is_active() -> None:
    k = ready(sensor(), fence(effect=Effect(params=LIMIT), active=(Once(T0 + 200_000, T0 + 400_000),)))
    assert send(k, [40.0] * 5, 120) == []
    k.tick(T0 + 199_000)
    assert not any(d.hard for d in send(k, [38.9] * 30, 160))
    k = ready(sensor(), fence(effect=Effect(params=LIMIT), active=(Once(T0 + 200_000, T0 + 400_000),)))
    k.tick(T0 + 200_000)
    assert [d.hard for d in send(k, [38.9] * 30, 200)][:1] == [True]
    k.tick(T0 + 400_000)
    assert [d.state for d in send(k, calm(120), 400)] == ["clear"]


def test_a_fence_that_is_removed_ends() -> None:
    k = ready(sensor(), fence(effect=Effect(params=LIMIT)))
    k.configure([fence(version=2, removed=True)])
    found = send(k, [38.9] * 5 + [25.0] * 5, 120)
    assert not any(d.hard or d.fences for d in found)


def test_an_older_version_changes_nothing() -> None:
    k = ready(sensor(), fence(version=5, people=7))
    k.configure([fence(version=4, people=1)])
    assert send(k, [25.0] * 10, 120)[0].fences[0].people == 7


def test_parameters_that_cannot_be_used_are_told_and_the_profile_stays() -> None:
    bad = Effect(params={"water.pressure": {"limits.low_9": 1.0}})
    k = ready(sensor(), fence(effect=bad))
    assert "fence: limits.low_9" in k.problems[-1]
    assert "its profile water.pressure is used" in k.problems[-1]


def test_a_shape_that_cannot_be_made_is_told_and_harms_nothing() -> None:
    k = ready(sensor(), fence(shape=Area(())))
    assert "fence F1: " in k.problems[-1]
    assert send(k, [25.0] * 10, 120)[0].fences == ()


def test_profiles_are_reloaded_while_readings_flow() -> None:
    k = ready(sensor())
    other = ProfileFile(domain="gas", toml=PROFILE)
    k.configure([other, ProfileFile(domain="water", toml=PROFILE, version=2)])
    found = send(k, [39.4] * 30, 120)
    assert (found[0].kind, found[0].hard, found[0].level) == ("pressure_low", True, 1)
    k.configure([ProfileFile(domain="water", toml="[pressure]\nlimits = 3", version=3)])
    assert "profiles of water, version 3: pressure.limits: " in k.problems[-1]
    assert "the profiles before it are used" in k.problems[-1]
    k.configure([ProfileFile(domain="water", toml="", version=4)])
    assert [d.state for d in send(k, calm(100), 150)] == ["clear"]
    assert not any(d.hard for d in send(k, [39.4] * 30, 250))


def test_snapshot_and_restore_are_exact_with_fences_and_profiles() -> None:
    records = [
        sensor(), ProfileFile(domain="water", toml=PROFILE, version=2),
        fence("F1", effect=Effect(params=LIMIT), active=(Once(T0 + 200_000, T0 + 400_000),)), fence("F2", "school"),
    ]  # fmt: skip
    k = ready(*records)
    again = Kernel("water")
    assert again.restore(k.snapshot()) == []
    assert again.snapshot() == k.snapshot()
    for at, value in ((150, 39.2), (250, 38.9), (350, 25.0), (450, 38.9)):
        for one in (k, again):
            one.tick(T0 + at * 1000)
        assert send(k, [value] * 20, at) == send(again, [value] * 20, at)
    assert again.snapshot() == k.snapshot()
    assert k.snapshot() != ready(*records[:-1]).snapshot()
