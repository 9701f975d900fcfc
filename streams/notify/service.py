"""The notifier as a process: `cityops worker notify`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path

from geo.divisions import Divisions, UnitError
from streams import tables, topics
from streams.alert_parts import Text
from streams.folders import alone, data_folder, writable
from streams.notify import guard
from streams.notify.auditor import Auditor
from streams.notify.channels.picking import Channels
from streams.notify.claims import Limits
from streams.notify.compose import PlaceOf
from streams.notify.delivering import Delivering
from streams.notify.following import Following
from streams.notify.options import Options, options_from
from streams.notify.outbox import Outbox
from streams.notify.people import People
from streams.notify.reporting import Reporting
from streams.settings import Settings

log = logging.getLogger(__name__)
THREADS = 64
ALIVE, ALIVE_S = "notify.alive", 5.0
LOUD = ("httpx", "httpcore", "urllib3", "requests", "apprise")  # their lines have URLs


def run(settings: Settings) -> None:
    """Entry of `cityops worker notify`; ends the process. Raises UsageError, CityopsError before it is ready."""
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    folder = writable(data_folder(settings), "--data")
    options = options_from(settings)
    guard.install()
    with _only_one(folder):
        asyncio.run(_serve(settings, options, folder))
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)  # a service that hangs in a thread does not hold up the end


async def _serve(settings: Settings, options: Options, folder: Path) -> None:
    stop = asyncio.Event()
    # name look-ups block a thread each: those that hang must not take the database's
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    for sig in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sig, stop.set)
    outbox = await asyncio.to_thread(Outbox.of, settings, folder)
    people = People()
    duty = tables.Follower(settings, [topics.DUTY], people.apply)
    await duty.start()
    await duty.ready()
    wake, told = asyncio.Event(), asyncio.Event()
    channels = Channels(options, folder)
    limits = Limits(settings.notify_attempts, int(settings.notify_give_up_s * 1000))
    reporting = Reporting(settings, outbox, told)
    delivering = Delivering(outbox, channels, options, limits, place_names(Divisions.load()), wake, told)
    following = Following(settings, outbox, people, delivering.text_of, wake)
    parts = {
        "following": following.run(),
        "delivering": delivering.run(),
        "reporting": reporting.run(),
        "auditor": Auditor(settings, outbox, reporting).run(),
        "duty": duty.followed(),
        "alive": _alive(folder / ALIVE),
    }
    jobs = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    stopping = asyncio.create_task(stop.wait())
    ready = asyncio.create_task(following.caught_up.wait())
    await asyncio.wait([ready, stopping, *jobs], return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        print(json.dumps({"ready": True, "app": "notify"}), flush=True)
    await asyncio.wait([stopping, *jobs], return_when=asyncio.FIRST_COMPLETED)
    failed = next((job for job in jobs if job.done() and job.exception()), None)
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs, timeout=5)
    with contextlib.suppress(Exception):
        await asyncio.wait_for(channels.close(), 2)
    await duty.stop()
    outbox.close()
    if failed is not None and (error := failed.exception()) is not None:
        raise error


async def _alive(path: Path) -> None:
    """Touch a file from the loop that does the work: a look at it tells that the loop turns."""
    while True:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(path.touch)
        await asyncio.sleep(ALIVE_S)


def place_names(divisions: Divisions) -> PlaceOf:
    """Names of units as an officer says them, remembered."""

    @lru_cache(maxsize=4096)
    def of(code: str) -> Text:
        try:
            zh = divisions.full_name(code)
            return Text(zh, divisions.get(code).name_en or zh)
        except UnitError:
            return Text(code, code)

    return of


def _only_one(folder: Path) -> AbstractContextManager[None]:
    """The one notifier of a data folder: two would send everything twice."""
    taken = f"{folder}: another cityops notifier uses it; stop that one or name another with --data"
    return alone(folder / "notify.lock", taken)
