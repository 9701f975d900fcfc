"""Moving assets in the kernel: entry, stay, crossing as detections; places of their other alerts; snapshots, splits."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from geo import metric
from geo.assets import Sensor
from geo.fences import Circle, Fence
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

T0 = 1_700_000_000_000
TRUCK = "522601-T-GPS-000001"
HERE = (107.98, 26.58)
SOURCE = Fence(
    id="SRC-1", name_zh="金泉湖水源地", name_en="Jinquan source", kind="water_source", shape=Circle(*HERE, 200.0),
    moving=True, dwell_s=300.0,
)  # fmt: skip


def truck(**more: Any) -> Sensor:
    base: dict[str, Any] = {"zone": "522601-T-FLT01", "unit_code": "522601", "interval_s": 10.0, "moving": True}
    return Sensor(
        id=TRUCK, domain="traffic", kind="position", name_zh="贵H12345", name_en="H12345", **{**base, **more},
        asset="522601-U-VEH-000001",
    )  # fmt: skip


def ready(*records: Any) -> Kernel:
    made = Kernel("traffic")
    made.configure(records or [truck(), SOURCE])
    made.tick(T0)
    return made


def drive(east_m: list[float], start: int = 0, accuracy: float = 5.0) -> Columns:
    """Fixes 10 s apart, `east_m` metres east of the middle of the fence."""
    n = len(east_m)
    places = np.array([metric.shift(*HERE, x, 0.0) for x in east_m])
    ts = T0 + (start + np.arange(n)) * 10_000
    return Columns(
        [TRUCK], np.zeros(n, np.int32), ts, np.full(n, 36.0), lon=places[:, 0].copy(), lat=places[:, 1].copy(),
        accuracy=np.full(n, accuracy, np.float32),
    )  # fmt: skip


WAY = [-600.0, -400, -250, -100, 0, 100, 250, 400, 600]


def told(found: list[Detection]) -> list[tuple[str, str, str]]:
    return [(d.kind, d.state, d.asset) for d in found]


def test_entry_and_exit_are_one_episode_at_the_place_of_the_fix() -> None:
    found = ready().process(drive(WAY))
    visit = "522601-U-VEH-000001/SRC-1"
    assert told(found) == [("fence_entry", "raise", visit), ("fence_entry", "clear", visit)]
    first, last = found
    assert first.onset_ms == last.onset_ms == first.ts_ms
    assert metric.distance_m(first.lon or 0, first.lat or 0, *HERE) < 200
    assert [(m.fence, m.kind) for m in first.fences] == [("SRC-1", "water_source")]
    assert (first.reason.zh, last.reason.en) == (
        "贵H12345进入“金泉湖水源地”",
        "H12345 left “Jinquan source” after 0 min",
    )


def test_hazardous_goods_are_said_and_are_level_1() -> None:
    found = ready(truck(params={"hazmat": 1.0}), SOURCE).process(drive(WAY))
    assert found[0].level == 1
    assert found[0].reason.zh == "危险货物运输车 贵H12345进入“金泉湖水源地”"


def test_a_stay_is_told_by_the_clock_and_ends_with_the_exit() -> None:
    k = ready()
    assert told(k.process(drive(WAY[:5])))[-1][:2] == ("fence_entry", "raise")
    assert k.tick(T0 + 200_000) == []
    (stay,) = k.tick(T0 + 400_000)
    assert (stay.kind, stay.state) == ("fence_dwell", "raise")
    assert stay.reason.en == "H12345 has been in “Jinquan source” for over 5 min"
    left = k.process(drive(WAY[5:], start=45))
    assert [d[:2] for d in told(left)] == [("fence_dwell", "clear"), ("fence_entry", "clear")]


def test_a_way_through_between_two_fixes_is_a_crossing() -> None:
    k = ready()
    rows = drive([-450.0, -300.0, 290.0, 450.0])
    assert [d[:2] for d in told(k.process(rows))] == [("fence_crossing", "raise"), ("fence_crossing", "clear")]


def test_one_that_is_not_watched_or_does_not_move_tells_nothing() -> None:
    assert ready(truck(), replace(SOURCE, moving=False, dwell_s=0.0)).process(drive(WAY)) == []
    assert ready(truck(moving=False), SOURCE).process(drive(WAY)) == []


def test_a_retired_vehicle_ends_its_episodes() -> None:
    k = ready()
    k.process(drive(WAY[:5]))
    found = k.configure([truck(retired=True, version=2)])
    assert ("fence_entry", "clear") in [d[:2] for d in told(found)]


def test_fixes_come_with_any_metric_and_its_alerts_lie_where_the_vehicle_was() -> None:
    k = ready()
    rows = drive(WAY)
    fuel = Columns(
        rows.sensors, rows.idx, rows.ts_ms, rows.value, ["fuel"], np.zeros(len(rows), np.int16), rows.lon, rows.lat,
        rows.accuracy,
    )  # fmt: skip
    assert [d[:2] for d in told(k.process(fuel))] == [("fence_entry", "raise"), ("fence_entry", "clear")]


def test_snapshots_and_splits_are_exact() -> None:
    rng = np.random.default_rng(3)
    jitter = drive([float(x) for x in 200 + rng.normal(0, 12, 200)], accuracy=18.0)
    way = drive(WAY, start=300)
    whole = ready()
    all_at_once = whole.process(jitter) + whole.process(way)
    entries = [d for d in all_at_once if (d.kind, d.state) == ("fence_entry", "raise")]
    assert 1 <= len(entries) <= 2  # the edge: at most one visit, and the way through
    k, found = ready(), []
    for rows in (jitter, way):
        for i in range(len(rows)):
            found += k.process(rows.take(np.array([i])))
            if i % 7 == 0:
                again = Kernel("traffic")
                assert again.restore(k.snapshot()) == []
                assert again.snapshot() == k.snapshot()
                k = again
    assert found == all_at_once
    assert k.snapshot() == whole.snapshot()
