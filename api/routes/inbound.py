"""Answers from telephones, brought by the operator's gateways: press 1, or reply with the code, is 签收.

No account signs in here: the gateway signs each body (`streams.notify.signing`), and a code counts only from the
number that was told.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import msgspec
from fastapi import APIRouter, Request

from api import duty_store, users
from api.audit_note import acting, asked
from api.context import Context, Ctx
from api.docs import problems
from api.errors import Problem
from streams.duty.book import room_id
from streams.events import Command, stable_id
from streams.notify import answers, calling_roll, codes, signing, states
from streams.notify.options import secrets_from

router = APIRouter(tags=["inbound"])
COMMENT = {"voice": "电话按键签收 / by pressing 1 on the telephone", "sms": "短信回复签收 / by SMS reply"}
ANSWERED = {
    "voice": "电话按键应答 / by pressing 1 on the telephone",
    "sms": "短信回复应答 / by SMS reply",
}
ACK_KEY = "1"
_ERRORS = problems(401, 404, 409, 422, 429, 503, 504)


class Said(msgspec.Struct, frozen=True):
    """Of a gateway: `code` and `digit` or `result` from voice, `text` from SMS."""

    number: str
    code: str = ""
    digit: str = ""
    text: str = ""
    result: str = ""


@router.post("/inbound/voice", responses=_ERRORS)
async def voice(request: Request, ctx: Ctx) -> dict[str, Any]:
    """`{"number", "code", "digit"}`: the code is that of the call; digit 1 acknowledges.

    `{"number", "code", "result"}` with no_answer, busy, refused or unreachable: the next way to the person begins.
    """
    said = await _signed(request, ctx)
    if said.result:
        return await _unheard(ctx, said)
    if said.digit != ACK_KEY:
        return {"result": "ignored", "alert": None}
    return await _answered(ctx, said.number, codes.code_in(said.code), "voice")


@router.post("/inbound/sms", responses=_ERRORS)
async def sms(request: Request, ctx: Ctx) -> dict[str, Any]:
    """`{"number", "text"}`: a text with the code of the message acknowledges its alert."""
    said = await _signed(request, ctx)
    return await _answered(ctx, said.number, codes.code_in(said.text), "sms")


async def _signed(request: Request, ctx: Context) -> Said:
    secret = secrets_from(ctx.settings)["inbound_secret"]
    if not secret:
        raise Problem(503, "answers of telephones are not taken: no CITYOPS_NOTIFY_INBOUND_SECRET is set")
    body = await request.body()
    head = request.headers
    why = signing.fault(secret, head.get(signing.TIMESTAMP, ""), head.get(signing.SIGNATURE, ""), body, time.time())
    if why:
        raise Problem(401, why)
    try:
        return msgspec.json.decode(body, type=Said)
    except msgspec.MsgspecError as error:
        raise Problem(422, f"body: {error}") from None


async def _unheard(ctx: Context, said: Said) -> dict[str, Any]:
    if said.result not in states.UNHEARD:
        raise Problem(422, f"result {said.result!r}: want one of {', '.join(states.UNHEARD)}")
    now = int(time.time() * 1000)
    row = (await _found(ctx, said.number, codes.code_in(said.code), now)).message
    assert row is not None
    done = await asyncio.to_thread(answers.unheard, ctx.outbox, row["id"], said.result, now)
    return {"result": said.result if done else "ignored", "alert": row["alert"]}


async def _found(ctx: Context, number: str, code: str, now: int) -> answers.Answer:
    """The message that is answered; a Problem where there is none, or where one guesses."""
    number = codes.number_of(number)
    if await asyncio.to_thread(answers.guarded, ctx.outbox, number, now):
        raise Problem(429, "too many wrong codes; wait 10 minutes", {"Retry-After": "600"})
    found = await asyncio.to_thread(answers.look, ctx.outbox, number, code, now)
    if found.message is None:
        raise Problem(404, "no message with this code went to this number, or it is too old")
    return found


async def _answered(ctx: Context, number: str, code: str, way: str) -> dict[str, Any]:
    now = int(time.time() * 1000)
    found = await _found(ctx, number, code, now)
    row = found.message
    assert row is not None
    if not found.used:
        await (_present if row["why"] == states.ROLLCALL else _ack)(ctx, row, way, now)
        await asyncio.to_thread(answers.use, ctx.outbox, row["id"], now)
    return {"result": "acknowledged", "alert": row["alert"]}


async def _present(ctx: Context, row: dict[str, Any], way: str, now: int) -> None:
    """The answer to a roll-call; one that was given in the console before stays."""
    number, person = calling_roll.number_of(row["alert"]), row["person"]
    await asyncio.to_thread(duty_store.add_answer, ctx.store, number, person, person, now, ANSWERED[way])


async def _ack(ctx: Context, row: dict[str, Any], way: str, now: int) -> None:
    user = await asyncio.to_thread(users.get, ctx.store, row["user"]) if row["user"] else None
    command = Command(
        id=uuid.uuid4().hex,
        alert=row["alert"],
        county=row["county"],
        command="ack",
        version=None,  # who answers a telephone sees no version: the alert as it is
        by=user.name if user else row["person"] or room_id(row["place"]),
        role=user.role if user else "officer",
        unit=user.unit if user else row["place"],
        at_ms=now,
        comment=COMMENT[way],
        key=stable_id("inbound", row["id"]),
    )
    acting(f"ack by {way}", command.by, command.role, command.unit)
    noted = asked(f"alerts/{command.alert}", row["unit"], command="ack", id=command.id, before={"version": None})
    result = await ctx.bus.send(command, row["run"], ctx.settings.command_wait_s)
    if result is None:
        raise Problem(504, f"no answer of the alerts app within {ctx.settings.command_wait_s:g} s", command=command.id)
    if not result.get("accepted"):
        reason = (result.get("reason") or {}).get("en") or "refused"
        raise Problem(int(result.get("status") or 409), f"alert {row['alert']}: {reason}", row=result.get("row", ""))
    noted["after"] = {"version": (result.get("alert") or {}).get("version")}
