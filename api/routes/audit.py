"""The audit log: who did what, from where, when, with what outcome. Administrators only, newest first."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api import asking, audit
from api.context import Caller, Ctx
from api.docs import AUDIT, problems
from api.errors import Problem
from api.roles import AUDITORS

router = APIRouter(tags=["audit"])
LIMIT, MAX_LIMIT = 100, 500
Text = str | None


@router.get("/audit", responses={200: AUDIT, **problems(401, 403, 422)})
async def list_audit(
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, Query(description="division code; by whom in its subtree, or to what of it")] = None,
    by: Annotated[str, Query(description="name of an account or token", max_length=80)] = "",
    action: Annotated[str, Query(description="part of the action, e.g. sign-in, /fences", max_length=200)] = "",
    since: Annotated[Text, Query(description="RFC 3339")] = None,
    until: Annotated[Text, Query(description="RFC 3339")] = None,
    limit: Annotated[Text, Query(description="1 to 500")] = None,
    page: Annotated[Text, Query(description="`next` of the page before")] = None,
) -> dict[str, Any]:
    """Rows of the hash chain in the caller's units; the prefecture's administrator sees all. `cityops audit verify`
    checks the chain."""
    prefix = asking.unit_prefix(unit)
    since_ms, until_ms = asking.moment("since", since), asking.moment("until", until)
    number = asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT)
    before = None if page is None else asking.whole("page", page, 0, 0, 10**9 - 1)
    for name, text in (("by", by), ("action", action)):
        if "\x00" in text:
            raise asking.bad(name, "want text without NUL")
    if caller.role not in AUDITORS:
        raise Problem(403, f"role {caller.role} may not read the audit log; this needs admin")
    asked = audit.Asked(
        prefix=asking.scoped(caller, prefix), by=by, action=action, since_ms=since_ms, until_ms=until_ms
    )
    items, more = await asyncio.to_thread(audit.listed, ctx.store, asked, number, before)
    return {"items": items, "next": None if more is None else str(more)}
