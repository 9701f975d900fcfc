"""What to do first about an alert, step by step."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter

from api import playbooks
from api.context import Caller, Ctx
from api.docs import problems
from api.routes.alerts import visible

router = APIRouter(tags=["alerts"])


@router.get("/alerts/{id}/playbook", responses=problems(401, 403, 404))
async def playbook(id: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:  # noqa: A002 - the contract's name
    """The playbook of the alert's domain and kind, or null. A tick is a comment that names its step."""
    row = await visible(ctx, caller, id)
    found = playbooks.chosen(ctx.playbooks, orjson.loads(row["json"]))
    return {"playbook": found and playbooks.public(found)}
