"""Runs that engineers start: one at a time, a process each, with little memory and the lowest claim on the machine."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from api.run_files import Run, RunFiles
from streams.process import spawn
from streams.settings import Settings

log = logging.getLogger(__name__)
NICE, MEMORY = 10, 3 * 2**30  # bytes of data of each of its processes
LONGEST_S = 6 * 3600.0
STOP_S, DELETE_S, LOOK_S = 20.0, 60.0, 0.2
Steps = Sequence[Sequence[str]]  # arguments of `cityops`, one command after the other


class Runs:
    """The runs of this data folder. Start, stop and delete them from the event loop's own thread."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.files = RunFiles(folder)
        self._env = settings.replace(prefix="", data=str(folder)).environment()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled: set[str] = set()

    def going(self) -> Run | None:
        """The one that runs now, of this process or of another on the same folder."""
        return next((r for r in self.files.all() if r.state == "running" and self._alive(r)), None)

    def start(self, run: Run, steps: Steps) -> None:
        """Keep the run and begin its first step; the caller has asked `going`."""
        self.files.keep(run)
        self._tasks[run.id] = asyncio.create_task(self._work(run, steps), name=f"run {run.id}")

    async def _work(self, run: Run, steps: Steps) -> None:
        until = time.monotonic() + LONGEST_S
        try:
            for step in steps:
                code = await self._step(run, step, until)
                if run.id in self._cancelled or code:
                    break
            run.state = "cancelled" if run.id in self._cancelled else "failed" if code else "done"
            if run.state == "failed":
                run.error = run.error or _last_words(self.files.tail(run.id)) or f"ended with {code}"
        except Exception as error:
            log.exception("run %s", run.id)
            run.state, run.error = "failed", f"{type(error).__name__}: {error}"
        run.ended_ms, run.pid = round(time.time() * 1000), 0
        if self.files.of(run.id).is_dir():
            self.files.keep(run)

    async def _step(self, run: Run, step: Sequence[str], until: float) -> int:
        folder = self.files.of(run.id)
        command = [sys.executable, "-P", "-m", "streams.cli", *step]
        with (folder / "out.json").open("wb") as out, (folder / "log").open("ab") as told:
            process = spawn(command, env=_environment(self._env), stdin=subprocess.DEVNULL, stdout=out, stderr=told)
        self._processes[run.id] = process
        _limit(process.pid)
        run.pid, run.pid_begun = process.pid, _begun(process.pid)
        self.files.keep(run)
        while process.poll() is None:
            if time.monotonic() > until:
                process.send_signal(signal.SIGINT)
                until = float("inf")
                run.error = "took too long"
            await asyncio.sleep(LOOK_S)
        return process.returncode

    async def cancel(self, id_: str) -> None:
        """End it; it takes its topics away by itself."""
        self._cancelled.add(id_)
        process, task = self._processes.get(id_), self._tasks.get(id_)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
        if task is not None and not (await asyncio.wait([task], timeout=STOP_S))[0]:
            if process is not None:
                process.kill()
            await asyncio.wait([task], timeout=STOP_S)

    async def delete(self, run: Run) -> None:
        """The run as a whole: its process, its topics, its files."""
        if run.state == "running":
            await self.cancel(run.id)
            self._end_orphan(run)
        if run.kind == "replay":
            process = spawn([sys.executable, "-P", "-m", "streams.cli", "replay", "--delete", run.id],
                            env=_environment(self._env), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)  # fmt: skip
            try:
                await asyncio.to_thread(process.wait, DELETE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self.files.drop(run.id)

    def clean(self) -> None:
        """After a restart: what ran then does not any more."""
        for run in self.files.all():
            if run.state == "running" and run.id not in self._tasks:
                self._end_orphan(run)
                run.state, run.error, run.pid = "interrupted", "the API was stopped while it ran", 0
                run.ended_ms = round(time.time() * 1000)
                self.files.keep(run)

    async def stop(self) -> None:
        """The API ends."""
        await asyncio.gather(*(self.cancel(id_) for id_, task in self._tasks.items() if not task.done()))

    def _alive(self, run: Run) -> bool:
        task = self._tasks.get(run.id)
        return not task.done() if task is not None else bool(run.pid) and _begun(run.pid) == run.pid_begun

    def _end_orphan(self, run: Run) -> None:
        """The process of a run that another API process started and left."""
        if run.id not in self._tasks and run.pid and _begun(run.pid) == run.pid_begun:
            try:
                psutil.Process(run.pid).send_signal(signal.SIGINT)
            except psutil.Error as error:
                log.info("run %s: %s", run.id, error)


def _environment(settings: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **settings}


def _limit(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        process.nice(NICE)
        if hasattr(process, "rlimit"):
            process.rlimit(psutil.RLIMIT_DATA, (MEMORY, MEMORY))
    except (psutil.Error, OSError, ValueError) as error:
        log.info("run: process %d has no limits: %s", pid, error)


def _begun(pid: int) -> float:
    """When a process began; 0 where there is none."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("cityops")]
    return (said or lines or [""])[-1][:500]


def record_of(run: Run, files: RunFiles) -> dict[str, Any]:
    """A run with what it found."""
    result = files.result(run.id) if run.state == "done" else {}
    alerts = {"alerts": result.pop("alerts", [])} if run.kind == "replay" else {}
    return {**files.public(run), **alerts, "truth": files.truth(run.id), "result": result}
