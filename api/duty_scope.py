"""Which unit a place of duty belongs to, and what a caller may see and do there."""

from __future__ import annotations

from api import units
from api.asking import bad
from api.context import Context
from api.errors import Problem
from api.roles import Principal, may_duty
from streams.duty.records import ORG


def require(caller: Principal, what: str) -> None:
    """Raises Problem 403 where the role may not do this (a key of `api.roles.DUTY`)."""
    if reason := may_duty(caller, what):
        raise Problem(403, reason)


def unit_of(ctx: Context, place: str) -> str:
    """The unit of a place; of an organisation the one that its roster names, "" (nobody's) where it has none."""
    if not place.startswith(ORG):
        return place
    roster = ctx.registry.duty.rosters.get(place)
    return "" if roster is None else roster.of_unit


def require_place(ctx: Context, caller: Principal, place: str) -> None:
    """Raises Problem 403 where the place is not in the caller's units, 404 for an organisation of no unit."""
    if own(caller, place):
        return
    if not unit_of(ctx, place):
        raise Problem(404, f"{place[:80]} has no roster: PUT /duty/rosters/{place[:80]} with its unit comes first")
    if not inside(caller, unit_of(ctx, place)):
        raise Problem(403, f"{place[:80]} is outside your unit {caller.unit}")


def own(caller: Principal, place: str) -> bool:
    """Is it the place of one of the caller's own organisations?"""
    return place.startswith(ORG) and place.removeprefix(ORG) in caller.orgs


def inside(caller: Principal, unit: str) -> bool:
    return unit != "" and caller.covers(_prefix(unit))


def above(caller: Principal, unit: str) -> bool:
    """Is it a unit above the caller's?"""
    return unit != "" and caller.prefix.startswith(_prefix(unit))


def sees_numbers(caller: Principal, unit: str) -> bool:
    return not may_duty(caller, "see telephone numbers") and inside(caller, unit)


def asked_place(name: str, text: str | None, caller: Principal) -> str:
    """A unit's code as rosters have it or `org:…`; the caller's unit where none was given; 422 for neither."""
    if text is None:
        return caller.acts_for(())
    if text.startswith(ORG):
        return text
    try:
        prefix = units.prefix(text)
    except ValueError as error:
        raise bad(name, f"{error}, or org: and an organisation's name") from None
    return prefix.ljust(6, "0")


def _prefix(unit: str) -> str:
    try:
        return units.prefix(unit)
    except ValueError:
        return unit
