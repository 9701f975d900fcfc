"""Public JSON of duty: records as the API and files have them, who is on duty, findings. Pure.

Times are RFC 3339 outside and epoch milliseconds inside; fields of times lose their `_ms`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from geo.moments import rfc3339
from streams.duty.book import ROOM, DutyBook
from streams.duty.coverage import Finding
from streams.duty.local_time import parse
from streams.duty.reading import Read
from streams.duty.records import ROLE_NAMES, ROLES, DutyRecord, Person, Roster, without_addresses

_TIMES = ("from_ms", "until_ms", "starts_ms")
_OWN = ("version", "by", "at_ms")


def public(record: DutyRecord, contacts: bool) -> dict[str, Any]:
    """A record as JSON. `contacts`: with telephone numbers and addresses."""
    plain: dict[str, Any] = msgspec.to_builtins(record if contacts else without_addresses(record))
    for part in (*plain.get("rotations", ()), *plain.get("shifts", ())):
        for name in _TIMES:
            if name in part:
                part[name.removesuffix("_ms")] = rfc3339(part.pop(name))
    plain["at"] = rfc3339(plain.pop("at_ms"))
    return plain


def parsed(plain: Any) -> tuple[DutyRecord, int]:
    """A record and the version that its writer saw, from JSON as `public` makes it.

    Raises:
        ValueError: it is no such record; the text names field and reason.
    """
    if not isinstance(plain, dict):
        raise ValueError("want an object with `type` person or roster")
    fields = {k: v for k, v in plain.items() if k not in ("at", "by", "at_ms")}
    for name in ("rotations", "shifts"):
        if isinstance(fields.get(name), list):
            fields[name] = [_timed(part, f"{name}[{n}]") for n, part in enumerate(fields[name])]
    if fields.get("type") not in ("person", "roster"):
        raise ValueError("type: want person or roster")
    kind: type[Person | Roster] = Person if fields["type"] == "person" else Roster
    if unknown := set(fields) - {"type", *kind.__struct_fields__}:
        raise ValueError(f"unknown field {min(unknown)[:40]}; {fields['type']} has {', '.join(kind.__struct_fields__)}")
    try:
        record: DutyRecord = msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    seen = fields.get("version", 0)
    return record, seen if isinstance(seen, int) else 0


def _timed(part: Any, where: str) -> Any:
    if not isinstance(part, dict):
        return part
    out = dict(part)
    for name in _TIMES:
        short = name.removesuffix("_ms")
        if isinstance(written := out.pop(short, None), str):
            try:
                out[name] = parse(written)
            except ValueError as error:
                raise ValueError(f"{where}.{short}: {error}") from None
        elif written is not None:
            raise ValueError(f"{where}.{short}: want a text such as 2026-12-01T08:00:00+08:00")
    return out


def read_json(name: str, text: str, out: Read) -> None:
    """A record, a list of them, or one a line, into `out`; each bad one is a sentence in `out.problems`."""
    for where, item in _items(name, text, out):
        try:
            out.records.append(parsed(item)[0])
        except ValueError as error:
            out.problems.append(f"{name}, {where}: {error}")


def _items(name: str, text: str, out: Read) -> list[tuple[str, Any]]:
    try:
        whole = json.loads(text)
        return [(f"item {n}", item) for n, item in enumerate(whole if isinstance(whole, list) else [whole], 1)]
    except RecursionError:
        out.problems.append(f"{name}: its lists lie too deep in one another to be records of duty")
        return []
    except ValueError as whole_error:
        items = []
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        for n, line in lines:
            try:
                items.append((f"line {n}", json.loads(line)))
            except ValueError as error:
                out.problems.append(f"{name}: is not JSON: {whole_error if len(lines) < 2 else f'line {n}: {error}'}")
                return []
        return items


def on_duty(book: DutyBook, place: str, at_ms: int, contacts: bool) -> dict[str, Any] | None:
    """Who is on duty: {unit, at, promised, people, room}; None where the place has no roster."""
    if book.posts(place) is None:
        return None
    people = [
        {"role": role, "role_zh": ROLE_NAMES[role], **_person(p, contacts)}
        for role in ROLES
        for p in book.people(place, role, at_ms) or ()
    ]
    room = [_person(p, contacts) for p in book.people(place, ROOM, at_ms) or ()]
    promised = book.promised(place, at_ms)
    return {
        "unit": place,
        "at": rfc3339(at_ms),
        "promised": promised,
        "people": people,
        "room": room[0] if room else None,
    }


def _person(person: Person, contacts: bool) -> Mapping[str, Any]:
    out: dict[str, Any] = {"id": person.id, "name": person.name, "user": person.user}
    out["channels"] = [c.channel for c in person.contacts]
    if contacts:
        out["contacts"] = [{"channel": c.channel, "address": c.address} for c in person.contacts]
    return out


def finding(found: Finding) -> dict[str, Any]:
    """A gap or overlap as JSON, with the sentence for officers."""
    return {
        "what": found.what, "place": found.place, "role": found.role, "from": rfc3339(found.from_ms),
        "until": rfc3339(found.until_ms), "wanted": found.wanted, "people": list(found.people),
        "text": {"zh": found.reason.zh, "en": found.reason.en},
    }  # fmt: skip
