"""What a ledger and its logic say to each other: records in, an outbox of outputs and state out, positions kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from streams import topics
from streams.chunk import Chunk
from streams.settings import Settings

CHUNK = 800_000
REJECT_BYTES, REJECT_ROWS = 8 * 1024 * 1024, 100_000  # of an original that is kept


class Applied(msgspec.Struct):
    """How far a ledger is: next offset per source topic, last `seq` per sender, next own `seq` per output."""

    pos: dict[str, int] = {}
    seen: dict[str, int] = {}  # "topic|src" -> last seq
    out: dict[str, int] = {}  # "topic|partition" -> next seq


class Outbox:
    """What one batch sends and stores; `seq` numbers outputs per (topic, partition) without holes."""

    def __init__(self, src: str, out: dict[str, int]) -> None:
        self.src = src
        self.records: list[tuple[str, int, bytes | None, bytes | None, list[tuple[str, bytes]]]] = []
        self.state: dict[bytes, bytes | None] = {}
        self._out = out

    def next_seq(self, topic: str, partition: int) -> int:
        return self._out.get(f"{topic}|{partition}", 0)

    def send(
        self,
        topic: str,
        partition: int,
        value: bytes | None,
        key: bytes | None = None,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        slot = f"{topic}|{partition}"
        seq = self._out.get(slot, 0)
        self._out[slot] = seq + 1
        stamp = [("src", self.src.encode()), ("seq", b"%d" % seq)]
        self.records.append((topic, partition, key, value, [*headers, *stamp]))

    def put(self, key: bytes, value: bytes | None) -> None:
        self.state[key] = value


class Record(Protocol):
    """What a ledger is fed (aiokafka's ConsumerRecord has it)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def after(record: Record) -> int:
    """The offset that follows a record (or a chunk of them)."""
    return record.next_offset if isinstance(record, Chunk) else record.offset + 1


def size(record: Record) -> int:
    """Bytes of a record's value (of all values of a chunk)."""
    return record.size if isinstance(record, Chunk) else len(record.value or b"")


def stamp(record: Record) -> tuple[str, int | None]:
    """(`src`, `seq`) of a record that a ledger sent; ("", None) where it has none."""
    src, seq = "", None
    if "readings.raw." in record.topic:  # written by anyone: their headers say nothing to us
        return src, seq
    for name, value in record.headers or ():
        if name == "src" and value is not None:
            src = value.decode(errors="replace")
        elif name == "seq" and value is not None and value.isdigit() and len(value) <= 18:
            seq = int(value)
    return src, seq


class Logic(Protocol):
    """The pure part of a ledger: state and what a record makes of it. Raises nothing for bad input."""

    linger_ms: int

    def restore(self, state: Mapping[bytes, bytes]) -> dict[str, int] | None:
        """Take the stored state; return the source positions a snapshot includes, None when state is always whole."""

    def apply(self, record: Record, out: Outbox) -> None: ...

    def flush(self, out: Outbox) -> None:
        """End of a batch: send what was gathered."""

    def idle(self, out: Outbox) -> None:
        """Called about each 0.2 s when nothing arrives (ticks)."""

    def snapshot(self, out: Outbox, pos: Mapping[str, int]) -> None:
        """Every `snapshot_s`: put the whole state where it isn't stored with each transaction."""


def chunks(name: bytes, data: bytes) -> dict[bytes, bytes]:
    """`data` cut to pieces a broker takes, keyed name/0, name/1 …"""
    return {name + b"/%d" % i: data[o : o + CHUNK] for i, o in enumerate(range(0, max(len(data), 1), CHUNK))}


def reject(out: Outbox, settings: Settings, record: Record, reason: str, rows: Sequence[int] = ()) -> None:
    """Send the original bytes to `readings.rejected` with the reason, the rows and where they came from."""
    value = record.value or b""
    out.send(
        settings.prefix + topics.REJECTED,
        0,
        value[:REJECT_BYTES],
        record.key,
        [
            *([("truncated", b"%d" % len(value))] if len(value) > REJECT_BYTES else []),
            ("reason", reason.encode()),
            ("rows", ",".join(map(str, rows[:REJECT_ROWS])).encode()),
            ("source", record.topic.encode()),
            ("partition", b"%d" % record.partition),
            ("offset", b"%d" % record.offset),
        ],
    )
