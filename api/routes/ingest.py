"""Readings over HTTP: checked, told what is wrong with each, and written to `readings.raw.<domain>`.

The one route where speed counts: a plain ASGI endpoint without FastAPI's parameters and models. Its part of the OpenAPI
document is `OPENAPI`. See docs/intake.md.
"""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api import asking
from api.context import Context
from api.errors import Problem
from api.guard import INGEST as PATH, MAX_INGEST
from api.intake_body import Gone, Held, encoding_of, plain, read
from api.intake_check import Rejected, judge, limits
from api.intake_writer import MessageTooLargeError
from api.roles import INGEST, Principal
from streams import topics
from streams.columns import I32, Columns
from streams.errors import CityopsError
from streams.intake import bodies
from streams.intake.line_protocol import PRECISIONS

MAX_TOLD = 1000
INLINE_BYTES = 128 * 1024  # a larger body is worked on in a thread, so that the feed does not wait for it
INLINE_PACKED = 16 * 1024  # the same of a compressed one
HEAVY = 2  # large bodies that are worked on at a time


def route(context: Context) -> Route:
    return Route(PATH, Ingest(context), name="ingest")


@lru_cache(1024)
def _query(raw: bytes) -> tuple[str | None, str]:
    """(domain, precision) of a query string."""
    asked = parse_qs(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=50)
    return asked.get("domain", [None])[-1], asked.get("precision", ["ns"])[-1]


class Ingest:
    """The endpoint of one context."""

    def __init__(self, context: Context) -> None:
        self._ctx = context
        self._heavy = asyncio.Semaphore(HEAVY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self  # for the metrics
        if scope["method"] != "POST":
            raise Problem(405, f"{scope['method']} is not possible at {PATH}", {"Allow": "POST"})
        caller: Principal = scope["state"]["principal"]  # put there by `api.guard`
        held = Held(self._ctx.intake.budget)
        try:
            answer = orjson.dumps(await self._take(scope, receive, caller, held))
        except Gone:
            return
        finally:
            held.release()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    path = PATH

    async def _take(self, scope: Scope, receive: Receive, caller: Principal, held: Held) -> dict[str, Any]:
        domain, precision = self._asked(scope)
        headers = dict(scope["headers"])
        try:
            form = bodies.form_of(headers.get(b"content-type", b"").decode("latin-1"))
        except bodies.UnknownFormError as error:
            raise Problem(415, str(error)) from None
        encoding = encoding_of(headers.get(b"content-encoding", b"").decode("latin-1"))
        length = headers.get(b"content-length")
        if length == b"0":
            raise Problem(422, "body: is empty; want readings")
        if caller.role not in INGEST:
            raise Problem(403, f"role {caller.role} may not send readings")
        body = await read(receive, None if length is None else int(length), MAX_INGEST, held)
        if encoding:
            body = await self._opened(body, encoding, held)
        if not body.strip():
            raise Problem(422, "body: is empty; want readings")
        if len(body) > INLINE_BYTES:
            async with self._heavy:
                good, where, rejected = await asyncio.to_thread(self._rows, body, form, precision, domain, caller)
        else:
            good, where, rejected = self._rows(body, form, precision, domain, caller)
        del body
        if len(good):
            await self._send(domain, good, where, caller)
        return self._told(domain, len(good), rejected)

    def _asked(self, scope: Scope) -> tuple[str, str]:
        try:
            domain, precision = _query(scope["query_string"])
        except ValueError as error:
            raise Problem(422, f"query: {error}") from None
        if domain is None:
            raise asking.bad("domain", f"is missing; want one of {', '.join(topics.DOMAINS)}")
        asking.one_of("domain", domain, topics.DOMAINS)
        asking.one_of("precision", precision, tuple(PRECISIONS))
        return domain, precision

    async def _opened(self, body: bytes, encoding: str, held: Held) -> bytes:
        if len(body) > INLINE_PACKED:
            async with self._heavy:
                body = await asyncio.to_thread(plain, body, encoding, MAX_INGEST)
        else:
            body = plain(body, encoding, MAX_INGEST)
        held.add(len(body))
        return body

    def _rows(
        self, body: bytes, form: str, precision: str, domain: str, caller: Principal
    ) -> tuple[Columns, I32, Rejected]:
        now_ms = int(time.time() * 1000)
        decoded = bodies.decode(body, form, now_ms, precision)
        return judge(decoded, domain, caller, self._ctx.registry, limits(self._ctx.settings, now_ms))

    async def _send(self, domain: str, good: Columns, where: I32, caller: Principal) -> None:
        try:
            await self._ctx.intake.send(self._ctx.settings.prefix + topics.raw(domain), good, where, caller.name)
        except MessageTooLargeError as error:
            raise Problem(413, str(error)) from None
        except CityopsError as error:
            raise Problem(503, str(error), {"Retry-After": "2"}) from None

    def _told(self, domain: str, accepted: int, rejected: Rejected) -> dict[str, Any]:
        self._ctx.metrics.ingested.labels(domain).inc(accepted)
        told: dict[str, Any] = {"accepted": accepted, "rejected": rejected}
        if rejected:
            self._ctx.metrics.refused.labels(domain).inc(len(rejected))
            if len(rejected) > MAX_TOLD:
                told = {
                    "accepted": accepted,
                    "rejected": rejected[:MAX_TOLD],
                    "rejected_more": len(rejected) - MAX_TOLD,
                }
        return told
