"""Numbers for the operations centre: alerts by severity, condition, domain and unit."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api import asking, queries
from api.context import Caller, Ctx
from api.docs import problems

router = APIRouter(tags=["stats"])


@router.get("/stats", responses=problems(401, 403, 422))
async def stats(
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[str | None, Query(description="division code; its subtree")] = None,
    domain: Annotated[str | None, Query(description="comma list of domains")] = None,
    state: Annotated[str, Query(description="open, closed or all")] = "open",
    mode: Annotated[str, Query(description="actual, exercise, test or all")] = "all",
    since: Annotated[str | None, Query(description="last transition at or after this time (RFC 3339)")] = None,
    until: Annotated[str | None, Query(description="last transition at or before this time (RFC 3339)")] = None,
) -> dict[str, Any]:
    """Counts of alerts; `unit` counts by the level below the asked unit."""
    prefix = asking.unit_prefix(unit)
    fields: dict[str, Any] = {
        "domain": asking.domains(domain),
        "state": asking.one_of("state", state, asking.STATES),
        "mode": asking.one_of("mode", mode, asking.MODES),
        "since_ms": asking.moment("since", since),
        "until_ms": asking.moment("until", until),
    }
    wanted = queries.AlertFilter(prefix=asking.scoped(caller, prefix), **fields)
    return await asyncio.to_thread(queries.counts, ctx.store, wanted)
