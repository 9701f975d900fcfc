"""What a file of duty says before it is checked, and how it joins what is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from streams.duty.book import DutyBook
from streams.duty.records import ROLE_NAMES, ROLES, DutyRecord, Person, Roster, Rotation, Shift

_BY_NAME = {**{r: r for r in ROLES}, **{zh: r for r, zh in ROLE_NAMES.items()}}


class Read(Struct):
    """Records of one or more files. With any `problems` (a sentence each) nothing of it may be used."""

    records: list[DutyRecord] = field(default_factory=list)
    rotations: dict[str, list[Rotation]] = field(default_factory=dict)  # by place
    shifts: dict[str, list[Shift]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def role_of(text: str) -> str:
    """A role by its name in either language.

    >>> role_of("主班"), role_of("Main")
    ('main', 'main')

    Raises:
        ValueError: there is no such role.
    """
    known = _BY_NAME.get(text.strip().lower())
    if known is None:
        raise ValueError(f"role {text.strip()[:40]!r} is unknown: want one of {', '.join(_BY_NAME)}")
    return known


class Names:
    """People by id or by a name that only one has: of the place first, then of all."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._people = {p.id: p for p in people if not p.removed}

    def find(self, text: str, place: str) -> str:
        """The id. Raises ValueError where nobody or several people are meant."""
        wanted = text.strip()
        if wanted in self._people:
            return wanted
        named = [p for p in self._people.values() if p.name == wanted]
        here = [p for p in named if p.place == place] or named
        if len(here) == 1:
            return here[0].id
        if here:
            raise ValueError(f"{wanted[:40]!r} is the name of {', '.join(p.id for p in here[:5])}: write the id")
        raise ValueError(f"person {wanted[:40]!r} is not known: import the people first, or correct it")


def merged(read: Read, book: DutyBook, instead: bool = False) -> list[DutyRecord]:
    """New states of all records that the files name.

    Rotations of a file take the place of those of the same role. Shifts join those that are there; with `instead` they
    take the place of those that begin in the time from the file's first begin to its last end, in its roles.
    """
    out: dict[str, DutyRecord] = {r.id: r for r in read.records}
    for place in [*read.rotations, *read.shifts]:
        there = out.get(place) or book.rosters.get(place)
        if not isinstance(there, Roster) or there.removed:
            out[place] = Roster(id=place)
        else:
            out[place] = there
    for place, rotations in read.rotations.items():
        roster = _roster(out, place)
        roles = {r.role for r in rotations}
        kept = [r for r in roster.rotations if r.role not in roles]
        out[place] = replace(roster, rotations=(*kept, *rotations))
    for place, shifts in read.shifts.items():
        roster = _roster(out, place)
        kept_shifts = _outside(roster.shifts, shifts) if instead else list(roster.shifts)
        out[place] = replace(roster, shifts=_ordered(dict.fromkeys([*kept_shifts, *shifts])))
    return list(out.values())


def _roster(out: Mapping[str, DutyRecord], place: str) -> Roster:
    found = out[place]
    assert isinstance(found, Roster)
    return found


def _outside(there: Iterable[Shift], new: list[Shift]) -> list[Shift]:
    first, last, roles = min(s.from_ms for s in new), max(s.until_ms for s in new), {s.role for s in new}
    return [s for s in there if s.role not in roles or not first <= s.from_ms < last]


def _ordered(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    """By begin; swaps stay behind what they change, in their own order."""
    plain = sorted((s for s in shifts if not s.instead_of), key=lambda s: s.from_ms)
    return (*plain, *(s for s in shifts if s.instead_of))
