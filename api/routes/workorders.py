"""Work orders: the order of a dispatched alert, and status that the platform sends back, as commands on the alert."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from api import queries, workorders
from api.body_text import written
from api.context import Caller, Context, Ctx
from api.docs import ALERT, problems
from api.errors import Problem
from api.roles import Principal
from api.routes.alerts import visible
from api.routes.commands import CommandBody, send
from api.workorders import STATUSES
from streams.events import stable_id

router = APIRouter(tags=["work orders"])
TRIES = 5  # of a command whose version was overtaken
STALE = "ANY-2"


class StatusBody(BaseModel):
    """What became of an order on the platform's side."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "order": "5d41402abc4b2a76b971-4", "status": "disposed", "by": "凯里供水抢修一队 王",
                    "cause": "管道老化", "action": "更换管段", "text": "14:20 恢复供水",
                }
            ]
        },
    )  # fmt: skip

    order: str = Field(max_length=100, description="`order` of the work order that was sent")
    status: Literal["accepted", "on_site", "disposed", "verified", "closed", "returned", "note"]
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    text: str = Field(default="", max_length=1500)
    cause: str = Field(default="", max_length=1000)
    action: str = Field(default="", max_length=1000)


@router.get("/workorders/{id}", responses=problems(401, 403, 404))
async def get_order(id: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:  # noqa: A002 - the contract's name
    """The order of an alert's last dispatch, as webhooks with the event `workorder` get it."""
    row = await visible(ctx, caller, id)
    return await _order(ctx, row)


@router.post("/workorders/{id}/status", responses={200: ALERT, **problems(401, 403, 404, 409, 422, 503, 504)})
async def post_status(id: str, body: StatusBody, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002
    """Apply a status of the platform: it becomes a command on the alert; the same status of an order counts once.

    The command is that of docs/workorders.md and is refused (409) by the same table as a person's. 409 also for an
    order that is not the newest of its alert.
    """
    status = STATUSES[body.status]
    for name in ("by", "text", "cause", "action"):
        written(name, getattr(body, name))
    for name in status.needs:
        if not getattr(body, name).strip():
            raise Problem(422, f"body.{name}: status {body.status} needs it")
    row = await visible(ctx, caller, id)
    order = await _order(ctx, row)
    if body.order != order["order"]:
        raise Problem(409, f"order {body.order[:80]!r} is not the one in force, {order['order']}", order=order["order"])
    return await _apply(ctx, caller, id, body)


async def _apply(ctx: Context, caller: Principal, id_: str, body: StatusBody) -> Response:
    status = STATUSES[body.status]
    params = {"cause": body.cause, "action": body.action} if status.command == "dispose" else {}
    said = workorders.comment(status, body.by, body.text)
    # the same words of the same order are one status: a platform that hears no answer sends again
    key = stable_id("workorder", body.order, body.status, body.by, body.text, body.cause, body.action)
    for left in reversed(range(TRIES)):
        row = await visible(ctx, caller, id_)
        asked = CommandBody(command=status.command, version=row["version"], comment=said, params=params)
        try:
            return await send(id_, asked, ctx, caller, key)
        except Problem as problem:
            if problem.extra.get("row") != STALE or not left:
                raise
            await ctx.projection.stored(id_, int(problem.extra["version"]), ctx.settings.command_wait_s)
    raise AssertionError("unreachable")


async def _order(ctx: Context, row: dict[str, Any]) -> dict[str, Any]:
    steps = await asyncio.to_thread(queries.timeline, ctx.store, row["id"])
    found = workorders.newest(orjson.loads(row["json"]), [orjson.loads(step) for step in steps])
    if found is None:
        raise Problem(404, f"alert {row['id']} was not dispatched: it has no work order")
    return found
