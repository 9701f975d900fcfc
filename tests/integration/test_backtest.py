"""The alert log of a replay through a real Kafka is that of a backtest, byte for byte."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.replay import run_settings
from streams import topics
from streams.kafka import delete_topics
from streams.ledger_io import read_range
from streams.settings import Settings
from tests.golden.native import golden_recording

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]


async def logs(settings: Settings) -> dict[int, list[bytes]]:
    from aiokafka import TopicPartition

    return {
        p: [r.value async for r in read_range(settings, TopicPartition(settings.prefix + topics.ALERTS, p), 0, 2**62)]
        for p in range(settings.partitions)
    }


def cityops(*args: str, data: Path, broker: str) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith("CITYOPS_") or k == "CITYOPS_CACHE"}
    env |= {"CITYOPS_BROKER": broker, "CITYOPS_DATA": str(data)}
    command = [sys.executable, "-m", "streams.cli", *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=env, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_replay_and_backtest_have_one_log(broker: str, tmp_path: Path) -> None:
    file, log = golden_recording(tmp_path / "golden.parquet"), tmp_path / "log.jsonl"
    settings = run_settings(Settings({"broker": broker}, env={}), "it-bt")
    try:
        said = json.loads(
            cityops("replay", str(file), "--domain", "water", "--run", "it-bt", "--json", data=tmp_path, broker=broker)
        )
        live = asyncio.run(logs(settings))
        recorded = tmp_path / "recorded.parquet"
        span = ["--prefix", settings.prefix, "--from", "start", "--until", "now", "--json"]
        took = json.loads(cityops("record", str(recorded), *span, data=tmp_path, broker=broker))
    finally:
        delete_topics(settings, settings.prefix)
    tested = json.loads(
        cityops("backtest", str(file), "--domain", "water", "--run", "it-bt", "--log", str(log), "--json",
                data=tmp_path, broker=broker)
    )  # fmt: skip
    assert took["readings"] == said["readings"] == tested["readings"]
    again = tmp_path / "again.jsonl"
    cityops("backtest", str(recorded), "--run", "it-bt", "--log", str(again), data=tmp_path, broker=broker)
    assert again.read_bytes() == log.read_bytes()
    assert tested["alerts"] == said["alerts"] != []
    assert log.read_bytes().splitlines() == [record for p in sorted(live) for record in live[p]]
