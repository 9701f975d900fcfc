"""Local time of duty, UTC+8 all year (no summer time since 1991): promised hours as spans of epoch milliseconds."""

from __future__ import annotations

import datetime as dt
import re

from geo.moments import BEIJING
from streams.duty.records import Hours

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
_AHEAD_MS = 8 * HOUR_MS
_LOCAL = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(?::00)?")
Span = tuple[int, int]  # from, until (not in it), epoch ms


def text(ms: int) -> str:
    """Local time as officers read it.

    >>> text(1_767_196_800_000)
    '2026-01-01 00:00'
    """
    return dt.datetime.fromtimestamp(ms / 1000, BEIJING).strftime("%Y-%m-%d %H:%M")


def parse(written: str) -> int:
    """Epoch ms of a written time: local where it names no zone.

    >>> parse("2026-01-01 00:00") == parse("2025-12-31T16:00:00Z") == parse("2025/12/31 24:00")
    True

    Raises:
        ValueError: it is no such time.
    """
    match = _LOCAL.fullmatch(written.strip())
    try:
        if match is None:
            when = dt.datetime.fromisoformat(written.strip())
            if len(written.strip()) < 16:
                raise ValueError
            when = when if when.tzinfo else when.replace(tzinfo=BEIJING)
        else:
            year, month, day, hour, minute = map(int, match.groups())
            if minute > 59 or (hour, minute) > (24, 0):
                raise ValueError
            when = dt.datetime(year, month, day, tzinfo=BEIJING) + dt.timedelta(hours=hour, minutes=minute)
    except (ValueError, OverflowError):
        raise ValueError(f"{written.strip()[:40]!r} is no time: want 2026-12-01 08:00 (local), or RFC 3339") from None
    return round(when.timestamp() * 1000)


def day_of(ms: int) -> int:
    """The local day, counted from 1970-01-01."""
    return (ms + _AHEAD_MS) // DAY_MS


def midnight(day: int) -> int:
    """Epoch ms at which a local day begins."""
    return day * DAY_MS - _AHEAD_MS


def weekday(day: int) -> int:
    """1 Monday … 7 Sunday; day 0 was a Thursday."""
    return (day + 3) % 7 + 1


def is_promised(hours: tuple[Hours, ...], at_ms: int) -> bool:
    day = day_of(at_ms)
    minute, number = (at_ms - midnight(day)) / MINUTE_MS, weekday(day)
    return any(number in h.days and h.from_minute <= minute < h.until_minute for h in hours)


def promised_spans(hours: tuple[Hours, ...], from_ms: int, until_ms: int) -> list[Span]:
    """Promised time inside a range, in order, spans that touch as one."""
    found: list[Span] = []
    for day in range(day_of(from_ms), day_of(until_ms - 1) + 1):
        start = midnight(day)
        for h in hours:
            if weekday(day) in h.days:
                a, b = start + h.from_minute * MINUTE_MS, start + h.until_minute * MINUTE_MS
                if (a := max(a, from_ms)) < (b := min(b, until_ms)):
                    found.append((a, b))
    return joined(found)


def joined(spans: list[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap as one.

    >>> joined([(5, 9), (0, 3), (3, 4)])
    [(0, 4), (5, 9)]
    """
    out: list[Span] = []
    for a, b in sorted(spans):
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out
