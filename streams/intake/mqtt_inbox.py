"""What waits between the MQTT connection and the pump to Kafka."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from streams.intake.mqtt_session import Delivered
from streams.metrics import MQTT_MESSAGES

BATCH_BYTES = 4 * 1024 * 1024
INBOX_BYTES, INBOX_MESSAGES = 64 * 1024 * 1024, 100_000  # what may wait for Kafka
QUIET_S = 0.002  # nothing new for this long: the burst is over, or the broker's window is used up


class Inbox:
    """Messages that wait for the pump, bounded: above the bound QoS 0 is dropped and reading pauses."""

    def __init__(self) -> None:
        self._waiting: deque[Delivered] = deque()
        self.bytes = 0
        self.unacked = 0
        self._some = asyncio.Event()

    def put(self, got: Delivered) -> None:
        full = self.bytes > INBOX_BYTES or len(self._waiting) >= INBOX_MESSAGES
        if full:
            got.session.pause()
            if not got.qos:
                MQTT_MESSAGES.labels("dropped").inc()
                return
        self._waiting.append(got)
        self.bytes += len(got.message.payload) + len(got.message.topic)
        self._some.set()

    async def take(self, most: int, wait_s: float) -> list[Delivered]:
        """Wait for a message, then gather until `most` are there, `wait_s` is over or nothing more comes."""
        await self._some.wait()
        until = time.monotonic() + wait_s
        seen = 0
        while len(self._waiting) < most and seen != len(self._waiting) and time.monotonic() < until:
            seen = len(self._waiting)
            await asyncio.sleep(QUIET_S)
        out: list[Delivered] = []
        size = 0
        while self._waiting and len(out) < most and size < BATCH_BYTES:
            got = self._waiting.popleft()
            size += len(got.message.payload) + len(got.message.topic)
            out.append(got)
        self.unacked = len(out)
        if not self._waiting:
            self._some.clear()
        return out

    def done(self, batch: list[Delivered]) -> None:
        """The batch is out of our hands: its bytes no longer count."""
        self.bytes -= sum(len(g.message.payload) + len(g.message.topic) for g in batch)
        self.unacked = 0

    def room(self) -> bool:
        return self.bytes < INBOX_BYTES // 2 and len(self._waiting) < INBOX_MESSAGES // 2

    def __len__(self) -> int:
        return len(self._waiting) + self.unacked
