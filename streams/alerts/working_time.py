"""The clock of working days: 09:00 to 17:00 Beijing time (UTC+8, no summer time) of days that are neither weekend nor
holiday. The working hours are the project's own choice; holidays are data (holidays.toml, and a policy's own)."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files

from msgspec import Struct

from streams.alerts.policy import DAYTIME, Policy

DAY_MS = 86_400_000
ZONE_MS = 8 * 3_600_000  # Beijing time is UTC+8
OPENS_MS, CLOSES_MS = 9 * 3_600_000, 17 * 3_600_000  # of the local day
WORKING_DAY_S = (CLOSES_MS - OPENS_MS) // 1000
EPOCH = dt.date(1970, 1, 1).toordinal()
MONDAY = 3  # 1970-01-01 was a Thursday: day 4 is a Monday, so (day + 3) % 7 is 0 then
LONGEST = 366  # days of one range


class CalendarError(ValueError):
    """A day or range of days cannot be read; the text says which and what is wanted."""


class Calendar(Struct, frozen=True):
    """Days of the local calendar, counted from 1970-01-01, that differ from Monday to Friday."""

    off: frozenset[int] = frozenset()
    on: frozenset[int] = frozenset()

    def works(self, day: int) -> bool:
        """Is this local day (days since 1970-01-01) a working day?"""
        return day in self.on or (day not in self.off and (day + MONDAY) % 7 < 5)

    def over(self, other: Calendar) -> Calendar:
        """This one's days, and those of `other` that it doesn't speak of."""
        return Calendar(self.off | (other.off - self.on), self.on | (other.on - self.off))


def days(written: Iterable[str]) -> frozenset[int]:
    """Days since 1970-01-01 of dates and ranges, both ends included.

    >>> sorted(days(["1970-01-02", "1970-01-05/1970-01-06"]))
    [1, 4, 5]

    Raises
    ------
    CalendarError
        no date, an end before its beginning, or more than 366 days.
    """
    found: set[int] = set()
    for text in written:
        first, slash, last = text.partition("/")
        try:
            a = dt.date.fromisoformat(first).toordinal() - EPOCH
            b = dt.date.fromisoformat(last).toordinal() - EPOCH if slash else a
        except ValueError:
            raise CalendarError(f"{text[:40]!r} is no day; want 2027-02-05 or 2027-02-05/2027-02-12") from None
        if not 0 <= b - a < LONGEST:
            raise CalendarError(f"{text!r} ends before it begins or is longer than a year; write first day/last day")
        found.update(range(a, b + 1))
    return frozenset(found)


@lru_cache(maxsize=1)
def national() -> Calendar:
    """Holidays of China that ship with the project."""
    years = tomllib.loads(files("streams.alerts").joinpath("holidays.toml").read_text("utf-8")).values()
    return Calendar(days(d for y in years for d in y["off"]), days(d for y in years for d in y["on"]))


@lru_cache(maxsize=64)
def _own(off: tuple[str, ...], on: tuple[str, ...]) -> Calendar:
    return Calendar(days(off), days(on)).over(national())


def calendar_of(policy: Policy) -> Calendar:
    """The calendar of a policy: its own days, and the national ones for the rest."""
    return _own(policy.days_off, policy.days_on)


def add_working(ms: int, seconds: float, calendar: Calendar | None = None) -> int:
    """Epoch ms at which `seconds` of working time have passed since `ms`.

    Friday 2026-11-27 16:00 and two hours is Monday 10:00:

    >>> at = 1_795_766_400_000
    >>> add_working(at, 7200) - at == (2 * 24 + 18) * 3_600_000
    True
    """
    chosen = calendar or national()
    left = round(seconds * 1000)
    local = ms + ZONE_MS
    day = local // DAY_MS
    while left > 0:
        begin = max(local, day * DAY_MS + OPENS_MS)
        have = day * DAY_MS + CLOSES_MS - begin if chosen.works(day) else 0
        if 0 < left <= have:
            return begin + left - ZONE_MS
        left -= max(have, 0)
        day += 1
    return ms


def is_day(ms: int) -> bool:
    """Is it day (07:00 to 22:00 Beijing time)?

    >>> is_day(0), is_day(-2 * 3_600_000)  # 08:00, 06:00
    (True, False)
    """
    return DAYTIME[0] <= (ms + ZONE_MS) % DAY_MS // 60_000 < DAYTIME[1]


def next_end_of_night(ms: int) -> int:
    """Epoch ms of the first 07:00 Beijing time after `ms`: when the morning list begins.

    >>> next_end_of_night(0) // 3_600_000  # 08:00, so 07:00 tomorrow
    23
    """
    end = DAYTIME[0] * 60_000
    local = ms + ZONE_MS
    return local - (local - end) % DAY_MS + DAY_MS - ZONE_MS
