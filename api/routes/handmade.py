"""Alerts made by hand: what somebody reported by telephone, hotline, patrol or video, in the same lifecycle."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import asking, duty_store, handmade_place, queries
from api.body_text import written
from api.context import Caller, Context, Ctx, require_unit
from api.docs import ALERT_OFFERED, problems
from api.errors import Problem
from api.handmade_place import PlaceBody, bad
from api.offers import offers
from api.roles import Principal, may_report
from api.routes.commands import checked_key
from api.times import to_ms
from streams.assets.owning import owners
from streams.events import Detection
from streams.reported import Spot, detection, kinds, report_id

router = APIRouter(tags=["alerts"])
Text = str | None
OLDEST_MS = 24 * 3600 * 1000
AHEAD_MS = 60_000  # clocks of desks differ


class ReportBody(BaseModel):
    """What was reported, by whom, where."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "source": "12345", "caller": "张先生 13800000000", "place": {"lon": 107.98, "lat": 26.58},
                    "domain": "water", "kind": "burst_suspected", "severity": "II", "text": "北京西路路面冒水",
                }
            ]
        },
    )  # fmt: skip

    source: Literal["phone", "12345", "patrol", "video"]
    caller: str = Field(default="", max_length=200, description="who said so; kept in the duty log only")
    place: PlaceBody
    domain: Literal["water", "gas", "pipeline", "traffic"]
    kind: str = Field(max_length=64, description="a kind of hazard of the domain, or `other`")
    severity: Literal["I", "II", "III", "IV"]
    text: str = Field(min_length=1, max_length=2000)
    at: str | None = Field(default=None, max_length=40, description="when it was seen, RFC 3339; default now")


@router.post("/alerts", status_code=201, responses={201: ALERT_OFFERED, **problems(401, 403, 422, 503, 504)})
async def report(
    body: ReportBody,
    ctx: Ctx,
    caller: Caller,
    idempotency_key: Annotated[Text, Header(description="the same key gives the same alert again")] = None,
) -> Response:
    """Make an alert of a report; `offers` are open alerts near it, which the command `merge` can join it to.

    504 carries the alert's `id`: it may still come, send it again with the same Idempotency-Key.
    """
    now = int(time.time() * 1000)
    key, spot, onset = checked_key(idempotency_key), *await asyncio.to_thread(_checked, ctx, body, now)
    if refusal := may_report(caller):
        raise Problem(403, refusal)
    require_unit(caller, spot.unit, "the place", owners(spot.asset) if spot.asset else ())
    id_ = report_id(caller.name, key or uuid.uuid4().hex)
    if await asyncio.to_thread(queries.get_alert, ctx.store, id_) is None:
        fences = await asyncio.to_thread(handmade_place.fences_at, ctx, spot, body.kind, now)
        await _made(ctx, detection(
            id_, spot, body.domain, body.kind, body.severity, body.source, body.text, caller.name, onset, now, fences,
        ))  # fmt: skip
    return await asyncio.to_thread(_answer, ctx, caller, id_, body.caller, now)


def _checked(ctx: Context, body: ReportBody, now: int) -> tuple[Spot, int]:
    """Place and time of a body in which all else is right; Problem 422 otherwise."""
    known = kinds(body.domain)
    if body.kind not in known:
        raise bad("kind", f"{body.kind[:40]!r} is none of {body.domain}; want one of {', '.join(known)}")
    written("text", body.text)
    written("caller", body.caller)
    onset = now
    if body.at is not None:
        try:
            onset = to_ms(body.at)
        except ValueError as error:
            raise bad("at", error) from None
        if not now - OLDEST_MS <= onset <= now + AHEAD_MS:
            raise bad("at", "want a time within the last 24 hours; leave it out for now")
    return handmade_place.found(ctx, body.place), min(onset, now)


async def _made(ctx: Context, made: Detection) -> None:
    """Write it, and wait until a read would show its alert."""
    await ctx.bus.report(made)
    if not await ctx.projection.stored(made.alert, 1, ctx.settings.command_wait_s):
        raise Problem(
            504, f"alert {made.alert} did not come within {ctx.settings.command_wait_s:g} s; it may still come",
            id=made.alert,
        )  # fmt: skip


def _answer(ctx: Context, caller: Principal, id_: str, told_by: str, now: int) -> Response:
    row = queries.get_alert(ctx.store, id_)
    assert row is not None
    alert = orjson.loads(row["json"])
    if told_by:  # names and numbers of citizens stay out of the alerts log
        text = f"来电人 caller: {told_by}"
        duty_store.add_entry_once(ctx.store, row["unit"], now, caller.name, text, id_)
    alert["offers"] = offers(ctx.store, alert, row["run"], asking.scope(caller, None))
    return Response(orjson.dumps(alert), 201, media_type="application/json")
