"""Query parameters of the lists and the feed: reading them, and saying what is wrong (422) or not allowed (403)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeVar

from api import times, units
from api.errors import Problem
from api.roles import Principal, Scope
from streams.events import SEVERITIES
from streams.topics import DOMAINS

T = TypeVar("T")
STATES = ("open", "closed", "all")
MODES = ("actual", "exercise", "test", "all")
CONDITIONS = ("ACTIVE", "CLEARED", "UNKNOWN")
MAX_Q = 200
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def bad(name: str, reason: object) -> Problem:
    """A 422 that names the parameter."""
    return Problem(422, f"query.{name}: {reason}", errors=[{"in": f"query.{name}", "message": str(reason)}])


def parsed(name: str, text: str | None, parse: Callable[[str], T]) -> T | None:
    """`parse(text)`, None where the parameter was not given; a ValueError becomes 422."""
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise bad(name, error) from None


def several(name: str, text: str | None, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """A comma list of known words; () for none given.

    >>> several("severity", "I,II", SEVERITIES)
    ('I', 'II')
    """
    if not text:
        return ()
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in words:
        if word not in allowed:
            raise bad(name, f"{word[:40]!r} is none of {', '.join(allowed)}")
    return words


def severities(text: str | None) -> tuple[str, ...]:
    return several("severity", text, SEVERITIES)


def domains(text: str | None) -> tuple[str, ...]:
    return several("domain", text, DOMAINS)


def one_of(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise bad(name, f"{text[:40]!r} is none of {', '.join(allowed)}")
    return text


def word(name: str, text: str | None) -> str | None:
    """A plain name such as an alert kind or a run id."""
    if text is None or _NAME.fullmatch(text) or text == "":
        return text
    raise bad(name, "want letters, digits and _ . -")


def moment(name: str, text: str | None) -> int | None:
    """Epoch milliseconds of an RFC 3339 time."""
    return parsed(name, text, times.to_ms)


def bbox(text: str | None) -> tuple[float, float, float, float] | None:
    """west,south,east,north in degrees WGS-84."""

    def parse(value: str) -> tuple[float, float, float, float]:
        try:
            numbers = [float(part) for part in value.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
            raise ValueError("want west,south,east,north in degrees, e.g. 107.2,25.3,109.6,27.5")
        west, south, east, north = numbers
        if west > east or south > north:
            raise ValueError("west is east of east, or south north of north: want west,south,east,north")
        return west, south, east, north

    return parsed("bbox", text, parse)


def degrees(name: str, text: str | None) -> float:
    """A coordinate that has to be given."""
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise bad(name, "want degrees WGS-84, e.g. lon=107.98&lat=26.58")
    return value


def searched(text: str) -> str:
    if len(text) > MAX_Q or "\x00" in text:
        raise bad("q", f"want at most {MAX_Q} characters")
    return text


def whole(name: str, text: str | None, default: int, low: int, high: int) -> int:
    """A whole number in a range."""
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
        raise bad(name, f"want a whole number from {low} to {high}")
    return int(text)


def unit_prefix(text: str | None) -> str | None:
    """Subtree prefix of the asked unit (422 where it is no code)."""
    return parsed("unit", text, units.prefix)


def area(caller: Principal, wanted: str | None) -> str:
    """The prefix of the caller's area and what was asked, for what everybody who works there may see; 403 outside."""
    prefix = units.narrow(caller.prefix, wanted)
    if prefix is None:
        raise Problem(403, f"unit {wanted} is outside your unit {caller.unit}")
    return prefix


def scope(caller: Principal, wanted: str | None) -> Scope:
    """What the caller may see of what was asked, where things have owners; 403 where nothing is left."""
    return Scope(area(caller, wanted), caller.orgs)


def scoped(caller: Principal, wanted: str | None) -> str:
    """The prefix that the caller may see of what belongs to units; 403 outside, and for an organisation's account."""
    if caller.orgs:
        raise Problem(403, f"this belongs to units; {caller.name} acts for {' and '.join(sorted(caller.orgs))}")
    return area(caller, wanted)
