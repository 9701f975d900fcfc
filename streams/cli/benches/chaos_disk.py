"""A broker whose disk fills up: its data are on a small memory file system, a ballast file takes the rest."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from streams.broker import EmbeddedBroker
from streams.cli.benches.chaos_outcome import Outcome
from streams.cli.benches.chaos_pipe import Pipe
from streams.errors import CityopsError

SIZE_MB = 400


class CannotMountError(CityopsError):
    """A small file system cannot be had here; needs root and a kernel that lets it mount."""


@contextlib.contextmanager
def small_disk(folder: Path, size_mb: int = SIZE_MB) -> Iterator[Path]:
    """`folder` as a tmpfs of `size_mb`; raises CannotMountError."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)], capture_output=True, check=False
    ) if hasattr(os, "geteuid") and os.geteuid() == 0 else None  # fmt: skip
    if done is None or done.returncode:
        why = "not root" if done is None else done.stderr.decode(errors="replace").strip()
        raise CannotMountError(f"no small file system can be mounted here ({why})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


@dataclass
class FullDisk:
    """No byte is left for `seconds` under load; then there is room again and a broker that gave up is started."""

    disk: Path
    seconds: float = 8.0
    while_full: Counter[str] = field(default_factory=Counter)  # what the intake answered meanwhile

    async def __call__(self, pipe: Pipe, out: Outcome, rnd: random.Random) -> None:
        assert isinstance(pipe.broker, EmbeddedBroker)
        await asyncio.sleep(3)
        before = Counter(out.answers)
        ballast = self.disk / "ballast"
        began = time.monotonic()
        while time.monotonic() - began < self.seconds:  # what Kafka deletes is taken too
            await asyncio.to_thread(_fill, ballast)
            await asyncio.sleep(0.2)
        self.while_full = Counter(out.answers) - before
        ended = not pipe.broker.alive()
        out.kills["disk full, broker gave up" if ended else "disk full"] += 1
        ballast.unlink()
        if ended:
            pipe.broker.kill()  # it is dead; its lock and log are closed
            pipe.broker.launch()
            await asyncio.to_thread(pipe.broker.wait_ready)
        await asyncio.sleep(3)


def _fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    if file.write(b"\0" * size) < size:
                        break
