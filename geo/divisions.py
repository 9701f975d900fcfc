"""The table of the four levels: units by code, their parents and subtrees, and units of older tables.

The table that ships is a statistics-bureau snapshot of 2023 (`geo/data/divisions_LICENSE.txt` names the source). A
newer one that was imported (`geo.division_change`, `cityops geo divisions import`) is read in its place; units that it
no longer has stay in the file, marked retired, so that old codes still resolve.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import MappingProxyType

from geo import files
from geo.division_table import read_stored
from geo.names import search_key
from geo.units import LEVEL_NAMES_ZH, LEVELS, PREFECTURE, Unit, UnitError, in_subtree, level_of, normalise, prefix

__all__ = [
    "AS_OF", "LEVELS", "LEVEL_NAMES_ZH", "PREFECTURE", "SOURCE", "TABLE", "Divisions", "Unit", "UnitError",
    "in_subtree", "level_of", "normalise", "prefix",
]  # fmt: skip

SOURCE = "china-division 2.7.0"
AS_OF = "2023"
TABLE = Path(__file__).parent / "data" / "divisions_522600.csv"


class Divisions:
    """The table, immutable. `Divisions.load()` gives the one in force.

    >>> d = Divisions.load()
    >>> d.get("522601002").name, len(d.children("522600"))
    ('大十字街道', 16)
    """

    def __init__(self, units: Iterable[Unit]) -> None:
        table: dict[str, Unit] = {}
        below: dict[str, list[str]] = {}
        for unit in units:
            if unit.code in table:
                raise UnitError(f"unit code {unit.code} is twice in the table")
            table[unit.code] = unit
            if not unit.retired:
                below.setdefault(unit.parent, []).append(unit.code)
        for unit in table.values():
            if unit.level != "prefecture" and unit.parent not in table:
                raise UnitError(f"unit {unit.code} {unit.name}: its parent {unit.parent} is not in the table")
            if not unit.retired and unit.parent in table and table[unit.parent].retired:
                raise UnitError(f"unit {unit.code} {unit.name}: its parent {unit.parent} is retired")
        self._table = MappingProxyType(table)
        self._below = {parent: tuple(sorted(codes)) for parent, codes in below.items()}

    @staticmethod
    def load() -> Divisions:
        """The table in force, read once a process: the imported one (`geo.files`), else the one that ships.

        Raises:
            UnitError: an imported file that cannot be used.
        """
        return _load(files.current().divisions)

    @staticmethod
    def reread() -> None:
        """The next `load` reads the file again: for the program that has just written it."""
        _load.cache_clear()

    def get(self, code: str | int) -> Unit:
        """The unit of a code.

        Raises:
            UnitError: malformed, or not in the table.
        """
        text = normalise(code)
        unit = self._table.get(text)
        if unit is None:
            root = self._table.get(PREFECTURE)
            origin = f"{root.source}, {root.as_of}" if root else f"{len(self._table)} units"
            raise UnitError(f"unit code {text} is not in the table of divisions ({origin})")
        return unit

    def path(self, code: str | int) -> dict[str, str | None]:
        """Codes from the prefecture down to the unit; None below it.

        >>> Divisions.load().path("522601002")
        {'prefecture': '522600', 'county': '522601', 'township': '522601002', 'village': None}
        """
        out: dict[str, str | None] = dict.fromkeys(LEVELS)
        unit = self.get(code)
        while True:
            out[unit.level] = unit.code
            if unit.level == "prefecture":
                return out
            unit = self._table[unit.parent]

    def children(self, code: str | int) -> tuple[Unit, ...]:
        """Units right below, in order of code; empty for a village."""
        return tuple(self._table[c] for c in self._below.get(self.get(code).code, ()))

    def subtree(self, code: str | int, level: str | None = None) -> Iterator[Unit]:
        """The unit and all below it, parents first; only those of `level` where it is given."""
        unit = self.get(code)
        if level is None or unit.level == level:
            yield unit
        for child in self.children(unit.code):
            yield from self.subtree(child.code, level)

    def full_name(self, code: str | int, sep: str = "") -> str:
        """County to village in everyday names, as an officer would say it.

        >>> Divisions.load().full_name("522626001001")
        '岑巩县㵲水街道㵲水社区'
        """
        path = self.path(code)
        codes = [c for level, c in path.items() if c and level != "prefecture"]
        return sep.join(self._table[c].short for c in codes) or self.get(code).name

    def current(self, code: str | int) -> Unit:
        """The unit itself, or of a retired one the unit that took its place, as far as that is known."""
        unit = self.get(code)
        seen = {unit.code}
        while unit.retired and unit.successor in self._table and unit.successor not in seen:
            unit = self._table[unit.successor]
            seen.add(unit.code)
        return unit

    def retired(self) -> tuple[Unit, ...]:
        """Units of older tables, in order of code."""
        return tuple(sorted((u for u in self._table.values() if u.retired), key=lambda u: u.code))

    def find(self, text: str) -> list[Unit]:
        """Units whose Chinese name, full name or pinyin holds the text, exact names first; retired ones last.

        >>> [u.code for u in Divisions.load().find("chongan")][:1]
        ['522622102']
        """
        wanted = search_key(text)
        if not wanted:
            return []
        hits: list[tuple[bool, bool, int, str]] = []
        for unit in self._table.values():
            names = [search_key(name) for name in (unit.name, unit.short, unit.name_en)]
            if any(wanted in name for name in names) or (len(wanted) > 3 and wanted in self.full_name(unit.code)):
                first = any(name == wanted or search_key(unit.name_en.partition(" ")[0]) == wanted for name in names)
                hits.append((unit.retired, not first, len(unit.code), unit.code))
        return [self._table[code] for *_, code in sorted(hits)]

    def __contains__(self, code: object) -> bool:
        try:
            return isinstance(code, str | int) and normalise(code) in self._table
        except UnitError:
            return False

    def __iter__(self) -> Iterator[Unit]:
        """Units in force, in the table's order."""
        return (unit for unit in self._table.values() if not unit.retired)

    def __len__(self) -> int:
        return len(self._table) - sum(unit.retired for unit in self._table.values())


@cache
def _load(path: str) -> Divisions:
    file = Path(path) if os.path.isfile(path) else TABLE
    return Divisions(read_stored(file.read_bytes(), str(file)))
