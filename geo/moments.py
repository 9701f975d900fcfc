"""Times as text: RFC 3339 outside, epoch milliseconds UTC inside; officers read Beijing time."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

BEIJING = dt.timezone(dt.timedelta(hours=8))  # all year: no summer time since 1991


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def epoch_ms(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 time; raises ValueError, also for one without a zone.

    >>> epoch_ms("2025-11-23T08:00:00.123Z")
    1763884800123
    """
    when = dt.datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"time {text[:40]!r} names no zone")
    return round((when - _EPOCH) / dt.timedelta(milliseconds=1))


def rfc3339(ms: int) -> str:
    """UTC with milliseconds.

    >>> rfc3339(1763884800123)
    '2025-11-23T08:00:00.123Z'
    """
    seconds, milli = divmod(ms % 60_000, 1000)
    return f"{_minute(ms // 60_000)}{seconds:02d}.{milli:03d}Z"


@lru_cache(8192)
def _minute(minute: int) -> str:
    """Up to the colon before the seconds: an alert has some seventy times, most of them of few minutes."""
    return f"{dt.datetime.fromtimestamp(minute * 60, dt.UTC):%Y-%m-%dT%H:%M:}"


def rfc3339_or_none(ms: int | None) -> str | None:
    """The same, None for no time."""
    return None if ms is None else rfc3339(ms)
