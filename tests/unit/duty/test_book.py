"""Who is on duty: turns, swaps, reinforcement, removed people and rosters."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from streams.duty.book import DutyBook
from streams.duty.local_time import HOUR_MS, parse
from streams.duty.records import Contact, Hours
from tests.unit.duty.sample import KAILI, MONDAY, PEOPLE, WEEK_MS, book, person, roster, shift, weekly

TWO = roster(weekly("main", ("li", "wu"), ("long", "pan")), weekly("deputy", ("shi",)), posts={"main": 2})


def ids(made: DutyBook, role: str, at_ms: int, place: str = KAILI) -> list[str]:
    found = made.people(place, role, at_ms)
    assert found is not None
    return [p.id for p in found]


@pytest.mark.parametrize(
    ("at_ms", "main"),
    [
        (MONDAY - 1, []),
        (MONDAY, ["li", "wu"]),
        (MONDAY + WEEK_MS - 1, ["li", "wu"]),
        (MONDAY + WEEK_MS, ["long", "pan"]),
        (MONDAY + 52 * WEEK_MS, ["li", "wu"]),
    ],
)
def test_teams_take_turns_at_the_hand_over(at_ms: int, main: list[str]) -> None:
    assert ids(book(TWO), "main", at_ms) == main


def test_duty_is_main_then_deputy_each_once() -> None:
    both = roster(weekly("main", ("li",)), weekly("deputy", ("li", "wu")))
    assert ids(book(both), "duty", MONDAY) == ["li", "wu"]
    assert ids(book(both), "lead", MONDAY) == []


def test_a_place_without_roster_is_none_and_a_removed_one_too() -> None:
    made = book(TWO)
    assert made.people("522622", "duty", MONDAY) is None
    assert (made.has_any(KAILI), made.has_any("522601001"), made.has_any("522622")) == (True, True, False)
    assert made.put(replace(TWO, version=2, removed=True))
    assert made.people(KAILI, "duty", MONDAY) is None
    assert not made.has_any(KAILI)
    assert not made.promised(KAILI, MONDAY)


def test_a_roster_of_a_village_counts_for_its_county() -> None:
    made = book(roster(id_="522601001002"))
    made.put(roster(id_="522601001002", version=2))
    assert made.has_any(KAILI)
    made.put(roster(id_="522601001002", version=3, removed=True))
    assert not made.has_any(KAILI)


def test_an_older_or_equal_version_changes_nothing() -> None:
    made = book(replace(TWO, version=2))
    assert not made.put(roster(weekly("main", ("shi",)), version=2))
    assert not made.put(roster(weekly("main", ("shi",)), version=1))
    assert ids(made, "main", MONDAY) == ["li", "wu"]


def test_a_swap_takes_the_place_of_one_and_ends() -> None:
    swap = shift("shi", "2026-12-08 08:30", "2026-12-09 08:30", instead_of="wu", why="swap")
    made = book(replace(TWO, shifts=(swap,)))
    assert ids(made, "main", swap.from_ms) == ["li", "shi"]
    assert ids(made, "main", swap.until_ms) == ["li", "wu"]


def test_a_swap_of_a_swap_follows_the_order_of_the_roster() -> None:
    day = ("2026-12-08 08:30", "2026-12-09 08:30")
    made = book(replace(TWO, shifts=(shift("shi", *day, instead_of="wu"), shift("long", *day, instead_of="shi"))))
    assert ids(made, "main", parse("2026-12-08 12:00")) == ["li", "long"]


def test_a_swap_of_somebody_who_is_not_there_brings_nobody() -> None:
    made = book(replace(TWO, shifts=(shift("shi", "2026-12-08 08:30", "2026-12-09 08:30", instead_of="pan"),)))
    assert ids(made, "main", parse("2026-12-08 12:00")) == ["li", "wu"]


def test_reinforcement_comes_in_addition_however_long() -> None:
    flood = shift("shi", "2026-04-01 00:00", "2027-03-01 00:00", why="flood")
    short = shift("pan", "2026-12-08 00:00", "2026-12-09 00:00", why="freezing")
    made = book(replace(TWO, shifts=(flood, short)))
    assert ids(made, "main", parse("2026-12-08 12:00")) == ["li", "wu", "shi", "pan"]
    assert ids(made, "main", parse("2026-04-01 00:00")) == ["shi"]
    assert ids(made, "main", parse("2026-03-31 23:59")) == []


def test_removed_and_unknown_people_are_left_out() -> None:
    made = book(TWO)
    made.put(person("li", version=2, removed=True))
    assert ids(made, "main", MONDAY) == ["wu"]
    assert ids(book(roster(weekly("main", ("nobody",)))), "main", MONDAY) == []


def test_the_duty_room_is_a_person_of_its_own() -> None:
    made = book(replace(TWO, room=(Contact("voice", "0855-8220000"),)))
    found = made.people(KAILI, "room", MONDAY)
    assert found is not None
    assert [(p.id, p.contacts) for p in found] == [("room:522601", (Contact("voice", "0855-8220000"),))]
    assert book(TWO).people(KAILI, "room", MONDAY) == ()


def test_promised_hours_are_local() -> None:
    made = book(replace(TWO, hours=(Hours((1, 2, 3, 4, 5), 8 * 60, 18 * 60),)))
    assert made.promised(KAILI, parse("2026-12-07 08:00"))
    assert not made.promised(KAILI, parse("2026-12-07 18:00"))
    assert not made.promised(KAILI, parse("2026-12-06 12:00"))  # a Sunday
    assert not made.promised("522622", MONDAY)


def test_roles_and_accounts() -> None:
    made = book(TWO, person("li", version=2, user="kaili"))
    assert made.roles_of("shi", KAILI, MONDAY + HOUR_MS) == ("deputy",)
    assert [p.id for p in made.of_user("kaili")] == ["li"]
    assert PEOPLE["li"].user == ""
