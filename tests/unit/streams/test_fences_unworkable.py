"""Fences that nobody checked, or that change what they are: a kernel and a registry go on, and snapshots stay exact."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from geo.assets import Sensor
from geo.fences import Area, Circle, Corridor, Effect, Fence, Shape, UnitArea, Weekly, encode
from streams import fence_shapes, topics
from streams.columns import from_rows
from streams.fence_plan import plan
from streams.fencing import Fencing
from streams.kernel import Kernel
from streams.registry_table import Registry

T0 = 1_700_000_000_000
LON, LAT = 107.98, 26.58
HERE = Circle(LON, LAT, 300.0)
NAME = "522601-W-PRS-000001"


def sensor(**over: Any) -> Sensor:
    base = {"zone": "522601-W-DMA03", "unit_code": "522601001", "interval_s": 1.0, "lon": LON, "lat": LAT}
    return Sensor(id=NAME, kind="pressure", domain="water", **{**base, **over})


def fence(id_: str = "F1", shape: Shape = HERE, **more: Any) -> Fence:
    return Fence(id=id_, name_zh="围栏", kind="custom", shape=shape, **more)


BAD = [
    fence(shape=Area((((tuple((x, math.nan) for x in (107.0, 107.1, 107.2))),),))),
    fence(shape=Area(((),))),
    fence(shape=Circle(LON, LAT, math.inf)),
    fence(shape=Corridor((), 10.0)),
    fence(shape=Corridor(((LON, LAT),), 10.0)),
    fence(shape=UnitArea("no unit")),
    fence(active=(Weekly((1,), "seven", "18:00"),)),
    fence(moving=True, dwell_s=1e300),
    fence(until_ms=253_402_300_800_000),
]


@pytest.mark.parametrize("bad", BAD)
def test_a_kernel_goes_on_without_a_fence_it_cannot_work_with(bad: Fence) -> None:
    k = Kernel("water")
    k.configure([sensor(), bad, fence("F2")])
    values = [*np.random.default_rng(0).normal(40.0, 0.02, 120), *[25.0] * 10]
    found = k.process(from_rows([(NAME, T0 + i * 1000, float(v)) for i, v in enumerate(values)]))
    assert [m.fence for m in found[0].fences] == ["F2"]
    assert "fence F1" in k.problems[0]
    k.snapshot()


@pytest.mark.parametrize("bad", [b for b in BAD if "nan" not in repr(b) and "inf" not in repr(b)])
def test_a_registry_leaves_it_out(bad: Fence) -> None:
    registry = Registry()
    registry.apply(topics.FENCES, b"F1", encode(bad))
    assert (registry.fences, registry.unusable) == ({}, 1)


@pytest.mark.parametrize("bad", BAD)
def test_who_writes_it_is_told(bad: Fence) -> None:
    assert [p for p in plan([("", structs.replace(bad, version=0))], {}, "", 0).problems if p.field != "version"]


def test_a_polygon_that_becomes_a_unit_without_one_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(code: str) -> Any:
        raise KeyError(code)

    monkeypatch.setattr("streams.fencing.unit_rings", none)
    fencing = Fencing()
    fencing.put(fence(effect=Effect(suppress=("*",)), until_ms=T0), 0)
    fencing.put(fence(shape=UnitArea("522622"), version=2), 0)
    assert fencing.at(LON, LAT) == []
    assert fencing.at(LON, LAT, "522601001") == []


@pytest.mark.parametrize(
    ("code", "owner"), [("5226", "522600"), ("522601000000", "522601"), ("522601001000", "522601001")]
)
def test_other_forms_of_a_unit_code_have_its_polygon(code: str, owner: str) -> None:
    made = fence(shape=UnitArea(code))
    assert fence_shapes.unit_of(made) == owner
    assert fence_shapes.drawn(made)["geometry"] == fence_shapes.drawn(fence(shape=UnitArea(owner)))["geometry"]


def test_a_new_fence_asks_only_its_own_times(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def next_change(one: Fence, now_ms: int) -> int:
        asked.append(one.id)
        return now_ms + 1000

    monkeypatch.setattr("streams.fencing.effects.next_change", next_change)
    fencing, effect = Fencing(), Effect(params={"water.pressure": {"adaptive.z_on": 5.0}})
    fencing.place(0, sensor())
    for i in range(5):
        fencing.put(fence(f"F{i}", effect=effect), T0)
    assert asked == [f"F{i}" for i in range(5)]
    assert (fencing.due(T0 + 999), fencing.due(T0 + 1000), fencing.due(T0 + 1001)) == ([], [0], [])


def test_a_vehicle_that_is_watched_again_enters_again_also_after_a_restore() -> None:
    def fixes(k: Kernel, start: int) -> list[str]:
        cols = from_rows([(NAME, T0 + (start + i) * 10_000, 1.0) for i in range(5)])
        cols = dataclasses.replace(cols, lon=np.full(5, LON), lat=np.full(5, LAT))
        return [d.kind for d in k.process(cols) if d.kind.startswith("fence_")]

    k = Kernel("water")
    k.configure([sensor(moving=True), fence(moving=True)])
    assert fixes(k, 0) == ["fence_entry"]
    (gone,) = k.configure([sensor(moving=False, version=2, lon=None, lat=None)])
    assert (gone.state, gone.lon, gone.lat) == ("clear", LON, LAT)
    other = Kernel("water")
    other.restore(k.snapshot())
    for each in (k, other):
        each.configure([sensor(moving=True, version=3)])
    assert fixes(k, 10) == fixes(other, 10) == ["fence_entry"]
