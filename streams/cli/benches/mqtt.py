"""The MQTT bridge: messages a second from devices over a real mosquitto into a real Kafka.

Three publishers in processes of their own send QoS 1 messages of one reading as fast as the broker takes them; one
bridge process takes them. The clock runs from the first publish to the time Kafka gave the last record; before that
every reading is looked for in Kafka. How the bridge reaches this is told in `streams.intake.mqtt_session`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from streams import codec, topics
from streams.broker import EmbeddedBroker, free_port
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.mqtt_devices import SENSORS, T0
from streams.errors import CityopsError
from streams.settings import Settings

DEVICES = 3
MAPPING = """
[[subscription]]
topic = "city/{county}/{domain}/{device}/telemetry"
domain = "{domain}"
sensor = "{county}-{letter}-PRS-{device:06}"
payload = "json"
"""
CONF = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
persistence false
"""


def mosquitto() -> str | None:
    """The broker's program; Debian puts it where a user's PATH does not look."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `stream.mqtt_msgs_per_s`; nothing (and say so) where mosquitto is not installed. Raises CityopsError
    when a reading does not arrive."""
    program = mosquitto()
    if program is None:
        say("NOTE: stream.mqtt_msgs_per_s is left out: mosquitto is not installed (apt-get install mosquitto)")
        return
    each = 10_000 if quick else 100_000
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        settings = Settings({"data": str(folder)}, env={})
        broker = EmbeddedBroker(folder, 0, settings, lambda text: None)
        broker.start()
        stack.callback(broker.stop)
        settings = settings.replace(broker=broker.bootstrap)
        from streams.kafka import create_topics

        create_topics(settings)
        port = stack.enter_context(_mosquitto(program, folder))
        bridge = stack.enter_context(_bridge(settings, port, folder))
        say(f"sending {DEVICES * each:,} MQTT messages…")
        warm, _, _ = _measure(settings, port, 2_000, bridge)
        assert warm > 0
        rate, cpu_us, messages = _measure(settings, port, each, bridge)
        detail = {
            "devices": DEVICES, "protocol": "5", "qos": 1, "kafka_messages": messages,
            "bridge_cpu_us_a_message": round(cpu_us, 1),
        }  # fmt: skip
        yield Figure("stream.mqtt_msgs_per_s", rate, "messages/s", ">= 10000", DEVICES * each, detail)


@contextmanager
def _mosquitto(program: str, folder: Path) -> Iterator[int]:
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(CONF.format(port=port))
    process = subprocess.Popen([program, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _bridge(settings: Settings, port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    mapping = folder / "mapping.toml"
    mapping.write_text(MAPPING)
    mine = settings.replace(mqtt_url=f"mqtt://127.0.0.1:{port}", mqtt_mapping=str(mapping), mqtt_client_id="bench")
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli", "intake", "mqtt"],
        env={**os.environ, **mine.environment()},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        if not json.loads(process.stdout.readline() or b"{}").get("ready"):
            raise CityopsError("the MQTT bridge did not come up")
        yield process
    finally:
        process.terminate()
        process.wait()


def _measure(settings: Settings, port: int, each: int, bridge: subprocess.Popen[bytes]) -> tuple[float, float, int]:
    """(messages a second, the bridge's processor time a message in µs, Kafka messages) for `each` messages a device."""
    import psutil

    before = _ends(settings)
    command = [sys.executable, "-m", "streams.cli.benches.mqtt_devices", str(port)]
    devices = [
        subprocess.Popen([*command, str(k), str(each)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for k in range(DEVICES)
    ]
    watched = psutil.Process(bridge.pid)
    times = watched.cpu_times()
    for device in devices:
        assert device.stdout is not None
        if device.stdout.readline() != "connected\n":
            raise CityopsError("a device of the benchmark could not connect to mosquitto")
    for device in devices:
        assert device.stdin is not None
        device.stdin.write("go\n")
        device.stdin.flush()
    begun = []
    for device in devices:
        out, _ = device.communicate(timeout=300)
        begun.append(float(out))
    last_ms, messages = _collect(settings, before, each)
    used = watched.cpu_times()
    cpu = used.user + used.system - times.user - times.system
    total = DEVICES * each
    return total / (last_ms / 1000 - min(begun)), cpu / total * 1e6, messages


def _ends(settings: Settings) -> dict[int, int]:
    from kafka import KafkaConsumer, TopicPartition

    from streams.kafka import kafka_python_kwargs

    consumer = KafkaConsumer(group_id=None, **kafka_python_kwargs(settings))
    tps = [TopicPartition(topics.raw("water"), p) for p in range(settings.partitions)]
    ends = {tp.partition: end for tp, end in consumer.end_offsets(tps).items()}
    consumer.close()
    return ends


def _collect(settings: Settings, start: dict[int, int], each: int) -> tuple[int, int]:
    """Read until each reading was seen; returns the time of the last new one and the number of Kafka messages.

    Raises CityopsError for a reading that is missing or that nobody sent.
    """
    from kafka import KafkaConsumer, TopicPartition

    from streams.kafka import kafka_python_kwargs

    consumer = KafkaConsumer(group_id=None, **kafka_python_kwargs(settings))
    tps = {TopicPartition(topics.raw("water"), p): at for p, at in start.items()}
    consumer.assign(list(tps))
    for tp, at in tps.items():
        consumer.seek(tp, at)
    steps = -(-each // SENSORS)
    seen = np.zeros(DEVICES * SENSORS * steps, bool)
    wanted = DEVICES * each
    last_ms = messages = 0
    deadline = time.monotonic() + 60
    while (have := int(seen.sum())) < wanted:
        if time.monotonic() > deadline:
            raise CityopsError(f"{wanted - have} of {wanted} MQTT messages did not reach Kafka within 60 s")
        for batch in consumer.poll(timeout_ms=200).values():
            for record in batch:
                cols = codec.unpack(record.value).cols
                numbers = np.array([int(s.rpartition("-")[2]) for s in cols.sensors])[cols.idx]
                seen[numbers * steps + (cols.ts_ms - T0) // 1000] = True
                last_ms, messages = max(last_ms, record.timestamp), messages + 1
    consumer.close()
    if have != wanted:
        raise CityopsError(f"{have} readings arrived, {wanted} were sent")
    return last_ms, messages
