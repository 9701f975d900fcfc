"""CSV of people, shifts and rotations: read whole, or one sentence a bad row."""

from __future__ import annotations

import pytest

from streams.duty.csv_files import read_all
from streams.duty.local_time import parse
from streams.duty.plan import plan
from streams.duty.reading import Read, merged
from streams.duty.records import Contact, Person, Roster, Rotation
from tests.unit.duty.sample import KAILI, MONDAY, PEOPLE, book, roster, shift, weekly

PEOPLE_CSV = """\ufeffid,name,place,sms,voice,feed,user
zhang,张三,522601,13900000001;13900000002,,1,kaili
qian,钱四,522601,,08550000001,,
"""
SHIFTS_CSV = """单位,岗位,人员,开始,结束,替班,原因
522601,主班,张三,2026/12/7 8:30,2026-12-08 08:30,,
522601,main,qian,2026-12-08T08:30:00+08:00,2026-12-09 08:30,,
522601,主班,li,2026-12-07 20:00,2026-12-07 24:00,zhang,换班
"""
ROTATIONS_CSV = """place,role,team,starts,every_days
522601,main,张三;qian,2026-12-07 08:30,7
522601,main,li;wu,2026-12-07 08:30,7
522601,lead,shi,2026-12-07 08:30,
"""


def read(*files: str) -> Read:
    return read_all([(f"f{n}.csv", text) for n, text in enumerate(files, 1)], PEOPLE)


def test_people_with_contacts_in_the_order_of_the_columns() -> None:
    got = read(PEOPLE_CSV)
    assert got.problems == []
    first, second = got.records
    assert isinstance(first, Person)
    assert isinstance(second, Person)
    assert (first.id, first.name, first.place, first.user) == ("zhang", "张三", KAILI, "kaili")
    assert first.contacts == (Contact("sms", "13900000001"), Contact("sms", "13900000002"), Contact("feed"))
    assert second.contacts == (Contact("voice", "08550000001"),)


def test_shifts_name_people_of_another_file_by_name_whatever_the_order() -> None:
    got = read(SHIFTS_CSV, PEOPLE_CSV)
    assert got.problems == []
    first, second, swap = got.shifts[KAILI]
    assert (first.role, first.person, first.from_ms) == ("main", "zhang", parse("2026-12-07 08:30"))
    assert second.from_ms == first.until_ms
    assert (swap.instead_of, swap.why, swap.until_ms) == ("zhang", "换班", parse("2026-12-08 00:00"))
    done = plan(merged(got, book()), book(), "", MONDAY)
    assert ([r.id for r in done.records], done.faults) == (["qian", "zhang", KAILI], [])


def test_rotations_take_the_place_of_those_of_their_roles() -> None:
    got = read(ROTATIONS_CSV, PEOPLE_CSV)
    assert got.problems == []
    there = book(roster(weekly("main", ("pan",)), weekly("deputy", ("long",)), posts={"main": 2}))
    made = next(r for r in merged(got, there) if r.id == KAILI)
    assert isinstance(made, Roster)
    assert made.rotations == (
        weekly("deputy", ("long",)),
        Rotation(role="main", teams=(("zhang", "qian"), ("li", "wu")), starts_ms=MONDAY),
        Rotation(role="lead", teams=(("shi",),), starts_ms=MONDAY),
    )
    assert made.posts == {"main": 2}


def test_shifts_join_or_replace_those_of_their_time() -> None:
    before = shift("pan", "2026-12-07 08:30", "2026-12-08 08:30")
    after = shift("pan", "2026-12-20 08:30", "2026-12-21 08:30")
    standby = shift("wu", "2026-12-07 08:30", "2026-12-08 08:30", role="standby")
    there = book(roster(shifts=(before, after, standby)))
    got = read(SHIFTS_CSV, PEOPLE_CSV)
    (joined,) = [r for r in merged(got, there) if r.id == KAILI]
    (replaced,) = [r for r in merged(got, there, instead=True) if r.id == KAILI]
    assert isinstance(joined, Roster)
    assert isinstance(replaced, Roster)
    assert len(joined.shifts) == 6
    assert set(joined.shifts) - set(replaced.shifts) == {before}
    again = book(*[r for r in merged(got, there) if r.id == KAILI])
    (same,) = [r for r in merged(got, again) if r.id == KAILI]
    assert same == joined


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,name\nx,y", "f1.csv, line 1: columns id, name; want those of one of people: id, name, place"),
        ("", "line 1: columns none"),
        ("id,name,place,colour\n", "unknown column 'colour'; people have id, name, place, [chat]"),
        ("id,name,place,id\n", "column 'id' is twice"),
        ("id,name,place\nx,,522601\n", "f1.csv, line 2: name is empty: fill it in"),
        ("id,name,place\nx,y,522601\n\nx,z,522601\n", "line 4: person 'x' is also at line 2"),
        ("id,name,place,feed\nx,y,522601,perhaps\n", "line 2: feed is 'perhaps'"),
        ("id,name,place\nx,y,522601,more,cells\n", "line 2: has 5 cells, the header 3"),
        ("place,role,person,from,until\n522601,boss,li,2026-12-07 08:30,2026-12-08 08:30\n", "role 'boss' is unknown"),
        ("place,role,person,from,until\n522601,main,Nobody,2026-12-07 08:30,2026-12-08 08:30\n",
         "line 2: person 'Nobody' is not known: import the people first"),
        ("place,role,person,from,until\n522601,main,li,2026-12-07,2026-12-08 08:30\n", "'2026-12-07' is no time"),
        ("place,role,person,from,until\n522601,main,li,2026-02-30 08:30,2026-12-08 08:30\n", "is no time"),
        ("place,role,team,starts,every_days\n522601,main,li,2026-12-07 08:30,x\n", "every_days is 'x'"),
        ('id,name,place\n"x', "f1.csv, line 2: name is empty"),
    ],
)  # fmt: skip
def test_one_sentence_for_a_bad_row(text: str, says: str) -> None:
    (problem,) = read(text).problems
    assert says in problem


def test_a_name_of_two_people_is_asked_back_unless_one_is_of_the_place() -> None:
    two = "id,name,place,feed\na1,李,522622,1\na2,李,522622,1\na3,李,522601,1\n"
    row = "place,role,person,from,until\n{},main,李,2026-12-07 08:30,2026-12-08 08:30\n"
    assert read(two, row.format(KAILI)).shifts[KAILI][0].person == "a3"
    assert "is the name of a1, a2: write the id" in read(two, row.format("522622")).problems[0]
