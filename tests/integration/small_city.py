"""A few gas wells and the workers as processes, for tests that need no more."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geo.assets import Sensor, Zone
from streams import topics
from streams.settings import Settings

T0 = 1_763_884_800_000


def settings_of(broker: str, name: str, **more: Any) -> Settings:
    return Settings({"broker": broker, "prefix": f"run.{name}.", "log_level": "WARNING", **more}, env={})


def registry(n: int) -> list[Zone | Sensor]:
    """One gas zone per county and n wells spread over them."""
    zones = [Zone(id=f"{c}-G-ZON01", domain="gas", county=c, partition=k % 4) for k, c in enumerate(topics.COUNTIES)]
    wells = [
        Sensor(
            id=f"{zones[k % 16].county}-G-CH4-{k:06d}",
            domain="gas",
            kind="methane",
            zone=zones[k % 16].id,
            unit_code=zones[k % 16].county,
            interval_s=1.0,
        )
        for k in range(n)
    ]
    return [*zones, *wells]


@dataclass
class Pipe:
    """The workers of one run."""

    settings: Settings
    logs: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str) -> None:
        env = {**os.environ, **self.settings.environment()}
        command = [sys.executable, "-P", "-m", "streams.cli", "worker", name]
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes.append(subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
