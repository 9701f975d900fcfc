"""The clock of working days, by the holidays of 2025 and 2026 as the State Council arranged them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from streams.alerts.policy_file import default_policy
from streams.alerts.working_time import (
    Calendar,
    CalendarError,
    add_working,
    calendar_of,
    days,
    is_day,
    national,
    next_end_of_night,
)

BEIJING = dt.timezone(dt.timedelta(hours=8))
HOUR = 3_600


def ms(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp() * 1000)


def day(text: str) -> int:
    return ms(text) // 86_400_000 + 1  # midnight in Beijing is the day before in UTC


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-24 10:00", 2, "2026-11-24 12:00"),  # a Tuesday
        ("2026-11-24 10:00", 0, "2026-11-24 10:00"),
        ("2026-11-24 03:00", 1, "2026-11-24 10:00"),  # before the office opens
        ("2026-11-24 09:00", 8, "2026-11-24 17:00"),  # its end belongs to the day
        ("2026-11-24 20:00", 1, "2026-11-25 10:00"),
        ("2026-11-24 16:00", 16, "2026-11-26 16:00"),
        ("2026-11-27 16:30", 1, "2026-11-30 09:30"),  # over the weekend
        ("2026-11-28 12:00", 1, "2026-11-30 10:00"),
        ("2026-02-14 10:00", 1, "2026-02-14 11:00"),  # a Saturday that is worked
        ("2026-02-14 16:00", 2, "2026-02-24 10:00"),  # 春节, nine days
        ("2026-09-30 16:00", 2, "2026-10-08 10:00"),  # 国庆节
        ("2026-10-09 16:00", 2, "2026-10-10 10:00"),  # a Saturday that is worked
        ("2025-01-25 10:00", 1, "2025-01-26 10:00"),  # Saturday off, Sunday worked
        ("2025-01-27 16:30", 1, "2025-02-05 09:30"),
        ("2025-09-30 16:00", 2, "2025-10-09 10:00"),
        ("2030-10-01 10:00", 1, "2030-10-01 11:00"),  # a year without data: weekends only
    ],
)
def test_working_hours_pass(start: str, hours: float, end: str) -> None:
    assert add_working(ms(start), hours * HOUR) == ms(end)


def test_working_days_of_a_year_are_as_many_as_were_arranged() -> None:
    """Weekdays that are holidays and weekend days that are worked, counted by hand from the notices."""
    for year, weekdays_off, weekend_on in ((2025, 18, 5), (2026, 19, 6)):
        first = dt.date(year, 1, 1)
        every = [first + dt.timedelta(n) for n in range(365)]
        works = {d: national().works(d.toordinal() - dt.date(1970, 1, 1).toordinal()) for d in every}
        assert sum(not on for d, on in works.items() if d.weekday() < 5) == weekdays_off
        assert sum(on for d, on in works.items() if d.weekday() >= 5) == weekend_on


def test_a_policy_adds_days_and_takes_some_back() -> None:
    policy = replace(default_policy(), days_off=("2027-02-05/2027-02-12", "2026-11-24"), days_on=("2026-10-01",))
    own = calendar_of(policy)
    assert add_working(ms("2027-02-04 16:00"), 2 * HOUR, own) == ms("2027-02-15 10:00")
    assert add_working(ms("2026-11-24 10:00"), HOUR, own) == ms("2026-11-25 10:00")
    assert add_working(ms("2026-10-01 10:00"), HOUR, own) == ms("2026-10-01 11:00")
    assert add_working(ms("2026-10-02 10:00"), HOUR, own) == ms("2026-10-08 10:00")  # the rest is national
    assert calendar_of(default_policy()) == national()


def test_days_that_cannot_be_read() -> None:
    assert days(["2027-02-05"]) == {day("2027-02-05 00:00")}
    for text in ("soon", "2027-02-30", "2027-02-05/", "2027-02-05/2027-02-04", "2027-01-01/2028-02-01"):
        with pytest.raises(CalendarError, match="2027-0"):
            days([text])


@given(st.integers(ms("2025-12-01 00:00"), ms("2026-12-31 00:00")), st.integers(0, 300_000), st.integers(0, 300_000))
@settings(max_examples=200, deadline=None)
def test_time_adds_up_and_never_ends_outside_of_work(start: int, a: int, b: int) -> None:
    whole = add_working(start, a + b)
    assert add_working(add_working(start, a), b) == whole
    assert whole >= start + 1000 * (a + b)
    if a + b:
        local = dt.datetime.fromtimestamp(whole / 1000, BEIJING)
        assert national().works(local.date().toordinal() - dt.date(1970, 1, 1).toordinal())
        assert dt.time(9) <= local.time() <= dt.time(17)


def test_a_calendar_of_its_own_needs_no_national_one() -> None:
    assert add_working(ms("2026-10-01 10:00"), HOUR, Calendar()) == ms("2026-10-01 11:00")


@pytest.mark.parametrize(
    ("at", "light", "morning"),
    [
        ("2026-11-24 06:59", False, "2026-11-24 07:00"),
        ("2026-11-24 07:00", True, "2026-11-25 07:00"),
        ("2026-11-24 21:59", True, "2026-11-25 07:00"),
        ("2026-11-24 22:00", False, "2026-11-25 07:00"),
        ("2026-11-25 00:00", False, "2026-11-25 07:00"),
    ],
)
def test_day_night_and_the_morning_list(at: str, light: bool, morning: str) -> None:
    assert is_day(ms(at)) is light
    assert next_end_of_night(ms(at)) == ms(morning)
