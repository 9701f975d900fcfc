"""A progress bar on stderr."""

from __future__ import annotations

import sys
import time

from streams.cli.found import minute


class Bar:
    """A progress bar on stderr: a moving line on a terminal, else a line each tenth."""

    def __init__(self, readings: int) -> None:
        self._readings = readings
        self._tty = sys.stderr.isatty()
        self._last: tuple[str, int] = ("", -1)
        self._shown = 0.0

    def show(self, phase: str, share: float, readings: int, ts_ms: int) -> None:
        tenth = int(share * 10)
        now = time.monotonic()
        if (phase, tenth) == self._last and not (self._tty and now - self._shown > 0.1):
            return
        self._last, self._shown = (phase, tenth), now
        text = f"{phase:>16}"
        if ts_ms:
            full = round(share * 24)
            text += f" [{'█' * full}{'·' * (24 - full)}] {share:4.0%}  {readings:,}/{self._readings:,}  {minute(ts_ms)}"
        print(f"\r{text}\x1b[K" if self._tty else text, end="" if self._tty else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._tty and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = 0.0
