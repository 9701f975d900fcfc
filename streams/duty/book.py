"""The duty book: who is on duty at a place at a moment, as the escalation asks. Pure: time is an argument."""

from __future__ import annotations

from collections import Counter

from streams.duty.local_time import is_promised
from streams.duty.posts import Posts
from streams.duty.records import ROLES, DutyRecord, Person, Roster

DUTY, ROOM = "duty", "room"  # roles of an address beside those of a roster, see `streams.alerts.policy`
_ON_DUTY = ("main", "deputy")


def room_id(place: str) -> str:
    """Id of a place's duty room as a person."""
    return f"{ROOM}:{place}"


class DutyBook:
    """People and rosters, the newest version of each.

    >>> from streams.duty.records import Rotation
    >>> book = DutyBook()
    >>> book.put(Person(id="li", name="李", place="522601"))
    True
    >>> book.put(Roster(id="522601", rotations=(Rotation(role="main", teams=(("li",),), starts_ms=0),)))
    True
    >>> [p.id for p in book.people("522601", "duty", 1)], book.people("522602", "duty", 1), book.has_any("522601")
    (['li'], None, True)
    """

    def __init__(self) -> None:
        self.persons: dict[str, Person] = {}
        self.rosters: dict[str, Roster] = {}
        self._posts: dict[str, Posts] = {}
        self._counties: Counter[str] = Counter()  # rosters of a county and its units

    def put(self, record: DutyRecord) -> bool:
        """Take a record; False where this version or a newer one is there already."""
        table: dict[str, DutyRecord] = self.persons if isinstance(record, Person) else self.rosters  # type: ignore[assignment]
        old = table.get(record.id)
        if old is not None and old.version >= record.version:
            return False
        table[record.id] = record
        if isinstance(record, Roster):
            self._replace(record)
        return True

    def get(self, id_: str) -> DutyRecord | None:
        """A person or roster, removed ones too."""
        return self.persons.get(id_) or self.rosters.get(id_)

    def _replace(self, roster: Roster) -> None:
        if self._posts.pop(roster.id, None) is not None:
            self._counties[roster.id[:6]] -= 1
        if not roster.removed:
            self._posts[roster.id] = Posts(roster)
            self._counties[roster.id[:6]] += 1

    def people(self, place: str, role: str, at_ms: int) -> tuple[Person, ...] | None:
        """Those in a role at a place, in the order in which they are told.

        Args:
            place: a unit's code or `org:<id>`.
            role: one of ROLES; `duty`: main, then deputy; `room`: the duty room as a person `room:<place>`.

        Returns:
            None where the place has no roster, () where it has one and nobody is there. It is answered outside
            promised hours as well: see `promised`. Removed people are left out.
        """
        posts = self._posts.get(place)
        if posts is None:
            return None
        if role == ROOM:
            room = self.person(room_id(place))
            return (room,) if room is not None else ()
        ids: dict[str, None] = {}
        for one in _ON_DUTY if role == DUTY else (role,):
            ids |= dict.fromkeys(posts.people(one, at_ms))
        return tuple(p for i in ids if (p := self.person(i)) is not None)

    def person(self, id_: str) -> Person | None:
        """Who has this id, also the duty room `room:<place>` as a person; None for nobody, and for one who was removed.

        >>> from streams.duty.records import Contact
        >>> book = DutyBook()
        >>> book.put(Roster(id="522601", room=(Contact("voice", "0855"),)))
        True
        >>> book.person("room:522601").contacts, book.person("room:522602")
        ((Contact(channel='voice', address='0855'),), None)
        """
        if id_.startswith(room_id("")):
            place = id_.removeprefix(room_id(""))
            posts = self._posts.get(place)
            room = posts.roster.room if posts is not None else ()
            return Person(id=id_, name="值班室", place=place, contacts=room) if room else None
        found = self.persons.get(id_)
        return None if found is None or found.removed else found

    def posts(self, place: str) -> Posts | None:
        """The roster of a place made ready; None where it has none."""
        return self._posts.get(place)

    def promised(self, place: str, at_ms: int) -> bool:
        """Does the place promise duty at this moment? False where it has no roster."""
        posts = self._posts.get(place)
        return posts is not None and is_promised(posts.roster.hours, at_ms)

    def has_any(self, county: str) -> bool:
        """Has the county, or a unit in it, a roster? Organisations do not count: they belong to no county."""
        return self._counties[county[:6]] > 0

    def roles_of(self, person: str, place: str, at_ms: int) -> tuple[str, ...]:
        """Roles that a person has at a place at a moment."""
        posts = self._posts.get(place)
        return () if posts is None else tuple(r for r in ROLES if person in posts.people(r, at_ms))

    def of_user(self, user: str) -> list[Person]:
        """People with this account, by id."""
        return sorted((p for p in self.persons.values() if p.user == user and not p.removed), key=lambda p: p.id)
