"""Configuration of the embedded Kafka: server properties, Java options, logging.

Sized for one small machine: few internal partitions, small buffers; as many copies as nodes, at most three.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

MAX_MESSAGE_BYTES = 12 * 1024 * 1024

LOG4J2 = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d{ISO8601} %p %m (%c{1})%n"/></Console>
  </Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


def server_properties(
    node_id: int, host: str, port: int, controller_port: int, log_dir: Path, voters: Sequence[str]
) -> str:
    """Text of `server.properties` of a node that is broker and controller.

    `voters` are the controllers' `id@host:port`. With one voter everything is replicated once; with three each
    record is on three nodes and acknowledged by two.
    """
    copies = min(3, len(voters))
    # One node may change its port at a restart (dynamic quorum); nodes of a cluster know each other by a fixed list.
    quorum = (
        {"controller.quorum.bootstrap.servers": ",".join(v.rpartition("@")[2] for v in voters)}
        if copies == 1
        else {"controller.quorum.voters": ",".join(voters)}
    )
    values = {
        "process.roles": "broker,controller",
        "node.id": node_id,
        **quorum,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(log_dir).replace("\\", "/"),
        # a name written wrongly must fail, not make a topic
        "auto.create.topics.enable": "false",
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
        "default.replication.factor": copies,
        "min.insync.replicas": max(1, copies - 1),
        "num.partitions": 1,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 1,
        # an installation that stood still for a month continues where it was
        "offsets.retention.minutes": 60 * 24 * 31,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": max(1, copies - 1),
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": max(1, copies - 1),
        "share.coordinator.state.topic.num.partitions": 1,
        # after a crash the controller waits this long for the dead broker (default 9 s)
        "broker.session.timeout.ms": 6000,
        "broker.heartbeat.interval.ms": 1000,
        "group.initial.rebalance.delay.ms": 0,
        # memory: the defaults of the cleaner alone would take 128 MB of heap
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        "log.cleaner.io.buffer.size": 256 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "log.index.size.max.bytes": 2 * 1024 * 1024,
        "log.segment.bytes": 256 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def java_options(heap: str) -> list[str]:
    """Options of the Java process. The first compiler tier only: the broker starts in three quarters of the time
    with 40 % less processor time, and what it does most (copying, checksums) is native code either way."""
    return [
        f"-Xmx{heap}",
        "-Xms48m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:MinHeapFreeRatio=10",
        "-XX:MaxHeapFreeRatio=25",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "-Dlog4j2.disableJmx=true",
        "--enable-native-access=ALL-UNNAMED",
    ]
