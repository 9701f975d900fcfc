"""Balance of a zone: what flows in minus what flows out, by windows of event time. The only thing that waits.

Members are the sensors of a zone with a `flow_sign`; a window's value is the sum over members of sign times the mean of
the member's readings in it. Readings may come in any order until the window closes; one of the same sensor and time
counts once. A window closes when the watermark passes its end: when every member has told of a later time, or when the
tick is `lateness` beyond the end (30 s for continuous members, the upload interval where one is batched; bounded
out-of-orderness as in Akidau et al. 2015, *The Dataflow Model*). A window that lacks a member is a gap, not a sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

LATENESS_MS = 30_000
WINDOW_MS = 60_000


@dataclass
class Zone:
    """Open windows of one zone: window -> member row -> {ts_ms: value}."""

    signs: dict[int, int] = field(default_factory=dict)
    window_ms: int = WINDOW_MS
    lateness_ms: int = LATENESS_MS
    newest: dict[int, int] = field(default_factory=dict)
    closed: int = 0  # windows up to this one are told
    windows: dict[int, dict[int, dict[int, float]]] = field(default_factory=dict)

    def due(self, window: int, now_ms: int) -> bool:
        end = (window + 1) * self.window_ms
        return now_ms >= end + self.lateness_ms or all(self.newest.get(r, 0) >= end for r in self.signs)


class ZoneSums:
    """Balances of all zones of a kernel. `late`: rows behind the watermark; `gaps`: windows that lacked a member.

    >>> sums = ZoneSums()
    >>> sums.member(0, "Z", 1, 60.0, 0.0); sums.member(1, "Z", -1, 60.0, 0.0)
    >>> row = np.array([0, 1], np.int32)
    >>> sums.add(row, np.array([60_000, 61_000]), np.array([50.0, 20.0]))
    >>> sums.advance(200_000)
    [('Z', 120000, 30.0)]
    """

    def __init__(self) -> None:
        self.zones: dict[str, Zone] = {}
        self.late = self.gaps = 0
        self._zone_of: dict[int, Zone] = {}
        self._is_member = np.zeros(64, bool)

    def member(self, row: int, zone: str, sign: int, interval_s: float, upload_s: float) -> None:
        """Make a row a member (sign +1, -1) or none (0)."""
        old = self._zone_of.pop(row, None)
        if old is not None:
            del old.signs[row]
        if not sign:
            if old is not None:
                self._is_member[row] = False
            return
        if row >= len(self._is_member):
            self._is_member = np.concatenate([self._is_member, np.zeros(row + 1, bool)])
        self._is_member[row] = True
        z = self._zone_of[row] = self.zones.setdefault(zone, Zone())
        z.signs[row] = sign
        window_ms = max(z.window_ms, round(interval_s * 1000))
        if window_ms != z.window_ms:  # windows of another length are others
            z.window_ms, z.closed, z.windows = window_ms, 0, {}
        z.lateness_ms = max(z.lateness_ms, round(upload_s * 1000))

    def add(self, rows: NDArray[np.int32], ts_ms: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Readings: rows int32[n] (-1 unknown), ts_ms int64[n], values float64[n]; those of members count."""
        if not self._zone_of:
            return
        known = (rows >= 0) & (rows < len(self._is_member)) & np.isfinite(values)
        mine = np.flatnonzero(known & self._is_member[np.where(known, rows, 0)])
        for row, ts, x in zip(rows[mine].tolist(), ts_ms[mine].tolist(), values[mine].tolist(), strict=True):
            z = self._zone_of[row]
            window = ts // z.window_ms
            if window <= z.closed:
                self.late += 1
                continue
            z.windows.setdefault(window, {}).setdefault(row, {}).setdefault(ts, x)
            if ts > z.newest.get(row, 0):
                z.newest[row] = ts

    def advance(self, now_ms: int) -> list[tuple[str, int, float]]:
        """(zone, end of window in epoch ms, balance) of each window that closes at tick `now_ms`, oldest first."""
        out = []
        for name, z in self.zones.items():
            for window in sorted(z.windows):
                if not z.due(window, now_ms):
                    break
                got = z.windows.pop(window)
                z.closed = window
                if z.signs.keys() <= got.keys():
                    total = sum(sign * sum(got[r].values()) / len(got[r]) for r, sign in z.signs.items())
                    out.append((name, (window + 1) * z.window_ms, total))
                else:
                    self.gaps += 1
        return out

    def dump(self) -> dict[str, Any]:
        """Plain values for a snapshot: what the members' records do not say."""
        zones = {
            name: [z.window_ms, z.closed, list(z.newest.items()), [
                [w, [[r, list(seen.items())] for r, seen in rows.items()]] for w, rows in z.windows.items()
            ]]
            for name, z in self.zones.items()
        }  # fmt: skip
        return {"late": self.late, "gaps": self.gaps, "zones": zones}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over a dump; the members have been named before."""
        self.late, self.gaps = dumped.get("late", 0), dumped.get("gaps", 0)
        for name, (window_ms, closed, newest, windows) in dumped.get("zones", {}).items():
            z = self.zones.get(name)
            if z is not None and z.window_ms == window_ms:
                z.closed, z.newest = closed, dict(newest)
                z.windows = {w: {r: dict(seen) for r, seen in rows} for w, rows in windows}
