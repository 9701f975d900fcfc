"""Which unit a feature of an imported file is: by a code, else by a name that is there once."""

from __future__ import annotations

from collections import defaultdict

from geo.divisions import PREFECTURE, Divisions
from geo.units import LEVEL_NAMES_ZH, UnitError, level_of, normalise

CODE_FIELDS = ("code", "adcode", "xzqdm", "xzdm", "pac", "gb", "代码", "行政区划代码", "区划代码")
NAME_FIELDS = ("name", "fullname", "full_name", "xzqmc", "mc", "名称", "行政区名称", "全称")


def pick(fields: list[str], wanted: str, known: tuple[str, ...]) -> str:
    """The field of a file to take: the one that is named, else the first whose name is known; "" for none.

    Raises:
        UnitError: the named one is not there.
    """
    lower = {field.lower(): field for field in fields}
    if wanted:
        if wanted.lower() not in lower:
            raise UnitError(f"there is no field {wanted!r}; there are {', '.join(fields) or 'none'}")
        return lower[wanted.lower()]
    return next((lower[name] for name in known if name in lower), "")


class Names:
    """Units of one level by the names that people write: full, from the county on, or short where that is unique."""

    def __init__(self, divisions: Divisions, level: str) -> None:
        self._divisions, self._level = divisions, level
        self._codes: dict[str, set[str]] = defaultdict(set)
        top = divisions.get(PREFECTURE).name
        for unit in divisions.subtree(PREFECTURE, level):
            full = divisions.full_name(unit.code)
            above = divisions.full_name(unit.parent) if level == "village" else full.removesuffix(unit.short)
            for name in (unit.name, unit.short, full, above + unit.name, top + full, top + above + unit.name):
                self._codes[name].add(unit.code)

    def code(self, text: str) -> str:
        """The code of a name, with or without blanks and separators.

        Raises:
            UnitError: no unit or more than one has it.
        """
        plain = "".join(ch for ch in text if ch.isalnum())
        found = sorted(self._codes.get(plain, ()))
        if len(found) == 1:
            return found[0]
        if not found:
            raise UnitError(f"no {self._level} {LEVEL_NAMES_ZH[self._level]} is named {text!r}; give --code-field")
        names = ", ".join(f"{c} {self._divisions.full_name(c)}" for c in found[:3])
        raise UnitError(f"{text!r} is the name of {len(found)} units ({names}): give the full name or --code-field")


def checked_code(text: str, level: str, divisions: Divisions) -> str:
    """The code in the table's form.

    Raises:
        UnitError: malformed, of another level, not in the table, its parent neither, or retired.
    """
    code = normalise(text.removesuffix(".0"))  # a number column of a table often comes as 522601002.0
    form = level_of(code)
    if form != level:
        raise UnitError(f"{code} is the code of a {form}, not of a {level}; see --level")
    if code not in divisions:
        above = code[:9] if level == "village" else code[:6] if level == "township" else PREFECTURE
        if above not in divisions:
            raise UnitError(f"{code}: its parent {above} does not exist; check the code")
        raise UnitError(f"{code} is not in the table of divisions; see `cityops geo divisions list --unit {above}`")
    unit = divisions.get(code)
    if unit.retired:
        now = f"; its successor is {unit.successor}" if unit.successor else ""
        raise UnitError(f"{code} {unit.name} is retired{now}")
    return code
