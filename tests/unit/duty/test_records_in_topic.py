"""Records of duty as the topic brings them: the newest counts, what cannot be used is left out."""

from __future__ import annotations

from msgspec.structs import replace

from streams.duty.records import DutyRecord, Roster, decode, encode
from streams.registry_table import Registry
from streams.topics import DUTY
from tests.unit.duty.sample import KAILI, PEOPLE, roster, weekly

GOOD = roster(weekly("main", ("li",)))


def applied(*records: DutyRecord) -> Registry:
    registry = Registry()
    for record in records:
        registry.apply(DUTY, f"{record.id}@{record.version}".encode(), encode(record))
        registry.apply(DUTY, record.id.encode(), encode(record))
    return registry


def test_records_come_back_as_they_were() -> None:
    for record in (*PEOPLE.values(), GOOD):
        assert decode(encode(record)) == record


def test_the_newest_version_counts_and_each_counts_as_a_change() -> None:
    registry = applied(PEOPLE["li"], replace(GOOD, version=2), GOOD)
    assert registry.duty.rosters[KAILI].version == 2
    assert (registry.changes, registry.unusable) == (2, 0)


def test_what_went_round_the_checks_is_left_out() -> None:
    endless = replace(GOOD, rotations=(replace(GOOD.rotations[0], every_s=0),))
    registry = applied(endless)
    assert (registry.duty.rosters, registry.unusable) == ({}, 1)
    registry.apply(DUTY, b"other", encode(GOOD))
    registry.apply(DUTY, b"junk", b"{")
    registry.apply(DUTY, KAILI.encode(), None)
    assert (registry.duty.rosters, registry.unusable) == ({}, 3)
    ended = Roster(id=KAILI, rotations=endless.rotations, removed=True)
    assert applied(ended).duty.rosters[KAILI].removed
