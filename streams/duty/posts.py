"""Who holds the posts of one roster at a moment: teams that take turns, shifts in addition, then swaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from streams.duty.local_time import DAY_MS
from streams.duty.records import ROLES, Roster, Rotation, Shift

_BUCKET_MS = 7 * DAY_MS
_LONG = 12  # a shift over more buckets (flood season) is looked at every time instead


class Posts:
    """One roster made ready for being asked often: shifts lie in buckets of a week."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self._rotations: dict[str, list[Rotation]] = defaultdict(list)
        for rotation in roster.rotations:
            self._rotations[rotation.role].append(rotation)
        self._long: list[tuple[int, Shift]] = []
        self._weeks: dict[int, list[tuple[int, Shift]]] = defaultdict(list)
        for n, shift in enumerate(roster.shifts):
            first, last = shift.from_ms // _BUCKET_MS, (shift.until_ms - 1) // _BUCKET_MS
            if last - first > _LONG:
                self._long.append((n, shift))
                continue
            for week in range(first, last + 1):
                self._weeks[week].append((n, shift))

    def people(self, role: str, at_ms: int, before: int | None = None) -> tuple[str, ...]:
        """Ids of those in a post of this role, each once, in the order of the roster.

        `before`: as it is without the shifts from this number on, which is what a swap finds.
        """
        here = [p for rotation in self._rotations.get(role, ()) for p in team(rotation, at_ms)]
        shifts = [s for s in self.shifts(at_ms, before) if s.role == role]
        here += [s.person for s in shifts if not s.instead_of]
        for swap in shifts:
            if swap.instead_of in here:
                here[here.index(swap.instead_of)] = swap.person
        return tuple(dict.fromkeys(here))

    def shifts(self, at_ms: int, before: int | None = None) -> list[Shift]:
        """Shifts of all roles at a moment, in the order of the roster."""
        near = sorted([*self._long, *self._weeks.get(at_ms // _BUCKET_MS, ())], key=_number)
        return [s for n, s in near if s.from_ms <= at_ms < s.until_ms and (before is None or n < before)]

    def all(self, at_ms: int) -> Mapping[str, tuple[str, ...]]:
        """Role -> ids, for every role."""
        return {role: self.people(role, at_ms) for role in ROLES}

    def edges(self, from_ms: int, until_ms: int) -> Iterator[int]:
        """Moments inside the range at which somebody may come or go, in no order, some twice."""
        for shift in self.roster.shifts:
            yield from (t for t in (shift.from_ms, shift.until_ms) if from_ms < t < until_ms)
        for rotation in self.roster.rotations:
            every = rotation.every_s * 1000
            turn = max(0, (from_ms - rotation.starts_ms) // every + 1)  # the first hand-over after from_ms
            yield from range(rotation.starts_ms + turn * every, until_ms, every)


def _number(item: tuple[int, Shift]) -> int:
    return item[0]


def team(rotation: Rotation, at_ms: int) -> tuple[str, ...]:
    """The team whose turn it is; () before the first hand-over.

    >>> r = Rotation(role="main", teams=(("li",), ("wu",)), starts_ms=0, every_s=10)
    >>> team(r, 9_999), team(r, 10_000), team(r, 20_000), team(r, -1)
    (('li',), ('wu',), ('li',), ())
    """
    turn = (at_ms - rotation.starts_ms) // (rotation.every_s * 1000)
    return rotation.teams[turn % len(rotation.teams)] if turn >= 0 and rotation.teams else ()
