"""The projection's database: opening it, and applying records of the log together with their offsets.

SQLite (WAL) is the default of one machine, PostgreSQL serves several API processes. Reads and writes have engines
of their own: a read transaction sees one state of the whole database, a write transaction takes the
write lock at once, so the two never fail each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, update

from api import alert_orgs, migrating, schema
from api.applying import Applied as Applied, Event as Event, apply_records, forget
from api.cursor import Cursor, new_epoch
from api.records import Record
from streams.errors import UsageError
from streams.settings import Settings
from streams.sql import StoreError as StoreError, engine, explained as explained, named

KEEP_EVENTS = 100_000
CHANNEL = "cityops_events"  # PostgreSQL's notifications of new events
_PROJECTOR = "projector"  # key in `meta`: the fence of the process that projects


class FencedError(StoreError):
    """Another process projects now; nothing was written."""


class Store:
    """The database of one API process. Close it when done."""

    def __init__(self, url: str, keep_events: int = KEEP_EVENTS) -> None:
        self.url = url
        self.keep_events = keep_events
        self.reader = engine(url, "BEGIN", 4)
        self.writer = engine(url, "BEGIN IMMEDIATE", 1)
        self.shared = self.writer.dialect.name == "postgresql"  # other processes may write too
        with self.write() as tx:
            migrating.prepare(tx, automatic=not self.shared)
            alert_orgs.fill(tx)
            epoch = tx.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "epoch"))
            if epoch is None:
                epoch = new_epoch()
                tx.execute(insert(schema.meta).values(key="epoch", value=epoch))
            self.epoch: str = epoch
            self.seq: int = _last(tx)
        self._batches = 0

    @classmethod
    def of(cls, settings: Settings, folder: Path) -> Store:
        """That of the settings: `db`, else `<folder>/cityops.db`; raises StoreError."""
        return cls(settings.db) if settings.db else cls.in_folder(folder)

    @classmethod
    def in_folder(cls, folder: Path) -> Store:
        """The store `<folder>/cityops.db`; raises StoreError."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be made ({error.strerror}); name another folder with --data") from None
        return cls(f"sqlite:///{folder / 'cityops.db'}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One state of the database, however long it is looked at."""
        with explained(self.url), self.reader.begin() as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with explained(self.url), self.writer.begin() as tx:
            yield tx

    def cursor(self) -> Cursor:
        """The feed position of the last applied event."""
        return Cursor(self.epoch, self.seq)

    def seen(self, cursor: Cursor) -> None:
        """Another process has written up to here."""
        self.epoch, self.seq = cursor.epoch, cursor.seq

    def lead(self) -> str:
        """Become the process that projects: the fence of its writes. What held an older fence can write no more."""
        fence = secrets.token_hex(8)
        here = schema.meta.c.key == _PROJECTOR
        with self.write() as tx:
            if not tx.execute(update(schema.meta).where(here).values(value=fence)).rowcount:
                tx.execute(insert(schema.meta).values(key=_PROJECTOR, value=fence))
            self.epoch = tx.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "epoch")) or ""
            self.seq = _last(tx)
        return fence

    @contextmanager
    def projection(self, fence: str) -> Iterator[Connection]:
        """A write of the projecting process, told to the others; raises FencedError where it is another one by now.

        "" is the fence of a process that has the database for itself.
        """
        with self.write() as tx:
            held = fence and tx.scalar(select(schema.meta.c.value).where(schema.meta.c.key == _PROJECTOR))
            if held != fence:
                raise FencedError(f"{named(self.url)}: another API process projects now; this one follows it")
            yield tx
            if self.shared:
                tx.execute(select(func.pg_notify(CHANNEL, "")))

    def offsets(self) -> dict[tuple[str, int], int]:
        """(topic, partition) → the next offset to read."""
        with self.read() as tx:
            rows = tx.execute(select(schema.offsets.c.topic, schema.offsets.c.partition, schema.offsets.c.offset))
            return {(topic, partition): offset for topic, partition, offset in rows}

    def apply(self, records: Sequence[Record], offsets: Mapping[tuple[str, int], int], fence: str = "") -> Applied:
        """`apply_records` and the offsets reached, in one transaction."""
        with self.projection(fence) as tx:
            begin = Cursor(self.epoch, _last(tx) if self.shared else self.seq)
            done = apply_records(tx, records, offsets, begin)
            seq = begin.seq + len(done.events)
            self._batches += 1
            if self._batches % 64 == 0:
                tx.execute(delete(schema.events).where(schema.events.c.seq <= seq - self.keep_events))
        self.seq = seq
        return done

    def drop(self, runs: Collection[str], fence: str = "") -> None:
        """Forget all of these runs ("" is live operation) and begin a new epoch; other runs and users stay."""
        epoch = new_epoch()
        with self.projection(fence) as tx:
            forget(tx, runs, epoch)
        self.epoch, self.seq = epoch, 0

    def topics(self) -> dict[str, str]:
        """Topic → Kafka's id of it, "" for one that was read before ids were kept."""
        with self.read() as tx:
            ids = {row.topic: row.id for row in tx.execute(select(schema.topics.c.topic, schema.topics.c.id))}
            return {t: ids.get(t, "") for t in [*tx.scalars(select(schema.offsets.c.topic)), *ids]}

    def keep_topics(self, ids: Mapping[str, str], fence: str = "") -> None:
        table = schema.topics
        with self.projection(fence) as tx:
            tx.execute(delete(table).where(table.c.topic.in_(list(ids))))
            tx.execute(insert(table), [{"topic": t, "id": i} for t, i in ids.items()])

    def close(self) -> None:
        self.reader.dispose()
        self.writer.dispose()


def _last(tx: Connection) -> int:
    return tx.scalar(select(func.max(schema.events.c.seq))) or 0
