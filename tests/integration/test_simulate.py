"""`cityops simulate` alone on a real Kafka: back-fill before ready, then each second; truth; a clean end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiokafka import TopicPartition

from geo.assets import Sensor, Zone
from geo.demo import demo_registry
from streams import topics
from streams.codec import unpack
from streams.kafka import create_topics, delete_topics
from streams.ledger_io import read_range
from streams.registry import publish
from streams.settings import Settings

pytestmark = pytest.mark.integration
COUNTIES = ("522601", "522622")


@pytest.fixture
def city(broker: str) -> Any:
    settings = Settings({"broker": broker, "prefix": "run.it-sim."}, env={})
    create_topics(settings)
    publish(settings, [r for r in demo_registry() if isinstance(r, Zone | Sensor) and r.id[:6] in COUNTIES])
    yield settings
    delete_topics(settings, settings.prefix)


def start(settings: Settings, data: Path, *args: str) -> subprocess.Popen[str]:
    env = {**os.environ, **settings.environment(), "CITYOPS_DATA": str(data)}
    return subprocess.Popen(
        [sys.executable, "-m", "streams.cli", "simulate", "--backfill", "2", *args],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip


async def rows(settings: Settings) -> dict[str, list[tuple[int, int]]]:
    """Sensor → (reading's ms, ms at which the broker got it), in the order of the raw topic."""
    out: dict[str, list[tuple[int, int]]] = {}
    for domain in topics.DOMAINS:
        zones: dict[bytes, int] = {}
        for p in range(settings.partitions):
            tp = TopicPartition(settings.prefix + topics.raw(domain), p)
            async for record in read_range(settings, tp, 0, 2**62):
                assert zones.setdefault(record.key, p) == p  # a zone keeps its partition
                cols = unpack(record.value).cols
                for k, t in zip(cols.idx, cols.ts_ms, strict=True):
                    out.setdefault(cols.sensors[k], []).append((int(t), record.timestamp))
    return out


def test_backfill_ready_go_and_a_clean_end(city: Settings, tmp_path: Path) -> None:
    process = start(city, tmp_path)
    try:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] is True
        assert abs(ready["until"] / 1000 - time.time()) < 5
        there = asyncio.run(rows(city))  # all of it was acknowledged before
        assert len(there) == ready["sensors"]
        assert sum(map(len, there.values())) >= ready["backfilled"]
        time.sleep(2)
        assert not (tmp_path / "truth.jsonl").exists()  # nobody said go
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(9)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]
    assert {"water", "gas", "pipeline", "traffic"} == {t["domain"] for t in truth}
    got = asyncio.run(rows(city))
    for sensor, seen in got.items():
        ts, at = np.array(seen).T
        assert (np.diff(ts) > 0).all(), sensor
        live = ts > ready["until"]
        assert live.sum() >= 9, sensor
        assert np.median(at[live] - ts[live]) < 500, sensor  # stamped now
    assert json.loads((tmp_path / "simulator.json").read_text("utf-8"))["last_ms"] >= max(
        t[-1][0] for t in got.values()
    )

    again = start(city, tmp_path, "--duration", "2", "--no-incidents")
    said, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    assert json.loads(said)["backfilled"] < ready["backfilled"]  # only what was missed
    for sensor, seen in asyncio.run(rows(city)).items():
        stamps = [t for t, _ in seen]
        assert len(stamps) == len(set(stamps)), sensor


def test_without_a_broker_it_says_so(tmp_path: Path) -> None:
    settings = Settings({"broker": "127.0.0.1:9"}, env={})
    done = start(settings, tmp_path)
    done.communicate(timeout=30)
    assert done.returncode == 1
