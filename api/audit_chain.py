"""The hash chain of the audit log: entries, their canonical text, and finding the first row that is wrong. Pure.

A row's hash is SHA-256 over the hash of the row before, a line feed, and the entry as canonical JSON (keys sorted, no
blanks, UTF-8). The first row comes after `ZERO`. A chain alone does not show that its last rows were cut off or
that all of it was made anew: for that a head that was written down elsewhere is given to `check`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from api.times import to_ms
from geo.moments import rfc3339

ZERO = "0" * 64
MAX_VALUE = 4096  # bytes of a value of before or after that is kept as it is
COLUMNS = ("by", "unit", "place", "action", "status")  # these are also columns, to be asked for


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What somebody did. `changes`: [{"target", "before", "after", …}]; no secret comes in here."""

    at_ms: int
    by: str
    role: str
    unit: str
    org: tuple[str, ...] = ()
    address: str  # of the client
    request: str  # its id: in the answer's X-Request-Id and in the log
    action: str  # method and route, or `sign-in`, `sign-in failed` …
    target: str = ""  # the path that was asked
    query: str = ""
    place: str = ""
    status: int = 200
    changes: tuple[Mapping[str, Any], ...] = field(default=())

    def public(self, seq: int) -> dict[str, Any]:
        """The row's JSON."""
        return {
            "seq": seq, "at": rfc3339(self.at_ms), "by": self.by, "role": self.role, "unit": self.unit,
            "org": list(self.org), "address": self.address, "request": self.request, "action": self.action,
            "target": self.target, "query": self.query, "place": self.place, "status": self.status,
            "changes": list(self.changes),
        }  # fmt: skip


def canonical(entry: Mapping[str, Any]) -> str:
    """The one text of an entry.

    >>> canonical({"b": 1, "a": "州"})
    '{"a":"州","b":1}'
    """
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS).decode()


def link(prev: str, text: str) -> str:
    """Hash of a row."""
    return hashlib.sha256(f"{prev}\n{text}".encode()).hexdigest()


def row(seq: int, prev: str, entry: Entry) -> dict[str, Any]:
    """The table's row of an entry that comes after the hash `prev`."""
    public = entry.public(seq)
    text = canonical(public)
    named = {name: public[name] for name in COLUMNS}
    return {"seq": seq, "at_ms": entry.at_ms, **named, "json": text, "prev": prev, "hash": link(prev, text)}


@dataclass(frozen=True)
class Verdict:
    """What a look at the whole chain found; `bad` is the sequence of the first wrong row, 0 where none is."""

    rows: int
    head: str
    bad: int = 0
    why: str = ""


def check(rows: Iterable[Mapping[str, Any]], head: str = "") -> Verdict:
    """The first row that is wrong, in order of seq; `head`: a hash that has to be in the chain."""
    number, prev, seen = 0, ZERO, not head
    for found in rows:
        number += 1
        if why := fault(found, number, prev):
            return Verdict(number - 1, prev, number, why)
        prev = found["hash"]
        seen = seen or prev == head
    if not seen:
        return Verdict(number, prev, number + 1, f"the head {head} is not in it: rows at the end are gone or made anew")
    return Verdict(number, prev)


def fault(found: Mapping[str, Any], number: int, prev: str) -> str:
    """What is wrong with the row that should be the `number`th, after the hash `prev`; "" where nothing is."""
    if found["seq"] != number:
        return f"is missing: row {found['seq']} follows row {number - 1}"
    if found["prev"] != prev:
        return "does not hold the hash of the row before"
    if link(prev, found["json"]) != found["hash"]:
        return "its text is not what its hash was made of"
    try:
        entry = orjson.loads(found["json"])
        same = entry["seq"] == number and to_ms(entry["at"]) == found["at_ms"]
        same = same and all(entry[name] == found[name] for name in COLUMNS)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return "its text is no entry"
    return "" if same else "its columns are not those of its text"


def difference(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The fields that differ, on both sides; None for what was or is not there. A long value is told by its hash.

    >>> difference({"a": 1, "b": 2}, {"a": 1, "b": 3})
    ({'b': 2}, {'b': 3})
    """
    one, two = before or {}, after or {}
    names = [n for n in {**one, **two} if n not in one or n not in two or one[n] != two[n]]
    cut = ({n: _short(side[n]) for n in names if n in side} for side in (one, two))
    old, new = cut
    return (old if before is not None else None, new if after is not None else None)


def _short(value: Any) -> Any:
    text = orjson.dumps(value)
    if len(text) <= MAX_VALUE:
        return value
    return {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
