"""What was rejected and why: reading `readings.rejected`, mending rows and sending them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from streams import codec, topics
from streams.columns import Columns
from streams.errors import CityopsError, UsageError
from streams.kafka import kafka_python_kwargs
from streams.settings import Settings


@dataclass(frozen=True)
class Rejected:
    """One record of the topic: the original bytes and what was said of them. No rows: the whole message."""

    offset: int
    at_ms: int
    reason: str
    source: str
    rows: tuple[int, ...]
    value: bytes


def read(settings: Settings, last: int | None = None, start: int | None = None) -> Iterator[Rejected]:
    """Rejected messages from offset `start` (or the last `last`) to the present end. Raises CityopsError."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    tp = TopicPartition(settings.prefix + topics.REJECTED, 0)
    try:
        consumer = KafkaConsumer(
            group_id=None, isolation_level="read_committed", enable_auto_commit=False, **kafka_python_kwargs(settings)
        )
    except (KafkaError, OSError) as error:
        raise CityopsError(f"no Kafka answers at {settings.broker} ({type(error).__name__})") from None
    try:
        consumer.assign([tp])
        first, end = consumer.beginning_offsets([tp])[tp], consumer.end_offsets([tp])[tp]
        at = max(first, start) if start is not None else first
        if last is not None:
            at = max(at, end - 2 * last)  # transaction markers take offsets too
        consumer.seek(tp, at)
        while consumer.position(tp) < end:
            for record in consumer.poll(timeout_ms=500).get(tp, []):
                yield _rejected(record)
    finally:
        consumer.close()


def _rejected(record: object) -> Rejected:
    headers = {k: v.decode(errors="replace") for k, v in record.headers or ()}  # type: ignore[attr-defined]
    rows = tuple(int(r) for r in headers.get("rows", "").split(",") if r)
    return Rejected(
        record.offset,  # type: ignore[attr-defined]
        record.timestamp,  # type: ignore[attr-defined]
        headers.get("reason", ""),
        headers.get("source", ""),
        rows,
        record.value or b"",  # type: ignore[attr-defined]
    )


@dataclass(frozen=True)
class Mend:
    """How rows are put right before they are sent again."""

    sensors: Mapping[str, str]  # wrong id -> right id
    ts_factor: float = 1.0  # 1000 for seconds
    ts_shift_ms: int = 0
    topic: str = ""  # another raw topic than the one they came from


def mended(item: Rejected, mend: Mend) -> Columns:
    """The refused rows of a message, mended; empty where the message cannot be read at all."""
    decoded = codec.decode([item.value])
    cols = decoded.cols
    if item.rows:
        cols = cols.take(np.isin(decoded.row, item.rows))
    if not len(cols):
        return codec.EMPTY
    ts = np.round(cols.ts_ms * mend.ts_factor).astype(np.int64) + mend.ts_shift_ms
    return Columns(
        [mend.sensors.get(s, s) for s in cols.sensors],
        cols.idx, ts, cols.value, cols.metrics, cols.metric_idx, cols.lon, cols.lat, cols.accuracy, cols.quality,
    )  # fmt: skip


def resend(settings: Settings, items: list[Rejected], mend: Mend) -> tuple[int, list[int]]:
    """Send the rows of `items` again. Returns (rows sent and acknowledged, offsets that could not be read)."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    raw = {settings.prefix + topics.raw(d) for d in topics.DOMAINS}
    unreadable: list[int] = []
    sent = 0
    try:
        producer = KafkaProducer(acks="all", **kafka_python_kwargs(settings))
    except (KafkaError, OSError) as error:
        raise CityopsError(f"no Kafka answers at {settings.broker} ({type(error).__name__})") from None
    waiting = []
    for item in items:
        topic = mend.topic or item.source
        if topic not in raw:
            raise UsageError(f"offset {item.offset} came from {item.source!r}: name a raw topic with --domain")
        cols = mended(item, mend)
        if not len(cols):
            unreadable.append(item.offset)
            continue
        waiting.append(producer.send(topic, codec.pack(cols)))
        sent += len(cols)
    try:
        for future in waiting:
            future.get(timeout=30)
    except KafkaError as error:
        raise CityopsError(f"Kafka at {settings.broker} did not take the rows: {error}") from None
    finally:
        producer.close()
    return sent, unreadable
