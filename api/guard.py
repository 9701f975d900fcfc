"""The one place that asks who is calling, measures requests and adds security headers.

A plain ASGI middleware before routing: every path under `/api/v1` but the sign-in needs a caller, so 401
comes before any look at the request. Tokens come in the `Authorization` header; the feed and the
WebSocket, which a browser opens without headers, also take the session cookie, never the URL.
"""

from __future__ import annotations

import asyncio
import time
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Auth
from api.errors import Problem, answer
from api.metrics import Metrics
from api.roles import DEVICE, Principal
from streams.codec import MAX_MESSAGE_BYTES

API = "/api/v1"
INGEST = f"{API}/ingest"
COOKIE = "cityops_session"
OPEN = (f"{API}/auth/token", f"{API}/inbound/voice", f"{API}/inbound/sms")  # the last two are signed
_COOKIE_PATHS = (f"{API}/feed", f"{API}/ws")
_CSP = (
    "default-src 'self'; img-src 'self' data:{tiles}; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}
MAX_BODY = 1024 * 1024
MAX_INGEST = MAX_MESSAGE_BYTES  # one body is one Kafka message, or less
_NO_STORE = (b"cache-control", b"no-store")


def security_headers(tiles: str = "") -> list[tuple[bytes, bytes]]:
    """Headers of every answer; images may also come from where the map tiles are.

    >>> security_headers("https://t{s}.example.org/{z}/{x}/{y}.png")[0][1].split(b"; ")[1]
    b"img-src 'self' data: https://*.example.org"
    """
    found = urlsplit(tiles)
    host = found.netloc
    if "{" in host:  # any of the tile server's names; a policy takes a star for whole labels only
        host = "*." + host.split("}")[-1].partition(".")[2]
    policy = _CSP.format(tiles=f" {found.scheme}://{host}" if host else "")
    headers = {"Content-Security-Policy": policy, **SECURITY_HEADERS}
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class Guard:
    """Wraps the application; puts the caller into `scope["state"]["principal"]`."""

    def __init__(self, app: ASGIApp, auth: Auth, metrics: Metrics, tiles: str = "") -> None:
        self._app = app
        self._headers = security_headers(tiles)
        self._auth = auth
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 0

        async def measured(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                headers = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                wanted = [*self._headers, _NO_STORE] if scope["path"].startswith(API) else self._headers
                message["headers"] = headers + [pair for pair in wanted if pair[0] not in there]
            await send(message)

        try:
            refusal = await self._check(scope)
            if refusal is None:
                await self._app(scope, _limited(scope, receive), measured)
            elif scope["type"] == "http":
                await answer(refusal)(scope, receive, measured)
            else:
                await _refuse_socket(scope, receive, measured, refusal)
        finally:
            if scope["type"] == "http":
                self._metrics.request(scope, status, time.perf_counter() - begin)

    async def _check(self, scope: Scope) -> Problem | None:
        path = scope["path"]
        headers = Headers(scope=scope)
        guarded = path == API or path.startswith((API + "/", "/cap/"))
        if guarded and path not in OPEN:
            principal = await self._principal(scope, headers)
            if principal is None:
                return Problem(
                    401, "sign in first: POST /api/v1/auth/token, then Authorization: Bearer …",
                    {"WWW-Authenticate": 'Bearer realm="cityops"'},
                )  # fmt: skip
            if principal.role == DEVICE and path != INGEST:
                return Problem(403, f"{principal.name} is a device's token: it may only send readings to {INGEST}")
            scope.setdefault("state", {})["principal"] = principal
        if "\x00" in path or b"%00" in scope.get("query_string", b""):
            return Problem(422, "the address holds a zero character; leave it out")  # PostgreSQL takes none
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > _limit(path):
            return _too_large(_limit(path))
        return None

    async def _principal(self, scope: Scope, headers: Headers) -> Principal | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token:
            return await self._caller(token.strip())
        if scope["path"] in _COOKIE_PATHS and (token := _cookie(headers)) and _same_origin(headers):
            return await self._caller(token)
        return None

    async def _caller(self, token: str) -> Principal | None:
        known, principal = self._auth.at_once(token)
        return principal if known else await asyncio.to_thread(self._auth.principal, token)


def _limit(path: str) -> int:
    return MAX_INGEST if path == INGEST else MAX_BODY


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body is too large; at most {limit} bytes are taken")


def _limited(scope: Scope, receive: Receive) -> Receive:
    """`receive` that also bounds a body sent without a length."""
    if scope["type"] != "http":
        return receive
    limit = _limit(scope["path"])
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, _too_large(limit).detail)
        return message

    return limited


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _same_origin(headers: Headers) -> bool:
    """A browser names the page's origin when it opens a WebSocket; another site's page may not use the cookie."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


async def _refuse_socket(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    if "websocket.http.response" in scope.get("extensions", {}):
        response: Any = answer(problem)
        await response(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:100]})
