"""A road direction as stations, and their readings by intervals of event time.

Sensors of equal chainage (else equal place) are one station; stations stand in the order of traffic. Readings of an
interval (start, end] become their mean. An interval closes when every sensor that still reports has told of its end,
or when the tick is `lateness` beyond it; what comes later, twice, or behind a newer reading of its sensor is not
counted. So the frames are a function of the log, however it is cut into batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.group import F64, I32, I64, Member

KINDS = ("occupancy", "speed", "flow")
OCC, SPEED, FLOW = range(3)
LEAST_S = 20.0  # shorter intervals say little: few vehicles pass
LATENESS_S = 10.0
EMPTY = 20  # intervals without any reading that are told; a longer gap is jumped over
MOST = 4096  # intervals kept open
FACTS = ("lanes", "tunnel", "bridge", "hazmat")
M_PER_DEG = 111_195.0


class Station(NamedTuple):
    """`member[k]`: index of the member of kind KINDS[k], -1 where there is none."""

    chainage_m: float
    member: tuple[int, int, int]
    lon: float | None
    lat: float | None
    facts: tuple[tuple[str, float], ...]  # lanes, tunnel, bridge, hazmat

    def fact(self, name: str, default: float = 0.0) -> float:
        return dict(self.facts).get(name, default)


class Frame(NamedTuple):
    """One interval: its end (epoch ms) and the stations' means, float64[S] of %, km/h, veh/h; NaN: no reading.

    `notes`: (ts_ms, member, code) of event and weather sensors, in order of arrival.
    """

    ts_ms: int
    step_s: float
    occupancy: F64
    speed: F64
    flow: F64
    notes: tuple[tuple[int, int, float], ...] = ()


def stations(members: Sequence[Member]) -> list[Station]:
    """Stations in the order of traffic; sensors that have no place are left out."""
    places: dict[tuple[float, ...], list[int]] = {}
    along = chainages(members)
    for k, m in enumerate(members):
        if m.kind in KINDS and math.isfinite(along[k]):
            places.setdefault((round(along[k], 0),), []).append(k)
    out = []
    for key in sorted(places):
        mine = places[key]
        of = {kind: k for k in reversed(mine) for kind in KINDS if members[k].kind == kind}
        facts = {name: value for k in mine for name, value in members[k].params if name in FACTS}
        first = members[mine[0]]
        member = (of.get("occupancy", -1), of.get("speed", -1), of.get("flow", -1))
        out.append(Station(float(along[mine[0]]), member, first.lon, first.lat, tuple(sorted(facts.items()))))
    return out


def chainages(members: Sequence[Member]) -> F64:
    """Chainage float64[M], NaN unknown; if no member has one, the place on the zone's longest axis.

    There low serial numbers are upstream."""
    given = np.array([np.nan if m.chainage_m is None else m.chainage_m for m in members])
    if np.isfinite(given).any():
        return given
    lon = np.array([np.nan if m.lon is None else m.lon for m in members])
    lat = np.array([np.nan if m.lat is None else m.lat for m in members])
    placed = np.isfinite(lon) & np.isfinite(lat)
    if placed.sum() < 2:
        return given
    x = (lon - lon[placed].mean()) * M_PER_DEG * math.cos(math.radians(float(lat[placed].mean())))
    xy = np.column_stack([x, (lat - lat[placed].mean()) * M_PER_DEG])
    axis = np.linalg.svd(xy[placed], full_matrices=False)[2][0]
    out: F64 = np.where(placed, np.round(xy @ axis, 1), np.nan)
    serial = np.array([int(m.id[-6:]) if m.id[-6:].isdigit() else k for k, m in enumerate(members)], np.float64)
    if np.sum((serial[placed] - serial[placed].mean()) * out[placed]) < 0:
        out = -out
    return out - np.nanmin(out)


class Grid:
    """Readings of a zone by intervals; see the head of this file."""

    def __init__(self, members: Sequence[Member], road: Sequence[Station]) -> None:
        self.n = len(road)
        loops = [k for s in road for k in s.member if k >= 0]
        longest = max((members[k].interval_s for k in loops), default=LEAST_S)
        self.step_s = max(LEAST_S, longest)
        self.step_ms = round(self.step_s * 1000)
        upload = max((members[k].upload_s for k in loops), default=0.0)
        self.lateness_ms = round(1000 * max(LATENESS_S, upload))
        self.cell = np.full(len(members), -1, np.int64)  # kind * n + station
        for s, station in enumerate(road):
            for kind, k in enumerate(station.member):
                if k >= 0:
                    self.cell[k] = kind * self.n + s
        self.note = np.array([m.kind in ("event", "weather") for m in members], bool)
        self.last = np.zeros(len(members), np.int64)
        self.closed = -1  # newest closed interval, -1: none yet
        self.empty = 0
        self.open: dict[int, F64] = {}  # interval -> float64[2, 3 n] sums and counts
        self.notes: list[tuple[int, int, float]] = []
        self._pending: list[tuple[I32, I64, F64]] = []

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        self._pending.append((np.array(member), np.array(ts_ms), np.array(values)))
        if len(self._pending) >= 256:
            self._ingest()

    def _ingest(self) -> None:
        if not self._pending:
            return
        m, t, x = (np.concatenate(column) for column in zip(*self._pending, strict=True))
        self._pending.clear()
        fresh = self._fresh(m, t)
        m, t, x = m[fresh], t[fresh], x[fresh]
        if not len(m):
            return
        if self.note.any():
            for k in np.flatnonzero(self.note[m]).tolist():
                self.notes.append((int(t[k]), int(m[k]), float(x[k])))
            del self.notes[:-64]
        bucket = (t - 1) // self.step_ms
        use = (self.cell[m] >= 0) & (bucket > self.closed)
        for b in np.unique(bucket[use]).tolist():
            if b not in self.open:
                if len(self.open) >= MOST:
                    continue
                self.open[b] = np.zeros((2, 3 * self.n))
            mine = use & (bucket == b)
            cells = self.cell[m[mine]]
            np.add.at(self.open[b][0], cells, x[mine])  # one by one, in order: the same for any cut into batches
            np.add.at(self.open[b][1], cells, 1.0)

    def _fresh(self, m: I32, t: I64) -> Any:
        """bool[n]: newer than all before it of the same sensor. Moves `last`."""
        small = m.astype(np.int16) if len(self.cell) < 2**15 else m  # numpy sorts 16 bits by radix
        order = np.argsort(small, kind="stable")
        ms, ts = m[order], t[order]
        base = ts.min()
        first = np.ones(len(ms), bool)
        first[1:] = ms[1:] != ms[:-1]
        rank = np.cumsum(first) * (int(ts.max() - base) + 2)
        top = np.maximum.accumulate(ts - base + rank)
        newer = first.copy()
        newer[1:] |= (ts - base + rank)[1:] > top[:-1]
        newer &= ts > self.last[ms]
        out = np.zeros(len(m), bool)
        out[order] = newer
        np.maximum.at(self.last, ms[newer], ts[newer])
        return out

    def frames(self, now_ms: int) -> list[Frame]:
        """All intervals that close at tick `now_ms`, oldest first."""
        if self.closed >= 0 and now_ms < (self.closed + 2) * self.step_ms:
            return []  # cheap: nothing can be due
        self._ingest()
        if self.closed < 0 and self.open:
            self.closed = min(self.open) - 1
        out: list[Frame] = []
        while self.closed >= 0:
            end = (self.closed + 2) * self.step_ms
            if not self._due(end, now_ms):
                break
            got = self.open.pop(self.closed + 1, None)
            self.empty = 0 if got is not None else min(self.empty, EMPTY) + 1
            if self.empty > EMPTY:
                if not self.open:
                    break
                self.closed = min(self.open) - 1
                continue
            self.closed += 1
            out.append(self._frame(end, got))
        return out

    def _due(self, end: int, now_ms: int) -> bool:
        if now_ms >= end + self.lateness_ms:
            return True
        awaited = (self.cell >= 0) & (self.last >= end - 3 * self.step_ms)
        return bool(awaited.any() and (self.last[awaited] >= end).all())

    def _frame(self, end: int, got: F64 | None) -> Frame:
        if got is None:
            mean = np.full(3 * self.n, np.nan)
        else:
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = got[0] / got[1]
        notes = tuple(note for note in self.notes if note[0] <= end)
        self.notes = [note for note in self.notes if note[0] > end]
        n = self.n
        return Frame(end, self.step_s, mean[:n], mean[n : 2 * n], mean[2 * n :], notes)

    def dump(self) -> dict[str, Any]:
        self._ingest()
        return {
            "step": self.step_ms, "last": self.last.tolist(), "closed": self.closed, "empty": self.empty,
            "open": [[b, a.tobytes()] for b, a in self.open.items()], "notes": [list(note) for note in self.notes],
        }  # fmt: skip

    def load(self, dumped: dict[str, Any]) -> None:
        if dumped["step"] != self.step_ms:
            raise ValueError("traffic: state is of another interval")
        self.last = np.array(dumped["last"], np.int64)
        self.closed, self.empty = dumped["closed"], dumped["empty"]
        self.open = {b: np.frombuffer(a).reshape(2, 3 * self.n).copy() for b, a in dumped["open"]}
        self.notes = [(int(t), int(m), float(x)) for t, m, x in dumped["notes"]]
        self._pending.clear()
