"""Moving assets and fences: enter, exit, dwell and crossing, each told once however much the position jitters.

A fix is *clear* when its distance to a fence's outline is at least the margin and `clear_k` times its own accuracy,
which is the radius that holds 68 % of such fixes (the platforms' meaning): a fix on the outline is wrongly clear once
in ten thousand. A clear fix takes a side at once. A fence may be too narrow for a clear fix inside, so `confirm_n`
fixes inside in a row are an entry too. An exit, and any change after one without a clear fix, needs a clear fix or
`settle_n` in a row, of an exit with their middle half a margin outside, which a point that jitters about an outline
hardly gives. Remembered of an asset: its last fix, and the fences it is in or close to.
"""

from __future__ import annotations

import math

import msgspec
from msgspec import Struct

from geo import metric
from geo.fence_book import FenceBook
from geo.fence_times import active
from geo.fences import Fence
from geo.moving_path import edge_distance_m, meets


class MovingConfig(Struct, frozen=True, kw_only=True):
    """What is believed of a fix."""

    margin_m: float = 15.0  # a clear fix is at least this far from the outline …
    clear_k: float = 2.5  # … and this times its accuracy
    confirm_n: int = 3  # fixes inside in a row that are an entry, where none was clear
    settle_n: int = 20  # fixes in a row that change a side again, where none was clear
    accuracy_m: float = 100.0  # a fix that says it is worse is left out
    assumed_m: float = 10.0  # accuracy of a fix that does not say
    speed_m_s: float = 60.0  # a fix that asks for more is a jump: left out …
    jump_n: int = 3  # … until so many in a row agree with each other
    gap_s: float = 600.0  # after a longer silence the way in between is unknown: no crossing, no dwelling
    forget_s: float = 86_400.0  # an asset outside all fences that is silent for longer is forgotten


class Move(Struct, frozen=True, kw_only=True):
    """What an asset did; `ts_ms`, `lon` and `lat` of the fix that decided, of dwell the moment and the last fix.

    `since_ms`: enter: first fix inside; exit and dwell: the entry; cross: last clear fix before it.
    """

    asset: str
    fence: str
    what: str  # enter | exit | dwell | cross
    ts_ms: int
    lon: float
    lat: float
    since_ms: int


class _Side(Struct):
    """An asset that is in a fence, or not clearly out of it."""

    inside: bool = False
    since_ms: int = 0  # of the entry
    dwell_ms: int = 0  # 0: never told
    told: bool = False
    spent: bool = False  # a change without a clear fix was made: the next needs settle_n
    n: int = 0  # fixes in a row on the other side
    first_ms: int = 0  # the first of them
    lon: float = 0.0  # their sums
    lat: float = 0.0
    passed: bool = False  # a step since the last clear fix met the outline
    clear: tuple[float, float, int] | None = None  # lon, lat, ts_ms of the last clear fix outside


class _Fix(Struct):
    ts_ms: int
    lon: float
    lat: float
    accuracy_m: float


class _Asset(Struct):
    last: _Fix
    seen_ms: int  # of any usable fix, jumps too
    sides: dict[str, _Side] = {}
    jump: _Fix | None = None
    jumps: int = 0


class Tracker:
    """Positions of assets against the moving fences of a book. The same fixes give the same moves, cut anywhere."""

    def __init__(self, config: MovingConfig | None = None) -> None:
        self.config = config or MovingConfig()
        self._assets: dict[str, _Asset] = {}

    def fix(self, asset: str, ts_ms: int, lon: float, lat: float, accuracy_m: float, fences: FenceBook) -> list[Move]:
        """Moves that this fix makes, in order of time and fence id.

        Left out: not finite, outside lon ±180 or lat ±90, not later than the last one, not accurate enough, jumps.
        An accuracy that is NaN or not above 0 is taken as unknown. A fence is watched while it is `moving` and active;
        one that no longer is, or was removed, is left at the next fix.
        """
        c = self.config
        accuracy_m = accuracy_m if accuracy_m > 0 else c.assumed_m
        if not (abs(lon) <= 180 and abs(lat) <= 90 and accuracy_m <= c.accuracy_m):
            return []
        now = _Fix(ts_ms, lon, lat, accuracy_m)
        state = self._assets.get(asset)
        if state is None:
            state = self._assets[asset] = _Asset(now, ts_ms)
            return self._judge(asset, state, None, now, fences)
        if ts_ms <= state.seen_ms:
            return []
        moves = self._dwelt(asset, state, ts_ms)
        state.seen_ms = ts_ms
        before: _Fix | None = state.last
        if self._too_fast(state.last, now):
            state.jumps = state.jumps + 1 if state.jump and not self._too_fast(state.jump, now) else 1
            state.jump = now
            if state.jumps < c.jump_n:
                return moves
            before = None
        elif ts_ms - state.last.ts_ms > c.gap_s * 1000:
            before = None
        state.jump, state.jumps = None, 0
        moves += self._judge(asset, state, before, now, fences)
        state.last = now
        return moves

    def tick(self, now_ms: int) -> list[Move]:
        """Dwellings that are due by `now_ms`, by asset and fence; forgets assets that are long silent."""
        moves = []
        for asset in sorted(self._assets):
            state = self._assets[asset]
            moves += self._dwelt(asset, state, now_ms)
            inside = any(side.inside for side in state.sides.values())
            if not inside and now_ms - state.seen_ms > self.config.forget_s * 1000:
                del self._assets[asset]
        return moves

    def forget(self, asset: str) -> None:
        """An asset that is not watched any more: where it was means nothing for later fixes."""
        self._assets.pop(asset, None)

    def dump(self) -> bytes:
        """All that is remembered, exact."""
        return msgspec.msgpack.encode(dict(sorted(self._assets.items())))

    def load(self, data: bytes) -> None:
        """Take what `dump` gave in place of what is remembered. Raises ValueError where it is none."""
        self._assets = msgspec.msgpack.decode(data, type=dict[str, _Asset])

    def _too_fast(self, before: _Fix, now: _Fix) -> bool:
        away = metric.distance_m(before.lon, before.lat, now.lon, now.lat) - before.accuracy_m - now.accuracy_m
        return away > self.config.speed_m_s * (now.ts_ms - before.ts_ms) / 1000

    def _dwelt(self, asset: str, state: _Asset, now_ms: int) -> list[Move]:
        """Dwellings due while the last fix still speaks for the place; after a gap the next fix decides."""
        until = min(now_ms, state.last.ts_ms + round(self.config.gap_s * 1000))
        moves = []
        for fence, side in sorted(state.sides.items()):
            due = side.since_ms + side.dwell_ms
            if side.inside and side.dwell_ms and not side.told and due <= until:
                side.told = True
                moves.append(_move(asset, fence, "dwell", state.last, side.since_ms, due))
        return moves

    def _judge(self, asset: str, state: _Asset, before: _Fix | None, now: _Fix, fences: FenceBook) -> list[Move]:
        moves: list[Move] = []
        watched = {fence.id: fence for fence in self._near(before or now, now, fences)}
        for fence_id in sorted({*watched, *state.sides}):
            fence = watched.get(fence_id) or fences.get(fence_id)
            side = state.sides.pop(fence_id, None)
            if fence is None or not (fence.moving and active(fence, now.ts_ms)):
                if side and side.inside:
                    moves.append(_move(asset, fence_id, "exit", now, side.since_ms))
                continue
            if side is None:
                side = _Side()
                if before and not fences.holds(fence_id, before.lon, before.lat):  # new fences may be around it
                    side.clear = before.lon, before.lat, before.ts_ms
            elif before is None:
                side.n, side.passed, side.clear = 0, False, None
            found, keep = self._step(side, fence, before, now, fences)
            moves += [_move(asset, fence_id, what, now, since) for what, since in found]
            if keep:
                state.sides[fence_id] = side
        return moves

    def _step(
        self, side: _Side, fence: Fence, before: _Fix | None, now: _Fix, fences: FenceBook
    ) -> tuple[list[tuple[str, int]], bool]:
        """([(what, since_ms)], is the side still to be remembered?) of one fix and one fence."""
        edges = fences.edges(fence.id)
        here = fences.holds(fence.id, now.lon, now.lat)
        clear = edge_distance_m(edges, now.lon, now.lat) >= self._clear_m(now)
        side.dwell_ms = round(fence.dwell_s * 1000)
        if before is not None and not side.passed:
            side.passed = meets(edges, (before.lon, before.lat), (now.lon, now.lat))
        if here == side.inside:
            side.n = 0
            if side.inside:
                return self._stayed(side, now), True
            return (self._crossed(side, edges, now), False) if clear else ([], True)
        if not clear and not self._settled(side, edges, now):
            return [], True
        side.first_ms = side.first_ms if side.n else now.ts_ms
        since = side.first_ms if here else side.since_ms
        side.inside, side.since_ms, side.told, side.n = here, since, False, 0
        side.spent, side.passed, side.clear = not clear, False, None
        return [("enter" if here else "exit", since)], here or not clear

    def _settled(self, side: _Side, edges: metric.Floats, now: _Fix) -> bool:
        """Counts a fix on the other side that is not clear; enough of them change it."""
        if side.n == 0:
            side.first_ms, side.lon, side.lat = now.ts_ms, 0.0, 0.0
        side.n, side.lon, side.lat = side.n + 1, side.lon + now.lon, side.lat + now.lat
        if side.n < (self.config.settle_n if side.inside or side.spent else self.config.confirm_n):
            return False
        away = edge_distance_m(edges, side.lon / side.n, side.lat / side.n) if side.inside else math.inf
        return away >= self.config.margin_m / 2

    def _stayed(self, side: _Side, now: _Fix) -> list[tuple[str, int]]:
        """Inside as before: a dwelling that a gap kept from being told is told now."""
        if not side.dwell_ms or side.told or side.since_ms + side.dwell_ms > now.ts_ms:
            return []
        side.told = True
        return [("dwell", side.since_ms)]

    def _crossed(self, side: _Side, edges: metric.Floats, now: _Fix) -> list[tuple[str, int]]:
        """Clearly outside again: it went through if a step met the outline and the straight way does too.

        A point that jitters on the outline and goes back meets the outline, but its straight way does not.
        """
        if side.clear is None or not side.passed or not meets(edges, side.clear[:2], (now.lon, now.lat)):
            return []
        return [("cross", side.clear[2])]

    def _clear_m(self, now: _Fix) -> float:
        return max(self.config.margin_m, self.config.clear_k * now.accuracy_m)

    def _near(self, before: _Fix, now: _Fix, fences: FenceBook) -> list[Fence]:
        """Moving fences whose box comes closer to the step than a clear fix would have to stay."""
        away = self._clear_m(now)
        east, north = metric.scale(min(abs(now.lat), 89.0))
        x, y = away / east, away / north
        west, south = min(before.lon, now.lon) - x, min(before.lat, now.lat) - y
        return fences.moving(west, south, max(before.lon, now.lon) + x, max(before.lat, now.lat) + y)


def _move(asset: str, fence: str, what: str, at: _Fix, since_ms: int, ts_ms: int | None = None) -> Move:
    moment = at.ts_ms if ts_ms is None else ts_ms
    return Move(asset=asset, fence=fence, what=what, ts_ms=moment, lon=at.lon, lat=at.lat, since_ms=since_ms)
