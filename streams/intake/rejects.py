"""What was rejected and why: reading `readings.rejected`, and what of it was sent again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streams import topics
from streams.errors import CityopsError
from streams.kafka import kafka_python_kwargs, unreachable
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
    partition: int = 0  # of `source`
    full_size: int = 0  # bytes of the original, where only its beginning was kept


@dataclass
class Sent:
    """What of a rejected message was sent again: rows, and when last."""

    at_ms: int = 0
    rows: set[int] = field(default_factory=set)


class Mark(msgspec.Struct):
    """Value of a record of `rejects.resent`; its key is the offset in `readings.rejected`."""

    rows: list[int]
    topic: str


def read(settings: Settings, last: int | None = None, start: int | None = None) -> Iterator[Rejected]:
    """Rejected messages from offset `start` (or the last `last`) to the present end. Raises CityopsError."""
    for record in _records(settings, topics.REJECTED, last, start):
        yield _rejected(record)


def read_sent(settings: Settings) -> dict[int, Sent]:
    """Offset of a rejected message → what of it was sent again. Raises CityopsError."""
    out: dict[int, Sent] = {}
    for record in _records(settings, topics.RESENT):
        try:
            offset, mark = int(record.key or b""), msgspec.json.decode(record.value or b"", type=Mark)
        except (ValueError, msgspec.MsgspecError):
            continue
        sent = out.setdefault(offset, Sent())
        sent.at_ms = record.timestamp
        sent.rows.update(mark.rows)
    return out


def _records(settings: Settings, name: str, last: int | None = None, start: int | None = None) -> Iterator[Any]:
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    tp = TopicPartition(settings.prefix + name, 0)
    try:
        consumer = KafkaConsumer(
            group_id=None, isolation_level="read_committed", enable_auto_commit=False, **kafka_python_kwargs(settings)
        )
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    try:
        consumer.assign([tp])
        first, end = consumer.beginning_offsets([tp])[tp], consumer.end_offsets([tp])[tp]
        at = max(first, start) if start is not None else first
        if last is not None:
            at = max(at, end - 2 * last)  # transaction markers take offsets too
        consumer.seek(tp, at)
        while consumer.position(tp) < end:
            yield from consumer.poll(timeout_ms=500).get(tp, [])
    except KafkaError as error:
        raise CityopsError(f"{tp.topic} at {settings.broker} cannot be read: {type(error).__name__}: {error}") from None
    finally:
        consumer.close()


def _rejected(record: Any) -> Rejected:
    headers = {k: v.decode(errors="replace") for k, v in record.headers or ()}
    return Rejected(
        record.offset,
        record.timestamp,
        headers.get("reason", ""),
        headers.get("source", ""),
        tuple(int(r) for r in headers.get("rows", "").split(",") if r.isdigit()),
        record.value or b"",
        int(headers["partition"]) if headers.get("partition", "").isdigit() else 0,
        int(headers["truncated"]) if headers.get("truncated", "").isdigit() else 0,
    )
