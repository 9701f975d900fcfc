"""Notifications: what waits, what was sent, what was given up; exercises that may use real channels."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api import asking, exercise_report
from api.context import Caller, Ctx, require_unit
from api.docs import problems
from api.errors import Problem
from api.roles import Principal
from geo.moments import rfc3339
from streams.alerts.table import LEAD
from streams.errors import UsageError
from streams.notify import exercises, listing, standing, states
from streams.notify.listing import Asked
from streams.notify.options import rates
from streams.notify.plan import Row

router = APIRouter(tags=["notifications"])
LIMIT, MAX_LIMIT = 100, 500
WATCHERS = LEAD | {"engineer"}
_RUN = r"^[A-Za-z0-9_-]{1,64}$"
Text = str | None


@router.get("/notifications", responses=problems(401, 403, 422))
async def list_notifications(
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, Query(description="division code; alerts of its subtree")] = None,
    alert: Annotated[str, Query(description="id of an alert", max_length=64)] = "",
    state: Annotated[Text, Query(description="comma list of " + ", ".join(states.STATES))] = None,
    person: Annotated[str, Query(description="id of a person", max_length=64)] = "",
    limit: Annotated[Text, Query(description="1 to 500")] = None,
    page: Annotated[Text, Query(description="`next` of the page before")] = None,
) -> dict[str, Any]:
    """Messages, the newest first: in which state, why, until when. Addresses are masked."""
    prefix = asking.scoped(caller, asking.unit_prefix(unit))
    asked = Asked(prefix, alert, asking.several("state", state, states.STATES), person)
    number = asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT)
    after = asking.parsed("page", page, listing.page_of)
    items, more = await asyncio.to_thread(listing.messages, ctx.outbox, asked, number, after)
    return {"items": items, "next": more}


@router.get("/notifications/channels", responses=problems(401, 403))
async def channels(ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Every destination: its breaker, what waits there and since when; the limits in force."""
    _only(caller, WATCHERS, "look at destinations")
    found = await asyncio.to_thread(standing.listed, ctx.outbox, _now())
    for item in found:
        for name in ("until", "oldest", "last"):
            ms = item.pop(f"{name}_ms")
            item[name] = rfc3339(ms) if ms else None
    s = ctx.settings
    limits = {"attempts": s.notify_attempts, "timeout_s": s.notify_timeout_s, "give_up_s": s.notify_give_up_s}
    return {"items": found, "per_minute": rates(s.notify_rate), "digest_s": s.notify_digest_s, **limits}


@router.post("/notifications/{id}/resend", responses=problems(401, 403, 404, 409))
async def resend(id: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:  # noqa: A002 - the contract's name
    """Put a message that was given up, or was too old, into the queue again."""
    _only(caller, LEAD, "send a message again")
    row: Row | None = await asyncio.to_thread(listing.one, ctx.outbox, id[:64])
    if row is None:
        raise Problem(404, f"there is no notification {id[:64]!r}")
    require_unit(caller, row["unit"], f"notification {id}")
    if not await asyncio.to_thread(listing.resend, ctx.outbox, id, caller.name, _now()):
        allowed = ", ".join(states.RESENDABLE)
        raise Problem(409, f"notification {id} is {row['state']}: only {allowed} ones with an address are sent again")
    now = await asyncio.to_thread(listing.one, ctx.outbox, id)
    return listing.public(now or row)


class Proposal(BaseModel):
    """Who may be told by real channels in an exercise."""

    model_config = ConfigDict(extra="forbid")

    run: str = Field(pattern=_RUN, description="id of the run")
    people: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(min_length=1, max_length=exercises.MOST)


@router.get("/exercises", responses=problems(401))
async def list_exercises(ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Exercises with an enrolled list, the newest first."""
    return {"items": await asyncio.to_thread(exercises.listed, ctx.outbox)}


@router.post("/exercises", status_code=201, responses=problems(401, 403, 409, 422))
async def propose(body: Proposal, ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Propose a list; without another person's approval the exercise stays on stubs."""
    _only(caller, LEAD, "propose an exercise")
    return await _changed(exercises.propose, ctx.outbox, body.run, body.people, caller.name, _now())


@router.post("/exercises/{run}/approve", responses=problems(401, 403, 404, 409))
async def approve(run: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Approve what somebody else proposed."""
    _only(caller, LEAD, "approve an exercise")
    return await _changed(exercises.approve, ctx.outbox, run[:64], caller.name, _now())


@router.post("/exercises/{run}/end", responses=problems(401, 403, 404))
async def end(run: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Back to stubs."""
    _only(caller, LEAD, "end an exercise")
    return await _changed(exercises.end, ctx.outbox, run[:64], caller.name, _now())


@router.get("/exercises/{run}/report", responses=problems(401, 403, 404))
async def report(run: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """The assessment: who was told, who acknowledged in time, which steps were late, what became of the messages."""
    _only(caller, LEAD, "read the assessment of an exercise")
    prefix = asking.scoped(caller, None)
    made: dict[str, Any] = await asyncio.to_thread(exercise_report.report, ctx.store, ctx.outbox, run[:64], prefix)
    if not made["items"]:
        raise Problem(404, f"there is no alert of an exercise {run[:64]!r}")
    return made


async def _changed(step: Any, *args: Any) -> dict[str, Any]:
    try:
        made: dict[str, Any] | None = await asyncio.to_thread(step, *args)
    except UsageError as error:
        raise Problem(409, str(error)) from None
    if made is None:
        raise Problem(404, f"there is no exercise {args[1]!r}")
    return made


def _only(caller: Principal, roles: frozenset[str], what: str) -> None:
    if caller.role not in roles:
        raise Problem(403, f"role {caller.role} may not {what}; this needs one of {', '.join(sorted(roles))}")
    asking.scoped(caller, None)  # what units do, not organisations


def _now() -> int:
    return int(time.time() * 1000)
