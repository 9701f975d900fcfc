"""Fences and profiles through the real pipe: they reach running detectors and those that start later."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from streams import cli, codec, topics
from streams.kafka import create_topics
from streams.ledger_io import read_range
from streams.registry import publish, read_all
from streams.settings import Settings
from tests.integration.small_city import Pipe, registry, settings_of
from tests.integration.test_retire import alerts, send, until

pytestmark = pytest.mark.integration
SHAPE = {"type": "unit", "unit": "522601"}
QUIET: dict[str, Any] = {
    "id": "quiet", "name": {"zh": "试验", "en": "trial"}, "kind": "custom", "shape": SHAPE,
    "until": "2099-01-01T00:00:00Z", "effect": {"suppress": ["gas_concentration"]},
}  # fmt: skip
PROFILE = """[methane]
quantity_zh = "甲烷浓度"
quantity_en = "methane"
unit = "%LEL"
decimals = 1
high = "gas_concentration"
adaptive = { up = 0, down = 0 }
limits = { high_1 = 2, high_2 = 25, high_3 = 50 }
"""


async def told(settings: Settings, wanted: set[str]) -> None:
    """Wait until the packer has written such records into the gas readings of partition 0."""
    where = TopicPartition(settings.prefix + topics.packed("gas"), 0)
    async with asyncio.timeout(60):
        async for record in read_range(settings, where, 0, 2**62):
            wanted -= {c["type"] for c in codec.unpack(record.value).cfg}
    if wanted:
        await asyncio.sleep(0.3)
        await told(settings, wanted)


def test_fences_and_profiles_reach_running_and_later_workers(broker: str, tmp_path: Path) -> None:
    settings = settings_of(broker, f"fences{uuid.uuid4().hex[:6]}", clock="wall", tick_s=0.5)
    create_topics(settings)
    publish(settings, registry(1))
    at = ["--broker", broker, "--prefix", settings.prefix]
    (tmp_path / "f.json").write_text(json.dumps(QUIET), "utf-8")
    (tmp_path / "gas.toml").write_text(PROFILE, "utf-8")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "gas.toml").write_text("[methane]\nlimits = 3\n", "utf-8")
    pipe = Pipe(settings, tmp_path)
    for name in ("packer", "detect", "alerts"):
        pipe.start(name)
    try:
        assert cli.run(["fences", "put", str(tmp_path / "f.json"), *at]) == 0
        assert cli.run(["profiles", "put", str(tmp_path / "bad" / "gas.toml"), *at]) == 2
        assert cli.run(["profiles", "put", str(tmp_path / "gas.toml"), *at]) == 0
        asyncio.run(told(settings, {"fence", "profiles"}))
        send(settings, [4.0] * 10)  # below the level that ships (10), above the one put in force
        raised = until(settings, "raise")["alert"]
        assert raised["evidence"]["limit"] == 2.0
        assert [f["id"] for f in raised["fences"]] == ["quiet"]
        assert raised["suppressions"] == []  # a hard limit of gas is told whatever a fence says
        pipe.stop()
        pipe.processes.clear()
        assert cli.run(["fences", "remove", "quiet", *at]) == 0
        gone = read_all(settings).fences["quiet"]
        assert (gone.removed, gone.version) == (True, 2)
        for name in ("packer", "detect", "alerts"):
            pipe.start(name)
        deadline = time.monotonic() + 150
        last: dict[str, Any] = {}
        while time.monotonic() < deadline and (not last or last["fences"]):
            send(settings, [30.0] * 5)
            time.sleep(1)
            last = asyncio.run(alerts(settings))[-1]["alert"]
        assert last["fences"] == []
        assert last["id"] == raised["id"]
    finally:
        pipe.stop()
