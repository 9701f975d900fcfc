"""The demo city: back-fills half an hour, says that it is ready, then sends each second; incidents after "go".

Sensors that report each minute (`simulators.background`) send beside it, without incidents.

The parent reads the JSON ready line on stdout and writes "go" on stdin when the whole city is up.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from geo.assets import Sensor
from simulators import schedule
from simulators.background import FAST_S, Background
from simulators.city import City
from simulators.incidents import Incident, append_truth, read_truth
from simulators.pacing import Pacer
from simulators.sender import Sender
from streams import topics
from streams.errors import CityopsError, explain
from streams.folders import data_folder
from streams.settings import Settings

BACKFILL_MS = 1_800_000
CHUNK_MS = 60_000
MEMORY_MS = 900_000  # an incident shapes readings no longer than this after its end
OPENING_S = 55.0  # the random day begins this long after go


@dataclass(frozen=True)
class Options:
    """`rate` readings a second and sensor; `duration_s` 0: until stopped."""

    seed: int = 1
    rate: float = 1.0
    duration_s: float = 0.0
    incidents: bool = True
    backfill_ms: int = BACKFILL_MS


def run(
    settings: Settings,
    options: Options | None = None,
    *,
    sensors: Sequence[Sensor] | None = None,
    data: Path | None = None,
    out: TextIO = sys.stdout,
) -> int:
    """Run until SIGINT, SIGTERM or the duration; returns the exit code."""
    if sensors is None:
        from streams.registry import read_all

        records = read_all(settings)
        sensors = [r for r in records if isinstance(r, Sensor) and r.demo and not r.retired]
    if not sensors:
        raise CityopsError(
            f"the registry at {settings.broker} holds no demo sensors; start with `cityops up --demo` or load some"
        )
    demo = Demo(settings, options or Options(), sensors, data or data_folder(settings), out)
    return asyncio.run(demo.serve())


class Demo:
    """One run of the simulators. Everything it sends follows from (seed, clock, the truth file)."""

    def __init__(
        self,
        settings: Settings,
        options: Options,
        sensors: Sequence[Sensor],
        data: Path,
        out: TextIO,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.settings, self.options, self.out, self.now = settings, options, out, now
        self.background = Background(sensors, options.seed)
        self.city = City([s for s in sensors if s.interval_s <= FAST_S], options.seed)
        self.step_ms = max(1, round(1000.0 / options.rate))
        self.truth_file, self.state_file = data / "truth.jsonl", data / "simulator.json"
        self.stop = asyncio.Event()
        self.go = asyncio.Event()
        self.incidents: list[Incident] = []
        self.told = 0
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error) from None

    async def serve(self) -> int:
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sig, self.stop.set)
        async with Sender(self.settings, f"simulator-{self.options.seed}") as sender:
            last = await self._backfill(sender)
            sensors = len(self.city.sensors) + len(self.background.sensors)
            self._say({"ready": True, "sensors": sensors, "zones": self.city.zones + self.background.zones,
                       "backfilled": sender.rows, "until": last})  # fmt: skip
            waiting = asyncio.create_task(self._wait_for_go())
            last = await self._stream(sender, last)
            waiting.cancel()
            self._save(last)
        return 0

    async def _backfill(self, sender: Sender) -> int:
        """Clean readings up to now, or from where the last run ended; returns the last time sent."""
        now = self._grid(self.now())
        last = max(self._known_last(), now - self.options.backfill_ms)
        self.incidents = [i for i in read_truth(self.truth_file) if last < i.end_ms + MEMORY_MS]
        self.told = len(self.incidents)
        begin = last
        while not self.stop.is_set():
            now = self._grid(self.now())
            if now <= last:
                break
            last = await self._send(sender, last, min(now, last + CHUNK_MS))
        await self._slow(sender, begin, last)  # all at once: a call costs as much for a minute as for half an hour
        await sender.flush()
        self._save(last)
        return last

    async def _stream(self, sender: Sender, last: int) -> int:
        plan: Iterator[Incident] = iter(())
        coming: Incident | None = None
        pacer = Pacer(last, clock=self.now, sleep=self._nap, wall0=last / 1000.0)
        end = last + self.options.duration_s * 1000 if self.options.duration_s else float("inf")
        started = False
        saved = last
        while last + self.step_ms <= end:
            await pacer.until(last + self.step_ms)
            if self.stop.is_set():
                break
            now = self._grid(self.now())
            if self.go.is_set() and not started and self.options.incidents:
                started = True
                first = schedule.opening(self.city, now, self.incidents)
                self.incidents += first
                plan = schedule.day(self.city, now + int(OPENING_S * 1000), self.incidents)
                coming = next(plan)
            while coming is not None and coming.start_ms <= now + 2 * self.step_ms:
                self.incidents.append(coming)
                coming = next(plan)
            await self._tell(sender, now)
            before, last = last, await self._send(sender, last, max(now, last + self.step_ms))
            await self._slow(sender, before, last)
            if last - saved >= 5_000:
                await sender.flush()
                self._save(last)
                saved = last
                self._forget(last)
        return last

    async def _send(self, sender: Sender, after: int, upto: int) -> int:
        """Readings of the steps in (after, upto]; returns the last."""
        ts = np.arange(after + self.step_ms, upto + 1, self.step_ms, dtype=np.int64)
        if not len(ts):
            return after
        for batch in self.city.batches(ts, self.incidents):
            await sender.readings(batch)
        return int(ts[-1])

    async def _slow(self, sender: Sender, after: int, upto: int) -> None:
        for batch in self.background.batches(after, upto):
            await sender.readings(batch)

    async def _tell(self, sender: Sender, now: int) -> None:
        """Write the truth of incidents that begin."""
        self.incidents[self.told :] = sorted(self.incidents[self.told :], key=lambda i: i.start_ms)
        while self.told < len(self.incidents) and self.incidents[self.told].start_ms <= now:
            incident = self.incidents[self.told]
            line = append_truth(self.truth_file, incident, self.options.seed)
            await sender.send(topics.TRUTH, incident.zone.encode(), line)
            self.told += 1

    def _forget(self, last: int) -> None:
        gone = [i for i in self.incidents[: self.told] if i.end_ms + MEMORY_MS < last]
        self.incidents = [i for i in self.incidents if i not in gone]
        self.told -= len(gone)

    async def _nap(self, seconds: float) -> bool:
        """Sleep, but wake up to stop; True means stop."""
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _wait_for_go(self) -> None:
        """A child that was started again by the same parent had its "go" before."""
        if self._state().get("told_by") != os.getppid() and not await told_to_go():
            await asyncio.sleep(1.0)
        self.go.set()

    def _grid(self, seconds: float) -> int:
        return int(seconds * 1000) // self.step_ms * self.step_ms

    def _known_last(self) -> int:
        last = self._state().get("last_ms", 0)
        return last if isinstance(last, int) else 0

    def _state(self) -> dict[str, Any]:
        """What the last run on this data folder left; {} when nothing usable is there."""
        try:
            state = json.loads(self.state_file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _save(self, last: int) -> None:
        told_by = os.getppid() if self.go.is_set() else self._state().get("told_by", 0)
        text = json.dumps({"last_ms": last, "seed": self.options.seed, "told_by": told_by})
        temporary = self.state_file.with_suffix(".tmp")
        try:
            temporary.write_text(text, "utf-8")
            os.replace(temporary, self.state_file)
        except OSError as error:
            raise explain(error) from None

    def _say(self, message: dict[str, Any]) -> None:
        print(json.dumps(message), file=self.out, flush=True)


async def told_to_go(fd: int = 0) -> bool:
    """Wait for the line "go" on a pipe; False at once when `fd` is no pipe, or when the pipe ends without it."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return False
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()
    text = bytearray()

    def readable() -> None:
        piece = os.read(fd, 4096)
        text.extend(piece)
        told = any(line.strip() == b"go" for line in text.splitlines())
        if (told or not piece) and not answer.done():
            answer.set_result(told)

    loop.add_reader(fd, readable)
    try:
        return await answer
    finally:
        loop.remove_reader(fd)
