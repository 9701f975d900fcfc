"""Merging partitions, what a Pacer does in a pause, and parts of a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulators.mapping import ColumnMap
from simulators.pacing import Pacer
from simulators.plan import plan
from simulators.recorder import Merge
from streams.errors import UsageError


def test_a_partition_that_is_read_ahead_waits() -> None:
    merge = Merge()
    for at in (10, 20, 30):
        merge.put(0, at, b"a%d" % at)
    assert merge.take({1}) == []  # nothing of 1 was read yet, and there is more
    merge.put(1, 15, b"b15")
    assert [v for _, v in merge.take({1})] == [b"a10", b"b15"]
    assert merge.held == {0: 2, 1: 0}
    assert [v for _, v in merge.take(set())] == [b"a20", b"a30"]


async def test_a_pause_moves_what_follows() -> None:
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] >= 7.0 and pacer._paused is not None:
            pacer.pause()

    pacer = Pacer(0, 1.0, clock=lambda: now[0], sleep=sleep)
    await pacer.until(2_000)
    pacer.pause()
    await pacer.until(3_000)
    assert now[0] == pytest.approx(8.0, abs=0.2)
    assert pacer.worst_late_s < 0.2


def test_a_part_is_played_shifted_and_in_loops(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("Time,p\n" + "".join(f"{1_700_000_000 + 60 * k},{k}\n" for k in range(10)), "utf-8")
    whole, at = plan(file, ColumnMap(domain="water")), 1_700_000_000_000
    part = whole.played(at + 120_000, at + 240_000, 3, now_ms=at + 10**9)
    ts = np.concatenate([c.ts_ms for c in part.columns()])
    assert (ts - at - 10**9).tolist() == [0, 60_000, 180_000, 240_000, 360_000, 420_000]
    assert (ts[0], len(ts), part.survey.readings) == (at + 10**9, 6, 6)
    assert part.survey.first_ms == ts[0]
    assert part.survey.last_ms == ts[-1]
    assert whole.played() is whole
    with pytest.raises(UsageError, match="no readings in that part"):
        whole.played(from_ms=at + 10**9)
