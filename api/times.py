"""Times that the HTTP API is asked for: epoch milliseconds UTC of RFC 3339 text (the other way: `geo.moments`)."""

from __future__ import annotations

import datetime as dt
import re

_NO_PLUS = re.compile(r" (\d\d:?\d\d)$")
MAX_MS = 253_402_300_799_999  # the end of the year 9999


def to_ms(text: str) -> int:
    """Epoch milliseconds of RFC 3339 text or of a whole number; raises ValueError with the reason.

    A `+` that a client forgot to escape in a URL arrives as a blank and is understood.

    >>> to_ms("2025-11-23T16:00:00 08:00")
    1763884800000
    """
    if re.fullmatch(r"-?\d{1,15}", text):
        ms = int(text)
    else:
        try:
            when = dt.datetime.fromisoformat(_NO_PLUS.sub(r"+\1", text.strip()))
        except ValueError:
            raise ValueError(f"{text[:40]!r} is neither RFC 3339 nor epoch milliseconds") from None
        if when.tzinfo is None:
            raise ValueError(f"{text[:40]!r} has no time zone: add Z or +08:00")
        ms = round(when.timestamp() * 1000)
    if not 0 <= ms <= MAX_MS:
        raise ValueError(f"{text[:40]!r} is outside the years 1970 to 9999")
    return ms
