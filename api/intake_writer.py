"""Group commit of readings: requests that wait for Kafka at the same time share its messages.

A topic has one group on its way, one message a partition; what comes meanwhile goes with the next. So a single reading
costs Kafka and the packer little, and alone it does not wait at all. A sensor's rows keep their order: they go to the
partition of its zone, one group after the other. A request is answered when all of its group is acknowledged; where a
part is not, none of the group counts as taken.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np

from api.intake_budget import Budget
from streams import codec
from streams.columns import I32, Columns, concat
from streams.errors import CityopsError

GROUP_ROWS = 5_000
SEND_S = 10.0
MAX_NAMES = 8
Write = Callable[[str, int, bytes], Awaitable[None]]


class MessageTooLargeError(ValueError):
    """The rows of one request make more than one message."""


@dataclass(eq=False)
class _Request:
    cols: Columns
    where: I32
    who: str
    done: asyncio.Future[None]


@dataclass
class _Lane:
    waiting: deque[_Request] = field(default_factory=deque)
    writing: asyncio.Task[None] | None = None
    since: float = 0.0  # when the group on its way was sent


class GroupWriter:
    """`send` returns when Kafka has the rows. `write(topic, partition, value)` returns when the message is there."""

    def __init__(self, write: Write, budget: Budget, broker: str, send_s: float = SEND_S) -> None:
        self._write = write
        self._budget = budget
        self._broker = broker
        self._send_s = send_s
        self._lanes: dict[str, _Lane] = defaultdict(_Lane)

    async def send(self, topic: str, cols: Columns, where: I32, who: str) -> None:
        """`where` int32[n] is the partition of each row.

        Raises CityopsError where Kafka does not take them in time, MessageTooLargeError for far too many.
        """
        loop = asyncio.get_running_loop()
        lane = self._lanes[topic]
        if lane.writing is not None and loop.time() - lane.since > self._send_s:
            raise CityopsError(f"Kafka at {self._broker} does not answer; nothing of this was sent, try again later")
        request = _Request(cols, where, who, loop.create_future())
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
                    await self._write_all(topic, _packed(group))
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

    async def _write_all(self, topic: str, messages: dict[int, bytes]) -> None:
        """Write one message a partition and wait for all; raises the first failure."""
        size = sum(map(len, messages.values()))
        self._budget.add(size)
        try:
            work = (self._write(topic, partition, value) for partition, value in messages.items())
            for outcome in await asyncio.gather(*work, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
        finally:
            self._budget.give(size)


def _group(waiting: deque[_Request]) -> list[_Request]:
    """The next requests that fit into one message; at least one."""
    group = [waiting.popleft()]
    rows = len(group[0].cols)
    while waiting and rows + len(waiting[0].cols) <= GROUP_ROWS:
        rows += len(waiting[0].cols)
        group.append(waiting.popleft())
    return group


def _packed(group: list[_Request]) -> dict[int, bytes]:
    """One message for each partition; raises MessageTooLargeError."""
    names = list(dict.fromkeys(r.who for r in group))
    src = "http:" + ",".join(names[:MAX_NAMES]) + (",…" if len(names) > MAX_NAMES else "")
    cols = concat([r.cols for r in group])
    where = np.concatenate([r.where for r in group])
    out = {}
    for partition in np.unique(where).tolist():
        mine = where == partition
        value = codec.pack(cols if mine.all() else cols.take(mine), src=src)
        if len(value) > codec.MAX_MESSAGE_BYTES:
            raise MessageTooLargeError(f"the rows make a message of {len(value):,} bytes; send smaller batches")
        out[partition] = value
    return out


def _copy(error: Exception) -> Exception:
    """An exception of its own for each request, so that their tracebacks do not pile up in one."""
    return error if isinstance(error, MessageTooLargeError) else CityopsError(str(error))
