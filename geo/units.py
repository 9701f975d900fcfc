"""One administrative unit and its code.

Codes have 6 digits for the prefecture (522600) and a county, 9 for a township, 12 for a village. A
code begins with its parent's code, so a subtree test is a prefix test; the prefecture's prefix is 5226.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

PREFECTURE = "522600"
LEVELS = ("prefecture", "county", "township", "village")
LEVEL_NAMES_ZH: Mapping[str, str] = {
    "prefecture": "州",
    "county": "县（市）",
    "township": "乡镇（街道）",
    "village": "村（社区）",
}

COMMITTEES = ("村民委员会", "居民委员会", "村委会", "和民委员会")  # the last is a slip of the table


class UnitError(ValueError):
    """A code that is malformed or not in the table; the text says which and what a code looks like."""


class Unit(msgspec.Struct, frozen=True):
    """One administrative unit; `name` is the official name, `name_en` is "" where none is known."""

    code: str
    name: str
    name_en: str
    level: str  # one of LEVELS
    parent: str  # "520000" for the prefecture
    source: str = ""
    as_of: str = ""
    retired: bool = False  # no longer in the newest table; its code still resolves
    successor: str = ""  # code of the unit that took its place, where known

    @property
    def short(self) -> str:
        """The everyday name: a village without its committee.

        >>> Unit("522626001001", "㵲水社区居民委员会", "", "village", "522626001").short
        '㵲水社区'
        """
        for tail in COMMITTEES:
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
