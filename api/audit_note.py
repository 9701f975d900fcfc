"""What a route adds to the audit log's row of its request: what it changed, and who, where nobody was signed in.

The row itself is written by `api.guard`, for every request that changes something. Outside of a request notes go
nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from api.audit_chain import difference

_current: ContextVar[Note | None] = ContextVar("audit_note", default=None)


@dataclass
class Note:
    """Of one request."""

    action: str = ""  # instead of method and route
    by: str = ""
    role: str = ""
    unit: str = ""
    place: str = ""
    quiet: bool = False  # no row: nothing was done
    changes: list[dict[str, Any]] = field(default_factory=list)


def begin() -> Note:
    """The note of the request that this task serves."""
    note = Note()
    _current.set(note)
    return note


def changed(
    target: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, place: str = "", **facts: Any
) -> None:
    """Something was made (`before` None), changed or removed (`after` None); the fields that differ are kept."""
    old, new = difference(before, after)
    asked(target, place, **facts, before=old, after=new)


def asked(target: str, place: str = "", **facts: Any) -> dict[str, Any]:
    """Something was asked for; the answer may be added to what is returned."""
    made = {"target": target, **facts}
    note = _current.get()
    if note is not None:
        note.changes.append(made)
        note.place = note.place or place
    return made


def acting(action: str, by: str, role: str = "", unit: str = "") -> None:
    """Who did what, on a way without a token."""
    note = _current.get()
    if note is not None:
        note.action, note.by, note.role, note.unit = action or note.action, by, role, unit


def nothing() -> None:
    """This request did nothing that is worth a row."""
    note = _current.get()
    if note is not None:
        note.quiet = True
