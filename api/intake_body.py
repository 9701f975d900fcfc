"""Reading a request's body within the budget: refused before it is read where too much is there already."""

from __future__ import annotations

import asyncio

from starlette.types import Receive

from api.errors import Problem
from api.intake_budget import Budget
from streams.intake.compression import ENCODINGS, BadStreamError, TooLargeError, opened

READ_S = 30.0
_DRAIN_S = 5.0


class Gone(Exception):
    """The client hung up before its body was whole."""


class Held:
    """Bytes of one request in the budget; given back when the request ends."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._n = 0

    def take(self, n: int) -> bool:
        if not self._budget.take(n):
            return False
        self._n += n
        return True

    def add(self, n: int) -> None:
        self._budget.add(n)
        self._n += n

    def release(self) -> None:
        self._budget.give(self._n)
        self._n = 0


async def read(receive: Receive, length: int | None, limit: int, held: Held) -> bytes:
    """The body; `length` as the client told it, None for one in chunks.

    Raises Problem 413, 429 (the rest is read and thrown away, so that the client sees the answer), 408; Gone.
    """
    parts: list[bytes] = []
    size = 0
    if length and not held.take(length):
        await _drain(receive, limit)
        raise busy()
    try:
        async with asyncio.timeout(READ_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part: bytes = message.get("body", b"")
                more = message.get("more_body", False)
                size += len(part)
                if size > limit:
                    raise Problem(413, f"the body is too large; at most {limit} bytes are taken")
                if length is None and not held.take(len(part)):
                    if more:
                        await _drain(receive, limit)
                    raise busy()
                if not more and not parts:
                    return part
                parts.append(part)
                if not more:
                    return b"".join(parts)
    except TimeoutError:
        raise Problem(408, f"the body did not come within {READ_S:g} s") from None


def busy() -> Problem:
    return Problem(429, "more readings come in than can be held; send again in a second", {"Retry-After": "1"})


async def _drain(receive: Receive, limit: int) -> None:
    try:
        async with asyncio.timeout(_DRAIN_S):
            while limit > 0:
                message = await receive()
                limit -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def encoding_of(header: str) -> str:
    """gzip, zstd or "" for none; raises Problem 415 for any other and for several."""
    name = header.strip().lower().removeprefix("x-")
    if name in ("", "identity"):
        return ""
    if name not in ENCODINGS:
        raise Problem(
            415, f"Content-Encoding {header[:32]!r} is not read; send {' or '.join(ENCODINGS)}, or none",
            {"Accept-Encoding": ", ".join(ENCODINGS)},
        )  # fmt: skip
    return name


def plain(body: bytes, encoding: str, limit: int) -> bytes:
    """The opened body; raises Problem 413 and 422."""
    try:
        return opened(body, encoding, limit)
    except TooLargeError:
        raise Problem(413, f"the opened body is too large; at most {limit} bytes are taken") from None
    except BadStreamError as error:
        raise Problem(422, f"body: {error}") from None
