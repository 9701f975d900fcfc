"""The live feed: Server-Sent Events and the same over a WebSocket.

`id` is the cursor. After `after` (or Last-Event-ID) missed events come from the store, then live ones
from the hub, with none lost and none twice. See docs/feed.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, WebSocket
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from api import asking, queries
from api.context import Caller, Context, Ctx
from api.cursor import Cursor
from api.docs import FEED, problems
from api.errors import Problem
from api.hub import PING, Client, Interest, Message, message, resync
from api.roles import Principal
from api.store import StoreError

router = APIRouter(tags=["feed"])
SEND_S = 10.0
Text = str | None


def interest(caller: Principal, unit: Text, severity: Text, domain: Text) -> Interest:
    """What a client wants and may see."""
    prefix, levels, names = asking.unit_prefix(unit), asking.severities(severity), asking.domains(domain)
    scope = asking.scope(caller, prefix)
    return Interest(scope.prefix, levels, names, scope.orgs)


async def messages(ctx: Context, client: Client, after: Cursor | None, token: str) -> AsyncIterator[list[Message]]:
    """Missed events, then live ones, in order, until the client is closed or (seen at each ping) signed out."""
    last = client.head.seq
    if after is not None and after != client.head:
        now, oldest = await asyncio.to_thread(queries.position, ctx.store)
        known = after.epoch == now.epoch == client.head.epoch
        if not known or not oldest - 1 <= after.seq <= now.seq:
            yield [resync(client.head)]
        else:
            last = max(after.seq, client.head.seq)
            i = client.interest
            asked = (i.prefix, i.severity, i.domain, i.orgs)
            pages = queries.events_between(ctx.store, after.seq, client.head.seq, *asked)
            while (page := await asyncio.to_thread(next, pages, None)) is not None:
                yield [message(client.head.epoch, event) for event in page]
    epoch = client.head.epoch
    looking: asyncio.Task[None] | None = None
    try:
        while items := await client.take():
            fresh = []
            if PING in items and (looking is None or looking.done()):
                looking = asyncio.create_task(_look(ctx, client, token))
            for item in items:
                if item.epoch not in ("", epoch):  # the projection was built anew: sequences begin again
                    epoch, last = item.epoch, item.seq - (item.kind == "alert")
                    fresh.append(item)
                elif item is PING or item.kind == "resync" or item.seq > last:
                    fresh.append(item)
            if fresh:
                yield fresh
    finally:
        if looking is not None:
            looking.cancel()


async def _look(ctx: Context, client: Client, token: str) -> None:
    """Is the sign-in still good? Beside the events and one client after the other: a thousand are asked at a time."""
    async with ctx.looking:
        with contextlib.suppress(StoreError):  # a database that is away for a moment ends no feed
            if not await asyncio.to_thread(ctx.auth.still, token):
                client.close("signed out")


class EventStream(Response):
    """Sends frames as they come; ends when the client leaves, is too slow, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, ctx: Context, interest: Interest, after: Cursor | None, token: str) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._ctx, self._interest, self._after, self._token = ctx, interest, after, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = self._ctx.hub.subscribe(self._interest)
        gone = asyncio.create_task(_until_gone(receive, client))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await _send(send, b"retry: 2000\n\n")
            async for items in messages(self._ctx, client, self._after, self._token):
                await _send(send, b"".join(item.frame for item in items))
            await _send(send, b"", more=False)
        except TimeoutError:
            client.close("too slow")
            self._ctx.hub.dropped += 1
        finally:
            self._ctx.hub.unsubscribe(client)
            gone.cancel()


async def _send(send: Send, body: bytes, more: bool = True) -> None:
    async with asyncio.timeout(SEND_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _until_gone(receive: Receive, client: Client) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.close("gone")


@router.get("/feed", responses={200: FEED, **problems(401, 403, 422)})
async def feed(
    request: Request,
    ctx: Ctx,
    caller: Caller,
    after: Annotated[Text, Query(description="cursor to go on after; without one the feed starts with now")] = None,
    unit: Annotated[Text, Query(description="division code; its subtree")] = None,
    severity: Annotated[Text, Query(description="comma list of I, II, III, IV")] = None,
    domain: Annotated[Text, Query(description="comma list of domains")] = None,
    last_event_id: Annotated[
        Text, Header(description="what a reconnecting client saw last; goes before `after`")
    ] = None,
) -> Response:
    """Events of alerts in the caller's units (an organisation's account: of its own), as they happen."""
    place = position(after, last_event_id)
    wanted = interest(caller, unit, severity, domain)
    return EventStream(ctx, wanted, place, request.state.token)


def position(after: Text, last_event_id: Text) -> Cursor | None:
    """The cursor to start after; 422 for one that is none."""
    if last_event_id:
        try:
            return Cursor.parse(last_event_id)
        except ValueError as error:
            raise Problem(422, f"header Last-Event-ID: {error}") from None
    return asking.parsed("after", after, Cursor.parse)


@router.get("/ws", include_in_schema=False)
async def ws_needs_upgrade(caller: Caller) -> Response:
    raise Problem(426, "this is a WebSocket: connect with Upgrade: websocket", {"Upgrade": "websocket"})


@router.websocket("/ws")
async def ws(socket: WebSocket) -> None:
    """Each message is one CloudEvent as text; `cityops.resync` is the feed's resync."""
    ctx: Context = socket.app.state.context
    query = socket.query_params
    try:
        place = position(query.get("after"), None)
        wanted = interest(
            socket.scope["state"]["principal"], query.get("unit"), query.get("severity"), query.get("domain")
        )
    except Problem as problem:
        await socket.close(1008, problem.detail[:100])
        return
    client = ctx.hub.subscribe(wanted)
    await socket.accept()
    gone = asyncio.create_task(_until_closed(socket, client))
    try:
        async for items in messages(ctx, client, place, socket.scope["state"]["token"]):
            for item in items:
                if item.text:
                    async with asyncio.timeout(SEND_S):
                        await socket.send_text(item.text)
        if client.closed != "gone":
            await socket.close(1001 if client.closed == "shutting down" else 1013, client.closed)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        pass
    finally:
        ctx.hub.unsubscribe(client)
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _until_closed(socket: WebSocket, client: Client) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            if (await socket.receive())["type"] == "websocket.disconnect":
                break
    client.close("gone")
