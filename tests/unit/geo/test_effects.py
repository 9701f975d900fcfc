"""When fences are active, and what they may and may not do to an alert."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from geo.effects import active, combined, marks, next_change, params_for
from geo.fences import Circle, Effect, Fence, Mark, Once, Tell, Weekly

BEIJING = timezone(timedelta(hours=8))
HERE = Circle(107.98, 26.58, 500.0)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp() * 1000)


def fence(**fields: Any) -> Fence:
    return msgspec.structs.replace(Fence(id="F-1", name_zh="围栏", kind="custom", shape=HERE), **fields)


SCHOOL = fence(active=(Weekly((1, 2, 3, 4, 5), "07:30", "18:00"),))
NIGHT = fence(active=(Weekly((7,), "22:00", "06:00"),))


@pytest.mark.parametrize(
    ("f", "when", "want", "change"),
    [
        (fence(), "2026-11-28T12:00", True, None),
        (fence(removed=True), "2026-11-28T12:00", False, None),
        (SCHOOL, "2026-11-27T07:29:59.999", False, "2026-11-27T07:30"),  # a Friday
        (SCHOOL, "2026-11-27T07:30", True, "2026-11-27T18:00"),
        (SCHOOL, "2026-11-27T18:00", False, "2026-11-30T07:30"),
        (SCHOOL, "2026-11-28T12:00", False, "2026-11-30T07:30"),  # Saturday
        (NIGHT, "2026-11-29T23:00", True, "2026-11-30T06:00"),  # Sunday into Monday
        (NIGHT, "2026-11-30T05:59", True, "2026-11-30T06:00"),
        (NIGHT, "2026-11-29T05:59", False, "2026-11-29T22:00"),  # Saturday's night is not meant
        (fence(active=(Weekly((1,), "08:00", "08:00"),)), "2026-12-01T07:59", True, "2026-12-01T08:00"),
        (fence(active=(Weekly((6,), "09:00", "24:00"),)), "2026-11-28T23:59", True, "2026-11-29T00:00"),
        (fence(active=(Weekly((1, 2, 3, 4, 5, 6, 7)),)), "2026-11-28T12:00", True, None),  # every day: no change
        (
            fence(active=(Weekly((1, 2, 3, 4, 5, 6, 7)),), until_ms=ms("2027-03-01T00:00")),
            "2026-11-28T12:00",
            True,
            "2027-03-01T00:00",
        ),
        (fence(from_ms=ms("2026-11-28T12:00")), "2026-11-28T11:59", False, "2026-11-28T12:00"),
        (fence(until_ms=ms("2026-11-28T12:00")), "2026-11-28T12:00", False, None),
        (
            msgspec.structs.replace(SCHOOL, from_ms=ms("2027-03-06T00:00")),  # a Saturday, months ahead
            "2026-11-28T12:00",
            False,
            "2027-03-08T07:30",
        ),
        (
            fence(active=(Once(ms("2027-01-01T00:00"), ms("2027-01-02T00:00")),)),
            "2026-11-28T12:00",
            False,
            "2027-01-01T00:00",
        ),
        (
            fence(active=(Once(ms("2026-11-28T08:00"), ms("2026-11-28T13:00")), *SCHOOL.active)),
            "2026-11-28T12:00",
            True,
            "2026-11-28T13:00",
        ),
        (  # one after the other: no change where they touch
            fence(active=(Weekly((6,), "08:00", "12:00"), Weekly((6,), "12:00", "14:00"))),
            "2026-11-28T11:00",
            True,
            "2026-11-28T14:00",
        ),
    ],
)
def test_times(f: Fence, when: str, want: bool, change: str | None) -> None:
    assert active(f, ms(when)) is want
    assert next_change(f, ms(when)) == (None if change is None else ms(change))


clocks = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 30]))
hours = st.integers(0, 24 * 40).map(lambda h: ms("2026-11-28T00:00") + h * 3_600_000)
weekly = st.builds(Weekly, st.lists(st.integers(1, 7), min_size=1, max_size=7).map(tuple), clocks, clocks)
once = st.tuples(hours, hours).filter(lambda p: p[0] < p[1]).map(lambda p: Once(*p))
timed = st.builds(
    lambda windows, start, end: fence(active=tuple(windows), from_ms=start, until_ms=end),
    st.lists(weekly | once, max_size=3),
    st.none() | hours,
    st.none() | hours,
)


@settings(max_examples=150, deadline=None)
@given(timed, hours)
def test_next_change_is_the_first_half_hour_that_differs(f: Fence, now: int) -> None:
    """All times of these fences fall on half hours, so a walk in half hours cannot miss a change."""
    got = next_change(f, now)
    state = active(f, now)
    walk = range(now, now + 50 * 86_400_000, 1_800_000)
    assert got == next((t for t in walk if active(f, t) != state), None)
    if got is not None:
        assert active(f, got - 1) is state


@settings(max_examples=150, deadline=None)
@given(weekly, hours)
def test_weekly_agrees_with_the_calendar(window: Weekly, now: int) -> None:
    moment = datetime.fromtimestamp(now / 1000, BEIJING)
    want = False
    for back in (0, 1):
        day = (moment - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        start, end = (day + timedelta(hours=int(t[:2]), minutes=int(t[3:])) for t in (window.start, window.end))
        if end <= start:
            end += timedelta(days=1)
        want |= day.isoweekday() in window.days and start <= moment < end
    assert active(fence(active=(window,)), now) is want


def works(**effect: Any) -> Fence:
    return fence(id="W-1", kind="works", effect=Effect(**effect), until_ms=10_000)


@pytest.mark.parametrize(
    ("f", "kind", "hard", "severity", "suppress"),
    [
        (works(), "flow_high", False, 0, False),
        (works(), "gas_concentration", False, 1, False),  # raised though it says nothing
        (works(), "gas_concentration", True, 1, False),
        (works(), "pipeline_leak", False, 1, False),
        (works(), "line_imbalance", False, 1, False),
        (works(severity=2), "gas_spread", False, 2, False),
        (works(severity=-2), "gas_spread", False, 1, False),
        (works(severity=-2), "flow_high", False, -2, False),
        (works(severity=-2), "turbidity_high", True, 0, False),  # a hard limit is not lowered
        (fence(effect=Effect(severity=-2)), "gas_anomaly", False, -2, False),
        (fence(effect=Effect(severity=-2)), "gas_concentration", True, 0, False),
        (fence(effect=Effect(severity=-2)), "out_of_range", False, 0, False),
        (works(suppress=("flow_high",)), "flow_high", False, 0, True),
        (works(suppress=("flow_high",)), "flow_low", False, 0, False),
        (works(suppress=("*",)), "flow_low", False, 0, True),
        (works(suppress=("*",)), "gas_anomaly", False, 1, False),  # works raise it: "*" does not mean it
        (works(suppress=("gas_anomaly",)), "gas_anomaly", False, 1, True),  # said by name
        (works(suppress=("turbidity_high",)), "turbidity_high", True, 0, True),
        (works(suppress=("*",)), "turbidity_high", True, 0, False),
        (works(suppress=("gas_concentration", "*")), "gas_concentration", True, 1, False),
        (works(suppress=("out_of_range", "*")), "out_of_range", False, 0, False),
        (works(suppress=("out_of_range", "*")), "out_of_range", True, 0, False),
        (works(suppress=("pressure_low", "*")), "pressure_low", True, 0, False),  # collapse
        (works(suppress=("pressure_low",)), "pressure_low", False, 0, True),
        (works(suppress=("pressure_drop",)), "pressure_drop", True, 1, False),
        (works(suppress=("tunnel_gas",)), "tunnel_gas", True, 1, False),
        (works(suppress=("regulator_loss",)), "regulator_loss", False, 1, False),
        (works(suppress=("gas_pressure_low",)), "gas_pressure_low", True, 1, False),
    ],
)
def test_marks(f: Fence, kind: str, hard: bool, severity: int, suppress: bool) -> None:
    (mark,) = marks([f], kind, 0, hard)
    assert (mark.severity, mark.suppress) == (severity, suppress)
    assert (mark.fence, mark.kind, mark.until_ms) == (f.id, f.kind, f.until_ms)


def test_marks_are_of_active_fences_in_their_order() -> None:
    tell = (Tell("duty_officer", unit="522601"),)
    busy = fence(id="B", people=900, effect=Effect(severity=1, tell=tell), name_en="b")
    ended, later = fence(id="A", until_ms=50), fence(id="C", from_ms=101)
    got = marks([busy, ended, later, works()], "flow_high", 100)
    assert [mark.fence for mark in got] == ["B", "W-1"]
    assert (got[0].people, got[0].tell, got[0].name_zh, got[0].name_en) == (900, tell, "围栏", "b")
    assert marks([], "flow_high", 100) == ()


def mark(severity: int, kind: str = "school") -> Mark:
    return Mark(fence="F", kind=kind, name_zh="一中", name_en="No. 1", severity=severity)


@pytest.mark.parametrize(
    ("severity", "steps", "grounded", "hard", "want", "told"),
    [
        ("IV", [], False, False, "IV", 0),
        ("IV", [0], False, False, "IV", 0),
        ("IV", [1], False, False, "III", 1),
        ("IV", [1, 1], False, False, "III", 3),  # capped, and said
        ("IV", [1, 1], True, False, "II", 2),
        ("IV", [3, 3], True, False, "I", 2),
        ("II", [1], False, False, "II", 2),  # it stays what it was
        ("II", [-1], False, False, "III", 1),
        ("I", [-3, -3], True, False, "IV", 2),
        ("II", [-1], True, True, "II", 2),
        ("II", [1, -1], True, True, "II", 2),
        ("II", [1], True, True, "I", 1),
        ("III", [2, -1], True, False, "II", 2),
    ],
)
def test_combined(severity: str, steps: list[int], grounded: bool, hard: bool, want: str, told: int) -> None:
    got, zh, en = combined(severity, [mark(step) for step in steps], grounded, hard)
    assert got == want
    assert (len(zh), len(en)) == (told, told)


def test_reasons_name_the_fence_in_both_languages() -> None:
    _, zh, en = combined("IV", [mark(1, "works"), mark(-1)], grounded=True)
    assert zh == ["位于施工区“一中”内，上调 1 级：附近正在施工，外力破坏的可能更大", "位于学校“一中”内，下调 1 级"]
    assert en == [
        "inside works “No. 1”: raised 1 step, works are going on here, so a strike by a third party is likelier",
        "inside school “No. 1”: lowered 1 step",
    ]


def test_the_last_id_wins_parameters() -> None:
    a = fence(id="a", effect=Effect(params={"gas.methane": {"limits.high_1": 5.0, "delay.on_n": 2.0}}))
    b = fence(id="b", effect=Effect(params={"gas.methane": {"limits.high_1": 8.0}, "water.flow": {"delay.on_n": 9.0}}))
    over = fence(id="c", until_ms=5, effect=Effect(params={"gas.methane": {"limits.high_1": 1.0}}))
    assert params_for([over, b, a], "gas.methane", 5) == {"limits.high_1": 8.0, "delay.on_n": 2.0}
    assert params_for([over, b, a], "gas.methane", 4)["limits.high_1"] == 1.0
    assert params_for([a, b], "gas.pressure", 4) == {}
