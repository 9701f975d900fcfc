"""However readings are cut into batches, and ticks put between them, the kernel's answers are the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from geo.assets import Sensor
from geo.fences import Effect, Fence, Once, UnitArea
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

T0 = 1_700_000_000_000
KINDS = ("pressure", "flow", "ph")


def made() -> Kernel:
    kernel = Kernel("water", blind_ms=None)
    kernel.configure(
        Sensor(id=f"s{k}", domain="water", kind=kind, zone="522601-W-DMA01", unit_code="522601", interval_s=1.0)
        for k, kind in enumerate(KINDS)
    )
    return kernel


@st.composite
def readings(draw: st.DrawFn) -> Columns:
    """Mostly calm sensors with jumps, gaps, duplicates, late rows, NaN and infinities at drawn places."""
    n = draw(st.integers(200, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    idx = rng.integers(0, 4, n).astype(np.int32)  # 3: a sensor nobody configured
    x = np.array([40.0, 60.0, 7.0, 1.0])[idx] + rng.normal(0, 0.02, n)
    ts = T0 + np.arange(n) * 500
    for _ in range(draw(st.integers(0, 4))):
        a = draw(st.integers(0, n - 1))
        x[a : a + draw(st.integers(1, 80))] += draw(st.sampled_from([-30.0, 30.0, 1e9, np.nan, np.inf]))
    for _ in range(draw(st.integers(0, 4))):
        ts[draw(st.integers(0, n - 1)) :] += draw(st.sampled_from([-3000, -500, 20_000, 3_600_000]))
    return Columns(["s0", "s1", "s2", "nobody"], idx, ts, x)


FENCE = Fence(
    id="F1", name_zh="围栏", kind="works", shape=UnitArea("522601"), active=(Once(T0 + 30_000, T0 + 100_000),),
    effect=Effect(params={"water.pressure": {"limits.low_1": 39.99}}),
)  # fmt: skip


def run(
    c: Columns, cuts: list[int], ticks: dict[int, int], news: dict[int, Fence] | None = None
) -> tuple[list[Detection], bytes]:
    kernel, found, news = made(), [], news or {}
    for a, b in pairwise(sorted({0, len(c), *(k for k in cuts if k < len(c)), *ticks, *news})):
        if a in news:
            found += kernel.configure([news[a]])
        if a in ticks:
            found += kernel.tick(ticks[a])
        found += kernel.process(Columns(c.sensors, c.idx[a:b], c.ts_ms[a:b], c.value[a:b]))
    return found, kernel.snapshot()


@settings(max_examples=60, deadline=None)
@given(readings(), st.lists(st.integers(0, 400), max_size=30), st.lists(st.integers(1, 190), max_size=5))
def test_any_split_gives_the_same_answer(c: Columns, cuts: list[int], at: list[int]) -> None:
    ticks = {k: int(c.ts_ms[k]) + 30_000 for k in at}
    assert run(c, cuts, ticks) == run(c, [], ticks)


@settings(max_examples=20, deadline=None)
@given(
    readings(),
    st.lists(st.integers(0, 400), max_size=30),
    st.lists(st.integers(1, 190), max_size=5),
    st.lists(st.integers(0, 190), min_size=1, max_size=4, unique=True),
)
def test_any_split_gives_the_same_answer_while_a_fence_changes(
    c: Columns, cuts: list[int], at: list[int], when: list[int]
) -> None:
    ticks = {k: int(c.ts_ms[k]) + 1_000 for k in at}
    news = {k: replace(FENCE, version=n, removed=n % 3 == 0) for n, k in enumerate(sorted(when), 1)}
    assert run(c, cuts, ticks, news) == run(c, [], ticks, news)


@settings(max_examples=20, deadline=None)
@given(readings())
def test_one_reading_at_a_time_gives_the_same_answer(c: Columns) -> None:
    assert run(c, list(range(len(c))), {}) == run(c, [], {})
