"""Sustained load: alerts are raised, acknowledged, cleared, assessed, closed, each step after the one before is seen.

A fixed number of alerts is under way; a closed one makes room for the next. So the worker is always busy and no command
meets another version than the one it names. Memory may not grow once the closed alerts that are kept are full.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import orjson

from streams import topics
from streams.cli.benches.alerts_bed import Minded, bed, load_average
from streams.cli.benches.alerts_load import detection, message
from streams.cli.benches.alerts_log import GROUP, TOUCHES
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError
from streams.events import Command
from streams.kafka import aiokafka_kwargs
from streams.settings import Settings

SECONDS, QUICK_SECONDS = 600, 30
UNDER_WAY = 1_200
FILL_S, QUICK_FILL_S = 90, 15  # until the closed alerts that are kept are full
STALLED_S = 60.0


@dataclass
class Drive:
    """The alerts under way, by what the log says of them."""

    settings: Settings
    made: int = 0  # transitions
    closed: int = 0
    assets: int = 0
    triggers: Counter[str] = field(default_factory=Counter)
    _numbers: dict[str, int] = field(default_factory=dict)  # asset -> k
    _versions: dict[str, int] = field(default_factory=dict)

    def more(self) -> dict[str, Any]:
        """Raise the next asset."""
        k, self.assets = self.assets, self.assets + 1
        d = detection(k, int(time.time() * 1000))
        self._numbers[d.asset] = k
        return message(self.settings, d)

    def after(self, alert: dict[str, Any], trigger: str) -> list[dict[str, Any]]:
        """What a record of the log makes its people and its sensor do."""
        if trigger in TOUCHES or self._versions.get(alert["id"], 0) >= alert["version"]:
            return []
        self._versions[alert["id"]] = alert["version"]
        self.made += 1
        self.triggers[trigger] += 1
        asset = alert["assets"][0]
        if alert["handling"] == "CLOSED":
            del self._versions[alert["id"]]
            self.closed += 1
            if asset.startswith(GROUP):
                return []
            self._numbers.pop(asset, None)
            return [self.more()]
        if not alert["acks"]:
            return [self._command(alert, "ack")]
        if alert["condition"] == "ACTIVE" and asset in self._numbers:
            if trigger != "ack":
                return []  # told of something else meanwhile; its clear is on its way
            k = self._numbers[asset]
            return [message(self.settings, detection(k, int(time.time() * 1000), "clear"))]
        if alert["condition"] != "CLEARED":
            return []
        if alert["verdict"] is None:
            return [self._command(alert, "assess", verdict="false_alarm")]
        return [self._command(alert, "close")]

    def _command(self, alert: dict[str, Any], name: str, **params: str) -> dict[str, Any]:
        county = alert["path"]["county"] or alert["unit"]["code"][:6]
        id_ = f"{alert['id']}-{alert['version']}"
        c = Command(
            id=id_, key=id_, alert=alert["id"], county=county, command=name, version=alert["version"], by="bench",
            role="commander", unit="522600", at_ms=0,
            params={k: msgspec.Raw(msgspec.json.encode(v)) for k, v in params.items()},
        )  # fmt: skip
        partition = topics.county_partition(county, self.settings.partitions)
        topic = self.settings.prefix + topics.COMMANDS
        return {"topic": topic, "value": msgspec.json.encode(c), "key": county.encode(), "partition": partition}


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `alerts.transitions_per_s` and `.rss_growth_mb`. Raises CityopsError when the log stands still."""
    seconds = QUICK_SECONDS if quick else SECONDS
    with bed(say) as settings:
        worker = Minded(settings)
        try:
            say(f"{UNDER_WAY:,} alerts under way for {seconds} s…")
            drive = Drive(settings)
            marks = asyncio.run(_drive(drive, worker, seconds))
        finally:
            worker.stop()
        if worker.starts > 1:
            raise CityopsError(f"the alerts worker ended: {worker.worker.last_words()}")
    at = np.array([m[0] for m in marks])
    made, cpu, rss = (np.array([m[n] for m in marks], float) for n in (1, 2, 3))
    rates = np.diff(made) / np.diff(at)
    detail = {
        "seconds": round(float(at[-1] - at[0])), "transitions": drive.made, "alerts_closed": drive.closed,
        "worst_5_s": round(float(rates.min())), "best_5_s": round(float(rates.max())), "load": load_average(),
        "worker_cores": round(float((cpu[-1] - cpu[0]) / (at[-1] - at[0])), 2),
        "per_worker_cpu_s": round(float((made[-1] - made[0]) / (cpu[-1] - cpu[0]))), "triggers": dict(drive.triggers),
    }  # fmt: skip
    rate = float((made[-1] - made[0]) / (at[-1] - at[0]))
    yield Figure("alerts.transitions_per_s", rate, "transitions/s", ">= 1000", drive.made, detail)
    full = rss[at - at[0] >= (QUICK_FILL_S if quick else FILL_S)]
    grown = {"from_mb": round(float(full[0])), "to_mb": round(float(full[-1])), "begun_mb": round(float(rss[0]))}
    yield Figure("alerts.rss_growth_mb", float(full[-1] - full[0]), "MB", "<= 20", len(full), grown)


Mark = tuple[float, int, float, float]  # monotonic s, transitions, CPU s of the worker, its MB


async def _drive(drive: Drive, worker: Minded, seconds: float) -> list[Mark]:
    """A mark each 5 s, the first one when the load is up."""
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    s = drive.settings
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False, isolation_level="read_committed", auto_offset_reset="earliest", **aiokafka_kwargs(s)
    )
    producer = AIOKafkaProducer(linger_ms=5, **aiokafka_kwargs(s))
    await consumer.start()
    await producer.start()
    marks: list[Mark] = []
    try:
        consumer.assign([TopicPartition(s.prefix + topics.ALERTS, p) for p in range(s.partitions)])
        for _ in range(UNDER_WAY):
            await producer.send(**drive.more())
        begun = moved = time.monotonic()
        while not marks or time.monotonic() - marks[0][0] < seconds:
            before = drive.made
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    value = orjson.loads(record.value)
                    for what in drive.after(value["alert"], value["transition"]["trigger"]):
                        await producer.send(**what)
            now = time.monotonic()
            moved = now if drive.made > before else moved
            if now - moved > STALLED_S:
                raise CityopsError(f"no transition for {STALLED_S:.0f} s after {drive.made:,}: {drive.triggers}")
            if now - begun >= 5 and (not marks or now - marks[-1][0] >= 5):
                marks.append((now, drive.made, worker.worker.cpu_s(), worker.worker.rss_mb()))
    finally:
        await consumer.stop()
        await producer.stop()
    return marks
