"""A subscriber of the live feed that notes when each event came: a thread on a plain socket, which costs little."""

from __future__ import annotations

import socket
import threading
import time
import urllib.parse
from dataclasses import dataclass
from types import TracebackType

import orjson

from streams.cli.benches.alerts_bed import Api

READ = 1 << 18


@dataclass(frozen=True)
class Seen:
    """One event: when it came (epoch seconds) and what it says."""

    at_s: float
    alert: str
    version: int
    asset: str
    severity: str
    trigger: str


class Feed:
    """Follows `/feed` while the block lasts; `events` in the order in which they came."""

    def __init__(self, api: Api, user: str = "commander", query: str = "") -> None:
        self.events: list[Seen] = []
        self.ended = False  # by the server: a subscriber that is too slow is dropped
        self._stopping = False
        self._came = threading.Condition()
        where = urllib.parse.urlsplit(api.url)
        self._socket = socket.create_connection((where.hostname or "", where.port or 80), 20)
        head = f"GET /api/v1/feed{query} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {api.token(user)}\r\n\r\n"
        self._socket.sendall(head.encode())
        self._thread = threading.Thread(target=self._follow, name="feed", daemon=True)

    def __enter__(self) -> Feed:
        self._socket.settimeout(30)
        head = b""
        while b"retry:" not in head:  # what is published from now on comes
            head += self._socket.recv(READ)
        self._socket.settimeout(0.5)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping = True
        self._thread.join(5)
        self._socket.close()

    def _follow(self) -> None:
        rest = b""
        while not self._stopping:
            try:
                got = self._socket.recv(READ)
            except TimeoutError:
                continue
            if not got:
                self.ended = True
                return
            now = time.time()
            *frames, rest = (rest + got).split(b"\n\n")
            found = [seen for frame in frames if (seen := _seen(frame, now)) is not None]
            with self._came:
                self.events += found
                self._came.notify_all()

    def wait(self, alert: str, version: int, seconds: float) -> Seen | None:
        """The event of an alert with at least this version, None where it does not come in time."""
        deadline = time.monotonic() + seconds
        at = 0
        with self._came:
            while True:
                for seen in self.events[at:]:
                    if seen.alert == alert and seen.version >= version:
                        return seen
                at = len(self.events)
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    return None
                self._came.wait(left)


def _seen(frame: bytes, now: float) -> Seen | None:
    """What a frame says; a chunk's head of HTTP may stand before it."""
    at = frame.find(b"data: ")
    if at < 0 or b"event: alert" not in frame[:at]:
        return None
    data = orjson.loads(frame[at + 6 :])["data"]
    alert = data["alert"]
    return Seen(
        now, alert["id"], alert["version"], alert["assets"][0], alert["severity"], data["transition"]["trigger"]
    )
