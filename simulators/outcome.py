"""What came of a run: the last state of each alert, with its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Result:
    """What came of a run. `alerts` are public alerts with `ended` (RFC 3339 or None), oldest first."""

    run: str
    file: str
    readings: int
    first_ms: int
    last_ms: int
    seconds: float
    worst_late_s: float = 0.0
    rejected: dict[str, int] = field(default_factory=dict)  # reason -> messages
    alerts: list[dict[str, Any]] = field(default_factory=list)


class Outcome:
    """Last states of alerts, from the records of the alert log in its order."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, Any]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """One record of the log, `{"alert", "transition"}`."""
        alert, trigger = record["alert"], record["transition"]["trigger"]
        ended = self._last.get(alert["id"], {}).get("ended")
        if trigger in ("raise", "reraise"):
            ended = None
        elif trigger == "clear":
            ended = record["transition"]["at"]
        self._last[alert["id"]] = {**alert, "ended": ended}

    def alerts(self) -> list[dict[str, Any]]:
        """Oldest first."""
        return sorted(self._last.values(), key=lambda a: (a["first_seen"], a["id"]))
