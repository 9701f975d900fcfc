"""What a benchmark yields: named figures with goals, printed a line each."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Say = Callable[[str], None]


@dataclass(frozen=True)
class Figure:
    """One measured value; `goal` is "<= x" or ">= x" (or empty), `ok` whether it was met."""

    name: str
    value: float
    unit: str
    goal: str = ""
    n: int = 1
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        if not self.goal:
            return True
        sign, _, bound = self.goal.partition(" ")
        return self.value <= float(bound) if sign == "<=" else self.value >= float(bound)

    def row(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


def machine() -> str:
    """The machine in one line, to stand beside figures."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def report(figures: Iterable[Figure], as_json: bool, out: str | None) -> None:
    """Print a line a figure, and write all of them to `out` where it is named."""
    rows = [f.row() for f in figures]
    for row in rows:
        if as_json:
            print(json.dumps(row), flush=True)
        else:
            mark = "" if not row["goal"] else (" ok" if row["ok"] else " MISSED")
            print(f"{row['name']:28} {row['value']:>14,.1f} {row['unit']:12} {row['goal']}{mark}", flush=True)
    if out:
        Path(out).write_text(json.dumps({"machine": machine(), "figures": rows}, indent=1) + "\n", "utf-8")
