"""Child processes that do not outlive their parent, their logs, and the way they are ended.

A child keeps its place in the parent's process tree but has its own process group, so that Ctrl-C in
a terminal reaches the parent only and the parent can end its children in order. When the parent
dies without ending them, Linux ends them (PR_SET_PDEATHSIG); elsewhere, and for whatever slips
through, Python children watch for the parent themselves (`watch_parent`) and other programs run under
a guard that does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

PARENT = "CITYOPS_PARENT"  # environment variable with the pid of the process that must stay alive
_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None

# Run by `python -c` around a program that cannot watch for itself, where the kernel does not do it.
_GUARD = """
import os, signal, subprocess, sys, time
parent = int(sys.argv[1])
child = subprocess.Popen(sys.argv[2:])
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: child.terminate())
while child.poll() is None:
    if os.getppid() != parent:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
    time.sleep(0.2)
sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)
"""


def _die_with_parent() -> None:
    """Runs in the child between fork and exec."""
    assert _libc is not None
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    guard: bool = False,
    kernel: bool = _LINUX,
    **popen: Any,
) -> subprocess.Popen[bytes]:
    """Start a child that ends when this process ends.

    `guard` wraps a program that does not call `watch_parent` (Java) where the kernel does not help. Call
    this from a thread that lives as long as the process: on Linux the child is bound to the thread.
    """
    environment = {**(os.environ if env is None else env), PARENT: str(os.getpid())}
    if guard and not kernel:
        command = [sys.executable, "-S", "-E", "-c", _GUARD, str(os.getpid()), *command]
    return subprocess.Popen(
        command,
        env=environment,
        process_group=0,
        preexec_fn=_die_with_parent if kernel else None,
        **popen,
    )


def watch_parent(poll_s: float = 0.5, grace_s: float = 10.0) -> threading.Thread | None:
    """In a child: end this process when the one named by $CITYOPS_PARENT is no longer its parent.

    First politely (SIGTERM to itself, so that servers close), after `grace_s` at once.
    """
    parent = os.environ.get(PARENT, "")
    if not parent.isdigit():
        return None

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(poll_s)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_s)
        os._exit(1)

    thread = threading.Thread(target=watch, name="watch-parent", daemon=True)
    thread.start()
    return thread


def stop(process: subprocess.Popen[bytes], grace_s: float) -> bool:
    """SIGTERM, and SIGKILL after `grace_s`; waits for the end. False when it had to be killed."""
    if process.poll() is not None:
        return True
    process.terminate()
    try:
        process.wait(max(grace_s, 0.05))
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


class BoundedLog:
    """A log file of at most twice `max_bytes` (`name.log` and `name.log.1`) that remembers its last lines.

    A full disk never stops a process: lines that cannot be written are only remembered.
    """

    def __init__(self, path: Path, max_bytes: int = 4 * 1024 * 1024, remember: int = 60) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.last: deque[str] = deque(maxlen=remember)
        self._max = max_bytes
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._size = path.stat().st_size
        self._lock = threading.Lock()

    def write(self, line: bytes) -> None:
        """Append one line (bytes with or without the newline)."""
        line = line.rstrip(b"\r\n") + b"\n"
        with self._lock:
            self.last.append(line.decode("utf-8", "replace").rstrip())
            try:
                if self._size + len(line) > self._max:
                    self._file.close()
                    self.path.replace(self.path.with_name(self.path.name + ".1"))
                    self._file = self.path.open("ab", buffering=0)
                    self._size = 0
                self._file.write(line)
                self._size += len(line)
            except (OSError, ValueError):
                pass

    def close(self) -> None:
        with self._lock:
            self._file.close()


def pump(source: IO[bytes], log: BoundedLog, each: Callable[[bytes], None] | None = None) -> threading.Thread:
    """Copy lines from a child's pipe to its log until the pipe closes; `each` sees every line first."""

    def copy() -> None:
        with source:
            for line in source:
                if each is not None:
                    each(line)
                log.write(line)

    thread = threading.Thread(target=copy, name=f"log-{log.path.stem}", daemon=True)
    thread.start()
    return thread
