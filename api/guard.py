"""The one place that asks who is calling, measures requests, adds security headers and writes the audit log's rows.

A plain ASGI middleware before routing: every path under `/api/v1` but the sign-in needs a caller, so 401
comes before any look at the request. Tokens come in the `Authorization` header; the feed and the
WebSocket, which a browser opens without headers, also take the session cookie, never the URL.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import audit_note
from api.audit import Journal
from api.audit_rule import entry_of
from api.auth import Auth
from api.errors import Problem, answer
from api.metrics import Metrics
from api.request_rate import RequestRate
from api.roles import DEVICE, Principal
from api.scopes import allowed
from streams.codec import MAX_MESSAGE_BYTES

API = "/api/v1"
INGEST = f"{API}/ingest"
COOKIE = "cityops_session"
OPEN = (
    f"{API}/auth/token", f"{API}/auth/oidc/login", f"{API}/auth/oidc/callback",
    f"{API}/inbound/voice", f"{API}/inbound/sms",  # these two are signed
)  # fmt: skip
REQUEST_ID = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_COOKIE_PATHS = (f"{API}/feed", f"{API}/ws")
_SILENT = frozenset({INGEST})  # readings: thousands a second, with the sender in the message's source
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
MAX_FORM = 64 * 1024  # the fields of a form beside its photo
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

    def __init__(
        self, app: ASGIApp, auth: Auth, metrics: Metrics, journal: Journal, rate: RequestRate, tiles: str = "",
        photo: int = MAX_BODY,
    ) -> None:  # fmt: skip
        self._app = app
        self._photo = photo  # bytes of a photo at most
        self._headers = security_headers(tiles)
        self._auth = auth
        self._metrics = metrics
        self._journal = journal
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 0
        note = audit_note.begin()
        request = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request"] = request

        async def measured(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                headers = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                wanted = [*self._headers, _NO_STORE] if scope["path"].startswith(API) else self._headers
                message["headers"] = headers + [pair for pair in wanted if pair[0] not in there]
                message["headers"].append((REQUEST_ID.lower().encode(), request.encode()))
                if entry := entry_of(scope, note, status, headers, _SILENT):
                    await self._journal.add(entry)  # before the answer: who is told "done" finds it written
            await send(message)

        try:
            refusal = await self._check(scope)
            if refusal is None:
                await self._app(scope, _limited(scope, receive, self._photo), measured)
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
            asked = path.removeprefix(API).removeprefix("/")
            if principal.scopes is not None and not allowed(principal.scopes, scope.get("method", "GET"), asked):
                return Problem(403, f"{principal.name} has the scopes {', '.join(sorted(principal.scopes))}: not this")
            scope["state"]["principal"] = principal
            wait = 0.0 if path == INGEST else self._rate.wait_s(scope["state"]["token"], time.monotonic())
            if wait:
                return Problem(
                    429, f"more than {self._rate.per_minute} requests a minute with one token; wait",
                    {"Retry-After": str(int(wait) + 1)},
                )  # fmt: skip
        if "\x00" in path or b"%00" in scope.get("query_string", b""):
            return Problem(422, "the address holds a zero character; leave it out")  # PostgreSQL takes none
        size = headers.get("content-length", "0")
        limit = _limit(path, self._photo)
        if not size.isdigit() or int(size) > limit:
            return _too_large(limit)
        return None

    async def _principal(self, scope: Scope, headers: Headers) -> Principal | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip() if kind.lower() == "bearer" else ""
        if not token and scope["path"] in _COOKIE_PATHS and _same_origin(headers):
            token = _cookie(headers)
        if not token:
            return None
        scope["state"]["token"] = token
        known, principal = self._auth.at_once(token)
        return principal if known else await asyncio.to_thread(self._auth.principal, token)


def _request_id(headers: Headers) -> str:
    """The client's own X-Request-Id where it is a plain name, else a new one: joins answer, log and audit."""
    given = headers.get(REQUEST_ID, "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _limit(path: str, photo: int) -> int:
    if path.startswith(f"{API}/alerts/") and path.endswith("/attachments"):
        return photo + MAX_FORM
    return MAX_INGEST if path == INGEST else MAX_BODY


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body is too large; at most {limit} bytes are taken")


def _limited(scope: Scope, receive: Receive, photo: int) -> Receive:
    """`receive` that also bounds a body sent without a length."""
    if scope["type"] != "http":
        return receive
    limit = _limit(scope["path"], photo)
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
