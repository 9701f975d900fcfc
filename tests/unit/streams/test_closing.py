"""Closing what a lost broker left behind never raises, never hangs; a worker that is done ends at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from streams import closing
from streams.agents import FENCED_EXIT
from streams.closing import quietly

STUBBORN = """
import asyncio
from streams.agents import leave_with
async def stay():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
async def serve():
    global kept
    kept = asyncio.create_task(stay())
    await asyncio.sleep(0)
    {end}
asyncio.run(leave_with(serve()))
"""


@pytest.mark.parametrize("error", [OSError("gone"), AttributeError("x"), asyncio.CancelledError(), TimeoutError()])
async def test_what_closing_raises_is_left(error: BaseException) -> None:
    async def work() -> None:
        raise error

    await quietly(work(), "closing")


async def test_closing_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "LIMIT_S", 0.05)
    hanging = asyncio.Event()

    async def work() -> None:
        while not hanging.is_set():
            try:
                await asyncio.wait_for(hanging.wait(), 30)
            except asyncio.CancelledError:
                continue

    await asyncio.wait_for(quietly(work(), "closing"), 5)
    hanging.set()


async def test_ones_own_cancellation_goes_through() -> None:
    task = asyncio.create_task(quietly(asyncio.sleep(30), "closing"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("end", "code"), [(f"return {FENCED_EXIT}", FENCED_EXIT), ("raise asyncio.CancelledError", 0)])
def test_a_worker_that_is_done_ends_though_a_task_refuses_to(end: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", STUBBORN.format(end=end)], timeout=60, check=False)
    assert done.returncode == code
