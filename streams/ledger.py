"""Exactly-once state and outputs of one (app, partition): a transactional ledger, as Kafka Streams keeps it.

On opening: start a producer whose transactional id is the (app, partition), which fences its predecessor; read the own
partition of the compacted state topic, `read_committed`, to its end; where the logic keeps snapshots, replay its source
from the snapshot to `applied` with outputs thrown away. Then every batch is ONE transaction: outputs, changed state,
`applied` and the group's offsets. A record at or below `applied` is skipped; a hole in a sender's `seq` is read again.
See docs/architecture.md and docs/decisions/0001-ledger.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from streams import topics
from streams.chunk import Chunk
from streams.closing import cancelled
from streams.ledger_io import RangeReader, read_state
from streams.metrics import LEDGER_BATCH, LEDGER_COMMITS, LEDGER_POISON, LEDGER_REFETCHED, LEDGER_RESTORE
from streams.outbox import Applied, Logic, Outbox, Record, after, reject, size, stamp
from streams.settings import Settings
from streams.transactions import APPLIED, FAILURES, Transactions

log = logging.getLogger(__name__)

BUFFER, BUFFER_BYTES = 2_000, 16 * 1024 * 1024  # that may wait in one ledger before the reader is held back
BATCH_BYTES = 4 * 1024 * 1024  # of one transaction's input
UNHEARD_S = 2.0  # a source that delivered nothing for so long after opening is looked at: was its end jumped?
LOOK = 500  # records read at once then


class Ledger:
    """One partition's ledger. `start()` it, `deliver()` records, `stop()` it when the partition is revoked."""

    def __init__(
        self,
        settings: Settings,
        app: str,
        partition: int,
        logic: Callable[[], Logic],
        on_fenced: Callable[[], None],
        sources: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.app, self.partition = settings, app, partition
        self.sources = tuple(sources)
        self.name = f"{settings.app_id(app)}-{partition}"
        self.applied = Applied()
        self.logic: Logic
        self._new_logic, self._on_fenced, self._clock = logic, on_fenced, clock
        self._queue: deque[Record] = deque()
        self._queued = 0  # bytes
        self._arrived, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open_gate, self._at_work = asyncio.Event(), asyncio.Lock()
        self._open_gate.set()
        self._transactions = Transactions(settings, app, partition)
        self._range = RangeReader(settings)
        self._unheard: set[str] = set()
        self._partly = ""  # the source of which `_look` has more to read
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._last_commit = self._last_snapshot = clock()
        self._dirty = False

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"ledger {self.name}")

    async def stop(self) -> None:
        """Finish the transaction under way and close; what was delivered but not applied is left for the next owner."""
        self._stopping = True
        for event in (self._arrived, self._room, self._open_gate):
            event.set()
        if self._task is not None:
            try:
                await asyncio.wait_for(asyncio.shield(self._task), 10)
            except TimeoutError:
                self._task.cancel()
        await self._close()
        if not self.ready.done():
            self.ready.set_result(None)  # nobody waits for a partition that went elsewhere

    async def pause(self) -> None:
        """Stop after the transaction under way (a rebalance began); `resume()` or `stop()` follows."""
        self._open_gate.clear()
        async with self._at_work:
            pass

    def resume(self) -> None:
        self._listen()
        self._open_gate.set()

    def _listen(self) -> None:
        """From here on the reader may have jumped: each source is checked, see `_collect`."""
        self._unheard = set(self.sources)
        self._listening_since = self._clock()

    @property
    def waiting(self) -> int:
        """Records delivered and not yet taken."""
        return len(self._queue)

    async def deliver(self, records: Iterable[Record]) -> None:
        """Take records in order; waits while the ledger has enough to do."""
        for record in records:
            self._queue.append(record)
            self._queued += size(record)
        self._arrived.set()
        if self._full() and not self._stopping:
            self._room.clear()
            await self._room.wait()

    def _full(self, share: int = 1) -> bool:
        return len(self._queue) >= BUFFER // share or self._queued >= BUFFER_BYTES // share

    async def _run(self) -> None:
        """Work until stopped. A partition is never left without its ledger: what nobody foresaw ends the worker."""
        try:
            await self._work()
        except BaseException as e:
            if cancelled(e):
                raise
            log.exception("%s: unexpected; this worker stops", self.name)
            self._on_fenced()

    async def _work(self) -> None:
        pending: list[Record] = []
        opened, delay = False, 0.2
        while not self._stopping:
            try:
                if not opened:
                    await self._open()
                    opened, delay = True, 0.2
                    if not self.ready.done():
                        self.ready.set_result(None)
                if not pending:
                    pending = await self._collect()
                await self._open_gate.wait()
                if self._stopping:
                    break
                async with self._at_work:
                    await self._apply(pending)
                pending = []
            except ProducerFenced:
                log.error("%s: another worker owns this partition now; this one stops", self.name)
                self._on_fenced()
                return
            except FAILURES as e:
                if cancelled(e):
                    raise
                log.warning("%s: %s: %s; opening again in %.1f s", self.name, type(e).__name__, e, delay)
                opened = False
                await self._close()
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
        if opened:
            await self._farewell()

    async def _farewell(self) -> None:
        """A last snapshot: the next owner has nothing to replay, also where its program is another version."""
        out = Outbox(self.name, self.applied.out)
        self.logic.snapshot(out, self.applied.pos)
        if self._dirty or out.state:
            try:
                await self._transactions.commit(out, self.applied)
            except FAILURES as e:  # it is as after kill -9 then
                if cancelled(e):
                    raise
                log.info("%s: no last snapshot: %s: %s", self.name, type(e).__name__, e)

    async def _close(self) -> None:
        await self._transactions.close()
        await self._range.close()

    # -- opening ---------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        began = self._clock()
        await self._transactions.open()
        fenced = self._clock()
        where = TopicPartition(self.settings.prefix + topics.ledger(self.app), self.partition)
        state = await read_state(self.settings, where)
        raw = state.pop(APPLIED, None)
        self.applied = msgspec.msgpack.decode(raw, type=Applied) if raw else Applied()
        read = self._clock()
        self.logic = self._new_logic()
        included = self.logic.restore(state)
        if included is not None:
            await self._replay(included)
        self._last_commit = self._last_snapshot = self._clock()
        self._dirty = False
        self._listen()
        LEDGER_RESTORE.labels(self.app).observe(self._clock() - began)
        spent = (self._clock() - began, fenced - began, read - fenced, self._clock() - read)
        parts = "%s: open after %.2f s (fenced %.2f, read %.2f, restored %.2f) at %s"
        log.info(parts, self.name, *spent, self.applied.pos)

    async def _replay(self, included: Mapping[str, int]) -> None:
        """Bring a snapshot up to `applied`: the same records again, outputs thrown away."""
        for topic, end in sorted(self.applied.pos.items()):
            tp = TopicPartition(topic, self.partition)
            start = included.get(topic)
            if start is None:  # no snapshot that can be used: a bounded window
                start = await self._window(tp)
            if start < end:
                out = Outbox(self.name, {})
                async for record in self._range.read(tp, start, end):
                    with contextlib.suppress(Exception):  # as in `_one`, which has told of it
                        self.logic.apply(record, out)
                    out.records.clear()
                self.logic.flush(out)

    async def _window(self, tp: TopicPartition) -> int:
        """The offset from which state is rebuilt: `rebuild_s` ago, in a run the first."""
        if self.settings.event_clock or not self.settings.rebuild_s:
            return 0
        return await self._range.offset_at(tp, int((time.time() - self.settings.rebuild_s) * 1000))

    # -- batches ---------------------------------------------------------------------------------------------------

    async def _collect(self) -> list[Record]:
        """The next records, at once where some wait, else those that come within the logic's linger."""
        if not self._queue:
            if self._unheard and self._clock() - self._listening_since >= UNHEARD_S:
                return await self._look()
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), 0.2)
            except TimeoutError:
                return []
        if self.logic.linger_ms and not self._full(4):
            await asyncio.sleep(self.logic.linger_ms / 1000)
        batch: list[Record] = []
        taken = 0
        while self._queue and len(batch) < self.settings.commit_messages and taken < BATCH_BYTES:
            batch.append(self._queue.popleft())
            taken += size(batch[-1])
        self._queued -= taken
        if not self._full(2):
            self._room.set()
        return batch

    async def _look(self) -> list[Record]:
        """Records of a source that is silent since the reader was (re)assigned: it may have jumped over the last."""
        topic = min(self._unheard)
        tp = TopicPartition(topic, self.partition)
        found = []
        async for record in self._range.read(tp, self.applied.pos.get(topic, 0), None):
            found.append(record)
            if len(found) == LOOK:
                self._partly = topic
                return found
        self._partly = ""
        self._unheard.discard(topic)
        return found

    async def _apply(self, records: list[Record]) -> None:
        out = Outbox(self.name, self.applied.out)
        for record in records:
            at = self.applied.pos.get(record.topic, 0)
            if after(record) <= at:
                continue
            if isinstance(record, Chunk):
                record = record.since(at)
            if record.offset > at and self._is_hole(record):
                tp = TopicPartition(record.topic, self.partition)
                async for missed in self._range.read(tp, at, record.offset):
                    LEDGER_REFETCHED.labels(self.app).inc()
                    self._one(missed, out)
            self._one(record, out)
        if records:
            self.logic.flush(out)
        else:
            self.logic.idle(out)
        await self._maybe_commit(out, len(records))

    def _is_hole(self, record: Record) -> bool:
        """Offsets jump (also by markers of transactions): is a record missing, as far as the sender's numbers tell?"""
        src, seq = stamp(record)
        if seq is None:
            return True  # nobody numbered it: look
        last = self.applied.seen.get(f"{record.topic}|{src}")
        return seq != 0 if last is None else seq > last + 1

    def _one(self, record: Record, out: Outbox) -> None:
        src, seq = stamp(record)
        if seq is not None:
            self.applied.seen[f"{record.topic}|{src}"] = seq
        try:
            self.logic.apply(record, out)
        except Exception as e:
            log.exception("%s: %s offset %d", self.name, record.topic, record.offset)
            LEDGER_POISON.labels(self.app).inc()
            reject(out, self.settings, record, f"cannot be processed: {type(e).__name__}: {e}")
        self.applied.pos[record.topic] = after(record)
        if record.topic != self._partly:
            self._unheard.discard(record.topic)
        self._dirty = True

    async def _maybe_commit(self, out: Outbox, n: int) -> None:
        now = self._clock()
        due = self._dirty and now - self._last_commit >= 1.0
        if self._dirty and now - self._last_snapshot >= self.settings.snapshot_s:
            self.logic.snapshot(out, self.applied.pos)
            self._last_snapshot = now
            due = True
        if not (out.records or out.state or due):
            return
        await self._transactions.commit(out, self.applied)
        self._last_commit, self._dirty = now, False
        LEDGER_COMMITS.labels(self.app).inc()
        LEDGER_BATCH.labels(self.app).observe(n)
