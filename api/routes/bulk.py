"""One command on many alerts: acknowledging or shelving what a list shows, each with its own answer."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field, StrictInt
from starlette.responses import Response

from api.context import Caller, Context, Ctx
from api.docs import BULK, problems
from api.errors import Problem
from api.roles import Principal
from api.routes.commands import CommandBody, checked_key, send
from streams.errors import CityopsError

router = APIRouter(tags=["alerts"])
MOST = 200
AT_ONCE = 20  # commands under way
MAX_KEY = 128
Text = str | None


class BulkItem(BaseModel):
    """One alert and the version that the sender saw."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=64)
    version: StrictInt = Field(ge=1, le=2**31)


class BulkBody(BaseModel):
    """The same command, comment and parameters for every item."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"command": "ack", "items": [{"id": "5d41402abc4b2a76b971", "version": 3}], "comment": "已阅"}]
        },
    )

    command: Literal["ack", "shelve"]
    items: list[BulkItem] = Field(min_length=1, max_length=MOST)
    comment: str = Field(default="", max_length=2000)
    params: dict[str, Any] = Field(default_factory=dict)


@router.post("/alerts/commands", responses={200: BULK, **problems(401, 403, 422)})
async def send_commands(
    body: BulkBody,
    ctx: Ctx,
    caller: Caller,
    idempotency_key: Annotated[Text, Header(description="each item's own is made of it and the item's id")] = None,
) -> Response:
    """Send a command to at most 200 alerts; the answer has the status of each item, in their order.

    An item is refused alone: 403, 404, 409 (with the `row` and the newest `version`), 504. Where all are 403 or 422 the
    answer is.
    """
    key = checked_key(idempotency_key)
    if len({item.id for item in body.items}) < len(body.items):
        raise Problem(422, "body.items: an alert is named twice; name each once")
    if len(key) + 1 + max(len(item.id) for item in body.items) > MAX_KEY:
        raise Problem(422, f"header Idempotency-Key: with an alert's id it is longer than {MAX_KEY} characters")
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(item: BulkItem) -> dict[str, Any]:
        async with slots:
            return await _one(ctx, caller, body, item, f"{key}/{item.id}" if key else None)

    done = await asyncio.gather(*(one(item) for item in body.items))
    if all(d["status"] in (403, 422) for d in done):
        first = done[0]
        raise Problem(int(first["status"]), str(first["detail"]), items=done)
    counts = {"accepted": sum(d["status"] == 200 for d in done), "refused": sum(d["status"] != 200 for d in done)}
    return Response(orjson.dumps({**counts, "items": done}), media_type="application/json")


async def _one(ctx: Context, caller: Principal, body: BulkBody, item: BulkItem, key: str | None) -> dict[str, Any]:
    """What became of one item."""
    asked = CommandBody(command=body.command, version=item.version, comment=body.comment, params=body.params)
    try:
        answer = await send(item.id, asked, ctx, caller, key)
    except Problem as problem:
        extra: dict[str, Any] = {k: v for k, v in problem.extra.items() if k in ("row", "reason", "version")}
        return {"id": item.id, "status": problem.status, "detail": problem.detail, **extra}
    except CityopsError as error:  # Kafka takes nothing: this one was not sent
        return {"id": item.id, "status": 503, "detail": str(error)}
    return {"id": item.id, "status": 200, "version": orjson.loads(answer.body)["version"]}
