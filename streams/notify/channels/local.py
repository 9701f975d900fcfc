"""Channels of the demo: a file of JSON lines in the data folder, and the log of the process."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import msgspec

from geo.moments import rfc3339
from streams.notify.channels.base import Envelope, Outcome
from streams.notify.masking import masked

LONGEST = 16 * 1024 * 1024


class LinesFile:
    """Appends a line a message; the file before is kept as `.1`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()

    async def send(self, e: Envelope) -> Outcome:
        async with self._lock:
            try:
                await asyncio.to_thread(self._append, line(e))
            except OSError as error:
                return Outcome(False, f"{self._path.name}: {error.strerror or error}")
        return Outcome(True, arrived=True)

    def _append(self, text: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size > LONGEST:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        with self._path.open("ab") as file:
            file.write(text)
            file.flush()


class Console:
    async def send(self, e: Envelope) -> Outcome:
        print(f"{e.channel} {masked(e.address)}: {e.text}", file=sys.stderr, flush=True)
        return Outcome(True, arrived=True)


def line(e: Envelope) -> bytes:
    """The address is masked: the file is for looking, not for sending."""
    return (
        msgspec.json.encode(
            {
                "at": rfc3339(int(time.time() * 1000)), "id": e.key, "channel": e.channel, "address": masked(e.address),
                "person": e.person, "severity": e.severity, "mode": e.mode, "why": e.why, "text": e.text,
                "code": e.code, "due": e.due, "alerts": e.alerts,
            }
        )
        + b"\n"
    )  # fmt: skip
