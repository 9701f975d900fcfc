"""Pacing against a clock that only moves when somebody sleeps."""

from __future__ import annotations

import pytest

from simulators.pacing import Pacer


class Clock:
    """Each sleep oversleeps by `extra`, and each step of work takes `work`."""

    def __init__(self, extra: float = 0.0) -> None:
        self.now, self.extra = 1000.0, extra

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self.extra


async def test_no_drift_over_a_day_of_oversleeping() -> None:
    clock = Clock(extra=0.003)
    pacer = Pacer(0, 1.0, clock=clock, sleep=clock.sleep)
    for n in range(1, 86_401):
        await pacer.until(n * 1000)
        clock.now += 0.01  # work
    assert clock.now - 1000.0 == pytest.approx(86_400.01, abs=0.01)
    assert pacer.worst_late_s == pytest.approx(0.003, abs=1e-6)


async def test_speed_shrinks_waits_and_lateness_is_told() -> None:
    clock = Clock()
    pacer = Pacer(60_000, 600.0, clock=clock, sleep=clock.sleep)
    assert await pacer.until(120_000) == pytest.approx(0.0)
    assert clock.now == pytest.approx(1000.1)
    clock.now += 5
    assert await pacer.until(180_000) == pytest.approx(4.9)  # late, and no wait
    assert clock.now == pytest.approx(1005.1)


async def test_speed_zero_never_waits() -> None:
    clock = Clock()
    pacer = Pacer(0, 0.0, clock=clock, sleep=clock.sleep)
    await pacer.until(10**12)
    assert clock.now == 1000.0


async def test_a_sleep_can_end_the_wait() -> None:
    async def stop(seconds: float) -> bool:
        return True

    clock = Clock()
    assert await Pacer(0, 1.0, clock=clock, sleep=stop).until(10_000) == 0.0
    assert clock.now == 1000.0


def test_negative_speed_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Pacer(0, -1.0)
