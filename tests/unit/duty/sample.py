"""People and rosters for the tests of duty."""

from __future__ import annotations

from typing import Any

from streams.duty.book import DutyBook
from streams.duty.local_time import DAY_MS, parse
from streams.duty.records import Contact, DutyRecord, Person, Roster, Rotation, Shift

MONDAY = parse("2026-12-07 08:30")
KAILI = "522601"
WEEK_MS = 7 * DAY_MS


def person(id_: str, place: str = KAILI, **more: Any) -> Person:
    return Person(id=id_, name=f"{id_}氏", place=place, contacts=(Contact("feed"),), **more)


PEOPLE = {i: person(i) for i in ("li", "wu", "long", "pan", "shi")}


def weekly(role: str, *teams: tuple[str, ...]) -> Rotation:
    return Rotation(role=role, teams=teams, starts_ms=MONDAY)


def shift(who: str, start: str, end: str, role: str = "main", instead_of: str = "", why: str = "") -> Shift:
    return Shift(role=role, person=who, from_ms=parse(start), until_ms=parse(end), instead_of=instead_of, why=why)


def roster(*rotations: Rotation, id_: str = KAILI, **more: Any) -> Roster:
    return Roster(id=id_, rotations=rotations, **more)


def book(*records: DutyRecord) -> DutyBook:
    made = DutyBook()
    for record in (*PEOPLE.values(), *records):
        made.put(record)
    return made
