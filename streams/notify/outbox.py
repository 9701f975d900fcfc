"""The outbox's database: opening it, and taking in records of the log together with their offsets.

A message is in the outbox exactly once: its row and the Kafka position after its record are one SQL transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from streams.alert_parts import Notice
from streams.errors import UsageError
from streams.notify import plan, schema, states
from streams.notify.plan import Recipient, Row
from streams.notify.records import Change, Seen, pack
from streams.settings import Settings
from streams.sql import engine, explained, save_offsets
from streams.topics import county_partition, run_of

KEEP_CLOSED_MS = 7 * 86_400_000
KEEP_MS = 180 * 86_400_000
Place = tuple[str, int]  # topic, partition


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record of the log and where it stood."""

    change: Change
    topic: str
    partition: int
    offset: int
    county: str


class Outbox:
    """The database. One notifier writes; the API reads, and writes what people ask. Close it when done."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._reader = engine(url, "BEGIN", 4)
        self._writer = engine(url, "BEGIN IMMEDIATE", 1)
        with self.write() as tx:
            schema.metadata.create_all(tx)

    @classmethod
    def of(cls, settings: Settings, folder: Path) -> Outbox:
        """That of the settings: `notify_db`, else `<data>/outbox.db`; raises StoreError."""
        if settings.notify_db and settings.notify_db == settings.db:
            raise UsageError("CITYOPS_NOTIFY_DB and CITYOPS_DB name the same database; give the outbox one of its own")
        return cls(settings.notify_db or f"sqlite:///{folder / 'outbox.db'}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with explained(self.url), self._reader.begin() as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with explained(self.url), self._writer.begin() as tx:
            yield tx

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()

    def offsets(self) -> dict[Place, int]:
        """(topic, partition) → the next offset to read."""
        with self.read() as tx:
            rows = tx.execute(select(schema.offsets.c.topic, schema.offsets.c.partition, schema.offsets.c.offset))
            return {(topic, partition): offset for topic, partition, offset in rows}

    def begin(self, ends: Mapping[Place, tuple[int, int]]) -> dict[Place, int]:
        """Where to read from, for (first, end) offsets of partitions; a new one is kept with what was in it before."""
        saved = self.offsets()
        new = {place: ends[place] for place in ends if place not in saved}
        if new:
            with self.write() as tx:
                save_offsets(tx, schema.offsets, {place: first for place, (first, _) in new.items()})
                tx.execute(
                    insert(schema.fresh),
                    [{"topic": t, "partition": p, "until": end} for (t, p), (_, end) in new.items()],
                )
        return {place: min(max(saved.get(place, first), first), end) for place, (first, end) in ends.items()}

    def apply(
        self,
        records: Sequence[Incoming],
        reached: Mapping[Place, int],
        recipients: Callable[[Notice], list[Recipient]],
        now_ms: int,
        hold_ms: int = 0,
        partitions: int = 4,
        text_of: Callable[[Row, Seen], str] | None = None,
    ) -> list[Row]:
        """Take in records in their order, with the offsets reached; returns the rows that are new.

        A record that came before changes nothing. `text_of` gives stubs the text that would have gone out.
        `hold_ms`: severity III and IV wait so long for others to join.
        """
        with self.write() as tx:
            fresh = {(r.topic, r.partition): r.until for r in tx.execute(select(schema.fresh))}
            enrolled = _enrolled(tx)
            made: dict[str, Row] = {}
            newest: dict[str, Incoming] = {}
            for r in records:
                alert = r.change.alert
                if alert.id not in newest or alert.version >= newest[alert.id].change.alert.version:
                    newest[alert.id] = r
                if not r.change.notices:
                    continue
                run = run_of(r.topic)
                old = r.offset < fresh.get((r.topic, r.partition), 0)
                for row in plan.rows(r.change, run, r.county, recipients, enrolled.get(run, _NOBODY), old, now_ms):
                    if row["state"] == "stub" and text_of is not None:
                        row["text"] = text_of(row, alert)
                    made.setdefault(row["id"], row)
            _keep_alerts(tx, newest, partitions)
            rows = _without_known(tx, made)
            _hold(tx, rows, now_ms, hold_ms)
            insert_rows(tx, rows, now_ms)
            save_offsets(tx, schema.offsets, reached)
        return rows

    def topics(self) -> dict[str, str]:
        """Topic → Kafka's id of it."""
        with self.read() as tx:
            return {r.topic: r.id for r in tx.execute(select(schema.topics))}

    def keep_topics(self, ids: Mapping[str, str]) -> None:
        table = schema.topics
        with self.write() as tx:
            tx.execute(delete(table).where(table.c.topic.in_(list(ids))))
            tx.execute(insert(table), [{"topic": t, "id": i} for t, i in ids.items()])

    def forget(self, runs: Collection[str]) -> None:
        """The logs of these runs are gone. What was sent of live operation ("") stays: it is not sent again."""
        with self.write() as tx:
            for table in (schema.offsets, schema.topics, schema.fresh):
                named = [t for t in tx.scalars(select(table.c.topic).distinct()) if run_of(t) in runs]
                tx.execute(delete(table).where(table.c.topic.in_(named)))
            tx.execute(delete(schema.alerts).where(schema.alerts.c.run.in_(runs)))
            gone = [run for run in runs if run]
            for table in (schema.messages, schema.replies):
                tx.execute(delete(table).where(table.c.run.in_(gone)))

    def tidy(self, now_ms: int) -> None:
        """Drop what nobody asks for any more: alerts closed for 7 days, messages of 180 days, codes of yesterday."""
        a, m, k, t = schema.alerts.c, schema.messages.c, schema.codes.c, schema.tries.c
        with self.write() as tx:
            tx.execute(delete(schema.alerts).where(a.closed == 1, a.changed_ms < now_ms - KEEP_CLOSED_MS))
            tx.execute(delete(schema.messages).where(m.created_ms < now_ms - KEEP_MS, m.state.not_in(states.OPEN)))
            tx.execute(delete(schema.codes).where(k.expires_ms < now_ms - 86_400_000))
            tx.execute(delete(schema.tries).where(t.at_ms < now_ms - 86_400_000))


_NOBODY: frozenset[str] = frozenset()


def _enrolled(tx: Connection) -> dict[str, frozenset[str]]:
    e = schema.exercises.c
    rows = tx.execute(select(e.run, e.people).where(e.approved_by != "", e.ended_ms.is_(None)))
    return {run: frozenset(msgspec.json.decode(people)) for run, people in rows}


def _keep_alerts(tx: Connection, newest: Mapping[str, Incoming], partitions: int) -> None:
    if not newest:
        return
    c = schema.alerts.c
    known = {r.id: r.version for r in tx.execute(select(c.id, c.version).where(c.id.in_(list(newest))))}
    rows: list[dict[str, Any]] = []
    for id_, r in newest.items():
        alert = r.change.alert
        if known.get(id_, 0) <= alert.version:
            rows.append(
                {
                    "id": id_, "version": alert.version, "run": run_of(r.topic), "county": r.county,
                    "partition": county_partition(r.county, partitions), "mode": alert.mode,
                    "closed": int(alert.closed), "next_ms": alert.next_ms, "changed_ms": r.change.at_ms,
                    "json": pack(alert).decode(),
                }
            )  # fmt: skip
    if new := [row for row in rows if row["id"] not in known]:
        tx.execute(insert(schema.alerts), new)
    if changed := [{f"_{k}": v for k, v in row.items()} for row in rows if row["id"] in known]:
        names = [column.name for column in schema.alerts.columns if column.name != "id"]
        statement = update(schema.alerts).where(c.id == bindparam("_id"))
        tx.execute(statement.values({name: bindparam("_" + name) for name in names}), changed)


def _without_known(tx: Connection, made: Mapping[str, Row]) -> list[Row]:
    """Rows that are new, also where a later way to the same person was made from the same notice."""
    if not made:
        return []
    c = schema.messages.c
    alerts = list({row["alert"] for row in made.values()})
    there: set[tuple[str, str, str]] = set()
    for k in range(0, len(alerts), 500):
        found = tx.execute(select(c.alert, c.notice, c.person).where(c.alert.in_(alerts[k : k + 500])))
        there |= {(r.alert, r.notice, r.person) for r in found}
    return [row for row in made.values() if (row["alert"], row["notice"], row["person"]) not in there]


def _hold(tx: Connection, rows: Sequence[Row], now_ms: int, hold_ms: int) -> None:
    """III and IV of one destination go out together, `hold_ms` after the first of them."""
    mild = [row for row in rows if row["state"] == "queued" and row["severity"] in states.MILD]
    if not mild or hold_ms <= 0:
        return
    c = schema.messages.c
    open_ = (c.state == "queued", c.next_ms > now_ms, c.next_ms <= now_ms + hold_ms, c.batch == "")
    found = tx.execute(
        select(c.dest, c.person, func.min(c.next_ms))
        .where(*open_, c.severity.in_(states.MILD))
        .group_by(c.dest, c.person)
    )
    ends = {(dest, person): until for dest, person, until in found}
    for row in mild:
        until = ends.setdefault((row["dest"], row["person"]), now_ms + hold_ms)
        row |= {"next_ms": until, "reason": plan.reason(states.COLLECTED)}


def keep_subject(tx: Connection, subject: Seen, at_ms: int) -> bool:
    """Keep what messages are about that are no alert's, as one that is over; False where it is there already."""
    if tx.execute(select(schema.alerts.c.id).where(schema.alerts.c.id == subject.id)).first() is not None:
        return False
    row = {"id": subject.id, "version": subject.version, "run": "", "county": "", "partition": 0, "mode": subject.mode,
           "closed": 1, "next_ms": None, "changed_ms": at_ms, "json": pack(subject).decode()}  # fmt: skip
    tx.execute(insert(schema.alerts), row)
    return True


def insert_rows(tx: Connection, rows: Sequence[Row], now_ms: int) -> None:
    """Keep new messages; those that are done at once tell so to the alert."""
    if not rows:
        return
    tx.execute(insert(schema.messages), list(rows))
    told = [r for r in rows if r["state"] == "delivered" or (r["state"] == "stub" and r["mode"] == "exercise")]
    keep_replies(tx, told, "delivered", now_ms)
    keep_replies(tx, [r for r in rows if r["state"] == "dead"], "failed", now_ms)


def keep_replies(tx: Connection, rows: Sequence[Row], command: str, now_ms: int) -> None:
    """Results that are to go to Kafka, except of roll-calls; one that waits already is not kept twice."""
    rows = [row for row in rows if row["why"] != states.ROLLCALL]
    if not rows:
        return
    made = {r["id"]: r for r in (plan.reply(row, command, now_ms) for row in rows)}
    c = schema.replies.c.id
    there = set(tx.scalars(select(c).where(c.in_(list(made)))))
    if new := [reply for id_, reply in made.items() if id_ not in there]:
        tx.execute(insert(schema.replies), new)
