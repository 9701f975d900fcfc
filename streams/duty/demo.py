"""Made-up duty for the demo: rosters of the prefecture, its 16 counties, one township and one village, and of the
organisations that own the demo's assets. Pure.

People are the demo's accounts where there is one, else obviously fictitious; everybody is told by the feed alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from geo.demo import demo_owner
from geo.divisions import PREFECTURE, Divisions, Unit
from geo.ids import DOMAIN_LETTER
from streams.duty.records import ORG, ROLE_NAMES, Contact, DutyRecord, Hours, Person, Roster, Rotation

STARTS_MS = 1_767_573_000_000  # 2026-01-05, a Monday, 08:30 in Beijing
ACCOUNTS = {  # place -> role -> account
    PREFECTURE: {"lead": "commander"},
    "522601": {"main": "kaili", "deputy": "kaili2"},
    "522601001": {"main": "chengxi"},
    "522601001002": {"main": "longxi"},
}
FEED = (Contact("feed"),)
BY_DAY = (Hours(from_minute=7 * 60, until_minute=22 * 60),)  # duty of villages
_TURNS = ("甲", "乙")


def demo_duty(divisions: Divisions) -> list[DutyRecord]:
    """People, then rosters; the same each time."""
    found: list[DutyRecord] = []
    counties = divisions.children(PREFECTURE)
    for unit in (divisions.get(PREFECTURE), *counties):
        found += _place(unit.code, unit.name, unit.code, ("lead", "main", "deputy"))
    for code in ("522601001", "522601001002"):
        found += _place(code, divisions.get(code).name, code, ("main",), BY_DAY if len(code) == 12 else (Hours(),))
    found += (r for county in counties for r in _organisations(county))
    return sorted(found, key=lambda r: isinstance(r, Roster))


def _organisations(county: Unit) -> Iterator[DutyRecord]:
    for domain, letter in DOMAIN_LETTER.items():
        name = demo_owner(county, domain).name
        yield from _place(ORG + name, name, f"{county.code}-{letter}", ("main",), unit=county.code)


def _place(
    place: str, name: str, key: str, roles: tuple[str, ...], hours: tuple[Hours, ...] = (Hours(),), unit: str = ""
) -> Iterator[DutyRecord]:
    """Everybody of a place and its roster: an account always, others by weekly turns."""
    accounts = ACCOUNTS.get(place, {})
    rotations = []
    for role in roles:
        turns = ("",) if role in accounts else _TURNS if role == "main" else _TURNS[:1]
        people = [
            Person(
                id=f"demo-{key}-{role}{n}", name=f"演示{ROLE_NAMES[role]}{turn}（{name}）", place=place,
                user=accounts.get(role, ""), contacts=FEED, demo=True, by="demo",
            )
            for n, turn in enumerate(turns, 1)
        ]  # fmt: skip
        yield from people
        rotations.append(Rotation(role=role, teams=tuple((p.id,) for p in people), starts_ms=STARTS_MS))
    yield Roster(
        id=place, unit=unit, hours=hours, posts=dict.fromkeys(roles, 1), rotations=tuple(rotations), room=FEED,
        demo=True, by="demo",
    )  # fmt: skip
