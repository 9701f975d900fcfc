"""Which requests get a row of the audit log, and the row: made of the request, its answer and what the route noted."""

from __future__ import annotations

import time
from collections.abc import Iterable

from starlette.types import Scope

from api.audit_chain import Entry
from api.audit_note import Note

READS = ("GET", "HEAD", "OPTIONS")
UNDONE = (405, 413, 422, 429)  # nothing was asked that could have been done
MAX_QUERY, MAX_TARGET = 500, 300


def entry_of(
    scope: Scope, note: Note, status: int, headers: Iterable[tuple[bytes, bytes]], silent: frozenset[str]
) -> Entry | None:
    """The row of a request that was answered; None where it needs none.

    Rows are made of: sign-ins and what ends them, whatever a signed-in caller changes or was refused to change, and
    what leaves the system as a file. `silent`: paths whose requests are too many and have a record of their own.
    """
    if scope["type"] != "http" or note.quiet:
        return None
    state = scope.get("state", {})
    caller = state.get("principal")
    if not note.action:
        if caller is None or scope["path"] in silent or status in UNDONE:
            return None
        if scope["method"] in READS and not (status == 200 and is_export(scope["path"], headers)):
            return None
    client = scope.get("client")
    return Entry(
        at_ms=int(time.time() * 1000), by=note.by or (caller.name if caller else ""),
        role=note.role or (caller.role if caller else ""), unit=note.unit or (caller.unit if caller else ""),
        org=tuple(sorted(caller.orgs)) if caller else (), address=client[0] if client else "",
        request=state.get("request", ""), action=note.action or f"{scope['method']} {_route(scope)}",
        target=_fit(scope["path"], MAX_TARGET), query=_fit(scope["query_string"].decode("latin-1"), MAX_QUERY),
        place=note.place, status=status, changes=tuple(note.changes),
    )  # fmt: skip


def is_export(path: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Does this answer leave the system as a document: a file to keep, a report, a CAP message?"""
    if path.endswith("/report") or (path.startswith("/cap/") and path.endswith(".xml")):
        return True
    return any(name.lower() == b"content-disposition" and value.startswith(b"attachment") for name, value in headers)


def _route(scope: Scope) -> str:
    """The route's template; its path where there is none."""
    return str(getattr(scope.get("route"), "path", None) or _fit(scope["path"], MAX_TARGET))


def _fit(text: str, most: int) -> str:
    """What SQL and JSON can keep."""
    return text[:most].encode("utf-8", "replace").decode().replace("\x00", "")
