"""`cityops record`: what the packer wrote, from Kafka into one Parquet file, in the order in which it arrived.

Partitions are merged by the time at which the packer wrote their messages: a partition that is read ahead waits for the
others, so that the file plays as the city did.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.native import TOPICS, Row, Writer
from streams import codec, tables, topics, versions
from streams.errors import CityopsError, UsageError
from streams.kafka import kafka_python_kwargs, unreachable
from streams.settings import Settings

SETTLE_MS = 1_000  # after the end: what was written by then can be read
AHEAD = 2_000  # messages of one partition that may wait for the others


@dataclass(frozen=True)
class Span:
    """`from_ms` 0: from now on, -1: from the oldest that is kept; `until_ms` 0: until stopped. Times of arrival."""

    from_ms: int = 0
    until_ms: int = 0


class Merge:
    """Messages of several partitions by their time. A partition that has more to read holds back what is later."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, bytes]] = []
        self._reached: dict[int, int] = {}
        self.held: dict[int, int] = {}
        self._n = 0

    def put(self, partition: int, at_ms: int, value: bytes) -> None:
        self._n += 1
        heapq.heappush(self._heap, (at_ms, partition, self._n, value))
        self._reached[partition] = max(at_ms, self._reached.get(partition, 0))
        self.held[partition] = self.held.get(partition, 0) + 1

    def take(self, behind: set[int]) -> list[tuple[int, bytes]]:
        """(time, value) of what no partition of `behind`, which have more to read, can come before."""
        limit = min((self._reached.get(p, -1) for p in behind), default=2**62)
        out = []
        while self._heap and self._heap[0][0] <= limit:
            at, partition, _, value = heapq.heappop(self._heap)
            self.held[partition] -= 1
            out.append((at, value))
        return out


def record(
    settings: Settings, path: Path, span: Span, domains: tuple[str, ...], stopped: Callable[[], bool],
    progress: Callable[[int, int], None] = lambda readings, at_ms: None,
) -> int:  # fmt: skip
    """Write the file; returns its readings. `stopped` is asked between fetches; `progress` is told readings and time.

    Raises CityopsError, and UsageError where nothing arrived in the time; no file is left then.
    """
    writer = Writer(path)
    try:
        _follow(settings, span, domains, writer, stopped, progress)
        if not writer.total:
            raise UsageError(f"no readings arrived at {settings.broker} in that time; nothing was written")
        writer.close(_registry(settings, set(writer.sensors)))
    except BaseException:
        writer.abandon()
        raise
    return writer.total


def _follow(
    settings: Settings, span: Span, domains: tuple[str, ...], writer: Writer, stopped: Callable[[], bool],
    progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    from streams.tables import no_topic

    names = [settings.prefix + topics.packed(d) for d in domains]
    parts = [TopicPartition(n, p) for n in names for p in range(settings.partitions)]
    try:
        consumer = KafkaConsumer(group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
                                 isolation_level="read_committed", allow_auto_create_topics=False,
                                 **kafka_python_kwargs(settings))  # fmt: skip
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    try:
        there = consumer.topics()
        for name in names:
            if name not in there:
                raise no_topic(settings, name)
        consumer.assign(parts)
        _seek(consumer, parts, span.from_ms)
        number, merge, done = {tp: k for k, tp in enumerate(parts)}, Merge(), False
        while not done:
            stop = stopped()
            late = bool(span.until_ms and time.time() * 1000 >= span.until_ms + SETTLE_MS)
            for tp, found in consumer.poll(timeout_ms=200).items():
                for message in found:
                    merge.put(number[tp], message.timestamp, message.value)
            ends = consumer.end_offsets(parts)
            behind = {number[tp] for tp in parts if consumer.position(tp) < ends[tp]}
            done = stop or (late and not behind)
            for tp in parts:
                (consumer.pause if merge.held.get(number[tp], 0) > AHEAD else consumer.resume)(tp)
            for at_ms, value in merge.take(behind if not done else set()):
                if span.until_ms and at_ms >= span.until_ms:
                    return
                packed = codec.unpack(value, trusted=True)
                writer.add(packed.cols, packed.at or at_ms)
                progress(writer.total, at_ms)
    except KafkaError as error:
        raise CityopsError(f"{names[0]} at {settings.broker} cannot be read: {type(error).__name__}: {error}") from None
    finally:
        consumer.close()


def _seek(consumer: Any, parts: list[Any], from_ms: int) -> None:
    if from_ms < 0:
        consumer.seek_to_beginning(*parts)
        return
    if not from_ms:
        consumer.seek_to_end(*parts)
        for tp in parts:
            consumer.position(tp)  # now, and not at the first fetch
        return
    found = consumer.offsets_for_times(dict.fromkeys(parts, from_ms))
    ends = consumer.end_offsets(parts)
    for tp in parts:
        at = found.get(tp)
        consumer.seek(tp, at.offset if at is not None else ends[tp])


def _registry(settings: Settings, sensors: set[str]) -> list[Row]:
    """Newest records of these sensors, and all zones, assets, fences, profiles and policies."""
    rows: dict[tuple[str, bytes], bytes | None] = {}

    def keep(topic: str, key: bytes | None, value: bytes | None) -> None:
        if key is not None and not versions.is_old(key.decode()):
            rows.pop((topic, key), None)
            rows[topic, key] = value

    tables.read(settings, TOPICS, keep)
    from geo.assets import Sensor, decode

    out: list[Row] = []
    for (topic, key), value in rows.items():
        if value is None:
            continue
        if topic == topics.ASSETS and key.decode() not in sensors and isinstance(decode(value), Sensor):
            continue
        out.append((topic, key, value))
    return out
