"""The benchmarks' readings: each sensor once a second, announced before its first row; the detections that are due."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from streams.cli.benches import end_to_end
from streams.cli.benches.load import BEGIN_MS, ROWS, Due, Load
from streams.cli.benches.registry import loaded, wells, zones
from streams.errors import CityopsError
from streams.settings import Settings

RUN = Settings({"prefix": "run.bench."}, env={})


@pytest.mark.parametrize("mixed", [False, True])
def test_each_sensor_reports_once_a_second_and_is_announced_first(mixed: bool) -> None:
    load = Load(5_000, mixed=mixed)
    last: dict[str, int] = {}
    known: set[str] = set()
    ticks: dict[int, int] = {}
    for m in load.take(60):
        assert len(m.cols) == ROWS
        known |= {s.id for s in m.cfg}
        assert known.issuperset(m.cols.sensors)
        if m.tick is not None:
            assert m.tick > ticks.get(m.partition, 0)
            assert m.tick <= int(m.cols.ts_ms.min())
            ticks[m.partition] = m.tick
        for k, ts in zip(m.cols.idx.tolist(), m.cols.ts_ms.tolist(), strict=True):
            name = m.cols.sensors[k]
            assert ts == last.get(name, BEGIN_MS - 1000) + 1000
            last[name] = ts
    assert len(known) == 5_000
    assert len(ticks) == 4


def test_mixed_lists_do_not_repeat() -> None:
    assert len({tuple(m.cols.sensors) for m in Load(4_000, mixed=True).take(100)}) == 100
    assert len({tuple(m.cols.sensors) for m in Load(4_000).take(100)}) == 4


def test_a_load_goes_on_where_it_was() -> None:
    whole, parts = Load(4_000, seed=3), Load(4_000, seed=3)
    a = list(whole.take(20))
    b = [*parts.take(7), *parts.take(13)]
    assert [m.seq for m in a] == [m.seq for m in b]
    assert all(np.array_equal(x.cols.value, y.cols.value) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("sensors", [4_001, 2_000])
def test_sensors_must_fill_the_partitions(sensors: int) -> None:
    with pytest.raises(ValueError, match="partitions"):
        Load(sensors)


def due(messages: int, **how: bool) -> Counter[str]:
    load, out = Load(4_000, **how), Due(RUN, 4)
    for m in load.take(messages):
        out.add(m)
    return out.ids


def test_detections_are_due_once_each_and_repeat() -> None:
    first = due(4 * end_to_end.FEWEST)
    assert first
    assert set(first.values()) == {1}
    assert first == due(4 * end_to_end.FEWEST)


def test_lost_and_foreign_detections_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    want = Due(RUN, 4)
    want.ids.update(["a", "b"])
    monkeypatch.setattr(end_to_end, "detections", lambda settings: Counter({"a": 2, "c": 1}))
    with pytest.raises(CityopsError, match="of 2 detections due, 1 are missing; 2 were not due"):
        end_to_end.compare(want, RUN)
    monkeypatch.setattr(end_to_end, "detections", lambda settings: Counter(["a", "b"]))
    end_to_end.compare(want, RUN)


def test_nothing_due_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_to_end, "detections", lambda settings: Counter())
    with pytest.raises(CityopsError):
        end_to_end.compare(Due(RUN, 4), RUN)


def test_bench_sensors_are_in_zones_that_exist() -> None:
    known = {z.id for z in zones()}
    sensors = [*wells(20), *loaded(50)]
    assert len({s.id for s in sensors}) == 70
    assert all(s.zone in known and s.zone.startswith(s.unit_code) for s in sensors)


def test_a_full_disk_is_told_before_it_is_filled(tmp_path: Path) -> None:
    with pytest.raises(CityopsError, match=r"do not fit into .* use --quick"):
        end_to_end._room(Settings({"data": str(tmp_path)}, env={}), 10**9)
    end_to_end._room(Settings({"data": str(tmp_path)}, env={}), 10)
