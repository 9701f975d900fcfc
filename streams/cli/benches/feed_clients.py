"""Subscribers of the live feed by the thousand: plain sockets in one event loop, which note when each event came."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.parse

from streams.cli.benches.alerts_bed import Api

_ID = re.compile(rb"^id: (\S+)$", re.M)
_FRAME = b"\n\n"


class Client(asyncio.Protocol):
    """One subscriber. `events`: (cursor, arrival in epoch seconds) in their order; `ready` once it listens."""

    def __init__(self, head: bytes, keep: bool) -> None:
        self.events: list[tuple[bytes, float]] = []
        self.frames: list[bytes] = []  # where they are kept
        self.ready = asyncio.get_running_loop().create_future()
        self.closed = False
        self.transport: asyncio.Transport | None = None
        self._head, self._keep, self._rest = head, keep, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        *frames, self._rest = (self._rest + data).split(_FRAME)
        for frame in frames:
            if b"event: alert" in frame and (found := _ID.search(frame)):
                self.events.append((found[1], now))
                if self._keep:
                    self.frames.append(frame)
            elif b"retry:" in frame and not self.ready.done():
                self.ready.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"the feed was not opened: {self._rest[:200]!r}"))

    def drop(self) -> None:
        """End the connection at once, as a lost network does."""
        assert self.transport is not None
        self.transport.abort()


async def subscribed(api: Api, token: str, after: str = "", keep: bool = False) -> Client:
    """A client that listens; `after`: from this cursor on."""
    where = urllib.parse.urlsplit(api.url)
    query = f"?after={after}" if after else ""
    head = f"GET /api/v1/feed{query} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: Client(head, keep), where.hostname or "", where.port or 80)
    await asyncio.wait_for(made.ready, 60)
    return made


async def many(api: Api, token: str, n: int) -> list[Client]:
    """So many clients, opened fifty at a time; the first one keeps its frames."""
    made: list[Client] = []
    for at in range(0, n, 50):
        group = (subscribed(api, token, keep=k == 0) for k in range(at, min(n, at + 50)))
        made += await asyncio.gather(*group)
    return made
