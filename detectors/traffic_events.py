"""Events of gantries, checkpoints and cameras: which of them confirm an incident between two stations.

An event confirms an incident that begins at most 15 min after it, or has begun. Where the place of its sensor is known
it must lie between the two stations or at most `NEAR_M` beyond: about as far as a camera looks, and about one segment,
since an incident may be told at the segment beside its own. An event of unknown place confirms anywhere on its road.
The time and the distance are the project's own choice.
"""

from __future__ import annotations

from detectors.traffic_road import EVENT, Road

EVENT_S = 900.0
NEAR_M = 1000.0


class Events:
    """State: the newest event of each member that is not over."""

    def __init__(self, road: Road) -> None:
        self.road = road
        self.now: dict[int, tuple[int, int]] = {}  # member -> (code, ts_ms)

    def note(self, ts_ms: int, member: int, code: int) -> None:
        """Take in a code of `traffic_road.EVENT`; any other ends the member's event."""
        if code in EVENT:
            self.now[member] = (code, ts_ms)
        else:
            self.now.pop(member, None)

    def confirming(self, first: int, last: int, raised_ms: int) -> list[tuple[int, int]]:
        """(code, member) of the events that confirm an incident between two stations, in order of code."""
        return sorted(
            (code, member)
            for member, (code, ts) in self.now.items()
            if ts >= raised_ms - EVENT_S * 1000 and self.road.near(member, first, last, NEAR_M)
        )

    def dump(self) -> list[list[int]]:
        return [[member, *event] for member, event in self.now.items()]

    def load(self, dumped: list[list[int]]) -> None:
        self.now = {member: (code, ts) for member, code, ts in dumped}
