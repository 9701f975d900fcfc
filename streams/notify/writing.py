"""Group commit: steps of many destinations in one SQL transaction, the most urgent first.

A transaction costs a flush of the disk; with one for each step a storm would wait for the disk alone.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection

from streams.notify.outbox import Outbox
from streams.sql import StoreError

T = TypeVar("T")
MOST = 64  # steps in one transaction
Step = Callable[[Connection], Any]


class Writer:
    """`run` until cancelled. Steps that are asked for while a transaction runs gather for the next."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._heap: list[tuple[int, int, Step, asyncio.Future[Any]]] = []
        self._count = itertools.count()
        self._some = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "outbox")  # its own: others may hang in a look-up

    async def do(self, step: Callable[[Connection], T], rank: int = 9) -> T:
        """The result of `step`, once it is committed; a low `rank` comes first. Raises StoreError: nothing was done."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (rank, next(self._count), step, future))
        self._some.set()
        return await future

    async def run(self) -> None:
        while True:
            await self._some.wait()
            jobs = [heapq.heappop(self._heap) for _ in range(min(MOST, len(self._heap)))]
            if not self._heap:
                self._some.clear()
            wanted = [job for job in jobs if not job[3].done()]
            try:
                loop = asyncio.get_running_loop()
                results = await loop.run_in_executor(self._thread, self._commit, [job[2] for job in wanted])
            except StoreError as error:
                results = [error] * len(wanted)
            for (_, _, _, future), result in zip(wanted, results, strict=True):
                if future.done():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _commit(self, steps: list[Step]) -> list[Any]:
        """Each step is whole or not at all: a fault of ours in one does not undo the others."""
        out: list[Any] = []
        with self._outbox.write() as tx:
            for step in steps:
                try:
                    with tx.begin_nested():
                        out.append(step(tx))
                except StoreError:
                    raise
                except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                    out.append(error)
        return out
