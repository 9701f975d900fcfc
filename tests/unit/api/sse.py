"""A feed opened on the application itself: httpx's ASGI transport waits for the end of a body, a feed has none."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import FastAPI


class Feed:
    """One SSE connection; `stall` makes its `send` never return, as a client that does not read would."""

    def __init__(self, app: FastAPI, headers: dict[str, str], **query: str) -> None:
        self.stall = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.comments = 0
        self.raw = b""
        self.ended = False
        self._buffer = b""
        self._events: asyncio.Queue[tuple[str, str, Any]] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._started = asyncio.Event()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/api/v1/feed", "raw_path": b"/api/v1/feed", "query_string": urlencode(query).encode(),
            "root_path": "", "server": ("test", 80), "client": ("127.0.0.1", 1), "state": {},
            "headers": [(k.lower().encode(), v.encode()) for k, v in {"host": "test", **headers}.items()],
        }  # fmt: skip
        self.task = asyncio.create_task(self._run(app, scope))

    async def _run(self, app: FastAPI, scope: dict[str, Any]) -> None:
        await app(scope, self._receive, self._send)
        self.ended = True

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            self._started.set()
            return
        if self.stall:
            await asyncio.Event().wait()
        self.raw += message.get("body", b"")
        self._buffer += message.get("body", b"")
        while b"\n\n" in self._buffer:
            frame, self._buffer = self._buffer.split(b"\n\n", 1)
            self._frame(frame.decode())

    def _frame(self, frame: str) -> None:
        if frame.startswith(":"):
            self.comments += 1
            return
        fields = dict(line.split(": ", 1) for line in frame.split("\n"))
        if "data" in fields:
            self._events.put_nowait((fields["event"], fields["id"], orjson.loads(fields["data"])))

    async def open(self) -> Feed:
        async with asyncio.timeout(5):
            await self._started.wait()
        return self

    async def next(self) -> tuple[str, str, Any]:
        async with asyncio.timeout(5):
            return await self._events.get()

    async def alerts(self, n: int) -> list[tuple[str, int]]:
        """(id, version) of the next n events."""
        out = []
        for _ in range(n):
            _, _, event = await self.next()
            out.append((event["data"]["alert"]["id"], event["data"]["alert"]["version"]))
        return out

    @property
    def waiting(self) -> int:
        return self._events.qsize()

    async def close(self) -> None:
        self._gone.set()
        async with asyncio.timeout(5):
            await self.task
