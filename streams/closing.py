"""Closing what a lost broker left behind: it may fail in any way, or hang, and must never stop what comes after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

LIMIT_S = 3.0


async def quietly(work: Coroutine[Any, Any, Any], what: str, limit_s: float = LIMIT_S) -> None:
    """Do `work` for so long at most; what it raises is logged. Only this task's own cancellation goes through."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit_s)
    finally:
        if not task.done():
            task.cancel()  # not waited for: clients of Kafka may swallow it
            task.add_done_callback(lambda t: t.cancelled() or t.exception())
    if task.done() and (task.cancelled() or task.exception() is not None):
        log.debug("%s: %r", what, None if task.cancelled() else task.exception())


def cancelled(error: BaseException) -> bool:
    """True when this task was cancelled; aiokafka lets CancelledError of its helpers out when the broker is lost."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
