"""The workers' health check of the container image, asked of a real broker."""

from __future__ import annotations

import asyncio
import importlib.util
import uuid
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from streams.kafka import aiokafka_kwargs, create_topics
from streams.settings import Settings
from streams.topics import packed

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def script() -> Any:
    path = Path(__file__).parents[2] / "deploy" / "healthcheck.py"
    spec = importlib.util.spec_from_file_location("deploy_healthcheck", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_a_worker_is_healthy_while_its_group_has_it(broker: str, script: Any):
    settings = Settings({"broker": broker, "prefix": f"run.{uuid.uuid4().hex[:8]}."}, env={})
    await asyncio.to_thread(create_topics, settings)

    async def check(addresses: set[str]) -> str:
        return await asyncio.to_thread(script.worker, settings, "detect", addresses)

    own = script.own_addresses()
    assert "127.0.0.1" in own
    assert await check(own) != ""  # no such group yet; a broker that never had one has no coordinator either
    consumer = AIOKafkaConsumer(
        settings.prefix + packed("water"), group_id=settings.app_id("detect"), **aiokafka_kwargs(settings)
    )
    await consumer.start()
    try:
        await asyncio.wait_for(consumer.getmany(timeout_ms=500), 20)
        assert await check(own) == ""
        assert "no member on this host" in await check({"192.0.2.1"})
    finally:
        await consumer.stop()
    assert "is empty" in await check(own)


def test_an_unreachable_broker_is_said(script: Any):
    assert "127.0.0.1:1" in script.worker(Settings({"broker": "127.0.0.1:1"}, env={}), "detect", set())
