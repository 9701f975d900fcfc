"""Group commit of readings: requests that wait for Kafka at the same time share one message.

A topic has one message on its way; what comes meanwhile goes with the next. So a single reading costs Kafka and the
packer little, and alone it does not wait at all. The rows of one request are always in one message: Kafka has all of
them or none.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from api.intake_budget import Budget
from streams import codec
from streams.columns import Columns, concat
from streams.errors import CityopsError

GROUP_ROWS = 5_000
SEND_S = 10.0
MAX_NAMES = 8
Write = Callable[[str, bytes], Awaitable[None]]


class MessageTooLargeError(ValueError):
    """The rows of one request make more than one message."""


@dataclass(eq=False)
class _Request:
    cols: Columns
    who: str
    done: asyncio.Future[None]


@dataclass
class _Lane:
    waiting: deque[_Request] = field(default_factory=deque)
    writing: asyncio.Task[None] | None = None
    since: float = 0.0  # when the message on its way was sent


class GroupWriter:
    """`send` returns when Kafka has the rows. `write` gives one message to Kafka and returns when it is there."""

    def __init__(self, write: Write, budget: Budget, broker: str, send_s: float = SEND_S) -> None:
        self._write = write
        self._budget = budget
        self._broker = broker
        self._send_s = send_s
        self._lanes: dict[str, _Lane] = defaultdict(_Lane)

    async def send(self, topic: str, cols: Columns, who: str) -> None:
        """Raises CityopsError where Kafka does not take them in time, MessageTooLargeError for far too many."""
        loop = asyncio.get_running_loop()
        lane = self._lanes[topic]
        if lane.writing is not None and loop.time() - lane.since > self._send_s:
            raise CityopsError(f"Kafka at {self._broker} does not answer; nothing of this was sent, try again later")
        request = _Request(cols, who, loop.create_future())
        lane.waiting.append(request)
        if lane.writing is None:
            lane.since = loop.time()
            lane.writing = loop.create_task(self._drain(topic, lane))
        try:
            async with asyncio.timeout(self._send_s):
                await request.done
        except TimeoutError:
            if request in lane.waiting:
                lane.waiting.remove(request)
                raise CityopsError(f"Kafka at {self._broker} does not answer; nothing of this was sent") from None
            raise CityopsError(
                f"Kafka at {self._broker} did not acknowledge in {self._send_s:g} s; the readings may be there or not, "
                "send them again (what is there twice is dropped)"
            ) from None

    async def _drain(self, topic: str, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        try:
            while lane.waiting:
                group = _group(lane.waiting)
                lane.since = loop.time()
                try:
                    value = _packed(group)
                    self._budget.add(len(value))
                    try:
                        await self._write(topic, value)
                    finally:
                        self._budget.give(len(value))
                except asyncio.CancelledError:
                    raise
                except Exception as error:
                    for request in group:
                        if not request.done.done():
                            request.done.set_exception(_copy(error))
                else:
                    for request in group:
                        if not request.done.done():
                            request.done.set_result(None)
        finally:
            lane.writing = None


def _group(waiting: deque[_Request]) -> list[_Request]:
    """The next requests that fit into one message; at least one."""
    group = [waiting.popleft()]
    rows = len(group[0].cols)
    while waiting and rows + len(waiting[0].cols) <= GROUP_ROWS:
        rows += len(waiting[0].cols)
        group.append(waiting.popleft())
    return group


def _packed(group: list[_Request]) -> bytes:
    names = list(dict.fromkeys(r.who for r in group))
    src = "http:" + ",".join(names[:MAX_NAMES]) + (",…" if len(names) > MAX_NAMES else "")
    value = codec.pack(concat([r.cols for r in group]), src=src)
    if len(value) > codec.MAX_MESSAGE_BYTES:
        raise MessageTooLargeError(f"the rows make a message of {len(value):,} bytes; send smaller batches")
    return value


def _copy(error: Exception) -> Exception:
    """An exception of its own for each request, so that their tracebacks do not pile up in one."""
    return error if isinstance(error, MessageTooLargeError) else CityopsError(str(error))
