"""The processes of a chaos run: an own broker, workers and API, started, killed, frozen and minded."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.broker import EmbeddedBroker
from streams.broker_cluster import EmbeddedCluster
from streams.errors import CityopsError
from streams.settings import Settings

PREFIX = "run.chaos."
FENCED = 75
PARTS = ("packer", "detect", "alerts", "api")


def settings_of(broker: str, **more: Any) -> Settings:
    """Settings of a run with the recording's clock: nothing in its log depends on the wall clock."""
    base = {"broker": broker, "prefix": PREFIX, "log_level": "WARNING", "snapshot_s": 3.0, "port": 0}
    return Settings({**base, **more}, env={})


@dataclass
class Pipe:
    """Parts by name; `detect-2` is a second worker of the same app. A part that ends by itself is started again."""

    settings: Settings
    folder: Path
    broker: EmbeddedBroker | EmbeddedCluster
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    exits: Counter[tuple[str, int]] = field(default_factory=Counter)  # (part, exit code) of ends nobody asked for
    _due: dict[str, float] = field(default_factory=dict)

    def start(self, name: str) -> None:
        command = ["api", "--demo"] if name == "api" else ["worker", name.split("-")[0]]
        data = self.folder / ("api" if name == "api" else "workers")
        env = {**os.environ, **self.settings.replace(data=str(data)).environment()}
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._out(name).open("ab") as out, (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", *command],
                env=env, stdout=out, stderr=log, stdin=subprocess.DEVNULL, process_group=0,
            )  # fmt: skip

    def _out(self, name: str) -> Path:
        return self.folder / f"{name}.out"

    def kill(self, name: str) -> None:
        """kill -9."""
        self.processes[name].kill()
        self.processes[name].wait()

    def end(self, name: str, grace_s: float = 15.0) -> int:
        """SIGTERM and wait; returns the exit code. The part is no longer minded."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            return process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def freeze(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGCONT)

    def readies(self, name: str) -> list[dict[str, Any]]:
        """Readiness lines of all starts of a part, oldest first."""
        try:
            lines = self._out(name).read_text("utf-8").splitlines()
        except OSError:
            return []
        return [json.loads(line) for line in lines if line.startswith('{"ready"')]

    async def ready(self, name: str, more_than: int = 0, limit_s: float = 90.0) -> dict[str, Any]:
        """Wait for the readiness line after the first `more_than`; raises CityopsError."""
        deadline = time.monotonic() + limit_s
        while len(said := self.readies(name)) <= more_than:
            if time.monotonic() > deadline:
                raise CityopsError(f"{name} was not ready within {limit_s:.0f} s; log: {self.folder / name}.log")
            await asyncio.sleep(0.05)
        return said[-1]

    async def kill_broker(self, away_s: float = 0.0, node: int | None = None) -> None:
        """kill -9 of the broker (or of one node of a cluster) and its start on the same data after `away_s`."""
        one = self.broker.nodes[node] if isinstance(self.broker, EmbeddedCluster) and node is not None else self.broker
        one.kill()
        await asyncio.sleep(away_s)
        one.launch()
        await asyncio.to_thread(one.wait_ready)

    async def mind(self) -> None:
        """What a supervisor does: start again, after a second, what ended by itself. Runs until cancelled."""
        while True:
            for name, process in list(self.processes.items()):
                code = process.poll()
                if code is None or code == -signal.SIGKILL:
                    continue
                now = time.monotonic()
                if name not in self._due:
                    self.exits[name, code] += 1
                    self._due[name] = now + 1.0
                elif now >= self._due[name]:
                    del self._due[name]
                    self.start(name)
            await asyncio.sleep(0.1)

    def stop(self) -> None:
        """End all parts, not the broker."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for name in list(self.processes):
            self.end(name)
