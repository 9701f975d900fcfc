"""Alerts: the list with filters and pages, one alert with its timeline, and commands on it."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import Annotated, Any

import msgspec
import orjson
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StrictInt
from starlette.responses import Response

from api import asking, queries
from api.context import Caller, Context, Ctx, require_unit
from api.docs import ALERT, ALERT_LIST, ALERT_TIMELINE, problems
from api.errors import Problem
from api.roles import COMMANDS, Principal, may_send
from streams.events import Command

router = APIRouter(tags=["alerts"])
GEOJSON = "application/geo+json"
LIMIT, MAX_LIMIT = 100, 500
MAX_PARAMS = 16 * 1024
_STORE_WAIT_S = 2.0
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
Text = str | None


@router.get("/alerts", responses={200: ALERT_LIST, **problems(401, 403, 422)})
async def list_alerts(
    request: Request,
    ctx: Ctx,
    caller: Caller,
    unit: Annotated[Text, Query(description="division code; its subtree. 522600 and 5226 are the same")] = None,
    severity: Annotated[Text, Query(description="comma list of I, II, III, IV")] = None,
    domain: Annotated[Text, Query(description="comma list of domains")] = None,
    kind: Annotated[Text, Query(description="e.g. pressure_low")] = None,
    condition: Annotated[Text, Query(description="ACTIVE, CLEARED or UNKNOWN")] = None,
    state: Annotated[str, Query(description="open, closed or all")] = "open",
    mode: Annotated[str, Query(description="actual, exercise, test or all")] = "all",
    run: Annotated[Text, Query(description="id of a run; empty for live operation; not given: all")] = None,
    since: Annotated[Text, Query(description="last transition at or after this time (RFC 3339)")] = None,
    until: Annotated[Text, Query(description="last transition at or before this time (RFC 3339)")] = None,
    bbox: Annotated[Text, Query(description="west,south,east,north in degrees")] = None,
    q: Annotated[str, Query(description="words in title, reason, ids, unit names; all must be there")] = "",
    limit: Annotated[Text, Query(description="1 to 500")] = None,
    page: Annotated[Text, Query(description="`next` of the page before")] = None,
) -> Response:
    """Alerts, newest transition first. `cursor` is the feed position of exactly this state."""
    prefix = asking.unit_prefix(unit)
    fields: dict[str, Any] = {
        "severity": asking.severities(severity),
        "domain": asking.domains(domain),
        "kind": asking.word("kind", kind),
        "condition": asking.one_of("condition", condition, asking.CONDITIONS) if condition else None,
        "run": asking.word("run", run),
        "state": asking.one_of("state", state, asking.STATES),
        "mode": asking.one_of("mode", mode, asking.MODES),
        "since_ms": asking.moment("since", since),
        "until_ms": asking.moment("until", until),
        "bbox": asking.bbox(bbox),
        "q": asking.searched(q),
    }
    number = asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT)
    after = asking.parsed("page", page, queries.parse_page_token)
    wanted = queries.AlertFilter(prefix=asking.scoped(caller, prefix), **fields)
    found = await asyncio.to_thread(queries.list_alerts, ctx.store, wanted, number, after)
    tail = f'"next":{orjson.dumps(found.next).decode()},"cursor":"{found.cursor}"}}'
    if GEOJSON in request.headers.get("accept", ""):
        features = ",".join(_feature(item) for item in found.items)
        return Response(f'{{"type":"FeatureCollection","features":[{features}],{tail}', media_type=GEOJSON)
    return Response(f'{{"items":[{",".join(found.items)}],{tail}', media_type="application/json")


def _feature(item: str) -> str:
    alert = orjson.loads(item)
    place = [alert.get("lon"), alert.get("lat")]
    geometry = {"type": "Point", "coordinates": place} if None not in place else None
    feature = {"type": "Feature", "id": alert["id"], "geometry": geometry, "properties": alert}
    return orjson.dumps(feature).decode()


async def visible(ctx: Context, caller: Principal, alert: str) -> dict[str, Any]:
    """The stored row of an alert in the caller's units; 404 and 403 otherwise."""
    row = await asyncio.to_thread(queries.get_alert, ctx.store, alert[:200])
    if row is None:
        raise Problem(404, f"there is no alert {alert[:80]!r}")
    require_unit(caller, row["unit"], f"alert {alert}")
    return row


@router.get("/alerts/{id}", responses={200: ALERT_TIMELINE, **problems(401, 403, 404)})
async def get_alert(id: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """One alert with `timeline`: every transition, oldest first."""
    row = await visible(ctx, caller, id)
    steps = await asyncio.to_thread(queries.timeline, ctx.store, id)
    return Response(f'{row["json"][:-1]},"timeline":[{",".join(steps)}]}}', media_type="application/json")


class CommandBody(BaseModel):
    """What is asked of the alert, and the version that the sender saw."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"command": "ack", "version": 3, "comment": "去看"}]}
    )

    command: str = Field(description="one of " + ", ".join(COMMANDS))
    version: StrictInt = Field(ge=1, le=2**31)
    comment: str = Field(default="", max_length=2000)
    params: dict[str, Any] = Field(default_factory=dict)


@router.post("/alerts/{id}/commands", responses={200: ALERT, **problems(401, 403, 404, 409, 422, 503, 504)})
async def send_command(
    id: str,  # noqa: A002 - the contract's name
    body: CommandBody,
    ctx: Ctx,
    caller: Caller,
    idempotency_key: Annotated[Text, Header(description="the same key gives the same answer, once applied")] = None,
) -> Response:
    """Send a command; the answer is the alert as the command made it.

    409 names the row of the transition table that forbids it. 504 carries the command's id: it may still be
    applied, send it again with the same Idempotency-Key.
    """
    try:
        answer = await _send(id, body, ctx, caller, idempotency_key)
    except Problem as problem:
        ctx.metrics.commands.labels(str(problem.status)).inc()
        raise
    ctx.metrics.commands.labels("200").inc()
    return answer


async def _send(id_: str, body: CommandBody, ctx: Context, caller: Principal, key: str | None) -> Response:
    if body.command not in COMMANDS:
        raise Problem(422, f"body.command: {body.command[:40]!r} is none of {', '.join(COMMANDS)}")
    params = _params(body.params)
    if not _is_text(body.comment):
        raise Problem(422, "body.comment: holds half a surrogate pair; want whole characters")
    if len(params) > MAX_PARAMS:
        raise Problem(422, f"body.params: has {len(params)} bytes; at most {MAX_PARAMS} are taken")
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(422, "header Idempotency-Key: want 1 to 128 printable characters without blanks")
    row = await visible(ctx, caller, id_)
    if refusal := may_send(caller, body.command, row["severity"]):
        raise Problem(403, refusal)
    command = Command(
        id=uuid.uuid4().hex,
        alert=id_,
        county=row["county"],
        command=body.command,
        version=body.version,
        by=caller.name,
        role=caller.role,
        unit=caller.unit,
        at_ms=int(time.time() * 1000),
        comment=body.comment,
        key=key or "",
        params=msgspec.json.decode(params, type=dict[str, msgspec.Raw]),
    )
    result = await ctx.bus.send(command, row["run"], ctx.settings.command_wait_s)
    if result is None:
        raise Problem(
            504, f"no answer to command {command.id} within {ctx.settings.command_wait_s:g} s; it may still be applied",
            command=command.id,
        )  # fmt: skip
    if not result.get("accepted"):
        reason = result.get("reason") or {}
        seen = result.get("alert") or row  # the projection may be behind what refused it
        raise Problem(
            int(result.get("status") or 409), reason.get("en") or "the alert's state forbids this command",
            row=result.get("row", ""), reason=reason, command=command.id, version=seen["version"],
        )  # fmt: skip
    return await _accepted(ctx, id_, result.get("alert"))


def _params(params: dict[str, Any]) -> bytes:
    """As JSON; raises Problem 422 for what JSON here cannot hold: numbers beyond 64 bits, half characters, depth."""
    try:
        return orjson.dumps(params) if params else b"{}"
    except TypeError as error:  # orjson's way of saying all of these
        raise Problem(422, f"body.params: cannot be kept ({error})") from None


def _is_text(text: str) -> bool:
    """False for what is no UTF-8, such as half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _accepted(ctx: Context, id_: str, alert: dict[str, Any] | None) -> Response:
    """The alert that the command made, once a read would show it too (or after a bounded wait)."""
    if alert is not None:
        await ctx.projection.stored(id_, int(alert.get("version", 1)), _STORE_WAIT_S)
        return Response(orjson.dumps(alert), media_type="application/json")
    row = await asyncio.to_thread(queries.get_alert, ctx.store, id_)
    return Response(row["json"] if row else "{}", media_type="application/json")
