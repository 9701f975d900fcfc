"""What the console must know before it draws: whether there are map tiles."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.context import Caller, Ctx
from api.docs import problems

router = APIRouter(tags=["console"])


@router.get("/console", responses=problems(401))
async def console(ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """`tiles`: URL template and attribution of the map tiles; null where none are set, the map is a sketch then."""
    url = ctx.settings.tile_url
    return {"tiles": {"url": url, "attribution": ctx.settings.tile_attribution} if url else None}
