"""An outbox on a temporary SQLite, hand-made records of the alerts log, and real HTTP servers as destinations."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from geo.moments import rfc3339
from streams.alert_parts import Notice, Text
from streams.notify import schema
from streams.notify.addresses import Allowed
from streams.notify.channels.picking import Channels
from streams.notify.claims import Limits
from streams.notify.delivering import Delivering
from streams.notify.options import TEMPLATES, Options
from streams.notify.outbox import Incoming, Outbox
from streams.notify.plan import Recipient
from streams.notify.records import Seen, parse
from streams.notify.templates import read

KAILI = "522601"
SECRET = "s" * 32


def now_ms() -> int:
    return int(time.time() * 1000)


def notice(key: str = "1.0", why: str = "raise", **more: Any) -> dict[str, Any]:
    return {
        "key": key, "why": why, "place": KAILI, "role": "main", "people": ["li"], "channels": ["webhook"], "step": 0,
        "due": None, **more,
    }  # fmt: skip


def record(
    id_: str = "a1", *notices: dict[str, Any], version: int = 1, at_ms: int | None = None, **changes: Any
) -> bytes:
    """A record of the log as `streams.wire` makes it."""
    alert = {
        "id": id_, "version": version, "severity": "I", "mode": "actual", "run": "", "domain": "gas",
        "kind": "gas_concentration", "class": "hazard", "condition": "ACTIVE", "handling": "NEW",
        "unit": {"code": "522601001", "name": "城西街道", "level": "township"}, "path": {"county": KAILI},
        "title": {"zh": "燃气浓度过高", "en": "gas high"}, "reason": {"zh": "超过上限", "en": "above"},
        "evidence": {"value": 52.0, "unit": "%LEL"}, "acks": [], "members": [], "first_seen": rfc3339(now_ms()),
        "escalation": {"deadline": None}, "deadlines": {}, **changes,
    }  # fmt: skip
    transition = {"at": rfc3339(at_ms or now_ms()), "trigger": "raise", "tell": list(notices)}
    return json.dumps({"alert": alert, "transition": transition}).encode()


@dataclass
class Box:
    """The outbox with the contacts that a test names, fed as the log would."""

    outbox: Outbox
    contacts: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    offset: int = 0
    hold_ms: int = 0
    text_of: Callable[[dict[str, Any], Seen], str] | None = None

    def recipients(self, n: Notice) -> list[Recipient]:
        return [Recipient(p, f"user-{p}", self.contacts.get(p, ())) for p in n.people or ("",)]

    def feed(self, *values: bytes, topic: str = "alerts", at_ms: int | None = None) -> list[dict[str, Any]]:
        got = [Incoming(parse(v), topic, 0, self.offset + k, KAILI) for k, v in enumerate(values)]
        self.offset += len(values)
        reached = {(topic, 0): self.offset}
        return self.outbox.apply(got, reached, self.recipients, at_ms or now_ms(), self.hold_ms, 4, self.text_of)

    def rows(self, **where: Any) -> list[dict[str, Any]]:
        query = select(schema.messages).order_by(schema.messages.c.created_ms, schema.messages.c.id)
        for name, value in where.items():
            query = query.where(schema.messages.c[name] == value)
        with self.outbox.read() as tx:
            return [dict(r._mapping) for r in tx.execute(query)]

    def states(self, **where: Any) -> list[str]:
        return [r["state"] for r in self.rows(**where)]

    def replies(self) -> list[tuple[str, dict[str, str]]]:
        with self.outbox.read() as tx:
            found = tx.scalars(select(schema.replies.c.json).order_by(schema.replies.c.created_ms))
            said = [(c["command"], c["params"]) for c in map(json.loads, found)]
            return sorted(said, key=lambda pair: (pair[0], pair[1]["key"], pair[1]["person"]))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    outbox = Outbox(f"sqlite:///{tmp_path / 'outbox.db'}")
    yield Box(outbox)
    outbox.close()


@dataclass
class Server:
    """An HTTP destination: keeps requests; answers what `answers` gives, 0 never."""

    port: int = 0
    answers: Callable[[int], int] = lambda n: 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.split("\r\n")[1:]
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.got.append((headers, body))
                self.came.set()
                status = self.answers(len(self.got))
                if status == 0:
                    await asyncio.sleep(3600)
                more = "Location: http://127.0.0.1:1/\r\n" if status == 302 else ""
                writer.write(f"HTTP/1.1 {status} x\r\n{more}Content-Length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()


@asynccontextmanager
async def server(answers: Callable[[int], int] = lambda n: 200) -> AsyncIterator[Server]:
    made = Server(answers=answers)
    tasks: set[asyncio.Task[None]] = set()

    async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await made.serve(reader, writer)

    listening = await asyncio.start_server(each, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listening.close()
        for task in tasks:
            task.cancel()


def options(**more: Any) -> Options:
    base: dict[str, Any] = {
        "allowed": Allowed.parse("127.0.0.1"), "timeout_s": 5.0, "secrets": {"webhook_secret": SECRET},
        "templates": read(TEMPLATES.read_text("utf-8"), "templates.toml"),
    }  # fmt: skip
    return Options(**{**base, **more})


def place(code: str) -> Text:
    return Text("凯里市城西街道", "Chengxi, Kaili")


@asynccontextmanager
async def delivering(box: Box, tmp_path: Path, limits: Limits | None = None, **more: Any) -> AsyncIterator[Delivering]:
    chosen = options(**more)
    channels = Channels(chosen, tmp_path)
    made = Delivering(box.outbox, channels, chosen, limits or Limits(), place, asyncio.Event(), asyncio.Event())
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])
        await channels.close()
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def until(true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for a state, and fail with a sentence when it does not come."""
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110 - the state is in a database
            await asyncio.sleep(0.02)
