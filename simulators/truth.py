"""Truth to score against: incident intervals that were simulated, or officers' verdicts on real alerts.

One JSON object a line: `kind domain zone sensors start_ms end_ms size class seed`, and where known `lon lat` of the
place, `verdict`, and `id` of the alert that it was made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from geo.moments import epoch_ms
from streams.alerts.table import VERDICTS
from streams.errors import UsageError, explain

HAPPENED = ("", "real", "equipment")  # verdicts of what was there to be found
EXCUSED = ("works", "planned", "duplicate")  # an alert of these is neither right nor wrong


class Truth(Struct, frozen=True, kw_only=True, rename={"cls": "class"}):
    """One incident, or what an officer found in the place of one."""

    kind: str
    domain: str
    sensors: tuple[str, ...] = ()
    start_ms: int
    end_ms: int
    zone: str = ""
    size: float = 0.0
    size_unit: str = ""
    cls: str = "hazard"
    seed: int = 0
    lon: float | None = None
    lat: float | None = None
    verdict: str = ""
    id: str = ""


def read_truth_file(path: Path) -> list[Truth]:
    """All of a file. Raises UsageError with the line."""
    return [_truth(row, f"{path.name}: line {n}") for n, row in lines(path)]


def _truth(row: Any, where: str) -> Truth:
    try:
        made = msgspec.convert(row, Truth)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: is no truth record: {error}; docs/replay.md has its fields") from None
    if made.end_ms <= made.start_ms:
        raise UsageError(f"{where}: ends before it starts")
    if made.verdict and made.verdict not in VERDICTS:
        raise UsageError(f"{where}: verdict {made.verdict!r} is none of {', '.join(VERDICTS)}")
    return made


def lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(number, object) of each line of JSON that is not empty. Raises UsageError with the line."""
    try:
        with path.open("rb") as file:
            for n, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield n, json.loads(line)
                    except ValueError as error:
                        raise UsageError(f"{path.name}: line {n} is no JSON: {error}") from None
    except OSError as error:
        raise explain(error) from None


def from_verdicts(alerts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Truth records of the alerts that an officer assessed, oldest first; `alerts` as `Outcome` gives them."""
    out = []
    for a in alerts:
        if a["verdict"] is None or a["verdict"] not in VERDICTS:
            continue
        start, end = epoch_ms(a["first_seen"]), epoch_ms(a["ended"] or a["last_seen"])
        out.append(
            {
                "kind": a["kind"], "domain": a["domain"], "zone": a["zone"], "sensors": a["sensors"], "start_ms": start,
                "end_ms": max(end, start + 1), "size": 0.0, "lon": a["lon"], "lat": a["lat"], "verdict": a["verdict"],
                "class": "equipment" if a["verdict"] == "equipment" else a["class"], "id": a["id"],
            }
        )  # fmt: skip
    return out
