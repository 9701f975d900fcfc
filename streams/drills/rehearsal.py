"""A drill in this process, without Kafka: the same logic as the alerts worker's, fed with the same messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from streams import topics
from streams.alerting import AlertsLogic
from streams.drills.play import Answer, Refused, acts
from streams.drills.scene import Scene
from streams.outbox import Outbox
from streams.settings import Settings


@dataclass
class Message:
    """A record as a ledger is fed it."""

    topic: str
    key: bytes | None
    value: bytes | None
    offset: int = 0
    partition: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


def rehearse(
    scene: Scene, run: str, show: Callable[[dict[str, Any]], None] = lambda record: None
) -> tuple[list[dict[str, Any]], Refused]:
    """(records of `alerts` as public JSON, refused orders); `show` is told each record."""
    settings = Settings({"prefix": f"run.{run}.", "partitions": 1, "mode": "exercise"}, env={})
    logic = AlertsLogic(settings)
    logic.restore({})
    out: list[dict[str, Any]] = []
    script, answer = acts(scene, run), None
    while True:
        try:
            act = script.send(answer) if answer else next(script)
        except StopIteration as end:
            return out, end.value
        records, results = _apply(logic, settings.prefix, act.topic, act.messages)
        for record in records:
            show(record)
        out += records
        answer = Answer(records, next((r for r in results if r["id"] == act.result), None))


def _apply(
    logic: AlertsLogic, prefix: str, topic: str, messages: Sequence[tuple[bytes | None, bytes]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(records, results) of these messages. What a run's alerts ask of each other is applied after them."""
    records, results, queue = [], [], [Message(prefix + topic, key, value) for key, value in messages]
    while queue:
        box = Outbox("rehearsal", {})
        for message in queue:
            logic.apply(message, box)
        logic.flush(box)
        queue = []
        for to, _, key, value, _ in box.records:
            if to == prefix + topics.ALERTS:
                records.append(msgspec.json.decode(value or b""))
            elif to == prefix + topics.RESULTS:
                results.append(msgspec.json.decode(value or b""))
            elif to == prefix + topics.COMMANDS:
                queue.append(Message(to, key, value))
    return records, results
