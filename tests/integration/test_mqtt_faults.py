"""The MQTT bridge when things break: killed, Kafka away, the MQTT broker away. Lost is nothing that was QoS 1."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.broker import EmbeddedBroker, free_port
from streams.cli.benches.mqtt_devices import Device
from streams.intake.mqtt_options import Options
from streams.intake.mqtt_session import FAST, Delivered, Session
from streams.kafka import create_topics
from streams.settings import Settings
from tests.integration.mqtt_brokers import KEEPING, Bridge, Broker, broker_of, rows_in_kafka, running
from tests.integration.small_city import settings_of

pytestmark = pytest.mark.integration

MAPPING = '[[subscription]]\ntopic = "own/{domain}"\ndomain = "{domain}"\n'


def messages(count: int) -> Iterator[tuple[str, bytes]]:
    return (("own/gas", b'{"sensor":"g%d","ts":%d,"value":1}' % (k % 100, k)) for k in range(count))


def slowly(source: Iterator[tuple[str, bytes]], per_s: float) -> Iterator[tuple[str, bytes]]:
    """At most `per_s` a second, in small bursts."""
    begun = time.monotonic()
    for k, message in enumerate(source):
        if k % 50 == 0:
            time.sleep(max(0.0, begun + k / per_s - time.monotonic()))
        yield message


@pytest.fixture
def settings(broker: str) -> Settings:
    made = settings_of(broker, f"mq{uuid.uuid4().hex[:6]}")
    create_topics(made)
    return made


@pytest.mark.parametrize(("kind", "protocol"), KEEPING)
def test_a_bridge_killed_in_mid_stream_loses_nothing(
    kind: str, protocol: str, settings: Settings, tmp_path: Path
) -> None:
    count, rnd = 12_000, random.Random(7)
    with broker_of(kind, tmp_path / "mqtt") as mqtt:
        bridge = Bridge(settings, MAPPING, tmp_path, mqtt_url=mqtt.url, mqtt_protocol=protocol)
        with running(bridge):
            device = Device(mqtt.port, "devices")
            publishing = threading.Thread(target=device.publish, args=(slowly(messages(count), 3_000),))
            publishing.start()
            for _ in range(3):
                time.sleep(rnd.uniform(0.3, 0.9))
                bridge.kill()
                bridge.start()
            publishing.join()
            rows, _ = rows_in_kafka(settings, "gas", count)
            assert sorted({t for _, t, _ in rows}) == list(range(count))
            assert len(rows) < 2 * count
            assert bridge.stop() == 0


def test_kafka_away(tmp_path: Path) -> None:
    """Messages stay unacknowledged with the MQTT broker while Kafka is away: they arrive when it is back, also those
    of a bridge that was killed meanwhile with messages in its hands."""
    port, count = free_port(), 6_000
    kafka = EmbeddedBroker(tmp_path / "kafka", port)
    settings = Settings({"broker": f"127.0.0.1:{port}"}, env={})
    with broker_of("mosquitto", tmp_path / "mqtt") as mqtt:
        bridges = [Bridge(settings, MAPPING, tmp_path, n, mqtt_url=mqtt.url, mqtt_window=500) for n in ("a", "b")]
        try:
            for bridge in bridges:
                bridge.start(0)
            bridges[0].waits_to_tell("no Kafka answers at")
            kafka.start()
            bridges[0].waits_to_tell("topics are missing")
            create_topics(settings)
            for bridge in bridges:
                bridge.waits_to_tell('"ready": true')
            device = Device(mqtt.port, "devices")
            source = messages(count)
            device.publish(m for _, m in zip(range(1_000), source, strict=False))
            rows_in_kafka(settings, "gas", 1_000, senders=("mqtt:a", "mqtt:b"))
            kafka.stop()
            device.publish(source)
            time.sleep(0.5)
            bridges[1].kill()
            kafka = EmbeddedBroker(tmp_path / "kafka", port)
            kafka.start()
            bridges[1].start()
            _, sources = rows_in_kafka(settings, "gas", count, 25, senders=("mqtt:a", "mqtt:b"))
            for rows in sources.values():
                assert sorted({t for _, t, _ in rows}) == list(range(count))
            assert [b.stop() for b in bridges] == [0, 0]
        finally:
            for bridge in bridges:
                bridge.kill()
            kafka.stop()


def test_a_clean_end_while_kafka_is_away(tmp_path: Path) -> None:
    bridge = Bridge(Settings({"broker": f"127.0.0.1:{free_port()}"}, env={}), MAPPING, tmp_path)
    bridge.start(0)
    bridge.waits_to_tell("no Kafka answers at")
    assert bridge.stop() == 0


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_mqtt_broker_restarts(protocol: str, settings: Settings, tmp_path: Path) -> None:
    mqtt = Broker("mosquitto", tmp_path / "mqtt")
    bridge = Bridge(settings, MAPPING, tmp_path, mqtt_url=mqtt.url, mqtt_protocol=protocol)
    try:
        bridge.start(0)
        bridge.waits_to_tell(f"cannot use {mqtt.url}")
        mqtt.start()
        bridge.waits_to_tell('"ready": true')
        source = messages(4_000)
        Device(mqtt.port, "devices").publish(m for _, m in zip(range(2_000), source, strict=False))
        mqtt.stop()
        bridge.waits_to_tell("lost the connection to")
        mqtt.start()
        Device(mqtt.port, "devices").publish(source)
        rows, _ = rows_in_kafka(settings, "gas", 4_000)
        assert sorted({t for _, t, _ in rows}) == list(range(4_000))
        assert bridge.told().count('"ready"') == 1
        assert bridge.stop() == 0
    finally:
        bridge.kill()
        mqtt.stop()


def test_two_bridges_with_one_client_id_are_told(settings: Settings, tmp_path: Path) -> None:
    with broker_of("mosquitto", tmp_path / "mqtt") as mqtt:
        first = Bridge(settings, MAPPING, tmp_path, "same", mqtt_url=mqtt.url)
        second = Bridge(settings, MAPPING, tmp_path, "same", mqtt_url=mqtt.url)
        with running(first, second):
            first.waits_to_tell("does another bridge use client id same?")
            assert [first.stop(), second.stop()] == [0, 0]


@pytest.mark.parametrize("fast", [pytest.param(True, marks=pytest.mark.skipif(not FAST, reason="other paho")), False])
@pytest.mark.parametrize(("kind", "protocol"), KEEPING)
async def test_the_broker_keeps_what_was_not_acknowledged(kind: str, protocol: str, fast: bool, tmp_path: Path) -> None:
    """Guards the acknowledgement by hand, which aiomqtt itself does not have: both ways of reading."""
    with broker_of(kind, tmp_path / "mqtt") as mqtt:
        options = Options("127.0.0.1", mqtt.port, "guard", protocol)

        async def session(acknowledge: int, wanted: int) -> list[int]:
            """Numbers delivered in one connection; the first `acknowledge` of them are acknowledged."""
            got: list[Delivered] = []
            connection = Session(options, got.append, fast=fast)
            async with connection:
                assert await connection.ask([("own/+", 1)]) == []
                if wanted:
                    await asyncio.to_thread(Device(mqtt.port, "d").publish, list(messages(10)) if acknowledge else [])
                for _ in range(60):
                    await asyncio.sleep(0.05)
                    if len(got) >= wanted:
                        break
                connection.acknowledge([d.mid for d in got[:acknowledge]])
            return sorted(int(d.message.payload.split(b'"ts":')[1].split(b",")[0]) for d in got)

        assert await session(6, 10) == list(range(10))
        assert await session(0, 4) == [6, 7, 8, 9], "what was not acknowledged did not come again, or more did"
