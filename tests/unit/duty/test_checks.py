"""Rosters and people that are refused: each fault with place, time and fix."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from streams.duty.checks import check, check_person
from streams.duty.coverage import daily
from streams.duty.local_time import DAY_MS, parse
from streams.duty.plan import plan
from streams.duty.records import Contact, Hours, Person, Roster, Rotation
from tests.unit.duty.sample import KAILI, MONDAY, PEOPLE, WEEK_MS, book, person, roster, shift, weekly

GOOD = roster(weekly("main", ("li",), ("wu",)))
WEEK = ("2026-12-07 08:30", "2026-12-14 08:30")


def faults(made: Roster, at_ms: int = MONDAY) -> list[str]:
    return list(map(str, check(made, PEOPLE, at_ms)))


def test_a_good_roster_has_no_fault_now_or_later_or_before_its_begin() -> None:
    for at_ms in (MONDAY - DAY_MS, MONDAY, MONDAY + 9 * WEEK_MS):
        assert faults(GOOD, at_ms) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rotations": (weekly("main", ("nobody",)),)}, "person 'nobody' is unknown or removed; import the person"),
        ({"rotations": (weekly("main", ("li",), ()),)}, "rotation 1: team 2 is empty"),
        ({"rotations": (weekly("main"),)}, "rotation 1: it has 0 teams"),
        ({"rotations": (weekly("main", ("li", "li")),)}, "team 1 names somebody twice"),
        ({"rotations": (weekly("boss", ("li",)),)}, "role 'boss' is unknown; want one of lead, main, deputy, standby"),
        ({"rotations": (replace(weekly("main", ("li",)), starts_ms=MONDAY + 1),)}, "not at a whole minute"),
        ({"rotations": (replace(weekly("main", ("li",)), every_s=0),)}, "turns of 0 s"),
        ({"rotations": (replace(weekly("main", ("li",)), every_s=5_000),)}, "turns of 5000 s"),
        ({"shifts": (shift("shi", *reversed(WEEK), why="flood"),)},
         "shift 1 (shi): ends at 2026-12-07 08:30, before it begins at 2026-12-14 08:30; swap the two times"),
        ({"shifts": (shift("shi", WEEK[0], WEEK[0], why="flood"),)}, "before it begins"),
        ({"shifts": (shift("shi", *WEEK, instead_of="shi"),)}, "from the same person"),
        ({"shifts": (shift("shi", *WEEK, instead_of="wu"),)},
         "shift 1, 2026-12-07 08:30: wu is not on duty as main, so shi takes over nothing"),
        ({"shifts": (shift("shi", "2026-12-07 08:30", "2026-12-15 08:30", instead_of="li"),)},
         "shift 1, 2026-12-14 08:30: li is not on duty"),
        ({"shifts": (shift("shi", "2026-12-08 00:00", "2026-12-08 12:00"),)},
         "roster 522601: main, 2026-12-08 00:00 – 2026-12-08 12:00: overlap: li, shi of 1 on duty; take one out"),
        ({"rotations": (*GOOD.rotations, weekly("main", ("shi",)))}, "overlap: li, shi of 1"),
        ({"rotations": (*GOOD.rotations, weekly("deputy", ("li",), ("shi",)))}, "li in two posts at once"),
        ({"posts": {"main": 2}}, "gap: li of 2 on duty; plan somebody"),
        ({"posts": {"main": 1, "lead": 1}}, "lead, 2026-12-07 08:30 – 2027-12-08 08:30: gap: nobody of 1"),
        ({"posts": {"main": 0}}, "0 people as main"),
        ({"posts": {"boss": 1}}, "role 'boss' is unknown"),
        ({"hours": ()}, "hours: there are none"),
        ({"hours": (Hours((1, 8)),)}, "days are [1, 8]"),
        ({"hours": (Hours((1,), 1200, 360),)}, "1200 to 360; want minutes"),
        ({"room": (Contact("voice", "call me"),)}, "room: the voice number is none"),
        ({"id": "kaili"}, "id: is 'kaili'"),
        ({"id": "520000"}, "id: is '520000'"),
        ({"id": "org:水务"}, "unit: an organisation has none"),
        ({"id": "org:a@b", "unit": KAILI}, "id: is 'org:a@b'"),
    ],
)  # fmt: skip
def test_what_is_refused(changes: dict[str, Any], says: str) -> None:
    told = faults(replace(GOOD, **changes))
    assert any(says in t for t in told), told


def test_shifts_alone_are_refused_for_a_gap_between_them_only() -> None:
    first = shift("li", "2026-12-07 08:30", "2026-12-08 08:30")
    later = shift("wu", "2026-12-08 09:30", "2026-12-09 08:30")
    (told,) = faults(roster(shifts=(first, later)), MONDAY - WEEK_MS)
    assert "2026-12-08 08:30 – 2026-12-08 09:30: gap: nobody of 1" in told
    assert faults(roster(shifts=(first, replace(later, from_ms=first.until_ms)))) == []


def test_reinforcement_and_night_outside_of_promised_hours_are_no_faults() -> None:
    flood = shift("shi", *WEEK, why="flood")
    assert faults(replace(GOOD, shifts=(flood,))) == []
    day = (shift("li", "2026-12-07 08:00", "2026-12-07 18:00"), shift("li", "2026-12-08 08:00", "2026-12-08 18:00"))
    by_day = roster(shifts=day, hours=(Hours(from_minute=480, until_minute=1080),))
    assert faults(by_day) == []


def test_what_is_over_may_name_people_who_left() -> None:
    old = shift("gone", "2026-11-01 00:00", "2026-11-02 00:00", why="flood")
    assert faults(replace(GOOD, shifts=(old,))) == []
    assert "person 'gone'" in faults(replace(GOOD, shifts=(old,)), old.from_ms)[0]


def test_a_long_list_of_gaps_is_cut() -> None:
    turns = replace(weekly("main", ("li",), ("wu",)), every_s=86_400)
    told = faults(replace(GOOD, rotations=(turns,), posts={"main": 2}))
    assert len(told) == 6
    assert "there are more" in told[-1]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"contacts": ()}, "contacts: there is none"),
        ({"contacts": (Contact("pigeon", "x"),)}, "channel 'pigeon' is unknown"),
        ({"contacts": (Contact("sms", "12"),)}, "the sms number is none"),
        ({"contacts": (Contact("chat", "token"),)}, "the chat address is no URL"),
        ({"id": "522601"}, "id: is '522601'"),
        ({"id": "li@2"}, "id: is 'li@2'"),
        ({"name": " "}, "name: is empty"),
        ({"place": "Kaili"}, "place: is 'Kaili'"),
    ],
)
def test_people_who_are_refused(changes: dict[str, Any], says: str) -> None:
    assert check_person(person("li")) == []
    assert any(says in str(f) for f in check_person(replace(person("li"), **changes)))


def test_the_number_itself_is_not_repeated() -> None:
    told = str(check_person(replace(person("li"), contacts=(Contact("sms", "139 call 0000"),)))[0])
    assert "139" not in told


def test_a_roster_of_short_turns_is_checked_in_a_moment() -> None:
    hourly = Rotation(role="main", teams=(("li",), ("wu",)), starts_ms=MONDAY, every_s=3_600)
    assert faults(roster(hourly)) == []


def test_the_daily_list_has_villages_apart_and_promised_hours_only() -> None:
    until = shift("li", "2026-12-07 08:30", "2026-12-08 20:00")
    by_day = (Hours(from_minute=480, until_minute=1080),)
    village = replace(roster(shifts=(until,), hours=by_day), id="522601001002")
    found = daily([village, roster(shifts=(until,)), roster(id_="522622", removed=True)], PEOPLE, MONDAY, 2)
    assert [(g.place, g.from_ms) for g in found.gaps] == [(KAILI, until.until_ms)]
    assert [(g.from_ms, g.until_ms) for g in found.villages] == [(parse("2026-12-09 08:00"), parse("2026-12-09 08:30"))]


def test_a_plan_takes_all_or_none_and_says_what_changes() -> None:
    there = book(GOOD)
    swap = shift("shi", *WEEK, instead_of="li", why="swap")
    done = plan([replace(GOOD, shifts=(swap,))], there, "chief", MONDAY)
    assert [(r.id, r.version, r.by, r.at_ms) for r in done.records] == [(KAILI, 2, "chief", MONDAY)]
    assert done.changes == [
        "roster 522601: changed", "  + 2026-12-07 08:30 – 2026-12-14 08:30 main shi instead of li (swap)",
    ]  # fmt: skip
    assert plan([GOOD], there, "chief", MONDAY).unchanged == 1
    new = Person(id="new", name="新", place=KAILI, contacts=(Contact("feed"),))
    both = plan([roster(weekly("main", ("new",))), new], there, "chief", MONDAY)
    assert ([r.id for r in both.records], both.faults) == (["new", KAILI], [])


def test_a_stale_version_is_refused() -> None:
    there = book(replace(GOOD, version=3))
    changed = replace(GOOD, posts={})
    assert plan([changed], there, "", MONDAY, {KAILI: 3}).faults == []
    (told,) = plan([changed], there, "", MONDAY, {KAILI: 2}).faults
    assert "is 3 by now, you saw 2" in str(told)
    (told,) = plan([roster(weekly("main", ("li",)), id_="522622")], there, "", MONDAY, {"522622": 1}).faults
    assert "is not there by now, you saw 1" in str(told)


def test_a_person_of_a_roster_cannot_be_removed() -> None:
    gone = replace(PEOPLE["wu"], removed=True)
    (told,) = plan([gone], book(GOOD), "", MONDAY).faults
    assert str(told) == "person wu: removed: roster 522601 still plans this person; change it first"
    assert plan([gone, roster(weekly("main", ("li",)))], book(GOOD), "", MONDAY).faults == []


def test_shifts_long_over_are_left_out_of_a_new_version() -> None:
    old = shift("shi", "2026-07-01 00:00", "2026-07-02 00:00", why="flood")
    (made,) = plan([replace(GOOD, shifts=(old,))], book(), "", MONDAY).records
    assert isinstance(made, Roster)
    assert made.shifts == ()
