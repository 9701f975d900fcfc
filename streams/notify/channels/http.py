"""Posting to a destination over HTTP: no proxy, no redirect, only where the guard lets it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from streams.notify.addresses import Allowed
from streams.notify.channels.base import Outcome
from streams.notify.guard import addresses_of, guarded

FINAL = frozenset({400, 410, 413, 422})  # the message itself is not wanted
LONGEST_ANSWER = 64 * 1024


class Poster:
    """One client for all; no limit of connections, so that those who hang never hold up the others."""

    def __init__(self, allowed: Allowed, timeout_s: float) -> None:
        self._allowed = allowed
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=timeout_s,
            limits=limits,
            verify=ssl.create_default_context(),
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], arrived: bool) -> Outcome:
        """`arrived`: a 2xx means that the destination itself has it."""
        host = urlsplit(url).hostname or ""
        extra: frozenset[str] = frozenset()
        if self._allowed.host(host):
            extra = frozenset(await asyncio.to_thread(addresses_of, host))
        with guarded(self._allowed, extra) as mine:
            try:
                async with self._client.stream("POST", url, content=body, headers=headers) as answer:
                    seen = 0
                    async for part in answer.aiter_raw():
                        seen += len(part)
                        if seen > LONGEST_ANSWER:
                            break
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                if mine.blocked:
                    return Outcome(False, f"not allowed: {mine.blocked}", final=True)
                return Outcome(False, _said(error))
        status = answer.status_code
        if 200 <= status < 300:
            return Outcome(True, arrived=arrived)
        return Outcome(False, f"HTTP {status}", final=status in FINAL)

    async def close(self) -> None:
        await self._client.aclose()


def _said(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return type(error).__name__
