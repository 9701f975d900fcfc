"""Whom a roll-call picks."""

from __future__ import annotations

from msgspec.structs import replace

from streams.duty.local_time import DAY_MS
from streams.duty.records import Hours
from streams.duty.rollcall import candidates, picked
from tests.unit.duty.sample import MONDAY, book, roster, weekly

ALL = roster(weekly("main", ("li", "wu")), weekly("deputy", ("long",)))


def test_the_same_seed_picks_the_same_and_another_one_others() -> None:
    there = candidates(book(ALL, roster(weekly("main", ("pan",)), id_="522601001")), "5226", MONDAY)
    assert [(place, p.id) for place, p in there] == [
        ("522601", "li"), ("522601", "long"), ("522601", "wu"), ("522601001", "pan"),
    ]  # fmt: skip
    choices = {tuple(p.id for _, p in picked(there, 2, seed)) for seed in range(40)}
    assert picked(there, 2, 3) == picked(there, 2, 3)
    assert len(choices) > 6
    assert {i for c in choices for i in c} == {"li", "long", "wu", "pan"}


def test_each_person_once_and_only_in_the_subtree_and_promised_hours() -> None:
    made = book(ALL, roster(weekly("main", ("li",)), id_="522601001"))
    assert sorted(p.id for _, p in picked(candidates(made, "522601", MONDAY), 9, 1)) == ["li", "long", "wu"]
    assert candidates(made, "522622", MONDAY) == []
    workdays = replace(ALL, hours=(Hours((1, 2, 3, 4, 5)),))
    assert candidates(book(workdays), "5226", MONDAY + 5 * DAY_MS) == []
