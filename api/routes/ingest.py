"""Readings over HTTP: checked, told what is wrong with each, and written to `readings.raw.<domain>`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from api import asking
from api.context import Caller, Context, Ctx
from api.docs import answer, problems
from api.errors import Problem
from api.roles import INGEST, Principal
from streams import codec, topics

router = APIRouter(tags=["ingest"])
MAX_TOLD = 1000
PIECE = 5000
_DONE = {
    "type": "object",
    "properties": {
        "accepted": {"type": "integer"},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"index": {"type": "integer"}, "reason": {"type": "string"}},
            },
        },
    },
}


@router.post(
    "/ingest",
    status_code=202,
    responses={202: answer("what was taken", _DONE), **problems(401, 403, 413, 422, 429, 503)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {}, "application/x-ndjson": {}, "application/msgpack": {}},
        }
    },
)
async def ingest(
    request: Request, ctx: Ctx, caller: Caller, domain: Annotated[str | None, Query(description="e.g. water")] = None
) -> Response:
    """Readings as JSON (one, an array, NDJSON) or packed; `index` counts the rows of the body from 0."""
    if domain is None:
        raise asking.bad("domain", f"is missing; want one of {', '.join(topics.DOMAINS)}")
    asking.one_of("domain", domain, topics.DOMAINS)
    body = await request.body()
    if not body.strip():
        raise Problem(422, "body: is empty; want readings")
    if caller.role not in INGEST:
        raise Problem(403, f"role {caller.role} may not send readings")
    pieces, accepted, rejected = await asyncio.to_thread(check, ctx, caller, domain, body)
    topic = ctx.settings.prefix + topics.raw(domain)
    for piece in pieces:
        await ctx.intake.send(topic, piece)
    ctx.metrics.ingested.labels(domain).inc(accepted)
    ctx.metrics.refused.labels(domain).inc(len(rejected))
    answer_: dict[str, Any] = {"accepted": accepted, "rejected": rejected[:MAX_TOLD]}
    if len(rejected) > MAX_TOLD:
        answer_["rejected_more"] = len(rejected) - MAX_TOLD
    return JSONResponse(answer_, 202)


def check(ctx: Context, caller: Principal, domain: str, body: bytes) -> tuple[list[bytes], int, list[dict[str, Any]]]:
    """(messages to write, rows in them, [{index, reason}])."""
    decoded = codec.decode([body])
    rejected: list[dict[str, Any]] = []
    for reject in decoded.rejects:
        rejected += [{"index": row, "reason": reject.reason} for row in reject.rows or (0,)]
    cols = decoded.cols
    reasons = [_unfit(ctx.registry.sensor, caller, domain, sensor) for sensor in cols.sensors]
    bad_sensor = np.array([bool(reason) for reason in reasons], bool)
    bad = bad_sensor[cols.idx] if len(cols) else np.zeros(0, bool)
    rejected += [
        {"index": int(row), "reason": reasons[int(i)]}
        for row, i in zip(decoded.row[bad].tolist(), cols.idx[bad].tolist(), strict=True)
    ]
    good = cols.take(~bad) if bad.any() else cols
    pieces = []
    for k in range(0, len(good), PIECE):
        piece = good
        if len(good) > PIECE:
            mask = np.zeros(len(good), bool)
            mask[k : k + PIECE] = True
            piece = good.take(mask)
        pieces.append(codec.pack(piece, src=f"http:{caller.name}"))
    return pieces, len(good), sorted(rejected, key=lambda r: r["index"])


def _unfit(look_up: Callable[[str], Any], caller: Principal, domain: str, sensor: str) -> str:
    """Why readings of this sensor are not taken from this caller, "" where they are."""
    known = look_up(sensor)
    if known is None:
        return f"unknown sensor {sensor[:64]!r}: it is not in the registry"
    if known.domain != domain:
        return f"sensor {sensor} is of domain {known.domain}, not {domain}"
    if not caller.covers(known.unit_code):
        return f"sensor {sensor} is outside your unit {caller.unit}"
    return ""
