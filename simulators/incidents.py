"""Labelled incidents: what was done to which sensors and when. The truth that detectors are scored against."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from simulators.noise import F64, I64

KINDS: dict[str, tuple[str, ...]] = {
    "water": ("burst", "contamination"),
    "gas": ("leak", "regulator_loss"),
    "pipeline": ("leak",),
    "traffic": ("blocked_lane",),
}
FAULTS = ("dropout", "flatline")
SIZE_UNIT = {
    ("water", "burst"): "mm orifice diameter",
    ("water", "contamination"): "fraction of the chlorine that is consumed",
    ("gas", "leak"): "m3/h of methane into the manhole",
    ("gas", "regulator_loss"): "fraction of the set pressure that is lost",
    ("pipeline", "leak"): "mm orifice diameter",
    ("traffic", "blocked_lane"): "fraction of the capacity that is blocked",
}


class Incident(Struct, frozen=True, kw_only=True):
    """One incident. `sensors[0]` is where it happens; the others are those it is expected to touch.

    `size` is in the unit of `SIZE_UNIT`; faults of a sensor (`FAULTS`) have size 0.
    """

    kind: str
    domain: str
    zone: str
    sensors: tuple[str, ...]
    start_ms: int
    end_ms: int
    size: float = 0.0

    def __post_init__(self) -> None:
        if self.end_ms <= self.start_ms:
            raise ValueError(f"incident {self.kind} in {self.zone}: it ends before it starts")
        if self.size < 0:
            raise ValueError(f"incident {self.kind} in {self.zone}: size {self.size} is negative")
        if not self.sensors:
            raise ValueError(f"incident {self.kind} in {self.zone}: no sensor is named")
        if self.kind not in (*KINDS.get(self.domain, ()), *FAULTS):
            raise ValueError(f"no incident {self.kind!r} in domain {self.domain!r}")

    @property
    def fault(self) -> bool:
        return self.kind in FAULTS


def truth(incident: Incident, seed: int = 0) -> dict[str, object]:
    """The JSON object of an incident on topic `truth` and in `truth.jsonl`."""
    record: dict[str, object] = msgspec.to_builtins(incident)
    record["class"] = "equipment" if incident.fault else "hazard"
    record["size_unit"] = SIZE_UNIT.get((incident.domain, incident.kind), "")
    record["seed"] = seed
    return record


def append_truth(path: Path, incident: Incident, seed: int = 0) -> bytes:
    """Append the record as one line and return its JSON."""
    line = json.dumps(truth(incident, seed), ensure_ascii=False).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(fd, line + b"\n")
    finally:
        os.close(fd)
    return line


def read_truth(path: Path) -> list[Incident]:
    """All incidents of a truth file, in its order."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    fields = set(Incident.__struct_fields__)
    return [msgspec.convert({k: v for k, v in line.items() if k in fields}, Incident) for line in lines]


def envelope(ts_ms: I64, incident: Incident, rise_s: float, fall_s: float, delay_s: float = 0.0) -> F64:
    """Strength 0..1 of an incident over time: float64[T].

    First-order rise from its start with time constant `rise_s`, first-order fall from its end with `fall_s`;
    `delay_s` shifts both (travel time).
    """
    t = (ts_ms - incident.start_ms) / 1000.0 - delay_s
    length = (incident.end_ms - incident.start_ms) / 1000.0
    up = 1.0 - np.exp(-np.clip(t, 0.0, length) / rise_s)
    return np.where(t <= 0, 0.0, up * np.exp(-np.maximum(t - length, 0.0) / fall_s))


def touching(incidents: Sequence[Incident], zone: str, ts_ms: I64, tail_s: float = 600.0) -> list[Incident]:
    """The hazards of a zone whose effect may lie in this span of time."""
    if not len(ts_ms):
        return []
    lo, hi = int(ts_ms.min()), int(ts_ms.max())
    return [
        i for i in incidents if i.zone == zone and not i.fault and i.start_ms <= hi and lo <= i.end_ms + tail_s * 1000
    ]
