"""The four levels of the prefecture: codes, names, parents, subtrees.

Codes have 6 digits for the prefecture (522600) and a county, 9 for a township, 12 for a village. A
code begins with its parent's code, so a subtree test is a prefix test; the prefecture's prefix is 5226.
Table: statistics-bureau snapshot of 2023 (`geo/data/divisions_LICENSE.txt` names the source).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

SOURCE = "china-division 2.7.0"
AS_OF = "2023"
PREFECTURE = "522600"
LEVELS = ("prefecture", "county", "township", "village")
LEVEL_NAMES_ZH: Mapping[str, str] = {
    "prefecture": "州",
    "county": "县（市）",
    "township": "乡镇（街道）",
    "village": "村（社区）",
}
TABLE = Path(__file__).parent / "data" / "divisions_522600.csv"

COUNTY_NAMES_EN: Mapping[str, str] = {
    "522600": "Qiandongnan Prefecture", "522601": "Kaili City", "522622": "Huangping County",
    "522623": "Shibing County", "522624": "Sansui County", "522625": "Zhenyuan County",
    "522626": "Cengong County", "522627": "Tianzhu County", "522628": "Jinping County",
    "522629": "Jianhe County", "522630": "Taijiang County", "522631": "Liping County",
    "522632": "Rongjiang County", "522633": "Congjiang County", "522634": "Leishan County",
    "522635": "Majiang County", "522636": "Danzhai County",
}  # fmt: skip

_COMMITTEES = ("村民委员会", "居民委员会", "村委会", "和民委员会")  # the last is a slip of the table


class UnitError(ValueError):
    """A code that is malformed or not in the table; the text says which and what a code looks like."""


class Unit(msgspec.Struct, frozen=True):
    """One administrative unit; `name` is the official name, `name_en` is "" where none is known."""

    code: str
    name: str
    name_en: str
    level: str  # one of LEVELS
    parent: str  # "520000" for the prefecture

    @property
    def short(self) -> str:
        """The everyday name: a village without its committee.

        >>> Unit("522626001001", "㵲水社区居民委员会", "", "village", "522626001").short
        '㵲水社区'
        """
        for tail in _COMMITTEES:
            if self.name.endswith(tail) and len(self.name) > len(tail):
                stem = self.name.removesuffix(tail)
                return stem if stem.endswith(("村", "社区")) else stem + ("社区" if tail == "居民委员会" else "村")
        return self.name


def normalise(code: str | int) -> str:
    """The table's form of a code: "5226" and the zero-padded 9- and 12-digit forms are accepted.

    >>> normalise("5226"), normalise("522601000000"), normalise("522601002000"), normalise(522601)
    ('522600', '522601', '522601002', '522601')

    Raises:
        UnitError: not 4, 6, 9 or 12 digits.
    """
    text = str(code).strip()
    if not (text.isascii() and text.isdigit()) or len(text) not in (4, 6, 9, 12):
        raise UnitError(
            f"unit code {text!r}: want 6 digits (prefecture, county), 9 (township) or 12 (village), e.g. 522601002"
        )
    if len(text) == 4:
        return text + "00"
    while len(text) > 6 and text.endswith("000"):
        text = text[:-3]
    return text


def prefix(code: str | int) -> str:
    """The digits that begin every code of the unit's subtree.

    >>> prefix("522600"), prefix("522601"), prefix("522601002000")
    ('5226', '522601', '522601002')
    """
    text = normalise(code)
    if len(text) == 6 and text.endswith("0000"):
        return text[:2]  # a province
    return text[:4] if len(text) == 6 and text.endswith("00") else text


def in_subtree(code: str | int, root: str | int) -> bool:
    """Is `code` the unit `root` or below it? A pure prefix test: neither needs to be in the table.

    >>> in_subtree("522601002003", "5226"), in_subtree("522600", "522601"), in_subtree("522601", "522601")
    (True, False, True)
    """
    return prefix(code).startswith(prefix(root))


def level_of(code: str | int) -> str:
    """Level by the form of the code alone; "province" for one that ends with 0000.

    >>> [level_of(c) for c in ("5226", "522601", "522601002", "522601002003")]
    ['prefecture', 'county', 'township', 'village']
    """
    text = normalise(code)
    return {2: "province", 4: "prefecture", 6: "county", 9: "township", 12: "village"}[len(prefix(text))]


class Divisions:
    """The table, immutable. `Divisions.load()` gives the one that ships with cityops.

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
            below.setdefault(unit.parent, []).append(unit.code)
        for unit in table.values():
            if unit.level != "prefecture" and unit.parent not in table:
                raise UnitError(f"unit {unit.code} {unit.name}: its parent {unit.parent} is not in the table")
        self._table = MappingProxyType(table)
        self._below = {parent: tuple(sorted(codes)) for parent, codes in below.items()}

    @staticmethod
    def load() -> Divisions:
        """The table that ships with cityops, read once a process."""
        return _load()

    @staticmethod
    def read(path: Path) -> Divisions:
        """A table from a UTF-8 CSV with the columns code, name, level, parent.

        Raises:
            UnitError: a column is missing, a code or level is wrong, a parent does not exist.
        """
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            lacking = {"code", "name", "level", "parent"} - set(rows.fieldnames or ())
            if lacking:
                raise UnitError(f"{path}: no column {', '.join(sorted(lacking))}; want code,name,level,parent")
            return Divisions(_unit(row, f"{path}, line {number}") for number, row in enumerate(rows, 2))

    def get(self, code: str | int) -> Unit:
        """The unit of a code.

        Raises:
            UnitError: malformed, or not in the table.
        """
        text = normalise(code)
        unit = self._table.get(text)
        if unit is None:
            raise UnitError(f"unit code {text} is not in the table of divisions ({SOURCE}, {AS_OF})")
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

    def __contains__(self, code: object) -> bool:
        try:
            return isinstance(code, str | int) and normalise(code) in self._table
        except UnitError:
            return False

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._table.values())

    def __len__(self) -> int:
        return len(self._table)


def _unit(row: Mapping[str, str], where: str) -> Unit:
    code, level = row["code"], row["level"]
    if normalise(code) != code or level_of(code) != level:
        raise UnitError(f"{where}: code {code!r} is not a code of level {level!r}")
    return Unit(code, row["name"], COUNTY_NAMES_EN.get(code, ""), level, row["parent"])


@cache
def _load() -> Divisions:
    return Divisions.read(TABLE)
