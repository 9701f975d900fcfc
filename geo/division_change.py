"""What a newer table of units changes, and the table that results: old codes stay in it, marked retired."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from geo.divisions import PREFECTURE, Divisions
from geo.units import Unit, UnitError


class Change(NamedTuple):
    """`moved` are units with the same name under another code: (old, new); they are neither added nor removed."""

    added: tuple[Unit, ...]
    removed: tuple[Unit, ...]
    renamed: tuple[tuple[Unit, Unit], ...]
    moved: tuple[tuple[Unit, Unit], ...]
    units: tuple[Unit, ...]  # the whole new table, with retired units

    @property
    def none(self) -> bool:
        return not (self.added or self.removed or self.renamed or self.moved)

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in ("added", "removed", "renamed", "moved")}

    def plain(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "added": [_told(u) for u in self.added],
            "removed": [_told(u) for u in self.removed],
            "renamed": [{"code": new.code, "from": old.name, "to": new.name} for old, new in self.renamed],
            "moved": [{"name": new.name, "from": old.code, "to": new.code} for old, new in self.moved],
        }


def change(old: Divisions, new: Sequence[Unit]) -> Change:
    """Compare a newer table, all of it, with the one in force.

    A unit that is gone is retired; its successor is what the new table says, else the unit that has its name now. Where
    a name occurs more than once, the one below a parent of the same name counts, else the one in the same county; what
    is still not clear stays without a successor.

    Raises:
        UnitError: the new table lacks the prefecture or has other counties.
    """
    _same_counties(old, new)
    live = {u.code: u for u in new if not u.retired}
    told = {u.code: u for u in new if u.retired}
    gone = [u for u in old if u.code not in live]
    fresh = [u for u in live.values() if u.code not in old or old.get(u.code).retired]
    renamed = [(old.get(u.code), u) for u in live.values() if _other_name(old, u)]
    moved = _moved(gone, fresh, old, live)
    retired = {u.code: u for u in old.retired() if u.code not in live}
    for unit in gone:
        successor = told[unit.code].successor if unit.code in told else ""
        successor = successor or (moved[unit.code].code if unit.code in moved else "")
        retired[unit.code] = msgspec.structs.replace(unit, retired=True, successor=successor)
    for code, unit in told.items():
        known = retired.get(code)
        if known is None or unit.successor:
            retired[code] = msgspec.structs.replace(known or unit, retired=True, successor=unit.successor)
    arrived = {u.code for u in moved.values()}
    return Change(
        tuple(u for u in fresh if u.code not in arrived),
        tuple(u for u in gone if u.code not in moved),
        tuple(renamed),
        tuple((old.get(code), unit) for code, unit in moved.items()),
        (*live.values(), *retired.values()),
    )


def _same_counties(old: Divisions, new: Sequence[Unit]) -> None:
    want = {PREFECTURE, *(u.code for u in old.children(PREFECTURE))}
    have = {u.code for u in new if len(u.code) == 6 and not u.retired}
    lacking, extra = sorted(want - have), sorted(have - want)
    if lacking:
        raise UnitError(
            f"the table lacks {lacking[0]} {old.get(lacking[0]).name}: an import replaces the whole table, "
            "give all its rows"
        )
    if extra:
        raise UnitError(
            f"county {extra[0]} is new: partitions are made for the {len(want) - 1} counties that there are"
        )


def _other_name(old: Divisions, unit: Unit) -> bool:
    return unit.code in old and old.get(unit.code).name != unit.name


def _moved(gone: list[Unit], fresh: list[Unit], old: Divisions, live: dict[str, Unit]) -> dict[str, Unit]:
    """Old code -> the unit that has its name now, where that is one to one."""
    places: dict[str, list[Unit]] = defaultdict(list)
    for unit in fresh:
        places[f"{unit.level} {unit.short}"].append(unit)
    claims: dict[str, list[tuple[str, Unit]]] = defaultdict(list)
    for unit in gone:
        found = _closest(unit, places[f"{unit.level} {unit.short}"], old, live)
        if found is not None:
            claims[found.code].append((unit.code, found))
    return dict(pairs[0] for pairs in claims.values() if len(pairs) == 1)


def _closest(unit: Unit, found: Iterable[Unit], old: Divisions, live: dict[str, Unit]) -> Unit | None:
    here = list(found)
    above = old.get(unit.parent).name
    for near in (
        [u for u in here if live[u.parent].name == above],
        [u for u in here if u.code[:6] == unit.code[:6]],
        here,
    ):
        if near:
            return near[0] if len(near) == 1 else None
    return None


def _told(unit: Unit) -> dict[str, str]:
    return {"code": unit.code, "name": unit.name, "level": unit.level}
