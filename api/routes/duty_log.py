"""Duty log 值班日志: entries are added and read, never changed."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import asking, duty_store
from api.context import Caller, Ctx
from api.docs import problems
from api.duty_scope import asked_place, require, require_place
from api.errors import Problem
from geo.moments import rfc3339

router = APIRouter(tags=["duty"])
Text = str | None
LIMIT, MAX_LIMIT = 100, 500


class EntryBody(BaseModel):
    """What happened."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"unit": "522601", "text": "01:20 电话核实"}]}
    )

    unit: str | None = Field(default=None, description="unit code; default the caller's", max_length=20)
    text: str = Field(min_length=1, max_length=4000)
    alert: str = Field(default="", description="id of the alert it is about", max_length=64)


@router.post("/duty/log", status_code=201, responses=problems(401, 403, 422))
async def add(body: EntryBody, ctx: Ctx, caller: Caller) -> Response:
    """Add an entry to the log of a unit."""
    place = asked_place("unit", body.unit, caller)
    text = written("text", body.text)
    require(caller, "write into the duty log")
    require_place(ctx, caller, place)
    now = int(time.time() * 1000)
    id_ = await asyncio.to_thread(duty_store.add_entry, ctx.store, place, now, caller.name, text, body.alert)
    row = {"id": id_, "unit": place, "at_ms": now, "by": caller.name, "text": text, "alert": body.alert}
    return Response(orjson.dumps(_public(row)), 201, media_type="application/json")


@router.get("/duty/log", responses=problems(401, 403, 422))
async def entries(
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, Query(description="unit code; its subtree")] = None,
    limit: Annotated[Text, Query(description="1 to 500")] = None,
    page: Annotated[Text, Query(description="`next` of the page before")] = None,
) -> Response:
    """Entries of a subtree, newest first."""
    wanted, number = asking.unit_prefix(unit), asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT)
    before = asking.whole("page", page, 10**9, 1, 10**9)
    require(caller, "see who is on duty")
    scope = asking.scoped(caller, wanted)
    rows = await asyncio.to_thread(duty_store.entries, ctx.store, scope, number + 1, before)
    return paged([_public(r) for r in rows], number)


def paged(items: list[dict[str, Any]], limit: int) -> Response:
    """One page of rows by id; one more than `limit` was asked for, to know whether there is another."""
    token = str(items[limit - 1]["id"]) if len(items) > limit else None
    return Response(orjson.dumps({"items": items[:limit], "next": token}), media_type="application/json")


def written(name: str, text: str) -> str:
    """Text that a person wrote; 422 for what no database keeps."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Problem(422, f"body.{name}: holds half a surrogate pair; want whole characters") from None
    if "\x00" in text:
        raise Problem(422, f"body.{name}: holds a zero character; leave it out")
    return text


def _public(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"], "unit": row["unit"], "at": rfc3339(row["at_ms"]), "by": row["by"], "text": row["text"],
        "alert": row["alert"] or None,
    }  # fmt: skip
