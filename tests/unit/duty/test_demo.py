"""The demo's duty: complete, usable, fictitious, of the accounts and organisations that the demo has."""

from __future__ import annotations

import pytest

from api.demo import ACCOUNTS
from geo.assets import Sensor
from geo.demo import demo_registry
from geo.divisions import PREFECTURE, Divisions
from streams.duty.book import DutyBook
from streams.duty.checks import check, form
from streams.duty.coverage import coverage
from streams.duty.demo import STARTS_MS, demo_duty
from streams.duty.local_time import DAY_MS, text
from streams.duty.records import Person, Roster

RECORDS = demo_duty(Divisions.load())


@pytest.fixture(scope="module")
def book() -> DutyBook:
    made = DutyBook()
    assert all(made.put(r) for r in RECORDS)
    return made


def test_every_record_can_be_used_and_nobody_has_a_number(book: DutyBook) -> None:
    assert [f for r in RECORDS for f in form(r)] == []
    assert {c.channel for r in RECORDS for c in (r.contacts if isinstance(r, Person) else r.room)} == {"feed"}
    for roster in book.rosters.values():
        assert check(roster, book.persons, STARTS_MS) == []
        assert coverage(roster, book.persons, STARTS_MS, STARTS_MS + 30 * DAY_MS) == []


def test_prefecture_counties_a_township_and_a_village_have_a_roster(book: DutyBook) -> None:
    units = {i for i in book.rosters if i.isdigit()}
    counties = {c.code for c in Divisions.load().children(PREFECTURE)}
    assert (len(counties), units) == (16, counties | {"522600", "522601001", "522601001002"})
    assert all(book.has_any(c) for c in counties)


def test_every_owner_and_operator_of_the_demo_has_a_roster(book: DutyBook) -> None:
    sensors = [r for r in demo_registry() if isinstance(r, Sensor)]
    for place in {f"org:{o}" for s in sensors for o in (s.owner_org, s.operator_org)}:
        assert book.people(place, "duty", STARTS_MS), place


def test_accounts_are_on_duty_in_their_own_unit_all_the_time(book: DutyBook) -> None:
    known = {name: unit for name, _, unit in ACCOUNTS}
    with_account = {p.user: p for p in book.persons.values() if p.user}
    assert set(with_account) == {"commander", "kaili", "kaili2", "chengxi", "longxi"}
    for user, person in with_account.items():
        assert known[user] == person.place
        assert all(book.roles_of(person.id, person.place, STARTS_MS + n * 7 * DAY_MS) for n in range(3))


def test_the_first_hand_over_is_on_a_monday_morning() -> None:
    assert text(STARTS_MS) == "2026-01-05 08:30"
    assert all(r.demo for r in RECORDS if isinstance(r, Person | Roster))
