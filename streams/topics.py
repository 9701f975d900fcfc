"""Names, partitions and retention of every topic, and the tables that give a partition.

A run's topics are the same with the prefix ``run.<id>.`` before them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DOMAINS: tuple[str, ...] = ("water", "gas", "pipeline", "traffic")
DOMAIN_LETTER: Mapping[str, str] = {"water": "W", "gas": "G", "pipeline": "P", "traffic": "T"}
LETTER_DOMAIN: Mapping[str, str] = {letter: domain for domain, letter in DOMAIN_LETTER.items()}

DETECTIONS = "detections"
COMMANDS = "commands"
RESULTS = "command.results"
ALERTS = "alerts"
REJECTED = "readings.rejected"
RESENT = "rejects.resent"
TRUTH = "truth"
REFERENCE: tuple[str, ...] = ("assets", "fences", "profiles", "policies", "duty")
ASSETS, FENCES, PROFILES, POLICIES, DUTY = REFERENCE
LEDGERS: tuple[str, ...] = ("packer", "detect", "alerts")

COUNTIES: tuple[str, ...] = (
    "522601", "522622", "522623", "522624", "522625", "522626", "522627", "522628",
    "522629", "522630", "522631", "522632", "522633", "522634", "522635", "522636",
)  # fmt: skip
COUNTY_SLOT: Mapping[str, int] = {code: i for i, code in enumerate(COUNTIES)}

_DAY_MS = 86_400_000
_RUN = re.compile(r"run\.([^.]+)\.")


def raw(domain: str) -> str:
    return f"readings.raw.{domain}"


def packed(domain: str) -> str:
    return f"readings.{domain}"


def ledger(app: str) -> str:
    """The compacted topic that keeps the state of an app's ledgers."""
    return f"ledger.{app}"


def county_partition(county: str, partitions: int) -> int:
    """Partition of a routing county: its place in `COUNTIES`, wrapped. Unknown counties share partition 0."""
    return COUNTY_SLOT.get(county[:6], 0) % partitions


@dataclass(frozen=True)
class TopicSpec:
    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


def specs(partitions: int, prefix: str = "") -> list[TopicSpec]:
    """Every topic of a run with its settings."""
    log = {"cleanup.policy": "delete"}
    day = {**log, "retention.ms": str(_DAY_MS), "segment.ms": str(_DAY_MS // 4)}
    table = {"cleanup.policy": "compact"}
    big = {"max.message.bytes": str(12 * 1024 * 1024)}
    arrival = {"message.timestamp.type": "LogAppendTime"}  # time is the broker's: no sender's clock moves a deadline
    out = [TopicSpec(raw(d), partitions, {**day, **big, **arrival}) for d in DOMAINS]
    out += [TopicSpec(packed(d), partitions, {**day, **big}) for d in DOMAINS]
    out += [
        TopicSpec(REJECTED, 1, {**log, **big, "retention.ms": str(7 * _DAY_MS)}),
        TopicSpec(RESENT, 1, {**log, **big, "retention.ms": str(30 * _DAY_MS)}),  # outlives what it speaks of
        TopicSpec(DETECTIONS, partitions, {**log, **arrival, "retention.ms": str(7 * _DAY_MS)}),
        TopicSpec(COMMANDS, partitions, {**log, **arrival, "retention.ms": str(7 * _DAY_MS)}),
        TopicSpec(RESULTS, 1, {**log, "retention.ms": str(_DAY_MS)}),
        TopicSpec(ALERTS, partitions, {**log, "retention.ms": "-1"}),
        TopicSpec(TRUTH, 1, {**log, "retention.ms": "-1"}),
    ]
    out += [TopicSpec(name, 1, table) for name in REFERENCE]
    out += [
        TopicSpec(ledger(app), partitions, {**table, "min.cleanable.dirty.ratio": "0.2", "segment.ms": "600000"})
        for app in LEDGERS
    ]
    return [TopicSpec(prefix + s.name, s.partitions, s.config) for s in out]


def follow_setting(prefix: str = "") -> frozenset[str]:
    """Topics whose partitions are CITYOPS_PARTITIONS: all of them have to have the same number.

    >>> "alerts" in follow_setting(), "assets" in follow_setting()
    (True, False)
    """
    one, two = specs(1, prefix), specs(2, prefix)
    return frozenset(a.name for a, b in zip(one, two, strict=True) if a.partitions != b.partitions)


def run_of(topic: str) -> str:
    """Run id of a topic's name.

    >>> run_of("run.storm1.alerts"), run_of("alerts")
    ('storm1', '')
    """
    match = _RUN.match(topic)
    return match.group(1) if match else ""
