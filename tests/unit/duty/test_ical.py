"""iCalendar: recurrences, exceptions, zones with summer time, all-day events, what cannot be read."""

from __future__ import annotations

import pytest

from streams.duty.ical import read_ical
from streams.duty.local_time import parse, text
from streams.duty.reading import Names, Read
from tests.unit.duty.sample import KAILI, PEOPLE, person

SPAN = parse("2026-10-01 00:00"), parse("2027-01-01 00:00")
NAMES = Names([*PEOPLE.values(), person("zhang")])
DAILY = "UID:1\nSUMMARY:主班 li\nDTSTART;TZID=Asia/Shanghai:20261207T083000\nDTEND;TZID=Asia/Shanghai:20261208T083000\n"


def read(*events: str, role: str = "main", handover: int = 0) -> Read:
    body = "".join(f"BEGIN:VEVENT\n{e.strip()}\nEND:VEVENT\n" for e in events)
    whole = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{body}END:VCALENDAR\n".replace("\n", "\r\n")
    return read_ical("a.ics", whole, KAILI, NAMES, SPAN, role, handover)


def rows(got: Read) -> list[tuple[str, str, str, str]]:
    assert got.problems == []
    return [(text(s.from_ms)[5:], text(s.until_ms)[5:], s.role, s.person) for s in got.shifts.get(KAILI, [])]


def test_recurrences_without_exceptions_and_with_a_moved_one() -> None:
    moved = "UID:1\nRECURRENCE-ID;TZID=Asia/Shanghai:20261211T083000\nSUMMARY:主班 wu\n" \
            "DTSTART;TZID=Asia/Shanghai:20261211T100000\nDURATION:PT22H30M\n"  # fmt: skip
    rule = "RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20261213T003000Z\nEXDATE;TZID=Asia/Shanghai:20261209T083000\n"
    assert rows(read(DAILY + rule, moved)) == [
        ("12-07 08:30", "12-08 08:30", "main", "li"),
        ("12-11 10:00", "12-12 08:30", "main", "wu"),
        ("12-13 08:30", "12-14 08:30", "main", "li"),
    ]


def test_endless_recurrences_end_with_the_horizon() -> None:
    got = rows(read(DAILY + "RRULE:FREQ=WEEKLY\n"))
    assert (len(got), got[-1][0]) == (4, "12-28 08:30")


def test_what_goes_on_at_the_begin_of_the_horizon_is_taken() -> None:
    week = "UID:8\nSUMMARY:li\nDTSTART:20260916T083000\nDTEND:20260923T083000\nRRULE:FREQ=WEEKLY;COUNT=3"
    assert rows(read(week)) == [("09-30 08:30", "10-07 08:30", "main", "li")]


def test_summer_time_of_another_zone_ends_between_two_turns() -> None:
    berlin = "UID:2\nSUMMARY:li\nDTSTART;TZID=Europe/Berlin:20261023T083000\nDTEND;TZID=Europe/Berlin:20261024T083000\n"
    assert [r[:2] for r in rows(read(berlin + "RRULE:FREQ=DAILY;COUNT=3"))] == [
        ("10-23 14:30", "10-24 14:30"), ("10-24 14:30", "10-25 15:30"), ("10-25 15:30", "10-26 15:30"),
    ]  # fmt: skip


def test_floating_times_are_local_and_utc_is_not() -> None:
    floating = "UID:3\nSUMMARY:li\nDTSTART:20261207T083000\nDTEND:20261207T203000\nRRULE:FREQ=DAILY;UNTIL=20261208"
    utc = "UID:4\nSUMMARY:wu\nDTSTART:20261207T003000Z\nDTEND:20261207T123000Z"
    assert rows(read(floating, utc)) == [
        ("12-07 08:30", "12-07 20:30", "main", "li"),
        ("12-07 08:30", "12-07 20:30", "main", "wu"),
        ("12-08 08:30", "12-08 20:30", "main", "li"),
    ]


def test_all_day_events_run_from_hand_over_to_hand_over() -> None:
    week = "UID:5\nSUMMARY:li、wu\nDTSTART;VALUE=DATE:20261207\nDTEND;VALUE=DATE:20261214\nRRULE:FREQ=WEEKLY;COUNT=2"
    assert rows(read(week, role="deputy", handover=510)) == [
        ("12-07 08:30", "12-14 08:30", "deputy", "li"),
        ("12-07 08:30", "12-14 08:30", "deputy", "wu"),
        ("12-14 08:30", "12-21 08:30", "deputy", "li"),
        ("12-14 08:30", "12-21 08:30", "deputy", "wu"),
    ]


def test_the_role_by_summary_then_category_then_as_given() -> None:
    plain = "UID:6\nSUMMARY:zhang氏\nDTSTART:20261207T083000\nDTEND:20261207T203000\n"
    assert rows(read(plain, role="standby"))[0][2:] == ("standby", "zhang")
    assert rows(read(plain + "CATEGORIES:值班,带班领导"))[0][2:] == ("lead", "zhang")
    assert rows(read(plain.replace("zhang氏", "Deputy: zhang") + "CATEGORIES:main"))[0][2:] == ("deputy", "zhang")


def test_cancelled_events_are_passed_over() -> None:
    assert rows(read(DAILY + "STATUS:CANCELLED")) == []


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (DAILY.replace("主班 li", "主班 nobody"), "event '主班 nobody': person 'nobody' is not known"),
        (DAILY.replace("主班 li", ""), "names nobody"),
        (DAILY.replace("20261208T", "20261206T"), "ends before it begins (2026-12-07 08:30)"),
        ("UID:7\nSUMMARY:li\nDTSTART:20261207T083000", "has no end"),
        ("UID:7\nSUMMARY:li", "has no DTSTART"),
        ("UID:7\nSUMMARY:li\nDTSTART:tomorrow\nDTEND:20261207T083000", "Wrong date format tomorrow"),
        ("UID:7\nSUMMARY:li\nDTSTART:20261207T083000\nDTEND;VALUE=DATE:20261208", "is a day and the other a time"),
        (DAILY + "RRULE:FREQ=HOURLY", "recurs more often than daily"),
        (DAILY.replace("Asia/Shanghai", "Moon/Crater"), "time zone 'Moon/Crater' is not known"),
    ],
)
def test_one_sentence_for_a_bad_event_and_nothing_of_the_file(event: str, says: str) -> None:
    got = read(event, DAILY)
    (problem,) = got.problems
    assert says in problem
    assert got.shifts == {}


@pytest.mark.parametrize("content", ["", "hello", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "BEGIN:VCALENDAR\r\n"])
def test_a_file_that_is_no_calendar(content: str) -> None:
    (problem,) = read_ical("a.ics", content, KAILI, NAMES, SPAN).problems
    assert problem.startswith("a.ics: ")
