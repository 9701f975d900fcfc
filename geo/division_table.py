"""The table of units as text: CSV or JSON, UTF-8 or GB18030, to `Unit` records and back.

A row needs `code` and `name`. `level` and `parent` follow from the code and are checked where given; `name_en` is made
where empty; `source`, `as_of`, `retired` (true or empty) and `successor` are optional. Characters such as 㵲 are not in
GBK, so a file that is declared GBK or GB2312 is read as GB18030, which holds both and all of Unicode.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from geo.faults import Fault, FileRefused
from geo.names import english
from geo.units import COMMITTEES, PREFECTURE, Unit, UnitError, level_of, normalise, prefix

COLUMNS = ("code", "name", "level", "parent", "name_en", "source", "as_of", "retired", "successor")
ENCODINGS = ("utf-8", "gb18030")
_READ_AS = {"gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030", "utf8": "utf-8", "utf-8-sig": "utf-8"}
_LEVEL = {6: "county", 9: "township", 12: "village"}
_TRUE = {"true", "1", "yes", "是"}
_FALSE = {"", "false", "0", "no", "否"}


def text_of(data: bytes, name: str, encoding: str = "") -> str:
    """The file's text; a byte-order mark is left out.

    >>> text_of("㵲水".encode("gb18030"), "t.csv", "gbk")
    '㵲水'

    Raises:
        UnitError: not in the encoding that is named, UTF-8 where none is.
    """
    wanted = _READ_AS.get(encoding.lower(), encoding.lower()) or "utf-8"
    if wanted not in ENCODINGS:
        raise UnitError(f"{name}: encoding {encoding!r} is not known; want {' or '.join(ENCODINGS)}")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UnitError(f"{name}: this is UTF-16; save it as CSV UTF-8")
    try:
        return data.decode("utf-8-sig" if wanted == "utf-8" else wanted)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fix = "if it is GBK, GB2312 or GB18030, repeat with --encoding gb18030" if wanted == "utf-8" else "check it"
        raise UnitError(f"{name}, line {line}: not {wanted.upper()}; {fix}") from None


def read(
    data: bytes, name: str, encoding: str = "", source: str = "", as_of: str = "", rename: bool = False
) -> list[Unit]:
    """Units of a CSV with a header, or of a JSON list of objects (a file that begins with "["), in the file's order.

    `source` and `as_of` are for rows without their own. `rename` makes all English names anew.

    Raises:
        UnitError: not text in that encoding, no header, not JSON.
        FileRefused: rows that cannot be used, all of them.
    """
    text = text_of(data, name, encoding)
    rows = _json_rows(text, name) if text.lstrip().startswith("[") else _csv_rows(text, name)
    faults: list[Fault] = []
    out: dict[str, Unit] = {}
    places: dict[str, str] = {}
    for where, row in rows:
        try:
            unit = _unit(row, source, as_of, rename)
        except _FieldError as error:
            faults.append(Fault(where, *error.args))
            continue
        if unit.code in out:
            faults.append(Fault(where, "code", f"{unit.code} is twice in the file: also {out[unit.code].name}"))
        out.setdefault(unit.code, unit)
        places[unit.code] = where
    for unit in out.values() if not faults else ():
        parent = out.get(unit.parent)
        if unit.level != "prefecture" and not unit.retired and (parent is None or parent.retired):
            faults.append(Fault(places[unit.code], "parent", f"{unit.parent} is not in the file; add its row"))
    if not rows:
        faults.append(Fault(name, "code", "the file has no rows"))
    if faults:
        raise FileRefused(faults)
    return list(out.values())


def read_stored(data: bytes, name: str) -> list[Unit]:
    """Units of a file that `write` made: the quick way, for every start of a process.

    Raises:
        UnitError: it was changed since and lacks a column or has a code that is none.
    """
    rows = csv.reader(io.StringIO(text_of(data, name), newline=""))
    if tuple(next(rows, ())) != COLUMNS:
        raise UnitError(f"{name}: this is no table that cityops stored; import it: cityops geo divisions import {name}")
    out = []
    for line, row in enumerate(rows, 2):
        if len(row) != len(COLUMNS) or _LEVEL.get(len(row[0])) is None or not row[0].isdigit():
            raise UnitError(f"{name}, line {line}: the row is damaged; import the table again")
        code, label, level, parent, name_en, source, as_of, retired, successor = row
        out.append(Unit(code, label, name_en, level, parent, source, as_of, retired == "true", successor))
    return out


def write(units: Iterable[Unit], encoding: str = "utf-8") -> bytes:
    """CSV with all columns, sorted by code. `utf-8-sig` is what Excel opens with the right characters.

    Raises:
        UnitError: an encoding that does not hold every character.
    """
    wanted = encoding.lower()
    if _READ_AS.get(wanted, wanted) not in ENCODINGS:
        raise UnitError(f"encoding {encoding!r} is not known; want utf-8, utf-8-sig (for Excel) or gb18030")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n" if wanted == "utf-8-sig" else "\n")
    writer.writerow(COLUMNS)
    for u in sorted(units, key=lambda u: (len(prefix(u.code)), u.code)):
        retired = "true" if u.retired else ""
        writer.writerow([u.code, u.name, u.level, u.parent, u.name_en, u.source, u.as_of, retired, u.successor])
    try:
        return file.getvalue().encode(wanted)
    except UnicodeEncodeError as error:
        odd = error.object[error.start]
        raise UnitError(f"{encoding} has no {odd!r} (U+{ord(odd):04X}); use gb18030 or utf-8") from None


class _FieldError(ValueError):
    """Field and reason."""


def _csv_rows(text: str, name: str) -> list[tuple[str, Mapping[str, str]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    lacking = {"code", "name"} - set(reader.fieldnames or ())
    if lacking:
        raise UnitError(
            f"{name}: no column {', '.join(sorted(lacking))}; want {','.join(COLUMNS[:4])} in the first line"
        )
    return [(f"{name}, line {reader.line_num}", row) for row in reader]


def _json_rows(text: str, name: str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnitError(f"{name}, line {error.lineno}: not JSON: {error.msg}") from None
    bad = next((i for i, row in enumerate(rows, 1) if not isinstance(row, dict)), 0)
    if bad:
        raise UnitError(f'{name}, item {bad}: want an object such as {{"code": "522601", "name": "凯里市"}}')
    return [(f"{name}, item {i}", row) for i, row in enumerate(rows, 1)]


def _unit(row: Mapping[str, Any], source: str, as_of: str, rename: bool) -> Unit:
    field = {key: str(row.get(key) or "").strip() for key in COLUMNS}
    code, level = _code("code", field["code"])
    if not field["name"]:
        raise _FieldError("name", "is empty")
    if field["level"] and field["level"] != level:
        raise _FieldError("level", f"code {code!r} is not a code of level {field['level']!r}: its form is {level}")
    if field["parent"] and normalise(field["parent"]) != _parent(code):
        raise _FieldError("parent", f"is {field['parent']}, but the code {code} begins with its parent {_parent(code)}")
    if field["retired"].lower() not in _TRUE | _FALSE:
        raise _FieldError("retired", f"is {field['retired']!r}; want true or nothing")
    successor = _code("successor", field["successor"])[0] if field["successor"] else ""
    unit = Unit(
        code, field["name"], field["name_en"], level, _parent(code), field["source"] or source,
        field["as_of"] or as_of, field["retired"].lower() in _TRUE, successor,
    )  # fmt: skip
    if unit.name in COMMITTEES:
        raise _FieldError("name", f"{unit.name!r} is no name")
    name_en = "" if rename else unit.name_en
    return unit if name_en else Unit(*_with_english(unit))


def _with_english(unit: Unit) -> tuple[Any, ...]:
    fields = [getattr(unit, key) for key in unit.__struct_fields__]
    fields[2] = english(unit.short, unit.level)
    return tuple(fields)


def _code(field: str, text: str) -> tuple[str, str]:
    try:
        code = normalise(text)
        level = level_of(code)
    except (UnitError, KeyError) as error:
        raise _FieldError(field, str(error)) from None
    if level == "province" or not code.startswith(prefix(PREFECTURE)):
        raise _FieldError(
            field, f"{code} is not of the prefecture {PREFECTURE}: its codes begin with {prefix(PREFECTURE)}"
        )
    return code, level


def _parent(code: str) -> str:
    if code == PREFECTURE:
        return PREFECTURE[:2] + "0000"
    return {6: PREFECTURE, 9: code[:6], 12: code[:9]}[len(code)]
