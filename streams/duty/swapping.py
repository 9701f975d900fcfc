"""A swap: one person takes over another's duty for a time. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from streams.duty.book import DutyBook
from streams.duty.reading import role_of
from streams.duty.records import Roster, Shift


def swapped(
    book: DutyBook, place: str, role: str, person: str, instead_of: str, times: tuple[int, int], why: str
) -> Roster:
    """The roster with the swap added, once; `streams.duty.plan` says whether it can be.

    Raises:
        ValueError: the place has no roster, or the role is unknown.
    """
    posts = book.posts(place)
    if posts is None:
        raise ValueError(f"{place[:80]} has no roster, so nothing can be swapped there")
    made = Shift(role=role_of(role), person=person, from_ms=times[0], until_ms=times[1], instead_of=instead_of, why=why)
    if made in posts.roster.shifts:
        return posts.roster  # asked for twice
    return replace(posts.roster, shifts=(*posts.roster.shifts, made))
