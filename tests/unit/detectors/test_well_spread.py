"""Methane that rises in neighbouring wells is one finding with a direction; far wells, spikes and noise are none."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.gas_groups import groups
from detectors.group import Finding, GroupDetector, Member
from detectors.well_spread import WINDS, heading

T0 = 1_763_884_800_000
STEP_MS = 10_000
EAST_30M = 0.0003  # degrees of longitude at 26.5 N
BEGIN = 120  # readings before the gas


def wells(n: int = 3, apart: float = EAST_30M) -> list[Member]:
    return [Member(f"w{k}", "methane", 10.0, lon=108.0 + k * apart, lat=26.5) for k in range(n)]


def build(members: list[Member]) -> GroupDetector:
    return next(d for d in groups("522601-G-GRD01", members) if d.name == "well_spread")


def play(members: list[Member], delay_s: list[float], size: float = 12.0, last: int = 400) -> list[Finding]:
    """Wells at 1 %LEL with noise; well k rises by `size` within a minute, `delay_s[k]` s after the leak began."""
    rng = np.random.default_rng(4)
    group, out = build(members), []
    who = np.arange(len(members), dtype=np.int32)
    for k in range(last):
        since = (k - BEGIN) * 10.0 - np.array(delay_s)
        gas = np.clip(since / 60.0, 0.0, 1.0) * size * (k < 300)
        group.add(who, np.full(len(who), T0 + k * STEP_MS), 1.0 + gas + rng.normal(0.0, 0.1, len(who)))
        out += group.advance(T0 + k * STEP_MS)
    return out


def test_a_front_that_moves_east_is_told_once_with_direction_speed_and_end() -> None:
    found = play(wells(), [0.0, 120.0, 240.0])
    assert [f.state for f in found if f.state != "update"] == ["raise", "clear"]
    last = [f for f in found if f.state == "update"][-1]
    assert last.sensors == ("w0", "w1", "w2")
    assert last.witnesses == 3
    assert "向东方向扩散" in last.reason.zh
    assert "to the east at about 1" in last.reason.en  # 30 m in 2 min
    assert last.place == (108.0, 26.5)
    assert found[0].ts_ms - (T0 + BEGIN * STEP_MS) <= (120 + 60 + 30) * 1000
    assert found[0].magnitude > 0.0


@pytest.mark.parametrize(
    ("members", "delay", "size"),
    [
        (wells(), [0.0, 1e9, 1e9], 12.0),  # one well alone: the single-sensor detectors tell it
        (wells(2, 0.004), [0.0, 60.0], 12.0),  # 400 m apart
        (wells(2), [0.0, 60.0], 0.5),  # no rise that matters
        (wells(2), [0.0, 1e9], 12.0),
    ],
)
def test_what_is_no_spread(members: list[Member], delay: list[float], size: float) -> None:
    assert play(members, delay, size) == []


def test_too_few_wells_or_no_place_give_no_detector() -> None:
    assert "well_spread" not in [d.name for d in groups("z", wells(1))]
    assert groups("z", [m._replace(lon=None) for m in wells()]) == []


@pytest.mark.parametrize("wind", range(8))
def test_the_eight_winds(wind: int) -> None:
    turn = np.radians(45.0 * wind)
    way = np.array([np.sin(turn), np.cos(turn)])
    xy = np.array([[0.0, 0.0], [40.0, 10.0], [-20.0, 35.0], [15.0, -30.0]])
    found = heading(xy, xy @ way / 0.5)
    assert found is not None
    assert WINDS[round(found[0] / 45.0) % 8] == WINDS[wind]
    assert found[1] == pytest.approx(30.0)


def test_all_at_once_has_no_direction() -> None:
    assert heading(np.array([[0.0, 0.0], [30.0, 0.0]]), np.array([5.0, 5.0])) is None
