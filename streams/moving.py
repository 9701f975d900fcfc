"""Moving assets of a kernel: their places, and what they do at fences as detections. Pure.

A sensor with `moving` sends lon and lat with its readings. Entering a watched fence raises `fence_entry`, which leaving
it clears; staying longer than the fence's `dwell_s` raises `fence_dwell` beside it; a way through between two fixes
raises and clears `fence_crossing` at once. `geo.moving` decides, once a visit however much the position jitters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.kinds import KINDS
from detectors.movement import HAZMAT
from geo.assets import Sensor
from geo.fences import Fence
from geo.moving import Move, Tracker
from streams.columns import Columns
from streams.events import Detection, Evidence, Text, stable_id
from streams.fencing import Fencing

_KIND = {"enter": "fence_entry", "dwell": "fence_dwell", "cross": "fence_crossing"}
_SAID = {
    "enter": Text("{who}进入{fence}", "{who} entered {fence}"),
    "dwell": Text("{who}在{fence}停留已超过 {minutes} 分钟", "{who} has been in {fence} for over {minutes} min"),
    "cross": Text("{who}穿越{fence}", "{who} crossed {fence}"),
    "exit": Text("{who}离开{fence}，历时 {minutes} 分钟", "{who} left {fence} after {minutes} min"),
}


class Saved(msgspec.Struct):
    """State for a snapshot."""

    tracker: bytes
    places: list[tuple[int, tuple[float, float]]]
    open: list[tuple[tuple[str, str, str], int]]


class Movements:
    """Rows that move, their last places, and the episodes they have open."""

    def __init__(self, run: str, mode: str, fencing: Fencing) -> None:
        self._run, self._mode, self._fencing = run, mode, fencing
        self._tracker = Tracker()
        self._rows: dict[int, Sensor] = {}
        self._places: dict[int, tuple[float, float]] = {}
        self._open: dict[tuple[str, str, str], int] = {}  # (sensor, fence, kind) -> onset

    def __bool__(self) -> bool:
        return bool(self._rows)

    def member(self, row: int, sensor: Sensor) -> list[Detection]:
        """Take over a sensor's record; what ends with one that is retired or stands still now."""
        if sensor.moving and not sensor.retired:
            self._rows[row] = sensor
            return []
        last = self._places.pop(row, None) or (sensor.lon or 0.0, sensor.lat or 0.0)
        if self._rows.pop(row, None) is None:
            return []
        self._tracker.forget(sensor.id)
        ended = [key for key in self._open if key[0] == sensor.id]
        return [self._ended(sensor, key, last) for key in ended]

    def place(self, row: int) -> tuple[float, float] | None:
        """lon, lat of a moving row's last usable fix; None for rows that stand still."""
        return self._places.get(row)

    def add(self, cols: Columns, rows: NDArray[np.int32]) -> list[Detection]:
        """Fixes of a batch, `rows` int32[n] the row of each reading (-1: not to be counted)."""
        if cols.lon is None or cols.lat is None:
            return []
        out: list[Detection] = []
        wanted = np.flatnonzero(np.isin(rows, list(self._rows)) & np.isfinite(cols.lon) & np.isfinite(cols.lat))
        for k in wanted.tolist():
            row, place = int(rows[k]), (float(cols.lon[k]), float(cols.lat[k]))
            accuracy = math.nan if cols.accuracy is None else float(cols.accuracy[k])
            sensor = self._rows[row]
            self._places[row] = place
            moves = self._tracker.fix(sensor.id, int(cols.ts_ms[k]), *place, accuracy, self._fencing.book)
            out += [d for move in moves for d in self._detections(sensor, move)]
        return out

    def tick(self, now_ms: int) -> list[Detection]:
        """Dwellings that are due."""
        known = {s.id: s for s in self._rows.values()}
        moves = [m for m in self._tracker.tick(now_ms) if m.asset in known]
        return [d for move in moves for d in self._detections(known[move.asset], move)]

    def _detections(self, sensor: Sensor, move: Move) -> Iterator[Detection]:
        if move.what == "exit":
            for kind in ("fence_dwell", "fence_entry"):
                onset = self._open.pop((sensor.id, move.fence, kind), None)
                if onset is not None:
                    yield self._detection(sensor, move, kind, "clear", onset)
            return
        kind = _KIND[move.what]
        if move.what == "cross":
            yield self._detection(sensor, move, kind, "raise", move.ts_ms)
            yield self._detection(sensor, move, kind, "clear", move.ts_ms)
            return
        self._open[sensor.id, move.fence, kind] = move.ts_ms
        yield self._detection(sensor, move, kind, "raise", move.ts_ms)

    def _ended(self, sensor: Sensor, key: tuple[str, str, str], last: tuple[float, float]) -> Detection:
        onset = self._open.pop(key)
        move = Move(
            asset=sensor.id, fence=key[1], what="exit", ts_ms=onset, lon=last[0], lat=last[1], since_ms=onset
        )  # fmt: skip
        return self._detection(sensor, move, key[2], "clear", onset)

    def _detection(self, sensor: Sensor, move: Move, kind: str, state: str, onset_ms: int) -> Detection:
        known = KINDS[kind]
        fence = self._fencing.book.get(move.fence)
        asset = f"{sensor.asset or sensor.id}/{move.fence}"
        hazmat = sensor.params.get(HAZMAT, 0.0) > 0
        return Detection(
            id=stable_id(self._run, asset, kind, onset_ms, state, move.ts_ms), run=self._run, mode=self._mode,
            state=state, domain=sensor.domain, kind=kind, cls=known.cls, sensor=sensor.id, asset=asset,
            zone=sensor.zone, county=(sensor.zone or sensor.unit_code)[:6], unit=sensor.unit_code, lon=move.lon,
            lat=move.lat, ts_ms=move.ts_ms, onset_ms=onset_ms, level=int(hazmat), interval_s=sensor.interval_s,
            owner_org=sensor.owner_org, operator_org=sensor.operator_org, regulator=sensor.regulator,
            fences=self._fencing.marks_at(move.lon, move.lat, "", kind, move.ts_ms, False),
            name=Text(sensor.name_zh, sensor.name_en), title=Text(*known.title),
            reason=_sentence(sensor, move, fence, hazmat), evidence=Evidence(detector="moving"),
        )  # fmt: skip

    def dump(self) -> Saved:
        return Saved(self._tracker.dump(), list(self._places.items()), list(self._open.items()))

    def load(self, saved: Saved) -> None:
        """Take over a dump, after the rows."""
        self._tracker.load(saved.tracker)
        self._places, self._open = dict(saved.places), dict(saved.open)


def _sentence(sensor: Sensor, move: Move, fence: Fence | None, hazmat: bool) -> Text:
    said = _SAID[move.what]
    minutes = max((move.ts_ms - move.since_ms) // 60_000, 0)
    zh, en = (fence.name_zh, fence.name_en or fence.name_zh) if fence is not None else (move.fence, move.fence)
    who_zh, who_en = sensor.name_zh or sensor.id, sensor.name_en or sensor.id
    if hazmat:
        who_zh, who_en = f"危险货物运输车 {who_zh}", f"{who_en}, with hazardous goods,"
    return Text(
        said.zh.format(who=who_zh, fence=f"“{zh}”", minutes=minutes),
        said.en.format(who=who_en, fence=f"“{en}”", minutes=minutes),
    )
