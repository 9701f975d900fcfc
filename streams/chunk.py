"""A Kafka record batch as one thing: what moves single readings at a hundred thousand and more a second.

aiokafka makes one Python object of eleven fields per record; a consumer made with `value_deserializer=WHOLE` gives one
`Chunk` a fetched batch instead, whose records are those of its compiled parser. Everything else of the consumer (group,
positions, `read_committed`, checksums, compression) stays aiokafka's own. See docs/decisions/0003-chunks.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka.consumer import fetcher


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one batch, in order: `offset` of the first, `next_offset` after the last, `timestamp` the newest."""

    topic: str
    partition: int
    offset: int
    next_offset: int
    timestamp: int
    records: list[Any]  # each with offset, timestamp, key, value, headers
    size: int  # bytes of all values

    key = None
    value = None
    headers = ()

    def since(self, offset: int) -> Chunk:
        """Without the records below `offset`."""
        if self.offset >= offset:
            return self
        return make(self.topic, self.partition, [r for r in self.records if r.offset >= offset])


def make(topic: str, partition: int, records: list[Any]) -> Chunk:
    """A chunk of at least one record."""
    return Chunk(
        topic,
        partition,
        records[0].offset,
        records[-1].offset + 1,
        max(r.timestamp or 0 for r in records),
        records,
        sum([len(r.value or b"") for r in records]),
    )


def chunk_of(record: Any) -> Chunk:
    """The record itself where it is a chunk, else a chunk of it alone."""
    return record if isinstance(record, Chunk) else make(record.topic, record.partition, [record])


def WHOLE(value: Any) -> Any:  # noqa: N802
    """Mark of a consumer that wants chunks: pass it as `value_deserializer`. Never called."""
    raise AssertionError("chunks are not deserialised value by value")


class _Whole:
    """A batch of aiokafka's parser that iterates as one record: the list of its own."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # the control record of an abort marker
        return next(self._batch)

    def __iter__(self) -> Iterator[_All]:
        records = list(self._batch)
        if records:
            yield _All(records)


class _All:
    __slots__ = ("offset", "records")

    def __init__(self, records: list[Any]) -> None:
        self.records, self.offset = records, records[-1].offset


class _Batches:
    def __init__(self, records: Any) -> None:
        self._records = records

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> _Whole:
        return _Whole(self._records.next_batch())


class ChunkRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """aiokafka's reader of a fetched partition, by chunks where the consumer was made with WHOLE."""

    def __init__(self, tp: Any, records: Any, *more: Any, **named: Any) -> None:
        super().__init__(tp, records, *more, **named)
        if self._value_deserializer is WHOLE:
            self._records = _Batches(records)

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        if not isinstance(record, _All):
            return super()._consumer_record(tp, record)
        start = self.next_fetch_offset
        records = record.records
        if records[0].offset < start:  # the fetch began inside a compressed batch
            records = [r for r in records if r.offset >= start]
        return make(tp.topic, tp.partition, records)


fetcher.PartitionRecords = ChunkRecords  # the one place where aiokafka makes them; plain consumers see no difference
