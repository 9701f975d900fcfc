"""The sensors of the demo that report slowly: normal operation only, a share of the zones in each few seconds.

Zones are dealt to `SHARES` groups; each has its own second of the interval, so that the load is even and every stamp
is the time at which the reading is sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from geo.assets import Sensor
from simulators.city import Batch, City

SHARES = 12
FAST_S = 5.0  # sensors with this interval or less are the foreground's


class Background:
    """Cities of the slow sensors; all zones share the longest interval of theirs."""

    def __init__(self, sensors: Sequence[Sensor], seed: int = 0) -> None:
        self.sensors = [s for s in sensors if s.interval_s > FAST_S]
        self.interval_ms = round(max((s.interval_s for s in self.sensors), default=60.0) * 1000)
        shares: dict[int, list[Sensor]] = {}
        for sensor in self.sensors:
            shares.setdefault(zlib.crc32(sensor.zone.encode()) % SHARES, []).append(sensor)
        self._cities = [(k, City(members, seed)) for k, members in sorted(shares.items())]

    @property
    def zones(self) -> int:
        return sum(city.zones for _, city in self._cities)

    def batches(self, after: int, upto: int) -> Iterator[Batch]:
        """Readings stamped in (after, upto], epoch ms."""
        for k, city in self._cities:
            offset = k * self.interval_ms // SHARES
            first = (after - offset) // self.interval_ms * self.interval_ms + offset + self.interval_ms
            ts = np.arange(first, upto + 1, self.interval_ms, dtype=np.int64)
            if len(ts):
                yield from city.batches(ts)
