"""Duty from iCalendar (RFC 5545): events with their recurrences as shifts of one place. Pure: text in, shifts out.

The summary names the people (ids or names, several with `;`, `、` or `,`), before them optionally the role:
`主班 张三`, `main: li`. Without one, a category that is a role is taken, else the role given. Times with a zone are
taken in that zone, with its summer time; floating ones are local (UTC+8). All-day events run from the hand-over time to
the hand-over time after their last day.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

from geo.moments import BEIJING
from streams.duty.local_time import MINUTE_MS, text as local_text
from streams.duty.reading import Names, Read, role_of
from streams.duty.records import ROLE_NAMES, ROLES, Shift

MAX_EVENTS = 5_000  # of one calendar after its recurrences
_ROLE = re.compile(rf"\s*({'|'.join([*ROLES, *ROLE_NAMES.values()])})\s*[:：\s]\s*(.+)", re.IGNORECASE | re.DOTALL)
_BETWEEN = re.compile(r"[;；、,，]")
_LEAST = dt.timedelta(seconds=1)


def read_ical(
    name: str, content: str, place: str, names: Names, span: tuple[int, int], role: str = "main", handover: int = 0
) -> Read:
    """Shifts of a calendar that touch `span` (epoch ms); `handover`: minutes after midnight, of all-day events."""
    from icalendar import Calendar

    out = Read()
    try:
        calendars = Calendar.from_ical(content, multiple=True)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        out.problems.append(f"{name}: is no iCalendar file (RFC 5545): {str(error)[:120] or 'it cannot be read'}")
        return out
    events = [e for calendar in calendars for e in calendar.walk("VEVENT")]
    if not events:
        out.problems.append(f"{name}: has no events: export the calendar again")
    moved = _moved(events)
    shifts: list[Shift] = []
    for event in events:
        where = f"{name}, event {_title(event)!r}"
        try:
            if _cancelled(event):
                continue
            post, people = _who(event, place, names, role)
            for start, end in _times(event, moved, span, handover):
                shifts += [Shift(role=post, person=p, from_ms=start, until_ms=end) for p in people]
                if len(shifts) > MAX_EVENTS:
                    raise ValueError(f"more than {MAX_EVENTS} shifts: give turns as rotations, or a shorter horizon")
        except (TypeError, AttributeError, OverflowError):
            out.problems.append(f"{where}: has a field that cannot be read: export it again")
        except ValueError as error:
            out.problems.append(f"{where}: {error}")
    if shifts and not out.problems:
        out.shifts[place] = sorted(dict.fromkeys(shifts), key=lambda s: (s.from_ms, s.role, s.person))
    return out


def _moved(events: list[Any]) -> dict[str, set[int]]:
    """UID -> begins of its recurrences that have an event of their own."""
    out: dict[str, set[int]] = {}
    for event in events:
        if "RECURRENCE-ID" in event:
            out.setdefault(str(event.get("UID", "")), set()).add(_moment(event["RECURRENCE-ID"].dt, 0))
    return out


def _title(event: Any) -> str:
    return str(event.get("SUMMARY", ""))[:60]


def _cancelled(event: Any) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


def _who(event: Any, place: str, names: Names, role: str) -> tuple[str, list[str]]:
    summary = str(event.get("SUMMARY", "")).strip()
    match = _ROLE.fullmatch(summary)
    if match:
        role, summary = role_of(match[1]), match[2]
    else:
        role = next((r for r in map(_known_role, _categories(event)) if r), role)
    wanted = [p for p in _BETWEEN.split(summary) if p.strip()]
    if not wanted:
        raise ValueError("names nobody: write the person's name or id into the summary")
    return role, [names.find(p, place) for p in wanted]


def _categories(event: Any) -> list[str]:
    found = event.get("CATEGORIES")
    some = found if isinstance(found, list) else [found] if found is not None else []
    return [str(c) for each in some for c in getattr(each, "cats", [each])]


def _known_role(text: str) -> str:
    try:
        return role_of(text)
    except ValueError:
        return ""


def _times(event: Any, moved: dict[str, set[int]], span: tuple[int, int], handover: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each recurrence that is not over before the span and begins before its end."""
    if "DTSTART" not in event:
        raise ValueError("has no DTSTART: export it again")
    start = event["DTSTART"].dt
    zone = event["DTSTART"].params.get("TZID")
    if zone and getattr(start, "tzinfo", None) is None:
        raise ValueError(f"time zone {str(zone)[:40]!r} is not known: use a name such as Asia/Shanghai")
    day = not isinstance(start, dt.datetime)
    length = _length(event, start)
    own = "RECURRENCE-ID" in event
    skip = set() if own else moved.get(str(event.get("UID", "")), set())
    late = handover * MINUTE_MS if day else 0
    for when in [_aware(start)] if own else _recurrences(event, span, length):
        begin = _moment(when, 0)
        # by the wall clock, so that hand-overs keep their time of day when summer time begins or ends: our own choice
        end = _moment((when.replace(tzinfo=None) + length).replace(tzinfo=when.tzinfo), 0)
        if begin not in skip and end + late > span[0] and begin + late < span[1]:
            yield begin + late, end + late


def _length(event: Any, start: dt.date) -> dt.timedelta:
    if "DTEND" in event:
        end = event["DTEND"].dt
        if isinstance(end, dt.datetime) != isinstance(start, dt.datetime):
            raise ValueError("one of DTSTART and DTEND is a day and the other a time: export it again")
        length: dt.timedelta = _wall(end, start) - _wall(start, start)
    elif "DURATION" in event:
        length = event["DURATION"].dt
    elif not isinstance(start, dt.datetime):
        length = dt.timedelta(days=1)
    else:
        raise ValueError("has no end: give it one")
    if length < _LEAST:
        raise ValueError(f"ends before it begins ({local_text(_moment(start, 0))}): correct it")
    return length


def _wall(when: dt.date, start: dt.date) -> dt.datetime:
    """Wall-clock time in the zone of the event's start."""
    zone = _aware(start).tzinfo
    return _aware(when).astimezone(zone).replace(tzinfo=None)


def _aware(when: dt.date) -> dt.datetime:
    if not isinstance(when, dt.datetime):
        when = dt.datetime(when.year, when.month, when.day)
    return when if when.tzinfo is not None else when.replace(tzinfo=BEIJING)


def _moment(when: dt.date, minutes: int) -> int:
    return round(_aware(when).timestamp() * 1000) + minutes * MINUTE_MS


def _recurrences(event: Any, span: tuple[int, int], length: dt.timedelta) -> Iterator[dt.datetime]:
    """Begins by RRULE and RDATE without EXDATE, in the event's zone."""
    from dateutil import rrule

    start = _aware(event["DTSTART"].dt)
    every = rrule.rruleset()
    every.rdate(start)
    for rule in _several(event, "RRULE"):
        if set(map(str, rule.get("FREQ", []))) & {"SECONDLY", "MINUTELY", "HOURLY"}:
            raise ValueError("recurs more often than daily: give it as a rotation")
        try:
            every.rrule(rrule.rrulestr(_rule_text(rule), dtstart=start))
        except (ValueError, KeyError) as error:
            raise ValueError(f"RRULE cannot be used: {str(error)[:120]}") from None
    for when in _dates(event, "RDATE"):
        every.rdate(when.astimezone(start.tzinfo))
    for when in _dates(event, "EXDATE"):
        every.exdate(when.astimezone(start.tzinfo))
    first = dt.datetime.fromtimestamp(span[0] / 1000, dt.UTC) - length - dt.timedelta(days=2)
    last = dt.datetime.fromtimestamp(span[1] / 1000, dt.UTC)
    yield from every.between(first, last, inc=True)


def _rule_text(rule: Any) -> str:
    """The rule with its UNTIL in UTC: some programs write it as a day or floating, a day means to its end."""
    parts = dict(rule)
    if until := parts.pop("UNTIL", None):
        last = until[0]
        if not isinstance(last, dt.datetime):
            last = dt.datetime(last.year, last.month, last.day, 23, 59, 59)
        parts["UNTIL"] = [_aware(last).astimezone(dt.UTC)]
    return str(type(rule)(parts).to_ical(), "utf-8")


def _several(event: Any, name: str) -> list[Any]:
    found = event.get(name)
    return found if isinstance(found, list) else [] if found is None else [found]


def _dates(event: Any, name: str) -> Iterator[dt.datetime]:
    for some in _several(event, name):
        for one in some.dts:
            if isinstance(one.dt, tuple):
                raise ValueError(f"{name} with periods is not read: give begins only")
            yield _aware(one.dt)
