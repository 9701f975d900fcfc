"""What the console must know before it draws: map tiles, what can be reported, how large a photo may be."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.context import Caller, Ctx
from api.docs import problems
from streams.reported import kinds
from streams.topics import DOMAINS

router = APIRouter(tags=["console"])


@router.get("/console", responses=problems(401))
async def console(ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """`tiles`: URL template and attribution of the map tiles; null where none are set, the map is a sketch then.

    `kinds`: by domain the kinds of hazard that a person can report, with their titles; `photo_mb`: of a photo at most.
    """
    url = ctx.settings.tile_url
    return {
        "tiles": {"url": url, "attribution": ctx.settings.tile_attribution} if url else None,
        "kinds": {
            domain: [{"kind": k.kind, "title": {"zh": k.title.zh, "en": k.title.en}} for k in kinds(domain).values()]
            for domain in DOMAINS
        },
        "photo_mb": ctx.settings.photo_mb,
    }
