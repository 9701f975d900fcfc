"""Days on which a water zone is used otherwise than on a workday: weekends, 春节, 苗年, tourist weeks.

Dates are facts, tabulated 2024-2030 because the Chinese calendar has no simple rule. They were computed from new moons
(Meeus 1998, *Astronomical Algorithms*, ch. 49, in UTC+8; month 11 holds the winter solstice, GB/T 33661-2017), and the
Spring Festivals 2024-2026 agree with the State Council's notices on holidays; all of them and the days of the tenth
month agree with a second, independent computation of the lunar calendar.

- 春节: eight days before New Year's Day (小年: people come home) to the fifteenth day (元宵).
- 苗年: local; in this prefecture the seventh day of the tenth month is the day off, in Leishan the feast begins on the
  first 卯 day of that month. The window holds both, from a day before the first to three days after the last. Villages
  keep days of their own and counties announce theirs year by year, so these windows are marked approximate.
- Labour Day and National Day: the tourist weeks of the villages (西江, 肇兴, 镇远).
Outside the table only weekends are known.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from detectors.texts import Both

UTC_OFFSET_MS = 8 * 3_600_000  # Asia/Shanghai has no summer time
DAY_MS = 86_400_000
WORKDAY, WEEKEND, HOLIDAY = 0, 1, 2


class Feast(NamedTuple):
    """First and last day, both in it."""

    name: Both
    first: date
    last: date
    approximate: bool = False


_SPRING = {2024: (2, 10), 2025: (1, 29), 2026: (2, 17), 2027: (2, 6), 2028: (1, 26), 2029: (2, 13), 2030: (2, 3)}
_MIAO = {
    2024: ((11, 6), (11, 14)),
    2025: ((11, 25), (12, 3)),
    2026: ((11, 12), (11, 18)),
    2027: ((11, 3), (11, 11)),
    2028: ((11, 21), (11, 29)),
    2029: ((11, 8), (11, 15)),
    2030: ((11, 1), (11, 7)),
}


def _table() -> tuple[Feast, ...]:
    out = []
    for year, (month, day) in _SPRING.items():
        new_year = date(year, month, day).toordinal()
        first, last = date.fromordinal(new_year - 8), date.fromordinal(new_year + 14)
        out.append(Feast(Both("春节", "Spring Festival"), first, last))
        out.append(Feast(Both("五一", "Labour Day week"), date(year, 5, 1), date(year, 5, 5)))
        out.append(Feast(Both("国庆", "National Day week"), date(year, 10, 1), date(year, 10, 8)))
        first, last = (date(year, *month_day) for month_day in _MIAO[year])
        out.append(Feast(Both("苗年", "Miao New Year"), first, last, approximate=True))
    return tuple(sorted(out, key=lambda f: f.first))


FEASTS: tuple[Feast, ...] = _table()
_BY_DAY = {day: feast for feast in FEASTS for day in range(feast.first.toordinal(), feast.last.toordinal() + 1)}


def local_day(ts_ms: int) -> int:
    """Proleptic ordinal of the local day (as `date.toordinal`)."""
    return (ts_ms + UTC_OFFSET_MS) // DAY_MS + 719_163


def local_minute(ts_ms: int) -> float:
    """Minutes since local midnight, 0 to 1440."""
    return (ts_ms + UTC_OFFSET_MS) % DAY_MS / 60_000.0


def feast(day: int) -> Feast | None:
    """The feast of a local day.

    >>> feast(date(2026, 2, 17).toordinal()).name.zh, feast(date(2026, 3, 17).toordinal())
    ('春节', None)
    """
    return _BY_DAY.get(day)


def day_type(day: int) -> int:
    """WORKDAY, WEEKEND or HOLIDAY of a local day.

    >>> [day_type(date(2026, 11, d).toordinal()) for d in (10, 13, 21)]
    [0, 2, 1]
    """
    if day in _BY_DAY:
        return HOLIDAY
    return WEEKEND if day % 7 in (6, 0) else WORKDAY  # ordinal 1 was a Monday
