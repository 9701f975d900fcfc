"""Three embedded nodes as one cluster: what is acknowledged is on two of them, and one may be lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from streams.broker_cluster import EmbeddedCluster
from streams.errors import UsageError
from streams.kafka import admin, create_topics, kafka_python_kwargs
from streams.settings import Settings

pytestmark = pytest.mark.integration


def test_three_nodes_serve_while_one_is_lost_and_take_it_back(tmp_path: Path) -> None:
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

    command = [sys.executable, "-m", "streams.cli", "broker", "--nodes", "3", "--port", "0", "--json"]
    parent = subprocess.Popen(
        [*command, "--data", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ}
    )
    try:
        assert parent.stdout is not None
        ready = json.loads(parent.stdout.readline())
        assert ready["ready"] is True
        assert ready["broker"].count(",") == 2
        nodes = psutil.Process(parent.pid).children()
        assert len(nodes) == 3
        settings = Settings({"broker": ready["broker"], "prefix": "run.c.", "partitions": 1}, env={})
        create_topics(settings)
        topic = "run.c.readings.water"
        with admin(settings) as client:
            (told,) = client.describe_topics([topic])
        assert [len(p["replica_nodes"]) for p in told["partitions"]] == [3]
        producer = KafkaProducer(acks="all", **kafka_python_kwargs(settings))
        producer.send(topic, b"before").get(20)
        nodes[0].kill()
        for k in range(20):  # the partition's leader may be the lost one
            producer.send(topic, b"%d" % k).get(30)
        producer.close()
        deadline = time.monotonic() + 40
        while len(psutil.Process(parent.pid).children()) < 3:  # the parent starts it again
            assert time.monotonic() < deadline, "the lost node was not started again"
            time.sleep(0.2)
        consumer = KafkaConsumer(auto_offset_reset="earliest", **kafka_python_kwargs(settings))
        consumer.assign([TopicPartition(topic, 0)])
        got: list[bytes] = []
        while len(got) < 21 and time.monotonic() < deadline:
            got += [r.value for batch in consumer.poll(timeout_ms=500).values() for r in batch]
        consumer.close()
        assert got == [b"before", *(b"%d" % k for k in range(20))]
    finally:
        children = psutil.Process(parent.pid).children()
        parent.send_signal(signal.SIGINT)
        assert parent.wait(25) == 0
    assert not any(child.is_running() for child in children)
    with pytest.raises(UsageError, match="holds a cluster of 3 nodes: give --nodes 3"):
        EmbeddedCluster(tmp_path, 2).launch()


def test_a_single_brokers_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kafka" / "logs").mkdir(parents=True)
    (tmp_path / "kafka" / "logs" / "meta.properties").write_text("")
    with pytest.raises(UsageError, match="holds the data of a single broker"):
        EmbeddedCluster(tmp_path, 3).launch()
