"""Gas that moves from well to well: methane rises in neighbouring wells one after the other, told with a direction.

A well is *up* when it reads RISE %LEL above its own background (a recursive robust mean, as in `adaptive.py`) twice in
a row. Wells that are up belong together when they are near and rose soon after each other. The onsets give a slowness
vector by least squares, onset = t0 + s . (x, y), as a plane wave is located with an array of seismometers (Rost &
Thomas 2002, *Array seismology*, Rev. Geophys. 40(3)): its direction is where the gas goes, 1 / |s| how fast. Soil and
ducts are no plane; it is a hint where to measure next, never a place to dig.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.compiled import jit
from detectors.gas import LEL_PER_UNIT, METHANE
from detectors.group import F64, I32, I64, Finding, Member, Note
from detectors.readings import Readings
from detectors.texts import Both
from detectors.well_places import apart_m, plane

VERSION = "well_spread/1"
FORMAT = 1
RISE = 2.0  # %LEL above the background
SIGMAS = 6.0
FLOOR = 0.1  # %LEL, scale of a quiet well
MEMORY = 600.0  # readings
WARM = 30
NEAR_M, SOON_MS = 300.0, 1_800_000
LASTING_MS = 86_400_000  # a rise that lasts longer is the new background
UPDATE_MS = 300_000
WINDS = (
    Both("北", "north"), Both("东北", "north-east"), Both("东", "east"), Both("东南", "south-east"),
    Both("南", "south"), Both("西南", "south-west"), Both("西", "west"), Both("西北", "north-west"),
)  # fmt: skip


@jit
def follow(wells: Any, who: Any, ts: Any, x: Any) -> None:
    """Readings in order of time: who int32[n], ts int64[n] ms, x float64[n] %LEL; wells float64[W, 7]: level, scale,
    readings learned, newest time, newest value, onset (0: not up), readings in a row above or below."""
    for i in range(len(who)):
        w = wells[who[i]]
        if ts[i] <= w[3]:
            continue
        w[3] = ts[i]
        w[4] = x[i]
        off = x[i] - w[0]
        bar = max(RISE, SIGMAS * max(w[1], FLOOR))
        if (
            w[2] >= WARM
            and off > (bar if w[5] == 0.0 else 0.5 * bar)
            and not (w[5] > 0.0 and w[6] >= 2.0 and ts[i] - w[5] > LASTING_MS)
        ):
            if w[5] <= 0.0 and w[6] <= 0.0:
                w[6] = 1.0
                w[5] = -float(ts[i])  # perhaps
            elif w[5] < 0.0:
                w[5] = -w[5]
                w[6] = 2.0
            else:
                w[6] = 2.0
            continue
        if w[5] > 0.0 and w[6] > 1.0 and ts[i] - w[5] <= LASTING_MS:
            w[6] = 1.0  # below once: twice ends it
            continue
        if w[5] > 0.0 and ts[i] - w[5] > LASTING_MS:
            w[0] = x[i]
        w[5] = 0.0
        w[6] = 0.0
        w[2] += 1.0
        gain = max(1.0 / w[2], 1.0 / MEMORY)
        room = 3.0 * max(w[1], FLOOR)
        w[0] += gain * (off if w[2] < WARM else min(max(off, -room), room))
        w[1] += gain * (min(abs(off), room) - w[1])


class WellSpread:
    """Wells of one zone. `episodes`: key -> [onset, told, wells that belong to it]."""

    name = "well_spread"

    def __init__(self, members: Sequence[Member], wells: Sequence[int]) -> None:
        self.members = [members[k] for k in wells]
        scale = [LEL_PER_UNIT[m.unit or METHANE[m.kind]] for m in self.members]
        self.readings = Readings(members, wells, scale)
        self.xy, self.apart = plane(self.members), apart_m(self.members)
        self.wells = np.zeros((len(wells), 7))
        self.episodes: dict[str, list[Any]] = {}

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        self.readings.add(member, ts_ms, values)

    def advance(self, now_ms: int) -> list[Finding]:
        who, ts, x = self.readings.due(now_ms)
        if not len(who):
            return []
        follow(self.wells, who, ts, x)
        return self._judge(int(ts[-1]))

    def _judge(self, ts: int) -> list[Finding]:
        onset = self.wells[:, 5]
        up = np.flatnonzero(onset > 0.0)
        out = []
        for key, (_, _, mine) in list(self.episodes.items()):
            if not (onset[mine] > 0.0).any():
                out.append(self._finding(key, "clear", ts, mine))
                del self.episodes[key]
        for group in self._together(up):
            known = next((k for k, e in self.episodes.items() if set(e[2]) & set(group)), "")
            key = known or self.members[group[0]].id
            if not known:
                self.episodes[key] = [int(onset[group].min()), ts, group]
                out.append(self._finding(key, "raise", ts, group))
                continue
            episode = self.episodes[key]
            grown = set(group) - set(episode[2])
            if grown or ts - episode[1] >= UPDATE_MS:
                episode[1], episode[2] = ts, [*episode[2], *(k for k in group if k in grown)]
                out.append(self._finding(key, "update", ts, episode[2]))
        return out

    def _together(self, up: I64) -> list[list[int]]:
        """Groups of at least two wells, each near and soon after another of its group; in order of onset."""
        onset, left, out = self.wells[:, 5], set(up.tolist()), []
        while left:
            group, edge = [], [min(left)]
            left.discard(edge[0])
            while edge:
                k = edge.pop()
                group.append(k)
                near = [j for j in sorted(left) if self.apart[k, j] <= NEAR_M and abs(onset[k] - onset[j]) <= SOON_MS]
                left.difference_update(near)
                edge += near
            if len(group) > 1:
                out.append(sorted(group, key=lambda k: (onset[k], k)))
        return out

    def _finding(self, key: str, state: str, ts: int, group: Sequence[int]) -> Finding:
        rise = self.wells[group, 4] - self.wells[group, 0]
        top = int(np.argmax(rise))
        value, level = float(self.wells[group[top], 4]), float(self.wells[group[top], 0])
        first = self.members[group[0]]
        n, z = len(group), max(float(rise[top]), 0.0) / RISE
        zh, en = self._says(group) if state != "clear" else (
            "各井甲烷恢复到本底", "methane in these wells is back to its background",
        )  # fmt: skip
        return Finding(
            key=key, kind="gas_spread", state=state, ts_ms=ts, onset_ms=self.episodes[key][0], value=value,
            expected=level, low=0.0, high=level + RISE, unit="%LEL", score=z / (1.0 + z), threshold=0.5,
            magnitude=max(z - 1.0, 0.0), reason=Both(zh, en), sensors=tuple(self.members[k].id for k in group),
            detector=VERSION, series=tuple((int(self.wells[k, 3]), float(self.wells[k, 4])) for k in group),
            witnesses=n, place=None if first.lon is None or first.lat is None else (first.lon, first.lat),
        )  # fmt: skip

    def note(self, member: str, value: float) -> Note | None:
        """A well of an open episode says so, that its own alert is not taken for another leak."""
        for _, _, mine in self.episodes.values():
            if any(self.members[k].id == member for k in mine):
                return Note("spread", Both(
                    f"与 {len(mine)} 处扩散报警为同一事件", f"part of the spread over {len(mine)} places, told as one"
                ))  # fmt: skip
        return None

    def _says(self, group: Sequence[int]) -> tuple[str, str]:
        """How many wells, and where it moves: along a tunnel, or by the wind rose."""
        n, onset = len(group), np.abs(self.wells[group, 5]) / 1000.0
        along = [self.members[k].chainage_m for k in group]
        if all(c is not None for c in along):
            zh, en = f"甲烷在管廊 {n} 处先后升高", f"methane rose at {n} places of the tunnel one after the other"
            if np.ptp(onset) >= 1.0:
                up = float(np.polyfit(onset, np.array(along, np.float64), 1)[0]) > 0.0
                zh = f"{zh}，自桩号 {along[0]:.0f} 米向{'大' if up else '小'}桩号方向扩散"
                en = f"{en}, from chainage {along[0]:.0f} m towards {'greater' if up else 'smaller'} chainage"
            return zh, en
        zh, en = f"甲烷在 {n} 口相邻井先后升高", f"methane rose in {n} neighbouring wells one after the other"
        if (way := heading(self.xy[group], onset)) is not None:
            wind = WINDS[round(way[0] / 45.0) % 8]
            zh = f"{zh}，向{wind.zh}方向扩散，约 {way[1]:.1f} 米/分"
            en = f"{en}, spreading to the {wind.en} at about {way[1]:.1f} m/min"
        return zh, en

    def dump(self) -> Any:
        return [FORMAT, self.wells.tobytes(), self.readings.dump(), [[k, *v] for k, v in self.episodes.items()]]

    def load(self, dumped: Any) -> None:
        form, wells, held, episodes = dumped
        if form != FORMAT or len(wells) != self.wells.nbytes:
            raise ValueError(
                f"wells: state of format {form} and {len(wells)} bytes, want {FORMAT}, {self.wells.nbytes}"
            )
        self.wells = np.frombuffer(wells).reshape(self.wells.shape).copy()
        self.readings.load(held)
        self.episodes = {key: [onset, told, list(mine)] for key, onset, told, mine in episodes}


def heading(xy: F64, onset_s: F64) -> tuple[float, float] | None:
    """(bearing in degrees from north, metres a minute) of a front over points float64[n, 2] (east, north, m) that it
    reached at onset float64[n] s; None where it reached them all at once or they lie on one spot.

    >>> bearing, speed = heading(np.array([[0.0, 0.0], [60.0, 0.0]]), np.array([0.0, 120.0]))
    >>> round(bearing), round(speed)
    (90, 30)
    """
    if not np.isfinite(xy).all():
        return None
    points, times = xy - xy.mean(axis=0), onset_s - onset_s.mean()
    if np.ptp(onset_s) < 1.0 or np.abs(points).max() < 1.0:
        return None
    slow = np.linalg.lstsq(points, times, rcond=1e-3)[0]
    size = float(np.hypot(*slow))
    if size <= 0.0:
        return None
    return math.degrees(math.atan2(slow[0], slow[1])) % 360.0, 60.0 / size
