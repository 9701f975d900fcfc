"""Duty log 值班日志: entries are added and read, never changed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import duty_store
from api.body_text import written
from api.context import Caller, Ctx
from api.docs import problems
from api.duty_pages import Limit, Page, Unit, of_subtree
from api.duty_scope import asked_place, require, require_place
from geo.moments import rfc3339

router = APIRouter(tags=["duty"])


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
async def entries(ctx: Ctx, caller: Caller, unit: Unit = None, limit: Limit = None, page: Page = None) -> Response:
    """Entries of a subtree, newest first."""
    return await of_subtree(ctx, caller, unit, limit, page, duty_store.entries, _public)


def _public(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"], "unit": row["unit"], "at": rfc3339(row["at_ms"]), "by": row["by"], "text": row["text"],
        "alert": row["alert"] or None,
    }  # fmt: skip
