"""The projection made anew from the `alerts` log, in one transaction: what fails leaves it as it was."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import Connection, delete, func, insert, select

from api import alert_orgs, schema
from api.applying import apply_records, begin, forget
from api.cursor import Cursor, new_epoch
from api.projector import readable
from api.store import KEEP_EVENTS, Store
from streams import topics
from streams.errors import CityopsError, UsageError
from streams.kafka import unreachable
from streams.settings import Settings
from streams.tail import TopicTail
from streams.topic_watch import TopicWatch

STALL_S = 30.0


async def rebuild(settings: Settings, store: Store, force: bool = False) -> dict[str, int | str]:
    """Replay the log into a new epoch; returns the epoch, the rows by table and the records that were skipped.

    Alerts, transitions and positions come out as they were; events are numbered anew, in the order in which the
    partitions are read now. Accounts, tokens and duty stay. With a prefix, only that run is made anew.

    Raises UsageError where the log does not begin at its beginning (unless `force`) or there is none, CityopsError
    where Kafka is away or the log does not end.
    """
    ends: dict[TopicPartition, int] = {}

    def first(found: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, int]:
        cut = [f"{tp.topic}[{tp.partition}]" for tp, (start, _) in found.items() if start > 0]
        if cut and not force:
            raise UsageError(
                f"{cut[0]} no longer begins at its first record: older alerts would be lost; back up, then --force"
            )
        ends.update({tp: end for tp, (_, end) in found.items()})
        return {tp: start for tp, (start, _) in found.items()}

    watch = TopicWatch({})
    tail = TopicTail(settings, topics.ALERTS, first, watch)
    try:
        await tail.open()
        if not ends:
            raise UsageError(
                f"there is no topic {settings.prefix}{topics.ALERTS} at {settings.broker}; correct --broker or --prefix"
            )
        with store.projection("") as tx:
            return await _replay(settings, tx, tail, watch)
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    finally:
        await tail.close()


async def _replay(settings: Settings, tx: Connection, tail: TopicTail, watch: TopicWatch) -> dict[str, int | str]:
    cursor = Cursor(new_epoch(), 0)
    if settings.prefix:
        forget(tx, {settings.run}, cursor.epoch)
    else:
        for table in (schema.transitions, alert_orgs.alert_orgs, schema.alerts, schema.offsets, schema.topics):
            tx.execute(delete(table))
        begin(tx, cursor.epoch)
    poison: Counter[str] = Counter()
    heard = time.monotonic()
    while await tail.lag():
        if records := await tail.batch():
            good, reached = readable(records, poison)
            done = apply_records(tx, good, reached, cursor)
            cursor = Cursor(cursor.epoch, cursor.seq + len(done.events))
            heard = time.monotonic()
        elif time.monotonic() - heard > STALL_S:
            raise CityopsError(
                f"the log of alerts does not end within {STALL_S:g} s: a transaction is open; try again in a minute"
            )
    tx.execute(delete(schema.events).where(schema.events.c.seq <= cursor.seq - KEEP_EVENTS))
    tx.execute(insert(schema.topics), [{"topic": t, "id": i} for t, i in watch.kept().items()])
    told = (schema.alerts, schema.transitions, schema.events)
    rows = {t.name: tx.scalar(select(func.count()).select_from(t)) or 0 for t in told}
    return {"epoch": cursor.epoch, **rows, "skipped": sum(poison.values())}
