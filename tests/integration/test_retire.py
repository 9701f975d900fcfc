"""A sensor with an open alert is retired: the alert clears with that reason, its readings are refused. All real."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from streams import cli, topics
from streams.intake.rejects import read
from streams.kafka import create_topics, kafka_python_kwargs
from streams.ledger_io import read_range
from streams.registry import publish
from streams.settings import Settings
from tests.integration.small_city import Pipe, registry, settings_of

WELL = "522601-G-CH4-000000"
pytestmark = pytest.mark.integration


def send(settings: Settings, values: list[float]) -> None:
    from kafka import KafkaProducer

    now = int(time.time() * 1000)
    rows = [{"sensor": WELL, "ts": now - 1000 * (len(values) - k), "value": v} for k, v in enumerate(values)]
    producer = KafkaProducer(**kafka_python_kwargs(settings))
    producer.send(settings.prefix + topics.raw("gas"), json.dumps(rows).encode(), partition=0).get(timeout=10)
    producer.close()


async def alerts(settings: Settings) -> list[dict[str, Any]]:
    found = []
    for p in range(settings.partitions):
        async for record in read_range(settings, TopicPartition(settings.prefix + topics.ALERTS, p), 0, 2**62):
            found.append(json.loads(record.value))  # noqa: PERF401
    return found


def until(settings: Settings, trigger: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120  # the detectors may have to be compiled first
    while time.monotonic() < deadline:
        for said in asyncio.run(alerts(settings)):
            if said["transition"]["trigger"] == trigger:
                return said
        time.sleep(0.3)
    raise AssertionError(f"no {trigger} within 120 s")


def test_a_retired_sensors_alert_clears_and_its_readings_are_refused(broker: str, tmp_path: Path) -> None:
    settings = settings_of(broker, f"retire{uuid.uuid4().hex[:6]}", clock="wall", tick_s=0.5)
    create_topics(settings)
    publish(settings, registry(1))
    pipe = Pipe(settings, tmp_path)
    for name in ("packer", "detect", "alerts"):
        pipe.start(name)
    try:
        send(settings, [60.0] * 10)
        raised = until(settings, "raise")["alert"]
        assert cli.run(["sensors", "retire", WELL, "--broker", broker, "--prefix", settings.prefix]) == 0
        cleared = until(settings, "clear")
        assert (cleared["alert"]["id"], cleared["alert"]["condition"]) == (raised["id"], "CLEARED")
        assert "retired" in cleared["transition"]["reason"]["en"], cleared["transition"]
        send(settings, [60.0])
        deadline = time.monotonic() + 15
        while not (refused := list(read(settings))) and time.monotonic() < deadline:
            time.sleep(0.3)
        assert "is retired: register the new device under a new id" in refused[0].reason
    finally:
        pipe.stop()
