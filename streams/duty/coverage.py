"""Gaps and overlaps of a roster over time, against what it promises; the daily list of gaps. Pure.

A gap: fewer people in a post than promised, in promised hours. An overlap: more regular people in a post than it
promises, or one person in two posts at once. Reinforcement (a shift with a reason: flood, freezing, holiday) is in
addition on purpose and never an overlap.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from streams.alert_parts import Text
from streams.duty.local_time import DAY_MS, Span, promised_spans, text
from streams.duty.posts import Posts
from streams.duty.records import ROLE_NAMES, ROLES, Person, Roster

GAP, OVERLAP, DOUBLE = "gap", "overlap", "double"
_DEFAULT = {"main": 1}


class Finding(Struct, frozen=True, kw_only=True):
    """A stretch of time in which a post has too few, too many, or somebody who is elsewhere too."""

    what: str  # gap | overlap | double
    place: str
    role: str
    from_ms: int
    until_ms: int
    wanted: int = 0
    people: tuple[str, ...] = ()  # who is there

    @property
    def reason(self) -> Text:
        """Place, time and what is wrong, for officers."""
        when = f"{text(self.from_ms)} – {text(self.until_ms)}"
        who, role = ", ".join(self.people) or "-", ROLE_NAMES[self.role]
        if self.what == DOUBLE:
            return Text(
                f"{self.place}，{when}：{who} 同时在{role}和其他岗位",
                f"{self.place}, {when}: {who} in two posts at once",
            )
        there = len(self.people)
        return Text(
            f"{self.place}，{when}：{role}应有 {self.wanted} 人，排了 {there} 人（{who}）",
            f"{self.place}, {when}: {self.role} has {there} of {self.wanted} people ({who})",
        )


def promised_posts(roster: Roster) -> Mapping[str, int]:
    """Role -> how many at once are promised."""
    return roster.posts or _DEFAULT


def coverage(roster: Roster, people: Mapping[str, Person], from_ms: int, until_ms: int) -> list[Finding]:
    """Everything wrong in [from_ms, until_ms), by time; stretches with the same people are one.

    People that are not in `people`, or removed, hold no post.
    """
    known = {i for i, p in people.items() if not p.removed}
    posts, promised = Posts(roster), promised_spans(roster.hours, from_ms, until_ms)
    edges = {from_ms, until_ms, *posts.edges(from_ms, until_ms), *(t for span in promised for t in span)}
    times, found, k = sorted(edges), list[Finding](), 0
    for a, b in itertools.pairwise(times):
        while k < len(promised) and promised[k][1] <= a:
            k += 1
        inside = k < len(promised) and promised[k][0] <= a
        found += _at(roster, posts, known, (a, b), inside)
    return _joined(found)


def _at(roster: Roster, posts: Posts, known: Collection[str], span: Span, inside: bool) -> Iterator[Finding]:
    """Findings of a span in which nothing changes."""
    on = {role: tuple(p for p in ids if p in known) for role, ids in posts.all(span[0]).items()}
    extra = {(s.role, s.person) for s in posts.shifts(span[0]) if s.why and not s.instead_of}
    wanted = promised_posts(roster)
    for role in ROLES:
        regular = tuple(p for p in on[role] if (role, p) not in extra)
        number = wanted.get(role)
        if number is not None and inside and len(on[role]) < number:
            yield _finding(GAP, roster, role, span, on[role], number)
        if number is not None and len(regular) > number:
            yield _finding(OVERLAP, roster, role, span, regular, number)
    for n, role in enumerate(ROLES):
        twice = tuple(p for p in on[role] if any(p in on[other] for other in ROLES[:n]))
        if twice:
            yield _finding(DOUBLE, roster, role, span, twice, 0)


def _finding(what: str, roster: Roster, role: str, span: Span, people: tuple[str, ...], wanted: int) -> Finding:
    return Finding(
        what=what, place=roster.id, role=role, from_ms=span[0], until_ms=span[1], wanted=wanted, people=people
    )


def _joined(found: Iterable[Finding]) -> list[Finding]:
    """Findings that go on without a break as one, by time."""
    out: dict[tuple[str, str, tuple[str, ...]], list[Finding]] = {}
    for f in found:
        row = out.setdefault((f.what, f.role, f.people), [])
        if row and row[-1].until_ms == f.from_ms:
            f = _finding(f.what, Roster(id=f.place), f.role, (row.pop().from_ms, f.until_ms), f.people, f.wanted)
        row.append(f)
    return sorted((f for row in out.values() for f in row), key=lambda f: (f.from_ms, f.what, f.role))


class Daily(Struct, frozen=True):
    """The daily check: gaps of promised hours, those of villages in a list of their own."""

    gaps: tuple[Finding, ...]
    villages: tuple[Finding, ...]


def daily(rosters: Iterable[Roster], people: Mapping[str, Person], at_ms: int, days: int) -> Daily:
    """Gaps of all rosters in the next days, by place and time. Villages are the places of 12 digits."""
    gaps = [
        f
        for roster in sorted(rosters, key=lambda r: r.id)
        if not roster.removed
        for f in coverage(roster, people, at_ms, at_ms + days * DAY_MS)
        if f.what == GAP
    ]
    return Daily(tuple(f for f in gaps if not is_village(f.place)), tuple(f for f in gaps if is_village(f.place)))


def is_village(place: str) -> bool:
    return len(place) == 12 and place.isdigit()
