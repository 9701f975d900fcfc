"""Gaps, overlaps and people in two posts, against a plain look at every minute."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings, strategies as st

from streams.duty.coverage import DOUBLE, GAP, OVERLAP, coverage
from streams.duty.local_time import DAY_MS, HOUR_MS, MINUTE_MS, day_of, midnight, parse, weekday
from streams.duty.records import ROLES, Contact, Hours, Person, Roster, Rotation, Shift

START = parse("2026-12-07 00:00")
DAYS = 1  # from any day of a week
NAMES = ("a", "b", "c", "d")
PEOPLE = {n: Person(id=n, name=n, place="522601", contacts=(Contact("feed"),), removed=n == "d") for n in NAMES}

minute = st.integers(-600, 7 * 1440 + 600).map(lambda m: START + m * MINUTE_MS)
who = st.sampled_from((*NAMES, "nobody"))
role = st.sampled_from(("main", "deputy"))
team = st.lists(who, min_size=1, max_size=2, unique=True).map(tuple)
rotation = st.builds(
    lambda role, teams, starts, every: Rotation(role=role, teams=tuple(teams), starts_ms=starts, every_s=every * 3600),
    role, st.lists(team, min_size=1, max_size=3), minute, st.integers(5, 40),
)  # fmt: skip
shift = st.builds(
    lambda role, person, start, length, instead, why: Shift(
        role=role, person=person, from_ms=start, until_ms=start + length * MINUTE_MS, instead_of=instead, why=why
    ),
    role, who, minute, st.integers(1, 8_000), st.sampled_from(("", "", *NAMES)), st.sampled_from(("", "flood")),
)  # fmt: skip
hours = st.builds(
    lambda days, a, length: Hours(tuple(sorted(days)), a, min(1440, a + length)),
    st.sets(st.integers(1, 7), min_size=3), st.integers(0, 1439), st.integers(1, 1440),
)  # fmt: skip
rosters = st.builds(
    lambda rotations, shifts, hours, posts: Roster(
        id="522601", rotations=tuple(rotations), shifts=tuple(shifts), hours=tuple(hours), posts=posts
    ),
    st.lists(rotation, max_size=2), st.lists(shift, max_size=5), st.lists(hours, min_size=1, max_size=3),
    st.sampled_from(({}, {"main": 2}, {"main": 1, "deputy": 1}, {"deputy": 2})),
)  # fmt: skip


def holders(roster: Roster, role: str, at_ms: int) -> tuple[list[str], set[str]]:
    """Who holds a post, and which of them are reinforcement, in the plainest words."""
    here: list[str] = []
    for r in roster.rotations:
        if r.role == role and at_ms >= r.starts_ms:
            here += r.teams[int((at_ms - r.starts_ms) / (r.every_s * 1000)) % len(r.teams)]
    on = [s for s in roster.shifts if s.role == role and s.from_ms <= at_ms < s.until_ms]
    here += [s.person for s in on if s.instead_of == ""]
    for s in on:
        for k, name in enumerate(here):
            if s.instead_of == name:
                here[k] = s.person
                break
    extra = {s.person for s in on if s.instead_of == "" and s.why}
    return [n for n in dict.fromkeys(here) if n in PEOPLE and n != "d"], extra


def by_minute(roster: Roster, start: int) -> dict[tuple[str, str], set[int]]:
    """(what, role) -> minutes at which it is so."""
    out: dict[tuple[str, str], set[int]] = defaultdict(set)
    wanted = roster.posts or {"main": 1}
    for t in range(start, start + DAYS * DAY_MS, MINUTE_MS):
        day = day_of(t)
        of_day = (t - midnight(day)) // MINUTE_MS
        promised = any(weekday(day) in h.days and h.from_minute <= of_day < h.until_minute for h in roster.hours)
        on = {r: holders(roster, r, t) for r in ROLES}
        for n, r in enumerate(ROLES):
            people, extra = on[r]
            if r in wanted and promised and len(people) < wanted[r]:
                out[GAP, r].add(t)
            if r in wanted and len([p for p in people if p not in extra]) > wanted[r]:
                out[OVERLAP, r].add(t)
            if any(p in on[other][0] for p in people for other in ROLES[:n]):
                out[DOUBLE, r].add(t)
    return out


@settings(max_examples=60, deadline=None)
@given(rosters, st.integers(0, 6))
def test_coverage_is_what_every_minute_says(roster: Roster, day: int) -> None:
    start = START + day * DAY_MS
    found = coverage(roster, PEOPLE, start, start + DAYS * DAY_MS)
    got: dict[tuple[str, str], set[int]] = defaultdict(set)
    for f in found:
        assert start <= f.from_ms < f.until_ms <= start + DAYS * DAY_MS
        minutes = set(range(f.from_ms, f.until_ms, MINUTE_MS))
        assert not minutes & got[f.what, f.role], "a minute is told twice"
        got[f.what, f.role] |= minutes
    assert {k: v for k, v in got.items() if v} == dict(by_minute(roster, start))


def test_a_two_person_post_with_one_person_is_a_gap_of_exactly_that_time() -> None:
    main = Rotation(role="main", teams=(("a", "b"),), starts_ms=START)
    away = Shift(role="main", person="d", from_ms=START + HOUR_MS, until_ms=START + 2 * HOUR_MS, instead_of="b")
    made = Roster(id="522601", rotations=(main,), shifts=(away,), posts={"main": 2})
    (gap,) = coverage(made, PEOPLE, START, START + DAY_MS)
    assert (gap.what, gap.from_ms, gap.until_ms, gap.people) == (GAP, away.from_ms, away.until_ms, ("a",))
    assert "应有 2 人，排了 1 人（a）" in gap.reason.zh
    assert "2026-12-07 01:00" in gap.reason.en
