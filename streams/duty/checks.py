"""What makes a roster or a person unusable: each fault with place, time and fix. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from geo.units import UnitError, level_of
from streams.duty.coverage import DOUBLE, GAP, coverage
from streams.duty.local_time import DAY_MS, text
from streams.duty.posts import Posts
from streams.duty.records import CHANNELS, ORG, PERSON_ID, ROLES, Contact, DutyRecord, Person, Roster, Rotation, Shift

AHEAD_MS = 366 * DAY_MS  # a roster is looked at so far ahead
MAX_SHIFTS, MAX_TEAMS, MAX_CONTACTS = 3_000, 200, 8
MIN_TURN_S, MAX_TURN_S = 3_600, 366 * 86_400
LAST_MS = 4_102_444_800_000  # 2100
_SHOWN = 5  # stretches of a roster that are told one by one
_PHONE = re.compile(r"\+?[0-9][0-9 -]{2,24}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S{1,480}")
_FIX = {
    GAP: "plan somebody for this time, or promise fewer hours or posts",
    "overlap": "take one out, raise `posts`, or give a reinforcement its reason in `why`",
    DOUBLE: "plan somebody else for one of the two",
}


class Fault(Struct, frozen=True):
    """One thing to mend. `where`: the part of the record; `when`: local time, "" for none."""

    place: str
    where: str
    what: str
    fix: str
    when: str = ""

    def __str__(self) -> str:
        time = f", {self.when}" if self.when else ""
        return f"{self.place}: {self.where}{time}: {self.what}; {self.fix}"


def check_person(person: Person) -> list[Fault]:
    """Faults of a person's record; a removed one has none."""
    return [] if person.removed else [Fault(f"person {person.id[:80]}", *f) for f in _person(person)]


def form(record: DutyRecord) -> list[Fault]:
    """Faults of a record by itself: one with any would not work in a program that decides by it."""
    if record.removed:
        return []
    return (
        [Fault(f"roster {record.id[:80]}", *f) for f in _roster(record)]
        if isinstance(record, Roster)
        else check_person(record)
    )


def check(roster: Roster, people: Mapping[str, Person], at_ms: int) -> list[Fault]:
    """Faults of a roster from `at_ms` on: its form first, then gaps and overlaps inside of what is planned.

    Before the first planned duty and after the last one is no fault: the daily check tells of it.
    """
    if roster.removed:
        return []
    name = f"roster {roster.id[:80]}"
    faults = [Fault(name, *f) for f in (*_roster(roster), *_people(roster, people, at_ms))]
    return faults or [*_swaps(name, roster, at_ms), *_times(name, roster, people, at_ms)]


def _person(person: Person) -> Iterator[tuple[str, str, str]]:
    if not PERSON_ID.fullmatch(person.id):
        yield "id", f"is {person.id[:80]!r}", "want a letter, then letters, digits or _ . -, at most 64"
    if not person.name.strip() or len(person.name) > 100:
        yield "name", "is empty or longer than 100 characters", "give the person's name"
    yield from _place("place", person.place)
    if not person.contacts:
        yield "contacts", "there is none", f"give at least one of {', '.join(CHANNELS)}"
    yield from _contacts("contacts", person.contacts)


def _roster(roster: Roster) -> Iterator[tuple[str, str, str]]:
    yield from _place("id", roster.id)
    if roster.id.startswith(ORG) and not roster.unit:
        yield "unit", "an organisation has none", "name the unit whose people see and edit the roster, e.g. 522601"
    if roster.unit:
        yield from _place("unit", roster.unit)
    yield from _contacts("room", roster.room)
    if not roster.hours:
        yield "hours", "there are none", 'give at least one, e.g. {"from_minute": 0, "until_minute": 1440}'
    for n, h in enumerate(roster.hours, 1):
        if not h.days or any(d not in range(1, 8) for d in h.days):
            yield f"hours {n}", f"days are {list(h.days)}", "want 1 Monday to 7 Sunday"
        if not 0 <= h.from_minute < h.until_minute <= 1440:
            yield f"hours {n}", f"{h.from_minute} to {h.until_minute}", "want minutes from 0 to 1440; two over midnight"
    for role, number in roster.posts.items():
        if role not in ROLES:
            yield "posts", f"role {role[:40]!r} is unknown", f"want one of {', '.join(ROLES)}"
        if not 1 <= number <= 50:
            yield "posts", f"{number} people as {role[:40]}", "want 1 to 50, or leave the role out"
    if len(roster.shifts) > MAX_SHIFTS:
        yield "shifts", f"there are {len(roster.shifts)}", f"want at most {MAX_SHIFTS}: give turns as rotations"
    for n, rotation in enumerate(roster.rotations, 1):
        yield from ((f"rotation {n}", *f) for f in _rotation(rotation))
    for n, shift in enumerate(roster.shifts, 1):
        yield from ((f"shift {n} ({shift.person[:64]})", *f) for f in _shift(shift))


def _rotation(rotation: Rotation) -> Iterator[tuple[str, str]]:
    if rotation.role not in ROLES:
        yield f"role {rotation.role[:40]!r} is unknown", f"want one of {', '.join(ROLES)}"
    if not rotation.teams or len(rotation.teams) > MAX_TEAMS:
        yield f"it has {len(rotation.teams)} teams", f"want 1 to {MAX_TEAMS}"
    for k, members in enumerate(rotation.teams, 1):
        if not members:
            yield f"team {k} is empty", "name its people, or leave the team out"
        elif len(set(members)) < len(members):
            yield f"team {k} names somebody twice", "name each once"
    if not MIN_TURN_S <= rotation.every_s <= MAX_TURN_S or rotation.every_s % 3_600:
        yield f"turns of {rotation.every_s} s", "want whole hours, from one to 366 days"
    if rotation.starts_ms % 60_000 or not 0 <= rotation.starts_ms < LAST_MS:
        yield "the first hand-over is not at a whole minute of 1970 to 2100", "give it as 2026-12-07T08:30:00+08:00"


def _shift(shift: Shift) -> Iterator[tuple[str, str]]:
    if shift.role not in ROLES:
        yield f"role {shift.role[:40]!r} is unknown", f"want one of {', '.join(ROLES)}"
    if shift.until_ms <= shift.from_ms:
        yield f"ends at {_local(shift.until_ms)}, before it begins at {_local(shift.from_ms)}", "swap the two times"
    if not 0 <= shift.from_ms < LAST_MS or not 0 <= shift.until_ms < LAST_MS:
        yield "lies outside of 1970 to 2100", "correct the year"
    elif shift.until_ms - shift.from_ms > AHEAD_MS:
        yield "is longer than 366 days", "split it, or give it as a rotation"
    if shift.instead_of == shift.person:
        yield "somebody takes over from the same person", "name another one"


def _people(roster: Roster, people: Mapping[str, Person], at_ms: int) -> Iterator[tuple[str, str, str]]:
    named = {p: f"rotation {n}" for n, r in enumerate(roster.rotations, 1) for t in r.teams for p in t}
    for n, s in enumerate(roster.shifts, 1):
        if s.until_ms > at_ms:
            named |= {p: f"shift {n}" for p in (s.person, s.instead_of) if p and p not in named}
    for id_, where in named.items():
        person = people.get(id_)
        if person is None or person.removed:
            yield where, f"person {id_[:64]!r} is unknown or removed", "import the person first, or correct the id"
        elif not person.contacts:
            yield where, f"person {id_[:64]!r} has no contact", "give the person one"


def _swaps(name: str, roster: Roster, at_ms: int) -> Iterator[Fault]:
    """A swap has to find the person in the post all the time: at its begin and at each change in it."""
    posts = Posts(roster)
    for n, swap in enumerate(roster.shifts):
        if not swap.instead_of or swap.until_ms <= at_ms:
            continue
        for t in sorted({swap.from_ms, *posts.edges(swap.from_ms, swap.until_ms)}):
            if swap.instead_of not in posts.people(swap.role, t, before=n):
                what = f"{swap.instead_of} is not on duty as {swap.role}, so {swap.person} takes over nothing"
                yield Fault(name, f"shift {n + 1}", what, "correct the times, or leave `instead_of` out", text(t))
                break


def _times(name: str, roster: Roster, people: Mapping[str, Person], at_ms: int) -> Iterator[Fault]:
    if not roster.rotations and not roster.shifts:
        return  # nothing is planned yet
    shown = 0
    for found in coverage(roster, people, at_ms, at_ms + AHEAD_MS):
        low, high = _planned(roster, found.role, at_ms)
        if found.what == GAP and not (found.until_ms > low and found.from_ms < high):
            continue
        shown += 1
        if shown > _SHOWN:
            yield Fault(name, found.role, "there are more such stretches", "mend these first")
            return
        a, b = (
            (max(found.from_ms, low), min(found.until_ms, high))
            if found.what == GAP
            else (found.from_ms, found.until_ms)
        )
        who = ", ".join(found.people) or "nobody"
        what = (
            f"{found.what}: {who} of {found.wanted} on duty" if found.what != DOUBLE else f"{who} in two posts at once"
        )
        yield Fault(name, found.role, what, _FIX[found.what], f"{text(a)} – {text(b)}")


def _planned(roster: Roster, role: str, at_ms: int) -> tuple[int, int]:
    """From when until when somebody is planned in a role; always where nobody is in this role and others are."""
    starts = [r.starts_ms for r in roster.rotations if r.role == role]
    shifts = [s for s in roster.shifts if s.role == role and not s.instead_of and not s.why]
    if not starts and not shifts:
        return at_ms, at_ms + AHEAD_MS
    low = min([*starts, *(s.from_ms for s in shifts)])
    return low, at_ms + AHEAD_MS if starts else max(s.until_ms for s in shifts)


def _place(where: str, place: str) -> Iterator[tuple[str, str, str]]:
    fix = "want a unit code such as 522601, or org: and an organisation's name"
    if place.startswith(ORG):
        name = place.removeprefix(ORG)
        if not name.strip() or len(name) > 100 or "@" in name or "/" in name or not name.isprintable():
            yield where, f"is {place[:80]!r}", fix
        return
    try:
        if level_of(place) not in ("prefecture", "county", "township", "village"):
            yield where, f"is {place[:80]!r}", fix
    except UnitError:
        yield where, f"is {place[:80]!r}", fix


def _contacts(where: str, contacts: tuple[Contact, ...]) -> Iterator[tuple[str, str, str]]:
    if len(contacts) > MAX_CONTACTS:
        yield where, f"there are {len(contacts)}", f"want at most {MAX_CONTACTS}"
    for c in contacts:
        if c.channel not in CHANNELS:
            yield where, f"channel {c.channel[:40]!r} is unknown", f"want one of {', '.join(CHANNELS)}"
        elif c.channel in ("voice", "sms"):
            if not _PHONE.fullmatch(c.address):
                yield where, f"the {c.channel} number is none", "want digits, also with + and -"
        elif c.channel != "feed" and not _URL.fullmatch(c.address):
            yield where, f"the {c.channel} address is no URL", "want an apprise URL, e.g. mailto://… or dingtalk://…"


def _local(ms: int) -> str:
    return text(ms) if 0 <= ms < LAST_MS else str(ms)
