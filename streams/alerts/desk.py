"""What the engine knows beside the alerts: policies, who is on duty, which places are remote; whom an address means."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from streams.alerts.policy import Address
from streams.alerts.policy_book import PolicyBook
from streams.events import LEVELS, Alert

PREFECTURE = "522600"
ORG = "org:"
DEPTH = {"county": 6, "township": 9, "village": 12}


class Person(Protocol):
    @property
    def id(self) -> str: ...


class Duty(Protocol):
    """See `streams.duty.book.DutyBook`."""

    def people(self, place: str, role: str, at_ms: int) -> tuple[Person, ...] | None: ...
    def has_any(self, county: str) -> bool: ...


class Reached(NamedTuple):
    """Who an address means now. `people` () without a gap: the place is told, whoever is there."""

    place: str
    role: str
    people: tuple[str, ...]
    gap: bool


class Desk(NamedTuple):
    policies: PolicyBook
    duty: Duty
    remote: Callable[[str], bool] = lambda unit: len(unit) == 12

    def reach(self, address: Address, alert: Alert, at_ms: int) -> Reached:
        """Who is told for this address. A place that nobody has a roster of is told by the feed alone, unless duty is
        set up in this county: then there is nobody."""
        place = place_of(address.at, alert)
        if not place:
            return Reached("", address.role, (), True)
        people = self.duty.people(place, address.role, at_ms)
        if people is None:
            return Reached(place, address.role, (), self.duty.has_any(alert.county))
        return Reached(place, address.role, tuple(p.id for p in people), not people)


def place_of(at: str, alert: Alert) -> str:
    """Unit code, or `org:<id>`, of an address seen from an alert; "" where there is none.

    A territory level is that of the alert's place: its code cut to that level.
    """
    if at.startswith("unit:"):
        return at[5:]
    if at.startswith(ORG):
        return at
    if at == "prefecture":
        return PREFECTURE
    if at in DEPTH:
        return _cut(alert.unit or alert.county, DEPTH[at]) or (alert.county if at == "county" else "")
    org = {"owner_org": alert.owner_org, "operator_org": alert.operator_org, "regulator": alert.regulator}[at]
    return f"{ORG}{org}" if org else ""


def _cut(unit: str, digits: int) -> str:
    return unit[:digits] if len(unit) >= digits else ""


def level_of(unit: str) -> str:
    """Level of an administrative code: 522600 prefecture, other 6 digits county, 9 township, 12 village.

    >>> level_of("522600"), level_of("522601"), level_of("522601001"), level_of("org:gas")
    ('prefecture', 'county', 'township', 'organisation')
    """
    if unit in ("5226", "522600"):
        return "prefecture"
    if unit.startswith(ORG):
        return "organisation"
    return {6: "county", 9: "township"}.get(len(unit), "village")


def unit_at(level: str, alert: Alert) -> str:
    """The alert's unit at a level, or the next one above that it has."""
    for name in LEVELS[LEVELS.index(level) :]:
        if place := place_of(name, alert):
            return place
    return PREFECTURE


def above(level: str) -> str:
    """The next level up; the prefecture stays.

    >>> above("village"), above("prefecture")
    ('township', 'prefecture')
    """
    return LEVELS[min(LEVELS.index(level) + 1, len(LEVELS) - 1)]
