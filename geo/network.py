"""Downstream and upstream along the links that assets name: `Asset.downstream`, metres from where one stands.

A link says which way the medium goes in normal operation. In a ring main that is a convention: the walk then reaches
what could be without supply, not what certainly is.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from geo.records import Asset

LIMIT = 500  # objects that a walk visits at most
Step = Callable[[str], Iterable[tuple[str, float]]]


class Reach(NamedTuple):
    """An object that was reached, and how many metres of pipe are in between."""

    id: str
    metres: float


class Walk(NamedTuple):
    """What was reached, nearest first, without the start; `cut`: there is more than the limit."""

    reached: list[Reach]
    cut: bool


class Network:
    """The links of all assets, both ways."""

    def __init__(self, assets: Iterable[Asset] = ()) -> None:
        self._down: dict[str, dict[str, float]] = {}
        self._up: dict[str, dict[str, float]] = {}
        for asset in assets:
            self.put(asset)

    def put(self, asset: Asset) -> None:
        """Take the links of one asset in place of those it had."""
        self.remove(asset.id)
        if asset.downstream:
            self._down[asset.id] = {link.to: link.length_m for link in asset.downstream}
            for link in asset.downstream:
                self._up.setdefault(link.to, {})[asset.id] = link.length_m

    def remove(self, id_: str) -> None:
        """Forget what this asset names; links of others to it stay theirs."""
        for to in self._down.pop(id_, {}):
            above = self._up[to]
            above.pop(id_, None)
            if not above:
                del self._up[to]

    def knows(self, id_: str) -> bool:
        """True where a link begins or ends at this asset."""
        return id_ in self._down or id_ in self._up

    def downstream(self, id_: str, limit: int = LIMIT, max_m: float = math.inf) -> Walk:
        """What hangs on an asset: everything that its medium goes to.

        >>> from geo.records import Pipe
        >>> def well(n, *to):
        ...     links = tuple(Pipe(f"522601-W-WEL-{t:06d}", 100.0) for t in to)
        ...     id_ = f"522601-W-WEL-{n:06d}"
        ...     return Asset(id=id_, domain="water", kind="well", unit_code="522601", downstream=links)
        >>> Network([well(1, 2), well(2, 3), well(3)]).downstream("522601-W-WEL-000001").reached[-1]
        Reach(id='522601-W-WEL-000003', metres=200.0)
        """
        return _walk(id_, lambda at: self._down.get(at, {}).items(), limit, max_m)

    def upstream(self, id_: str, limit: int = LIMIT, max_m: float = math.inf) -> Walk:
        """Where the medium of an asset comes from."""
        return _walk(id_, lambda at: self._up.get(at, {}).items(), limit, max_m)


def _walk(start: str, step: Step, limit: int, max_m: float) -> Walk:
    """Nearest first (Dijkstra 1959), equal distances in the order of ids; circles end by themselves."""
    reached: list[Reach] = []
    seen: set[str] = set()
    queue = [(0.0, start)]
    while queue:
        metres, at = heapq.heappop(queue)
        if at in seen:
            continue
        if len(reached) >= limit:
            return Walk(reached, True)
        seen.add(at)
        if at != start:
            reached.append(Reach(at, metres))
        for to, length in step(at):
            if to not in seen and metres + length <= max_m:
                heapq.heappush(queue, (metres + length, to))
    return Walk(reached, False)
