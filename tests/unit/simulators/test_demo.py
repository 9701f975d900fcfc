"""The demo without a broker: back-fill, ready before incidents, exact steps, truth, restart."""

from __future__ import annotations

import asyncio
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.assets import Sensor
from geo.demo import demo_registry
from simulators import demo
from simulators.background import Background
from simulators.city import Batch
from simulators.incidents import read_truth
from streams import topics
from streams.errors import CityopsError
from streams.settings import Settings

START = 1_763_884_800.25


class FakeSender:
    """Keeps what was sent; a flush acknowledges it."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.others: list[tuple[str, bytes, bytes]] = []
        self.rows = self.flushed = 0

    async def readings(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.rows += len(batch.cols)

    async def send(self, topic: str, key: bytes, value: bytes) -> None:
        self.others.append((topic, key, value))

    async def flush(self) -> None:
        self.flushed = len(self.batches)


class World:
    """A demo whose clock moves only when it sleeps; it stops after `seconds`."""

    def __init__(self, folder: Path, start: float = START, sensors: list[Sensor] | None = None, **options: Any) -> None:
        self.now, self.sender, self.out = start, FakeSender(), io.StringIO()
        chosen = sensors or [
            r for r in demo_registry() if isinstance(r, Sensor) and r.id[:6] in ("522601", "522622", "522623", "522624")
        ]
        settings = Settings({"broker": "nowhere:1"}, env={})
        self.demo = demo.Demo(
            settings, demo.Options(**{"backfill_ms": 120_000, **options}), chosen, folder, self.out, lambda: self.now
        )
        self.demo._nap = self._nap  # type: ignore[method-assign]

    async def _nap(self, seconds: float) -> bool:
        self.now += seconds
        return self.demo.stop.is_set()

    def backfill(self) -> int:
        return asyncio.run(self.demo._backfill(self.sender))  # type: ignore[arg-type]

    def stream(self, last: int) -> int:
        return asyncio.run(self.demo._stream(self.sender, last))  # type: ignore[arg-type]

    def stamps(self) -> dict[str, np.ndarray]:
        """Sensor → its times in the order sent."""
        out: dict[str, list[int]] = {}
        for b in self.sender.batches:
            for k, t in zip(b.cols.idx, b.cols.ts_ms, strict=True):
                out.setdefault(b.cols.sensors[k], []).append(int(t))
        return {s: np.array(t) for s, t in out.items()}


def test_backfill_is_clean_complete_and_acknowledged(tmp_path: Path) -> None:
    world = World(tmp_path)
    last = world.backfill()
    assert last == 1_763_884_800_000
    assert world.sender.flushed == len(world.sender.batches) > 0
    assert world.demo.incidents == []
    for ts in world.stamps().values():
        assert ts[-1] >= last - 1000
        assert len(ts) >= 117  # a reading may be lost now and then
        assert (np.diff(ts) % 1000 == 0).all()
        assert (np.diff(ts) > 0).all()


def test_each_second_is_sent_once_and_on_time(tmp_path: Path) -> None:
    world = World(tmp_path, duration_s=90.0, incidents=False)
    last = world.backfill()
    ended = world.stream(last)
    assert ended == last + 90_000
    assert world.now == pytest.approx(ended / 1000)  # the clock stands where the last reading is stamped
    for ts in world.stamps().values():
        assert (np.diff(ts) > 0).all()
        assert len(ts) >= 205
    assert read_truth(tmp_path / "truth.jsonl") == []


def test_incidents_begin_after_go_and_are_written_down(tmp_path: Path) -> None:
    world = World(tmp_path, duration_s=240.0)
    last = world.backfill()
    world.demo.go.set()
    world.stream(last)
    truth = read_truth(tmp_path / "truth.jsonl")
    assert {i.domain for i in truth[:4]} == {"water", "gas", "pipeline", "traffic"}
    assert all(last < i.start_ms <= last + 40_000 for i in truth[:4])
    assert len(truth) > 5
    assert [i.start_ms for i in truth] == sorted(i.start_ms for i in truth)
    sent = [json.loads(v) for t, _, v in world.sender.others if t == topics.TRUTH]
    assert [s["start_ms"] for s in sent] == [i.start_ms for i in truth]
    assert [k.decode() for _, k, _ in world.sender.others] == [i.zone for i in truth]


def test_nothing_happens_before_go(tmp_path: Path) -> None:
    world = World(tmp_path, duration_s=60.0)
    world.stream(world.backfill())
    assert read_truth(tmp_path / "truth.jsonl") == []


def test_a_restart_continues_where_it_was_with_the_same_bytes(tmp_path: Path) -> None:
    first = World(tmp_path / "a", duration_s=60.0)
    first.demo.go.set()
    last = first.stream(first.backfill())
    first.demo._save(last)
    again = World(tmp_path / "a", start=first.now + 20.25)
    again.backfill()
    values: dict[tuple[str, int], float] = {}
    for b in again.sender.batches:
        for k, t, v in zip(b.cols.idx, b.cols.ts_ms, b.cols.value, strict=True):
            values[b.cols.sensors[k], int(t)] = float(v)
    stamps = {t for _, t in values}
    assert (min(stamps), max(stamps)) == (last + 1000, last + 20_000)
    # an incident that was going on at the end is still in the readings
    going = [i for i in again.demo.incidents if i.end_ms > last]
    assert all(i in first.demo.incidents for i in going)
    assert len(again.demo.incidents) == len(read_truth(tmp_path / "a" / "truth.jsonl")) == again.demo.told


def test_a_spoilt_state_file_means_a_full_backfill(tmp_path: Path) -> None:
    (tmp_path / "simulator.json").write_text("{", "utf-8")
    world = World(tmp_path)
    world.backfill()
    assert min(int(t[0]) for t in world.stamps().values()) == 1_763_884_800_000 - 119_000


def test_after_a_standstill_the_missed_seconds_follow(tmp_path: Path) -> None:
    world = World(tmp_path, duration_s=60.0, incidents=False)
    last = world.backfill()
    world.now += 30
    assert world.stream(last) == last + 60_000
    assert all((np.diff(t) <= 3000).all() for t in world.stamps().values())


async def test_a_child_started_again_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(fd: int = 0) -> bool:
        await asyncio.sleep(3600)
        return True

    monkeypatch.setattr(demo, "told_to_go", never)
    first = World(tmp_path).demo
    first._save(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(World(tmp_path).demo._wait_for_go(), 0.05)
    first.go.set()
    first._save(2)
    again = World(tmp_path).demo
    await asyncio.wait_for(again._wait_for_go(), 1)
    assert again.go.is_set()
    monkeypatch.setattr(os, "getppid", lambda: 1)  # another parent has to say it itself
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(World(tmp_path).demo._wait_for_go(), 0.05)


async def test_go_is_read_from_a_pipe() -> None:
    for text, told in ((b"hello\ngo\n", True), (b"nothing\n", False)):
        out, into = os.pipe()
        try:
            os.write(into, text)
            if not told:
                os.close(into)
            assert await asyncio.wait_for(demo.told_to_go(out), 2) is told
        finally:
            os.close(out)
            if told:
                os.close(into)


async def test_no_pipe_means_no_waiting(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        assert await asyncio.wait_for(demo.told_to_go(file.fileno()), 1) is False
    assert await demo.told_to_go(9999) is False


def test_an_empty_registry_is_said(tmp_path: Path) -> None:
    with pytest.raises(CityopsError, match="no demo sensors"):
        demo.run(Settings({}, env={}), sensors=[], data=tmp_path)


def test_slow_sensors_send_at_their_own_second_each_minute_and_nothing_twice(tmp_path: Path) -> None:
    sensors = [r for r in demo_registry(size="full") if isinstance(r, Sensor) and r.id.startswith("522601-W")]
    slow = [s for s in sensors if s.interval_s == 60.0]
    background = Background(sensors, 1)
    assert len(background.sensors) == len(slow) > 50
    begin = 1_763_884_800_000
    whole: dict[str, list[tuple[int, float]]] = {}
    cut: dict[str, list[tuple[int, float]]] = {}
    for out, step in ((whole, 600_000), (cut, 25_000)):
        for after in range(begin, begin + 600_000, step):
            for b in background.batches(after, min(after + step, begin + 600_000)):
                for k, t, x in zip(b.cols.idx, b.cols.ts_ms, b.cols.value, strict=True):
                    assert after < t <= after + step
                    out.setdefault(b.cols.sensors[k], []).append((int(t), float(x)))
    assert whole == cut
    assert set(whole) == {s.id for s in slow}
    for rows in whole.values():
        assert len(rows) >= 9  # a reading may be lost now and then
        assert (np.diff([t for t, _ in rows]) % 60_000 == 0).all()
    assert len({rows[0][0] % 60_000 for rows in whole.values()}) > 3


def test_the_demo_sends_fast_and_slow_sensors(tmp_path: Path) -> None:
    chosen = [r for r in demo_registry(size="full") if isinstance(r, Sensor) and r.id.startswith("522601-G")]
    world = World(tmp_path, sensors=chosen, duration_s=70.0, incidents=False)
    last = world.backfill()
    world.stream(last)
    slow = {s.id for s in chosen if s.interval_s == 60.0}
    for sensor, ts in world.stamps().items():
        assert (np.diff(ts) > 0).all()
        assert len(ts) in ((2, 3, 4) if sensor in slow else range(180, 192))
    assert slow <= set(world.stamps())
