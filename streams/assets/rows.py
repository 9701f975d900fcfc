"""One row of a file, a feature's properties or an EPANET line → typed fields of an asset. Pure.

Values are texts (a cell) or already structured (GeoJSON, our own export): `codes` is "system=value; …" or a list of
{system, value}; `downstream` is "CODE [length_m [diameter_mm]]; …" or a list of {to, length_m, diameter_mm};
`contacts` is "role/name/phone; …"; `line` is "lon lat, lon lat, …" or a list of pairs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from geo.assets import Code, Contact, Pipe

TEXTS = (
    "name_zh", "name_en", "unit_code", "zone", "owner_org", "operator_org", "regulator", "installed", "calibrated",
    "battery",
)  # fmt: skip
KEYS = ("id", "type", "domain", "parent")
NUMBERS = ("length_m", "diameter_mm")
WHOLES = ("people", "customers")
FLAGS = ("demo", "approximate")
LISTS = ("codes", "downstream", "contacts")
COLUMNS = (*KEYS, *TEXTS, *NUMBERS, *WHOLES, *LISTS, *FLAGS, "lon", "lat", "line")
EXPORTED = ("code", "kind", "version", "by", "at_ms", "retired")  # in our own export, set by ourselves
Point = tuple[float, float]


class Row(NamedTuple):
    """One object of a file: where it stands ("line 3"), its values by column; `shape`: the file's own geometry, or
    what is wrong with it in `fault`."""

    place: str
    values: Mapping[str, Any]
    shape: tuple[Point, ...] | None = None  # one point or a line, in the file's coordinates
    fault: str = ""


class FieldError(ValueError):
    """One value that cannot be used."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def typed(row: Row) -> tuple[dict[str, Any], list[FieldError]]:
    """Typed values of the columns that are filled, and what is wrong. Empty cells and nulls are left out."""
    out: dict[str, Any] = {}
    faults = [FieldError("geometry", row.fault)] if row.fault else []
    for name, value in row.values.items():
        if _empty(value) or name in EXPORTED:
            continue
        try:
            out[name] = _PARSERS[name](name, value)
        except FieldError as error:
            faults.append(error)
        except KeyError:
            faults.append(FieldError(name, f"no such column; there are {', '.join(COLUMNS)}"))
    if row.shape:
        if len(row.shape) == 1:
            out["lon"], out["lat"] = row.shape[0]
        else:
            out["line"] = row.shape
    return out, faults


def _empty(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip()) or value != value


def _text(name: str, value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a code that a spreadsheet made a number
    if isinstance(value, list | dict):
        raise FieldError(name, "is a list; want text")
    return str(value).strip()


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise FieldError(name, f"{str(value)[:40]!r} is not a number") from None
    if not math.isfinite(number):
        raise FieldError(name, f"{value} is not a finite number")
    return number


def _whole(name: str, value: Any) -> int:
    number = _number(name, value)
    if not number.is_integer():
        raise FieldError(name, f"is {number:g}; want a whole number")
    return int(number)


def _flag(name: str, value: Any) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    text = str(value).strip().lower()
    if text not in known:
        raise FieldError(name, f"{str(value)[:40]!r}: want true or false")
    return known[text]


def _parts(value: Any, sep: str = ";") -> list[Any]:
    return value if isinstance(value, list) else [part.strip() for part in str(value).split(sep) if part.strip()]


def _codes(name: str, value: Any) -> tuple[Code, ...]:
    out = []
    for part in _parts(value):
        if isinstance(part, dict):
            part = f"{part.get('system', '')}={part.get('value', '')}"
        system, sign, code = str(part).partition("=")
        if not (sign and system.strip() and code.strip()):
            raise FieldError(name, f"{str(part)[:60]!r}: want system=value; …")
        out.append(Code(system.strip(), code.strip()))
    return tuple(out)


def _links(name: str, value: Any) -> tuple[Pipe, ...]:
    """Links whose `to` is still any code."""
    out = []
    for part in _parts(value):
        words = part.split() if isinstance(part, str) else _members(name, part, "to", "length_m", "diameter_mm")
        if not 1 <= len(words) <= 3 or not words[0]:
            raise FieldError(name, f"{str(part)[:60]!r}: want CODE [length_m [diameter_mm]]; …")
        out.append(Pipe(str(words[0]), *(_number(name, word) for word in words[1:])))
    return tuple(out)


def _contacts(name: str, value: Any) -> tuple[Contact, ...]:
    out = []
    for part in _parts(value):
        words = part.split("/") if isinstance(part, str) else _members(name, part, "role", "name", "phone")
        if not 2 <= len(words) <= 3:
            raise FieldError(name, f"{str(part)[:60]!r}: want role/name/phone; …")
        out.append(Contact(*(str(word).strip() for word in words)))
    return tuple(out)


def _members(name: str, part: Any, *keys: str) -> list[Any]:
    if not isinstance(part, dict) or set(part) - set(keys):
        raise FieldError(name, f"{str(part)[:60]}: want an object with {', '.join(keys)}")
    return [part[key] for key in keys if key in part]


def _line(name: str, value: Any) -> tuple[Point, ...]:
    if isinstance(value, str):
        inner = re.sub(r"^\s*LINESTRING\s*(Z\s*)?\((.*)\)\s*$", r"\2", value, flags=re.I)
        value = [part.split() for part in _parts(inner, ",")]
    if not isinstance(value, list | tuple) or not all(isinstance(p, list | tuple) and len(p) in (2, 3) for p in value):
        raise FieldError(name, "want lon lat, lon lat, …")
    return tuple((_number(name, p[0]), _number(name, p[1])) for p in value)


def _valid(name: str, value: Any) -> dict[str, tuple[float, float]]:
    out = {}
    for part in _parts(value):
        words = str(part).split()
        if len(words) != 3:
            raise FieldError(name, f"{str(part)[:60]!r}: want metric low high; …, e.g. pressure 0 160")
        out[words[0]] = (_number(name, words[1]), _number(name, words[2]))
    return out


def of_sensor(texts: Mapping[str, str]) -> dict[str, Any]:
    """Typed values of the columns that sensors have in the same form. Raises FieldError."""
    parsers = {"codes": _codes, "contacts": _contacts, "valid": _valid, "moving": _flag}
    return {name: parse(name, texts[name]) for name, parse in parsers.items() if name in texts}


_PARSERS: Mapping[str, Any] = {
    **dict.fromkeys((*KEYS, *TEXTS), _text),
    **dict.fromkeys((*NUMBERS, "lon", "lat"), _number),
    **dict.fromkeys(WHOLES, _whole),
    **dict.fromkeys(FLAGS, _flag),
    "codes": _codes,
    "downstream": _links,
    "contacts": _contacts,
    "line": _line,
}
