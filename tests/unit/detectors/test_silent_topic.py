"""A whole topic that falls silent is seen by the ticks alone; a packer that was down is not everybody's silence."""

from __future__ import annotations

import numpy as np

from geo.assets import Sensor
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

T0 = 1_700_000_000_000
N, ROUNDS = 20, 70


def running() -> tuple[Kernel, int]:
    """A kernel that has heard 20 sensors each 10 s with a tick each 2 s, and its newest tick."""
    k = Kernel("water")
    names = [f"s{i}" for i in range(N)]
    k.configure(
        Sensor(id=name, domain="water", kind="pressure", zone="522601-W-DMA01", unit_code="522601", interval_s=10.0)
        for name in names
    )
    for t in range(ROUNDS):
        x = np.random.default_rng(t).normal(40, 0.1, N)
        k.process(Columns(names, np.arange(N, dtype=np.int32), np.full(N, T0 + t * 10_000), x))
        for q in range(5):
            assert k.tick(T0 + t * 10_000 + 2_000 * q + 1) == []
    return k, T0 + (ROUNDS - 1) * 10_000 + 8_001


def ticks(k: Kernel, after: int, n: int) -> list[Detection]:
    return [d for q in range(1, n + 1) for d in k.tick(after + 2_000 * q)]


def test_every_sensor_of_a_silent_topic_is_told_by_the_wall_clock() -> None:
    k, now = running()
    found = ticks(k, now, 20)
    assert {d.sensor for d in found} == {f"s{i}" for i in range(N)}
    assert {(d.kind, d.state, d.cls) for d in found} == {("dropout", "raise", "equipment")}
    assert max(d.ts_ms for d in found) - (T0 + (ROUNDS - 1) * 10_000) <= 32_000


def test_after_ticks_that_stopped_silence_begins_anew() -> None:
    k, now = running()
    assert k.tick(now + 3_600_000) == []
    assert len(ticks(k, now + 3_600_000, 20)) == N
