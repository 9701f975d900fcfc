"""Policies through the real pipe: from the command line to the log of the alerts' partitions, with their versions."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from streams import cli, config, topics
from streams.alerts.policy import Policy
from streams.kafka import create_topics
from streams.ledger_io import read_range
from streams.registry import read_all
from streams.settings import Settings
from tests.integration.small_city import Pipe, settings_of

pytestmark = pytest.mark.integration


async def told(settings: Settings, partition: int, wanted: str) -> Policy:
    """Wait until the packer has written this version into a partition of the alerts' log."""
    where = TopicPartition(settings.prefix + topics.DETECTIONS, partition)
    async with asyncio.timeout(60):
        while True:
            async for record in read_range(settings, where, 0, 2**62):
                for policy in config.decode(record.value).policies if record.key == config.KEY else ():
                    if f"{policy.id}@{policy.version}" == wanted:
                        return policy
            await asyncio.sleep(0.2)


def test_put_show_history_and_reset(broker: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(broker, f"policies{uuid.uuid4().hex[:6]}", clock="wall", tick_s=0.5)
    create_topics(settings)
    at = ["--broker", broker, "--prefix", settings.prefix]
    file = tmp_path / "p.toml"

    def run(code: int, *words: str) -> str:
        assert cli.run(["policies", *words, *at]) == code
        said = capsys.readouterr()
        return said.out or said.err

    text = run(0, "show", "522601", "--toml")  # what ships, until there is another
    assert 'id = "522600"\nversion = 0\n' in text
    file.write_text(
        text.replace("522600", "522601").replace("supervise_after = 0.5", "supervise_after = 0.25"), "utf-8"
    )
    pipe = Pipe(settings, tmp_path)
    pipe.start("packer")
    try:
        assert run(0, "put", str(file), "--by", "li") == "522601: in force as version 1\n"
        for partition in range(settings.partitions):
            assert asyncio.run(told(settings, partition, "522601@1")).supervise_after == 0.25
        stale = run(2, "put", str(file))
        assert "version: is 0, but it is 1 by now: look at it again, then write 1, or use --force" in stale
        file.write_text(run(0, "show", "522601", "--toml"), "utf-8")
        assert run(0, "put", str(file)) == "522601: in force as version 1, unchanged\n"
        assert "supervised 25% of its time later" in run(0, "show", "522601001", "--lang", "en")
        assert "supervised 50% of its time later" in run(0, "show", "522622", "--lang", "en")
        assert run(0, "reset", "522601", "--by", "wu") == "522601: its own policy ended with version 2\n"
        assert asyncio.run(told(settings, 3, "522601@2")).removed
        assert "supervised 50% of its time later" in run(0, "show", "522601", "--lang", "en")
        assert "522601 has no policy of its own" in run(2, "reset", "522601")
        rows = [json.loads(line) for line in run(0, "history", "522601", "--json").splitlines()]
        assert [(r["version"], r["by"], r["removed"]) for r in rows] == [(1, "li", False), (2, "wu", True)]
        assert "supervise_after = 0.25" in run(0, "show", "522601", "--version", "1", "--toml")
        assert "policy 522601 has no version 7; there are 1, 2" in run(2, "show", "522601", "--version", "7")
        assert run(0, "history").startswith("522600  v0 ")
        assert read_all(settings).policies["522601"].version == 2
    finally:
        pipe.stop()
