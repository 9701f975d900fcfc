"""One value, quality or time out of a payload by its rule. Each raises CodecError with the reason for the sender."""

from __future__ import annotations

import math
from typing import Any

from streams.codec import QUALITY, CodecError, parse_ts
from streams.intake.mqtt_mapping import UNITS, TimeRule, ValueRule
from streams.intake.mqtt_topics import MISSING, point


def value_of(item: Any, rule: ValueRule) -> float | None:
    """The value in its unit; None where it is optional and not there."""
    found = point(item, rule.path)
    if found is MISSING or found is None:
        if rule.optional:
            return None
        raise CodecError(f"{_shown(rule)} is {'missing' if found is MISSING else 'null'}")
    if isinstance(found, float):
        number = found
    elif rule.names and str(found) in rule.names:
        number = rule.names[str(found)]
    elif isinstance(found, str):
        try:
            number = number_of(found.encode())
        except CodecError:
            raise CodecError(f"{_shown(rule)} is {found[:40]!r}, not a number") from None
    elif isinstance(found, int):  # true and false too: 1 and 0
        number = float(found) if abs(found) < 2**1000 else math.inf
    else:
        raise CodecError(f"{_shown(rule)} is not a number")
    number = number * rule.scale + rule.offset
    if not math.isfinite(number):
        raise CodecError(f"{_shown(rule)} is not a finite number")
    return number


def _shown(rule: ValueRule) -> str:
    return "/" + "/".join(rule.path) if rule.path else "value"


def number_of(text: bytes) -> float:
    """A plain decimal number, blanks around it allowed."""
    try:
        number = float(text)
        if b"_" in text or not math.isfinite(number):
            raise ValueError
        return number
    except ValueError:
        raise CodecError(f"payload {text[:40]!r} is no plain number"[:120]) from None


def raw_of(payload: bytes, rule: ValueRule) -> float | str:
    """What a payload of plain text says: a number, or one of the rule's states."""
    if rule.names:
        text = payload.decode("utf-8", "replace").strip()
        if text in rule.names:
            return text
    return number_of(payload)


def quality_of(item: Any, rule: ValueRule) -> int:
    if rule.quality is None:
        return 0
    found = point(item, rule.quality)
    if found is MISSING or found is None:
        return 0
    text = str(found).lower() if isinstance(found, bool) else str(found)
    word = rule.quality_names.get(text, "" if rule.quality_names else text)
    if word not in QUALITY:
        raise CodecError(f"quality {text[:40]!r} is not known to the mapping")
    return QUALITY[word]


def time_of(item: Any, rule: TimeRule, at_ms: int) -> int:
    """Epoch milliseconds."""
    if rule.path is None:
        return at_ms
    found = point(item, rule.path)
    where = "/" + "/".join(rule.path)
    if found is MISSING or found is None or isinstance(found, bool):
        raise CodecError(f"ts at {where} is missing")
    if rule.unit == "rfc3339":
        if not isinstance(found, str):
            raise CodecError(f"ts at {where} is no RFC 3339 text")
        try:
            return parse_ts(found)
        except CodecError:
            if rule.zone:
                return parse_ts(found + rule.zone)
            raise
    if isinstance(found, str):
        try:
            found = int(found) if found.strip().lstrip("-").isdecimal() else float(found)
        except ValueError:
            raise CodecError(f"ts at {where} is {found[:40]!r}, not a number of {rule.unit}") from None
    if not isinstance(found, int | float):
        raise CodecError(f"ts at {where} is not a number of {rule.unit}")
    if isinstance(found, int) and rule.unit in ("us", "ns"):
        return parse_ts(found // (1000 if rule.unit == "us" else 1_000_000))  # a float would lose digits
    return parse_ts(found if rule.unit == "ms" else round(found * UNITS[rule.unit]) if math.isfinite(found) else found)
