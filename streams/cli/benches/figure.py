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
    """One measured value; `goal` is "<= x" or ">= x" (or empty), `ok` whether it was met.

    >>> Figure("smoke.rss_mb", 850.0, "MB", "<= 1200").ok
    True
    """

    name: str
    value: float
    unit: str
    goal: str = ""
    n: int = 1
    detail: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sign, _, bound = self.goal.partition(" ")
        if self.goal and (sign not in ("<=", ">=") or not bound):
            raise ValueError(f"{self.name}: goal {self.goal!r}, want '<= x' or '>= x'")

    @property
    def ok(self) -> bool:
        """True without a goal; a value that is not a number meets none."""
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


def line(figure: Figure) -> str:
    """The figure for people: small values keep their digits."""
    value = f"{figure.value:,.1f}" if abs(figure.value) >= 10 else f"{figure.value:,.3f}"
    mark = "" if not figure.goal else (" ok" if figure.ok else " MISSED")
    return f"{figure.name:38} {value:>16} {figure.unit:12} {figure.goal}{mark}".rstrip()


def report(figures: Iterable[Figure], as_json: bool, out: str | None) -> None:
    """Print a line a figure as it comes; what was measured is written to `out` even when a later stage fails."""
    rows: list[dict[str, Any]] = []
    try:
        for figure in figures:
            rows.append(figure.row())
            print(json.dumps(rows[-1]) if as_json else line(figure), flush=True)
    finally:
        if out:
            Path(out).write_text(json.dumps({"machine": machine(), "figures": rows}, indent=1) + "\n", "utf-8")
