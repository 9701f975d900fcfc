"""How many requests a token may make: a bucket each, refilled all the time. Time is an argument, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_TRACKED = 20_000


@dataclass
class _Bucket:
    left: float
    at: float


class RequestRate:
    """`per_minute` requests at once, then as many a minute; 0: no limit. Counts are of this process alone.

    >>> rate = RequestRate(2)
    >>> rate.wait_s("a", 0.0), rate.wait_s("a", 0.0), rate.wait_s("a", 0.0), rate.wait_s("a", 30.0)
    (0.0, 0.0, 30.0, 0.0)
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, key: str, now: float) -> float:
        """0 where the request may be made (it is counted), else the seconds to wait."""
        if not self.per_minute:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MAX_TRACKED:
                self._buckets.clear()
            bucket = self._buckets[key] = _Bucket(float(self.per_minute), now)
        per_s = self.per_minute / 60
        bucket.left = min(float(self.per_minute), bucket.left + (now - bucket.at) * per_s)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / per_s
        bucket.left -= 1
        return 0.0
