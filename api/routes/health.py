"""For machines: is this process up, can it serve, its metrics, what its topics and feed hold. Open to all."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from api.asyncapi import document
from api.context import Ctx
from api.docs import problems
from api.errors import Problem

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "up"}


@router.get("/readyz", responses=problems(503))
async def readyz(ctx: Ctx) -> dict[str, Any]:
    """The process can serve; 503 with the reason where it cannot."""
    trouble = ctx.trouble()
    ctx.metrics.ready.set(0 if trouble else 1)
    if trouble:
        raise Problem(503, trouble, {"Retry-After": "1"})
    return {"status": "ready", "cursor": str(ctx.store.cursor())}


@router.get("/asyncapi.json")
async def asyncapi() -> dict[str, Any]:
    """Topics and feed as an AsyncAPI 3 document."""
    return document()


@router.get("/metrics", include_in_schema=False)
async def metrics(ctx: Ctx) -> Response:
    ctx.metrics.ready.set(0 if ctx.trouble() else 1)
    return Response(await asyncio.to_thread(ctx.metrics.text), media_type=CONTENT_TYPE_LATEST)
