"""Broadcast of feed events to the clients of this process.

An event is made into bytes once and put into the queue of each client whose filter it passes. Queues
are bounded: a client that does not read is dropped and comes back with Last-Event-ID; it costs the
others nothing. Everything here runs in the event loop's thread, so that `publish` and `subscribe` need
no lock: a client that subscribes at head H gets every event after H from its queue, and reads the
events up to H from the store.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from api.alert_orgs import owners
from api.cursor import Cursor
from api.store import Event

QUEUE = 1024
PING_S = 15.0
SOURCE = "/cityops/alerts"


@dataclass(frozen=True, slots=True)
class Interest:
    """Which events a client gets; empty severity, domain or orgs means all."""

    prefix: str
    severity: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    orgs: frozenset[str] = frozenset()

    def wants(self, event: Event) -> bool:
        return (
            event.unit.startswith(self.prefix)
            and (not self.severity or event.severity in self.severity)
            and (not self.domain or event.domain in self.domain)
            and (not self.orgs or not self.orgs.isdisjoint(owners(event.data)))
        )


@dataclass(frozen=True, slots=True)
class Message:
    """An event ready to send: a CloudEvent 1.0 as JSON text, and as the bytes of an SSE frame."""

    seq: int
    text: str
    frame: bytes
    epoch: str = ""
    kind: str = "alert"


def message(epoch: str, event: Event) -> Message:
    """Make an event into what is sent; its CloudEvent id is the cursor."""
    cursor = f"{epoch}-{event.seq}"
    head = orjson.dumps(
        {
            "specversion": "1.0",
            "id": cursor,
            "source": SOURCE,
            "type": "cityops.alert",
            "subject": event.alert,
            "time": event.at,
            "datacontenttype": "application/json",
        }
    ).decode()
    text = f'{head[:-1]},"data":{event.data}}}'
    return Message(event.seq, text, f"id: {cursor}\nevent: alert\ndata: {text}\n\n".encode(), epoch)


def resync(cursor: Cursor) -> Message:
    """Tells a client that its position is gone: read the list anew; events go on after `cursor`."""
    data = {"cursor": str(cursor)}
    text = orjson.dumps(
        {
            "specversion": "1.0", "id": str(cursor), "source": SOURCE, "type": "cityops.resync",
            "datacontenttype": "application/json", "data": data,
        }
    ).decode()  # fmt: skip
    frame = f"id: {cursor}\nevent: resync\ndata: {orjson.dumps(data).decode()}\n\n"
    return Message(cursor.seq, text, frame.encode(), cursor.epoch, "resync")


PING = Message(-1, "", b": ping\n\n", "", "ping")


class Client:
    """One reader of the feed: a bounded queue and the reason it ended."""

    def __init__(self, interest: Interest, head: Cursor, size: int) -> None:
        self.interest = interest
        self.head = head  # events up to here are not in the queue
        self.closed = ""
        self._size = size
        self._queue: deque[Message] = deque()
        self._wake = asyncio.Event()

    def put(self, item: Message) -> bool:
        """False when the queue is full: the client is then dropped."""
        if len(self._queue) >= self._size:
            return False
        self._queue.append(item)
        self._wake.set()
        return True

    def close(self, reason: str) -> None:
        self.closed = self.closed or reason
        self._wake.set()

    async def take(self) -> list[Message]:
        """All that waits, at least one; empty when the client is closed."""
        while not self._queue and not self.closed:
            self._wake.clear()
            await self._wake.wait()
        if self.closed:
            return []
        out = list(self._queue)
        self._queue.clear()
        return out


class Hub:
    """The clients of this process. `head` is the last event that was published."""

    def __init__(self, head: Cursor, queue: int = QUEUE, ping_s: float = PING_S) -> None:
        self.head = head
        self.clients: set[Client] = set()
        self.dropped = 0
        self.sent = 0
        self._queue = queue
        self._ping_s = ping_s
        self._closing = ""

    def subscribe(self, interest: Interest) -> Client:
        client = Client(interest, self.head, self._queue)
        if self._closing:
            client.close(self._closing)
        self.clients.add(client)
        return client

    def unsubscribe(self, client: Client) -> None:
        self.clients.discard(client)

    def publish(self, epoch: str, events: Iterable[Event]) -> None:
        """Hand committed events, in commit order, to all clients; another epoch sends `resync` first."""
        if epoch != self.head.epoch:
            self.restart(Cursor(epoch, 0))
        for event in events:
            item: Message | None = None
            for client in tuple(self.clients):
                if not client.interest.wants(event):
                    continue
                item = item or message(epoch, event)
                self._put(client, item)
            self.head = Cursor(epoch, event.seq)

    def restart(self, head: Cursor) -> None:
        """The projection was built anew: every client reads the list again."""
        self.head = head
        for client in tuple(self.clients):
            self._put(client, resync(head))

    def _put(self, client: Client, item: Message) -> None:
        if client.put(item):
            self.sent += item is not PING
        else:
            client.close("too slow")
            self.clients.discard(client)
            self.dropped += 1

    async def pings(self) -> None:
        """Send a comment to every client each `ping_s`, for ever."""
        while True:
            await asyncio.sleep(self._ping_s)
            for client in tuple(self.clients):
                self._put(client, PING)

    def close(self) -> None:
        """End every stream, now and later ones, so that the server can stop."""
        self._closing = "shutting down"
        for client in tuple(self.clients):
            client.close(self._closing)
