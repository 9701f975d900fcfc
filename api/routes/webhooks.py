"""Webhook subscriptions: made by commanders and administrators, for their own units or organisations."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api import asking, queries, webhook_store as kept
from api.audit_note import changed
from api.body_text import written
from api.context import Caller, Context, Ctx
from api.docs import problems
from api.errors import Problem
from api.roles import Principal
from api.webhook_store import EVENTS, Wanted, Webhook
from geo.moments import rfc3339
from streams.alerts.table import LEAD
from streams.events import SEVERITIES
from streams.notify.guard import url_fault
from streams.notify.masking import masked
from streams.notify.options import allowed_from
from streams.topics import DOMAINS

router = APIRouter(tags=["webhooks"])


class WebhookBody(BaseModel):
    """Where to, and which events; what is left out means all."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "运管服平台", "url": "https://platform.example.cn/hook", "events": ["workorder"]}]
        },
    )

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    url: str = Field(min_length=8, max_length=1000, description="https://… (http only within a protected network)")
    events: list[Literal["alert", "workorder"]] = Field(default=["alert"], min_length=1, max_length=2)
    unit: str | None = Field(
        default=None, max_length=12, description="division code; its subtree; default the caller's"
    )
    severity: list[Literal["I", "II", "III", "IV"]] = Field(default=[], max_length=4)
    domain: list[str] = Field(default=[], max_length=len(DOMAINS), description="of " + ", ".join(DOMAINS))
    mode: Literal["actual", "exercise", "test", "all"] = "actual"


@router.get("/webhooks", responses=problems(401, 403))
async def list_webhooks(ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """The caller's subscriptions: how far each is, what waits, why the last attempt failed, how many were given up."""
    _lead(caller)
    found = await asyncio.to_thread(kept.everyone, ctx.store)
    head = await _head(ctx)
    return {"items": [h.public(head) for h in found if _sees(caller, h)]}


@router.post("/webhooks", status_code=201, responses=problems(401, 403, 409, 422))
async def post_webhook(body: WebhookBody, ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Subscribe, from the next event on. `secret`, which signs the deliveries, is shown now and not again."""
    prefix = asking.unit_prefix(body.unit)
    written("name", body.name)
    if unknown := [d for d in body.domain if d not in DOMAINS]:
        raise Problem(422, f"body.domain: {unknown[0][:40]!r} is none of {', '.join(DOMAINS)}")
    wanted = Wanted(
        events=tuple(e for e in EVENTS if e in body.events), mode=body.mode,
        severity=tuple(s for s in SEVERITIES if s in body.severity),
        domain=tuple(d for d in DOMAINS if d in body.domain),
    )  # fmt: skip
    if fault := await asyncio.to_thread(url_fault, body.url, allowed_from(ctx.settings)):
        raise Problem(422, f"body.url: {fault}", errors=[{"in": "body.url", "message": fault}])
    _lead(caller)
    scope = asking.scope(caller, prefix)
    if prefix is not None and scope.prefix != prefix:
        raise Problem(403, f"unit {body.unit} is outside your unit {caller.unit}")
    made = await asyncio.to_thread(kept.create, ctx.store, body.name, body.url, scope, wanted, caller.name, _now())
    if made is None:
        raise Problem(409, f"there are {kept.MOST} webhooks already: end one first")
    changed(f"webhooks/{made.id}", None, _noted(made), made.public(0)["unit"])
    return {**made.public(made.seq), "secret": ctx.auth.secret_of(f"webhook:{made.id}")}


@router.get("/webhooks/{id}", responses=problems(401, 403, 404))
async def get_webhook(id: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:  # noqa: A002 - the contract's name
    """One subscription, without its secret."""
    return (await _own(ctx, caller, id)).public(await _head(ctx))


@router.delete("/webhooks/{id}", status_code=204, responses=problems(401, 403, 404))
async def delete_webhook(id: str, ctx: Ctx, caller: Caller) -> None:  # noqa: A002 - the contract's name
    """End it; nothing more is sent."""
    hook = await _own(ctx, caller, id)
    await asyncio.to_thread(kept.remove, ctx.store, hook.id)
    changed(f"webhooks/{hook.id}", _noted(hook), None, hook.public(0)["unit"])


@router.post("/webhooks/{id}/test", responses=problems(401, 403, 404))
async def test_webhook(id: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:  # noqa: A002 - the contract's name
    """Send a `cityops.test` event now, signed like all; the answer says whether the receiver took it, and why not."""
    hook = await _own(ctx, caller, id)
    name = f"test-{hook.id}-{_now()}"
    event = {
        "specversion": "1.0", "id": name, "source": "/cityops/webhooks", "type": "cityops.test",
        "time": rfc3339(_now()), "datacontenttype": "application/json", "data": {"webhook": hook.id, "by": caller.name},
    }  # fmt: skip
    outcome = await ctx.webhooks.post(hook, orjson.dumps(event).decode(), name)
    return {"delivered": outcome.ok, "why": outcome.why or None}


@router.get("/webhooks/{id}/dead", responses=problems(401, 403, 404))
async def list_dead(id: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:  # noqa: A002 - the contract's name
    """Events that were given up, newest first, at most 1,000."""
    hook = await _own(ctx, caller, id)
    rows = await asyncio.to_thread(kept.buried, ctx.store, hook.id)
    shown = ("event", "alert", "attempts", "why")
    return {"items": [{**{name: r[name] for name in shown}, "at": rfc3339(r["at_ms"])} for r in rows]}


@router.post("/webhooks/{id}/dead/{event}/resend", responses=problems(401, 403, 404))
async def resend(id: str, event: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:  # noqa: A002
    """Send an event that was given up, once, with the id it had; when the receiver takes it, it is off the list."""
    hook = await _own(ctx, caller, id)
    rows = await asyncio.to_thread(kept.buried, ctx.store, hook.id, event[:200])
    if not rows:
        raise Problem(404, f"webhook {hook.id} has given up no event {event[:80]!r}")
    outcome = await ctx.webhooks.post(hook, rows[0]["body"], rows[0]["event"])
    if outcome.ok:
        await asyncio.to_thread(kept.unbury, ctx.store, hook.id, rows[0]["event"])
    return {"delivered": outcome.ok, "why": outcome.why or None}


async def _head(ctx: Context) -> int:
    return (await asyncio.to_thread(queries.position, ctx.store))[0].seq


async def _own(ctx: Context, caller: Principal, id_: str) -> Webhook:
    _lead(caller)
    found = await asyncio.to_thread(kept.get, ctx.store, id_[:64])
    if found is None:
        raise Problem(404, f"there is no webhook {id_[:64]!r}")
    if not _sees(caller, found):
        raise Problem(403, f"webhook {found.id} belongs to unit {found.scope.prefix.ljust(6, '0')} or others' assets")
    return found


def _sees(caller: Principal, hook: Webhook) -> bool:
    """Everything that the subscription may tell is the caller's."""
    theirs = hook.scope.orgs
    return hook.scope.prefix.startswith(caller.prefix) and (not caller.orgs or (bool(theirs) and theirs <= caller.orgs))


def _lead(caller: Principal) -> None:
    if caller.role not in LEAD:
        raise Problem(403, f"role {caller.role} may not look after webhooks; this needs {' or '.join(sorted(LEAD))}")


def _noted(hook: Webhook) -> dict[str, Any]:
    """For the audit log: what is wanted; the address masked, since some have tokens in them."""
    names = ("name", "unit", "orgs", "events", "severity", "domain", "mode")
    return {**{name: hook.public(0)[name] for name in names}, "url": masked(hook.url)}


def _now() -> int:
    return int(time.time() * 1000)
