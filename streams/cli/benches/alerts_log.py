"""What an alerts worker left behind: the alert log, its state, and what is wrong with them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson
from aiokafka import TopicPartition

from streams import topics
from streams.alerting import ALERT
from streams.cli.benches.bed import committed_records
from streams.cli.benches.chaos_outcome import drained
from streams.events import Alert
from streams.ledger_io import read_state
from streams.settings import Settings

GROUP = "group:"  # assets of groups begin so
TOUCHES = ("repeat", "link")  # records of these repeat the version


def log_of(settings: Settings, since_ms: int = 0) -> Iterator[tuple[dict[str, Any], dict[str, Any], int]]:
    """(alert, transition, stamp of the record in ms) of committed records, a partition's in order."""
    for record in committed_records(settings, settings.prefix + topics.ALERTS, since_ms):
        value = orjson.loads(record.value)
        yield value["alert"], value["transition"], record.timestamp


def settled(settings: Settings, seconds: float = 300.0) -> None:
    """Wait until the alerts app has taken every detection and command; raises CityopsError."""

    async def wait() -> None:
        for name in (topics.DETECTIONS, topics.COMMANDS):
            await drained(settings, "alerts", name, seconds)

    asyncio.run(wait())


def state_of(settings: Settings) -> dict[str, Alert]:
    """Alerts by id as the next owner of the partitions would have them."""

    async def read() -> dict[str, Alert]:
        out: dict[str, Alert] = {}
        for p in range(settings.partitions):
            state = await read_state(settings, TopicPartition(settings.prefix + topics.ledger("alerts"), p))
            found = (msgspec.msgpack.decode(v, type=Alert) for k, v in state.items() if k.startswith(ALERT))
            out |= {a.id: a for a in found}
        return out

    return asyncio.run(read())


class Faults:
    """Twins in a log: two alerts of one episode, a version made twice, a notice with a key that was used."""

    def __init__(self) -> None:
        self.records = self.transitions = self.notices = 0
        self._made: Counter[tuple[str, int]] = Counter()
        self._raised: Counter[tuple[str, str, str, int]] = Counter()
        self._told: Counter[tuple[str, str]] = Counter()

    def look(self, alert: dict[str, Any], transition: dict[str, Any]) -> None:
        self.records += 1
        self.notices += len(transition["tell"])
        for notice in transition["tell"]:
            self._told[alert["id"], notice["key"]] += 1
        if transition["trigger"] in TOUCHES:
            return
        self.transitions += 1
        self._made[alert["id"], alert["version"]] += 1
        if transition["trigger"] == "raise":
            self._raised[alert["run"], alert["assets"][0], alert["kind"], alert["episode"]] += 1

    @property
    def twins(self) -> int:
        return _more(self._raised)

    @property
    def doubled(self) -> int:
        return _more(self._made)

    @property
    def told_twice(self) -> int:
        return _more(self._told)


def _more(counts: Counter[Any]) -> int:
    return sum(n - 1 for n in counts.values() if n > 1)
