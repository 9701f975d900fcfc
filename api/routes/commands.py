"""Commands on an alert: what the caller may do now and why not, and sending one."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import Annotated, Any

import msgspec
import orjson
from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field, StrictInt
from starlette.responses import Response

from api import queries
from api.audit_note import asked
from api.body_text import encodable
from api.context import Caller, Context, Ctx
from api.docs import ALERT, problems
from api.errors import Problem
from api.roles import COMMANDS, Principal, may_send
from api.routes.alerts import visible
from geo.moments import rfc3339
from streams.alerts.desk import level_of
from streams.alerts.guards import actions, public_facts
from streams.alerts.params import described
from streams.events import Command

router = APIRouter(tags=["alerts"])
MAX_PARAMS = 16 * 1024
_STORE_WAIT_S = 2.0
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
Text = str | None


@router.get("/alerts/{id}/actions", responses=problems(401, 403, 404))
async def get_actions(id: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """Every command: may the caller send it now, which row of the table forbids it and why, which parameters it has."""
    row = await visible(ctx, caller, id)
    alert = orjson.loads(row["json"])
    unit = caller.acts_for(row["orgs"])
    facts = public_facts(alert, rfc3339(int(time.time() * 1000)))
    items = [
        {
            "command": command,
            "allowed": refused is None,
            "row": refused.name if refused else "",
            "reason": {"zh": refused.zh, "en": refused.en} if refused else None,
            "params": described(command),
        }
        for command, refused in actions(facts, caller.role, unit, level_of(unit), caller.name)
    ]
    return Response(orjson.dumps({"version": alert["version"], "items": items}), media_type="application/json")


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
    idempotency_key: Annotated[
        Text, Header(description="the same key gives the same answer, once applied; with another command it is refused")
    ] = None,
) -> Response:
    """Send a command; the answer is the alert as the command made it.

    409 names the row of the transition table that forbids it. 504 carries the command's id: it may still be
    applied, send it again with the same Idempotency-Key.
    """
    return await send(id, body, ctx, caller, idempotency_key)


async def send(id_: str, body: CommandBody, ctx: Context, caller: Principal, key: str | None) -> Response:
    """Send one command and count its answer; raises Problem where it is refused."""
    try:
        answer = await _send(id_, body, ctx, caller, key)
    except Problem as problem:
        ctx.metrics.commands.labels(str(problem.status)).inc()
        raise
    ctx.metrics.commands.labels("200").inc()
    return answer


async def _send(id_: str, body: CommandBody, ctx: Context, caller: Principal, key: str | None) -> Response:
    if body.command not in COMMANDS:
        raise Problem(422, f"body.command: {body.command[:40]!r} is none of {', '.join(COMMANDS)}")
    params = _params(body.params)
    encodable("comment", body.comment)
    if len(params) > MAX_PARAMS:
        raise Problem(422, f"body.params: has {len(params)} bytes; at most {MAX_PARAMS} are taken")
    key = checked_key(key)
    row = await visible(ctx, caller, id_)
    if body.command == "merge" and isinstance(into := body.params.get("into"), str):
        params = _params({**body.params, "county": (await visible(ctx, caller, into))["county"]})
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
        unit=caller.acts_for(row["orgs"]),
        at_ms=int(time.time() * 1000),
        comment=body.comment,
        key=key,
        params=msgspec.json.decode(params, type=dict[str, msgspec.Raw]),
    )
    noted = asked(
        f"alerts/{id_}", row["unit"], command=command.command, id=command.id, before={"version": body.version}
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
    noted["after"] = {"version": (result.get("alert") or {}).get("version")}
    return await _accepted(ctx, id_, result.get("alert"))


def checked_key(key: str | None) -> str:
    """The Idempotency-Key, "" where none was sent; raises Problem 422 for one that cannot be kept."""
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(422, "header Idempotency-Key: want 1 to 128 printable characters without blanks")
    return key or ""


def _params(params: dict[str, Any]) -> bytes:
    """As JSON; raises Problem 422 for what JSON here cannot hold: numbers beyond 64 bits, half characters, depth."""
    try:
        return orjson.dumps(params) if params else b"{}"
    except TypeError as error:  # orjson's way of saying all of these
        raise Problem(422, f"body.params: cannot be kept ({error})") from None


async def _accepted(ctx: Context, id_: str, alert: dict[str, Any] | None) -> Response:
    """The alert that the command made, once a read would show it too (or after a bounded wait)."""
    if alert is not None:
        await ctx.projection.stored(id_, int(alert.get("version", 1)), _STORE_WAIT_S)
        return Response(orjson.dumps(alert), media_type="application/json")
    row = await asyncio.to_thread(queries.get_alert, ctx.store, id_)
    return Response(row["json"] if row else "{}", media_type="application/json")
