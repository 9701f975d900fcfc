"""The bus without a Kafka: what cannot be sent is said in one sentence, which the API answers with 503."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from api.bus import KafkaBus, KafkaIntake
from streams import codec
from streams.errors import CityopsError
from streams.events import Command
from streams.settings import Settings

COMMAND = Command(
    id="c1", alert="a1", county="522601", command="ack", version=1, by="anna", role="officer", unit="522601", at_ms=1
)


@pytest.fixture
def settings() -> Iterator[Settings]:
    """A port where nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield Settings({"broker": f"127.0.0.1:{taken.getsockname()[1]}"}, env={})


@pytest.mark.parametrize("running", [False, True])
async def test_a_kafka_that_was_never_reached(settings: Settings, running: bool) -> None:
    bus = KafkaBus(settings)
    task = asyncio.create_task(bus.run() if running else asyncio.sleep(60))
    await asyncio.sleep(0.3)
    with pytest.raises(CityopsError, match="Kafka"):
        await bus.send(COMMAND, "", 2.0)
    with pytest.raises(CityopsError, match="Kafka"):
        await bus.send(COMMAND, "some-run", 2.0)
    intake = KafkaIntake(bus, settings)
    with pytest.raises(CityopsError, match="Kafka"):
        await intake.send("readings.raw.water", codec.from_rows([("a", 1, 1.0)]), np.zeros(1, np.int32), "anna")
    assert intake.budget.used == 0
    task.cancel()
    await asyncio.wait([task])
