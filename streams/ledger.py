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
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from streams import topics
from streams.kafka import MAX_MESSAGE_BYTES, aiokafka_kwargs
from streams.ledger_io import read_range, read_state
from streams.metrics import LEDGER_BATCH, LEDGER_COMMITS, LEDGER_POISON, LEDGER_REFETCHED, LEDGER_RESTORE
from streams.outbox import Applied, Logic, Outbox, Record, reject
from streams.settings import Settings

log = logging.getLogger(__name__)

APPLIED = b"applied"
BUFFER = 2_000  # records that may wait in one ledger before the reader is held back


class Ledger:
    """One partition's ledger. `start()` it, `deliver()` records, `stop()` it when the partition is revoked."""

    def __init__(
        self,
        settings: Settings,
        app: str,
        partition: int,
        logic: Callable[[], Logic],
        on_fenced: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.app, self.partition = settings, app, partition
        self.name = f"{settings.app_id(app)}-{partition}"
        self.applied = Applied()
        self.logic: Logic
        self._new_logic, self._on_fenced, self._clock = logic, on_fenced, clock
        self._queue: deque[Record] = deque()
        self._arrived, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open_gate, self._at_work = asyncio.Event(), asyncio.Lock()
        self._open_gate.set()
        self._producer: AIOKafkaProducer | None = None
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
        await self._close_producer()

    async def pause(self) -> None:
        """Stop after the transaction under way (a rebalance began); `resume()` or `stop()` follows."""
        self._open_gate.clear()
        async with self._at_work:
            pass

    def resume(self) -> None:
        self._open_gate.set()

    @property
    def waiting(self) -> int:
        """Records delivered and not yet taken."""
        return len(self._queue)

    async def deliver(self, records: Iterable[Record]) -> None:
        """Take records in order; waits while the ledger has enough to do."""
        self._queue.extend(records)
        self._arrived.set()
        if len(self._queue) >= BUFFER and not self._stopping:
            self._room.clear()
            await self._room.wait()

    async def _run(self) -> None:
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
            except (TimeoutError, KafkaError, OSError, asyncio.CancelledError) as e:
                if _cancelled(e):
                    raise
                log.warning("%s: %s: %s; opening again in %.1f s", self.name, type(e).__name__, e, delay)
                opened = False
                await self._close_producer()
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
            except Exception:
                log.exception("%s: unexpected; this worker stops", self.name)
                self._on_fenced()
                return

    async def _close_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), 3)
            except (TimeoutError, KafkaError, OSError, AssertionError, asyncio.CancelledError) as e:
                if _cancelled(e):
                    raise
                log.debug("%s: closing: %s", self.name, e)

    # -- opening ---------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        began = self._clock()
        self._producer = AIOKafkaProducer(
            transactional_id=self.name,
            transaction_timeout_ms=30_000,
            linger_ms=0,
            max_request_size=MAX_MESSAGE_BYTES,
            **aiokafka_kwargs(self.settings),
        )
        await self._producer.start()  # fences: InitProducerId ends any transaction of a predecessor
        where = TopicPartition(self.settings.prefix + topics.ledger(self.app), self.partition)
        state = await read_state(self.settings, where)
        raw = state.pop(APPLIED, None)
        self.applied = msgspec.msgpack.decode(raw, type=Applied) if raw else Applied()
        self.logic = self._new_logic()
        included = self.logic.restore(state)
        if included is not None:
            await self._replay(included)
        self._last_commit = self._last_snapshot = self._clock()
        self._dirty = False
        LEDGER_RESTORE.labels(self.app).observe(self._clock() - began)
        log.info("%s: open after %.2f s at %s", self.name, self._clock() - began, self.applied.pos)

    async def _replay(self, included: Mapping[str, int]) -> None:
        """Bring a snapshot up to `applied`: the same records again, outputs thrown away."""
        for topic, end in sorted(self.applied.pos.items()):
            start = included.get(topic, 0)
            if start < end:
                out = Outbox(self.name, {})
                async for record in read_range(self.settings, TopicPartition(topic, self.partition), start, end):
                    with contextlib.suppress(Exception):  # as in `_one`, which has told of it
                        self.logic.apply(record, out)
                    out.records.clear()
                self.logic.flush(out)

    # -- batches ---------------------------------------------------------------------------------------------------

    async def _collect(self) -> list[Record]:
        """The next records, at once where some wait, else those that come within the logic's linger."""
        if not self._queue:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), 0.2)
            except TimeoutError:
                return []
        if self.logic.linger_ms and len(self._queue) < self.settings.commit_messages:
            await asyncio.sleep(self.logic.linger_ms / 1000)
        n = min(len(self._queue), self.settings.commit_messages)
        batch = [self._queue.popleft() for _ in range(n)]
        if len(self._queue) < BUFFER // 2:
            self._room.set()
        return batch

    async def _apply(self, records: list[Record]) -> None:
        out = Outbox(self.name, self.applied.out)
        for record in records:
            if record.offset < self.applied.pos.get(record.topic, 0):
                continue
            if self._is_hole(record):
                LEDGER_REFETCHED.labels(self.app).inc()
                tp = TopicPartition(record.topic, self.partition)
                start = self.applied.pos.get(record.topic, 0)
                async for missed in read_range(self.settings, tp, start, record.offset):
                    self._one(missed, out)
            self._one(record, out)
        if records:
            self.logic.flush(out)
        else:
            self.logic.idle(out)
        await self._maybe_commit(out, len(records))

    def _is_hole(self, record: Record) -> bool:
        src, seq = _stamp(record)
        if seq is None:
            return False
        last = self.applied.seen.get(f"{record.topic}|{src}")
        return seq != 0 if last is None else seq > last + 1

    def _one(self, record: Record, out: Outbox) -> None:
        src, seq = _stamp(record)
        if seq is not None:
            self.applied.seen[f"{record.topic}|{src}"] = seq
        try:
            self.logic.apply(record, out)
        except Exception as e:
            log.exception("%s: %s offset %d", self.name, record.topic, record.offset)
            LEDGER_POISON.labels(self.app).inc()
            reject(out, self.settings, record, f"cannot be processed: {type(e).__name__}: {e}")
        self.applied.pos[record.topic] = record.offset + 1
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
        await self._commit(out)
        self._last_commit, self._dirty = now, False
        LEDGER_COMMITS.labels(self.app).inc()
        LEDGER_BATCH.labels(self.app).observe(n)

    async def _commit(self, out: Outbox) -> None:
        producer = self._producer
        assert producer is not None
        state_topic = self.settings.prefix + topics.ledger(self.app)
        await producer.begin_transaction()
        try:
            sent = [
                await producer.send(topic, value, key, partition=partition, headers=headers)
                for topic, partition, key, value, headers in out.records
            ]
            out.state[APPLIED] = msgspec.msgpack.encode(self.applied)
            for key, value in out.state.items():
                sent.append(await producer.send(state_topic, value, key, partition=self.partition))
            await asyncio.gather(*sent)
            offsets = {TopicPartition(t, self.partition): o for t, o in self.applied.pos.items()}
            if offsets:
                await producer.send_offsets_to_transaction(offsets, self.settings.app_id(self.app))
            await producer.commit_transaction()
        except ProducerFenced:
            raise
        except BaseException:
            # The state in memory is ahead of what was stored: `_run` opens again from what was.
            await _abort(producer)
            raise


async def _abort(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.abort_transaction(), 3)
    except (TimeoutError, KafkaError, OSError, AssertionError, asyncio.CancelledError) as e:
        if _cancelled(e):
            raise
        log.debug("abort: %s", e)


def _cancelled(error: BaseException) -> bool:
    """True when this task was cancelled; aiokafka lets CancelledError of its helpers out when the broker is lost."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _stamp(record: Record) -> tuple[str, int | None]:
    src, seq = "", None
    if "readings.raw." in record.topic:  # written by anyone: their headers say nothing to us
        return src, seq
    for name, value in record.headers or ():
        if name == "src" and value is not None:
            src = value.decode(errors="replace")
        elif name == "seq" and value is not None and value.isdigit() and len(value) <= 18:
            seq = int(value)
    return src, seq
