"""New, changed and removed records of duty: checked together, taken all or none, told as what would change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from streams.duty.book import DutyBook
from streams.duty.checks import Fault, check, check_person
from streams.duty.local_time import DAY_MS, text
from streams.duty.records import DutyRecord, Person, Roster, Shift

STALE = "version"  # where a fault lies that a newer version made
KEPT_MS = 92 * DAY_MS  # shifts that are over for longer are left out of a new version; older versions keep them


class DutyPlan(Struct):
    """What writing would do. With any `faults` nothing of it may be done."""

    records: list[DutyRecord] = field(default_factory=list)  # people before rosters
    changes: list[str] = field(default_factory=list)  # what would change, a line each
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)


def plan(
    written: Iterable[DutyRecord], book: DutyBook, by: str, at_ms: int, seen: Mapping[str, int] | None = None
) -> DutyPlan:
    """Check records against what is there.

    Args:
        written: new states of people and rosters; of an id the last one counts.
        seen: versions that the writer saw (0: none was there); another one by now is a fault. None: overwrite.
    """
    out, wanted = DutyPlan(), {r.id: r for r in written}
    for record in wanted.values():
        old = _old(record, book)
        if seen is not None and seen.get(record.id, 0) != (now := 0 if old is None or old.removed else old.version):
            name = f"{_kind(record)} {record.id[:80]}"
            what = f"is {now or 'not there'} by now, you saw {seen.get(record.id, 0) or 'none'}"
            out.faults.append(Fault(name, STALE, what, "look at it again"))
        made = replace(record, version=1 if old is None else old.version + 1, by=by, at_ms=at_ms)
        if isinstance(made, Roster):
            made = replace(made, shifts=tuple(s for s in made.shifts if s.until_ms > at_ms - KEPT_MS))
        if old is not None and replace(made, version=old.version, by=old.by, at_ms=old.at_ms) == old:
            out.unchanged += 1
        else:
            out.records.append(made)
    out.records.sort(key=lambda r: (isinstance(r, Roster), r.id))
    people = {**book.persons, **{r.id: r for r in out.records if isinstance(r, Person)}}
    out.faults += [
        f for r in out.records for f in (check_person(r) if isinstance(r, Person) else check(r, people, at_ms))
    ]
    out.faults += _left_behind(out.records, book, people, at_ms)
    out.changes = [line for r in out.records for line in _told(r, _old(r, book))]
    return out


def _old(record: DutyRecord, book: DutyBook) -> DutyRecord | None:
    return book.persons.get(record.id) if isinstance(record, Person) else book.rosters.get(record.id)


def _kind(record: DutyRecord) -> str:
    return "person" if isinstance(record, Person) else "roster"


def _left_behind(
    records: list[DutyRecord], book: DutyBook, people: Mapping[str, Person], at_ms: int
) -> Iterator[Fault]:
    """Rosters that are not written but name somebody who is to be removed."""
    gone = {r.id for r in records if isinstance(r, Person) and r.removed}
    written = {r.id for r in records if isinstance(r, Roster)}
    for roster in book.rosters.values() if gone else ():
        if roster.id not in written and not roster.removed:
            named = {p for r in roster.rotations for t in r.teams for p in t}
            named |= {s.person for s in roster.shifts if s.until_ms > at_ms}
            for id_ in sorted(named & gone):
                yield Fault(
                    f"person {id_}", "removed", f"roster {roster.id} still plans this person", "change it first"
                )


def _told(record: DutyRecord, old: DutyRecord | None) -> Iterator[str]:
    verb = "removed" if record.removed else "added" if old is None or old.removed else "changed"
    yield f"{_kind(record)} {record.id}: {verb}"
    if isinstance(record, Roster) and not record.removed:
        before = set(old.shifts) if isinstance(old, Roster) and not old.removed else set()
        after = set(record.shifts)
        yield from (f"  + {_line(s)}" for s in sorted(after - before, key=_when))
        yield from (f"  - {_line(s)}" for s in sorted(before - after, key=_when))
        if isinstance(old, Roster) and record.rotations != old.rotations:
            yield f"  rotations: {len(old.rotations)} before, {len(record.rotations)} after"


def _when(shift: Shift) -> tuple[int, str, str]:
    return shift.from_ms, shift.role, shift.person


def _line(s: Shift) -> str:
    swap = f" instead of {s.instead_of}" if s.instead_of else ""
    return f"{text(s.from_ms)} – {text(s.until_ms)} {s.role} {s.person}{swap}{f' ({s.why})' if s.why else ''}"
