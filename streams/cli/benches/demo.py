"""A whole demo system of a benchmark's own."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streams.cli.benches.bed import PROGRAM
from streams.errors import CityopsError


@contextmanager
def system(folder: Path) -> Iterator[dict[str, Any]]:
    """`cityops up --demo` with its data in `folder`; yields its ready line and pid."""
    command = [*PROGRAM, "up", "--demo", "--port", "0", "--data", str(folder), "--no-browser", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    errors: list[str] = []
    threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True).start()
    try:
        line = process.stdout.readline()
        if not line:
            raise CityopsError(f"cityops up did not come up: {(errors or ['no message'])[-1].strip()}")
        yield {**json.loads(line), "pid": process.pid}
    finally:
        process.send_signal(2)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def memory_mb(pid: int) -> float:
    """Resident memory of a process and all below it."""
    import psutil

    parent = psutil.Process(pid)
    return float(sum(p.memory_info().rss for p in [parent, *parent.children(recursive=True)]) / 1e6)


def cpu_by_process(pid: int) -> dict[str, float]:
    """Processor seconds so far of each process of the system, by its command."""
    import psutil

    out: dict[str, float] = {}
    for child in psutil.Process(pid).children(recursive=True):
        try:
            words, times = child.cmdline(), child.cpu_times()
        except psutil.Error:
            continue
        if "streams.cli" in words:
            at = words.index("streams.cli")
            name = " ".join(w for w in words[at + 1 : at + 3] if not w.startswith("-"))
        else:
            name = "broker" if words and words[0].endswith("java") else ""
        if name:
            out[name] = out.get(name, 0.0) + times.user + times.system
    return out
