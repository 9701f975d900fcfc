"""What a machine's API token may do: scopes as methods and paths under `/api/v1`, checked by `api.guard`.

A token has a role and a unit (or organisations) like a person, and of these only what its scopes let through. A path
that no scope names is closed to machines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_READ, _WRITE = ("GET", "HEAD"), ("POST", "PUT", "DELETE", "PATCH")
_PLACES = "units|map|where|console"
_RECORDS = "assets|sensors|fences|policies|duty"
SCOPES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "alerts:read": (_READ, rf"(alerts|feed|ws|stats|{_PLACES}|cap)(/.*)?"),
    "alerts:write": (_WRITE, r"alerts(/.*)?"),
    "registry:read": (_READ, rf"({_RECORDS}|{_PLACES})(/.*)?"),
    "registry:write": (_WRITE, r"(assets|fences|policies|duty)(/.*)?"),
    "ingest": (("POST",), r"ingest"),
    "audit:read": (_READ, r"audit"),
    "workorders": (("GET", "HEAD", "POST"), r"workorders(/.*)?"),
}
ALWAYS = "auth/me"


def allowed(scopes: Iterable[str], method: str, path: str) -> bool:
    """May a token with these scopes ask this of `path`, which has no `/api/v1/` before it?

    >>> allowed({"alerts:read"}, "GET", "alerts/a1"), allowed({"alerts:read"}, "POST", "alerts/a1/commands")
    (True, False)
    """
    if path == ALWAYS:
        return True
    return any(method in SCOPES[s][0] and re.fullmatch(SCOPES[s][1], path) for s in scopes if s in SCOPES)
