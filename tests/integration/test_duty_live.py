"""Duty through the real Kafka: imported, all or nothing, and told to the alerts' partitions without numbers."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from streams import cli, config, topics
from streams.kafka import create_topics
from streams.ledger_io import read_range
from streams.registry import publish, read_duty
from streams.settings import Settings
from tests.integration.small_city import Pipe, registry, settings_of

pytestmark = pytest.mark.integration
PEOPLE = "编号,姓名,单位,短信,推送\nzhang,张三,522601,13900000001,\nli,李四,522601,,1\n"
TURNS = "place,role,team,starts\n522601,main,张三,2026-01-05 08:30\n522601,main,李四,2026-01-05 08:30\n"


async def told(settings: Settings, partition: int) -> dict[str, bytes]:
    """Id → the record that tells it, once the packer has told both people and the roster."""
    where = TopicPartition(settings.prefix + topics.DETECTIONS, partition)
    async with asyncio.timeout(60):
        while True:
            found: dict[str, bytes] = {}
            async for record in read_range(settings, where, 0, 2**62):
                if record.key == config.KEY:
                    found |= {r.id: record.value for r in config.decode(record.value).duty}
            if len(found) == 3:
                return found
            await asyncio.sleep(0.3)


def test_imported_all_or_nothing_and_told_without_numbers(
    broker: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(broker, f"duty{uuid.uuid4().hex[:6]}", clock="wall", tick_s=0.5)
    create_topics(settings)
    publish(settings, registry(1))
    at = ["--broker", broker, "--prefix", settings.prefix]
    people, turns, bad = tmp_path / "people.csv", tmp_path / "turns.csv", tmp_path / "bad.csv"
    people.write_text(PEOPLE, "gb18030")
    turns.write_text(TURNS, "utf-8")
    bad.write_text(TURNS + "522601,main,nobody,2026-01-05 08:30\n", "utf-8")
    assert cli.run(["duty", "import", str(people), str(bad), *at]) == 2
    assert "bad.csv, line 4: person 'nobody' is not known" in capsys.readouterr().err
    assert cli.run(["duty", "import", str(people), str(turns), "--dry-run", *at]) == 0
    assert "3 records would be written" in capsys.readouterr().out
    assert read_duty(settings).persons == {}
    pipe = Pipe(settings, tmp_path)
    try:
        pipe.start("packer")
        assert cli.run(["duty", "import", str(people), str(turns), *at]) == 0
        for partition in range(settings.partitions):
            found = asyncio.run(told(settings, partition))
            assert set(found) == {"zhang", "li", "522601"}
            assert not any(b"13900000001" in value for value in found.values())
    finally:
        pipe.stop()
    capsys.readouterr()
    assert cli.run(["duty", "who", "--unit", "522601", "--at", "2026-01-12 09:00", "--json", *at]) == 0
    answer = capsys.readouterr().out
    assert [p["id"] for p in json.loads(answer)["people"]] == ["li"]
    assert "13900000001" not in answer
    assert cli.run(["duty", "reset", "522601", "zhang", *at]) == 0
    book = read_duty(settings)
    assert (book.persons["zhang"].removed, book.persons["li"].removed) == (True, False)
